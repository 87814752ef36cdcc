"""Room on the disk for a cluster: looked at before one is made, because seats that cannot write only wait.

A running cluster whose disk fills up is another matter: the store refuses writes and says why, and goes on when there
is room again.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import Layout

MEGABYTE = 1 << 20
FIRST, EACH = 6 * MEGABYTE, 2 * MEGABYTE  # of a cluster, and of every node: its logs and certificates
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO)


def refuse_bad_place(layout: Layout, nodes: int) -> None:
    """CannotStart, where there is less than the start of so many nodes takes, or where the path cannot be written into
    flags: lists in them are divided by commas."""
    if any(letter in str(layout.root) for letter in ",\n"):
        raise CannotStart(f"{str(layout.root)!r}: a home's path has no commas; choose another with MINIKUBE_EDU_HOME")
    place = next(path for path in (layout.root, *layout.root.parents) if path.exists())
    found = os.statvfs(place)
    free, needed = found.f_bavail * found.f_frsize, FIRST + EACH * nodes
    if free < needed:
        raise CannotStart(
            f"no room on the disk of {layout.root}: {free / MEGABYTE:.1f} MiB are free, a start needs "
            f"{needed // MEGABYTE} MiB; make room, or choose another place with MINIKUBE_EDU_HOME"
        )


def complaint(error: OSError, home: Path) -> str:
    """What to tell whose disk it is; empty when the error is none of the disk or of the home's files."""
    name = error.filename if isinstance(error.filename, str) else ""
    ours = name.startswith(f"{home}/") or name == str(home)
    if error.errno not in OF_THE_DISK and not ours:
        return ""
    text = (error.strerror or str(error)).lower()
    return f"{name or home}: {text}"
