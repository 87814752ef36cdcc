"""Why a container's process could not be started, in runc's words."""

from __future__ import annotations

import errno
from collections.abc import Sequence

CREATE = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: "
)
EXEC = 'failed to exec in container: failed to start exec "{id}": OCI runtime exec failed: exec failed: '
EXEC += "unable to start container process: "


def in_runc_words(error: OSError, argv: Sequence[str]) -> str:
    name = argv[0] if argv else ""
    quoted = f'exec: "{name}": '
    if error.errno == errno.ENOENT:
        return (
            f"{quoted}stat {name}: no such file or directory"
            if "/" in name
            else f"{quoted}executable file not found in $PATH"
        )
    if error.errno == errno.EACCES:
        return f"{quoted}permission denied"
    if error.errno == errno.ENOEXEC:
        return f"exec {name}: exec format error"
    return f"{quoted}{(error.strerror or str(error)).lower()}"


def breaks_after_start(error: OSError, argv: Sequence[str]) -> bool:
    """runc finds the file, execve refuses it: the container starts, says so in its log, and exits with 255."""
    if error.errno == errno.ENOEXEC:
        return True
    # A script whose interpreter is missing: the path that is missing is not the command's.
    return error.errno == errno.ENOENT and bool(error.filename) and error.filename not in (argv[0], "")


def log_line(error: OSError, argv: Sequence[str]) -> bytes:
    words = "exec format error" if error.errno == errno.ENOEXEC else "no such file or directory"
    return f"exec {argv[0]}: {words}\n".encode()
