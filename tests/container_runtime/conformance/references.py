"""The real shells of the host, each in an empty directory and with nothing of the host's environment."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.container_runtime.conformance.cases import Answer, Case


@functools.cache
def program(shell: str) -> str | None:
    """Where the reference is; None where it is not installed."""
    return shutil.which(shell, path="/usr/bin:/bin:/usr/local/bin")


@functools.cache
def version(shell: str) -> str:
    """Two versions of a shell may answer differently; dash does not tell its own."""
    binary = program(shell)
    if binary is None or shell == "dash":
        return ""
    arguments = ["--version"] if shell == "bash" else ["--help"]
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).partition("\n")[0]


@functools.cache
def _applets() -> tempfile.TemporaryDirectory[str]:
    folder = tempfile.TemporaryDirectory(prefix="applets-")
    binary = program("busybox")
    assert binary
    names = subprocess.run([binary, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        os.symlink(binary, Path(folder.name) / name)
    return folder


def search_path(shell: str) -> str:
    return _applets().name if shell == "busybox" else "/usr/bin:/bin"


def command_line(case: Case, shell: str) -> list[str]:
    name = "bash" if shell == "bash" else "sh"
    match case.via:
        case "command":
            return [name, "-c", case.script, *([name, *case.args] if case.args else [])]
        case "stdin":
            return [name, *(["-s", *case.args] if case.args else [])]
        case _:
            return [name, "./script", *case.args]


def files_of(case: Case) -> dict[str, tuple[str, int]]:
    """path: content and mode."""
    files = {name: (text, 0o755 if text.startswith("#!") else 0o644) for name, text in case.files.items()}
    if case.via == "file":
        files["script"] = (case.script, 0o644)
    return files


def stdin_of(case: Case) -> bytes:
    return (case.script if case.via == "stdin" else case.stdin).encode()


def ask(case: Case, shell: str) -> Answer:
    binary = program(shell)
    assert binary
    with tempfile.TemporaryDirectory(prefix="case-") as folder:
        for name, (text, mode) in files_of(case).items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(mode)
        env = {"PATH": search_path(shell), "HOME": folder, "LC_ALL": "C", "TZ": "UTC", **case.env}
        done = subprocess.run(
            command_line(case, shell),
            executable=binary,
            input=stdin_of(case),
            capture_output=True,
            cwd=folder,
            env=env,
            timeout=20,
            start_new_session=True,
        )
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    return Answer(_text(done.stdout), code, _text(done.stderr))


def _text(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")
