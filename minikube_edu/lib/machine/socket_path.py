"""A Unix socket's path has room for about a hundred bytes; homes may lie deeper.

The name of a socket that is too long is replaced by one made from it, in a private folder of temporary files. Kept free
of imports that take time.
"""

from __future__ import annotations

import os

LONGEST = 100  # systems allow 103 to 107


def reachable(path: str) -> str:
    """The path itself, or the short name that stands for it."""
    path = os.path.abspath(path)
    if len(os.fsencode(path)) <= LONGEST:
        return path
    import hashlib
    import tempfile

    name = hashlib.sha256(os.fsencode(path)).hexdigest()[:16]
    return os.path.join(tempfile.gettempdir(), f"minikube-edu-{os.getuid()}", f"{name}.sock")


def prepared(path: str) -> str:
    """`reachable`, with its folder made, for this user alone; what a dead listener has left there is removed."""
    path = reachable(path)
    folder = os.path.dirname(path)
    os.makedirs(folder, mode=0o700, exist_ok=True)
    seen = os.stat(folder)
    if seen.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    if os.path.exists(path):
        os.unlink(path)
    return path
