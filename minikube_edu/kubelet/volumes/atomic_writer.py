"""Replaces all files of a volume at once: a reader sees the old set or the new one, never a mixture.

    ..2026_01_02_03_04_05.123456789/   the files, in a directory with the moment in its name
    ..data -> ..2026_01_02_03_04_05.123456789
    password -> ..data/password        what containers open; these links never change while the key exists

A new set is written into a new directory; then `..data` is renamed over (the one atomic step), and what belonged to the
old set alone is removed. Who follows a file with inotify must follow `..data`.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from minikube_edu.kubelet.volumes.payload import Files
from minikube_edu.lib import clock, file_owners, ids

DATA, NEW_DATA = "..data", "..data_tmp"


def write(directory: Path, files: Files) -> bool:
    """Make `directory` hold exactly these. False: it does already."""
    current = _current(directory)
    if current is not None and _same(current, files):
        return False
    directory.mkdir(parents=True, exist_ok=True)
    fresh = directory / _moment()
    fresh.mkdir(mode=0o755)
    for path, (content, mode) in files.items():
        target = fresh / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        file_owners.give(str(target), mode=mode)
    new = directory / NEW_DATA
    new.unlink(missing_ok=True)
    new.symlink_to(fresh.name)
    os.rename(new, directory / DATA)
    wanted = {path.split("/")[0] for path in files}
    for name in wanted:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for entry in os.scandir(directory):
        if not entry.name.startswith("..") and entry.name not in wanted:
            os.unlink(entry.path)
    if current is not None and current != fresh:
        shutil.rmtree(current, ignore_errors=True)
    return True


def _current(directory: Path) -> Path | None:
    try:
        return directory / os.readlink(directory / DATA)
    except OSError:
        return None


def _same(current: Path, files: Files) -> bool:
    there = 0
    for parent, _, names in os.walk(current):
        for name in names:
            path = os.path.join(parent, name)
            wanted = files.get(os.path.relpath(path, current))
            if wanted is None or Path(path).read_bytes() != wanted[0]:
                return False
            there += 1
    return there == len(files) and current.is_dir()


def _moment() -> str:
    stamp = clock.rfc3339_micro().rstrip("Z").replace("-", "_").replace("T", "_").replace(":", "_")
    return f"..{stamp}{ids.integer(100, 999)}"
