"""What Python itself is asked for while containers run: an audit hook that keeps every file, process and connection.

Allowed are the node's own directory (logs, the pod's volumes, address files), Python's modules and what the interpreter
itself asks for. A hook cannot be taken away again, so there is one, and it listens only within `watched`.
"""

from __future__ import annotations

import os
import site
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]
CODE = tuple(
    {str(ROOT / "minikube_edu"), str(ROOT / "tests"), sys.prefix, sys.base_prefix, sys.exec_prefix}
    | {os.path.dirname(os.__file__), *site.getsitepackages()}
)
FILES: tuple[str, ...] = (
    "open",
    "os.listdir",
    "os.scandir",
    "os.mkdir",
    "os.rmdir",
    "os.remove",
    "os.rename",
    "os.link",
    "os.symlink",
)
FILES += ("os.truncate", "os.chmod", "os.chown", "os.utime", "os.chdir", "shutil.copyfile", "glob.glob", "os.mkfifo")
NEVER: tuple[str, ...] = (
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "pty.spawn",
)
NEVER += ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "os.kill")
NEVER += ("os.putenv", "os.unsetenv", "sqlite3.connect", "sqlite3.enable_load_extension", "sqlite3.load_extension")
NEVER += ("ctypes.dlopen", "webbrowser.open", "urllib.Request", "http.client.connect", "ftplib.connect")


class Watch:
    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.listening = False
        self.seen: list[str] = []

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.listening or (event not in FILES and event not in NEVER):
            return
        if event in ("os.putenv", "os.unsetenv") and arguments and b"PYTEST" in bytes(str(arguments[0]), "utf-8"):
            return  # the test runner's own
        if event == "sqlite3.connect" and arguments and arguments[0] == ":memory:":
            return  # where the databases of simulated servers live
        if event in FILES:
            paths = [os.fsdecode(one) for one in arguments[:2] if isinstance(one, str | bytes | os.PathLike)]
            if event == "open":
                paths = paths[:1]  # the second is the mode
            if event == "os.symlink":
                paths = paths[1:2]  # what a link says is text; who follows it is seen
            if not paths or all(self.may(path) for path in paths):
                return
        self.seen.append(f"{event}{arguments[:3]!r}")

    def may(self, path: str) -> bool:
        """Relative names are those within an open directory of a mount (dir_fd), or this process's own folder."""
        whole = os.path.normpath(path)
        if whole == "/proc/self/statm":
            return True  # how big this process is: the kernel, not a program, asks
        if whole.startswith("/proc/self/fd/"):
            return True  # a file that was opened before, and seen then
        if not os.path.isabs(whole):
            return not whole.startswith("..") and "/" not in whole
        return whole.startswith(self.allowed)


WATCH = Watch()
sys.addaudithook(WATCH.hook)


@contextmanager
def watched(node: Path) -> Iterator[list[str]]:
    """What was asked for and should not have been."""
    WATCH.allowed = (str(node), *CODE)
    WATCH.seen = []
    WATCH.listening = True
    try:
        yield WATCH.seen
    finally:
        WATCH.listening = False
