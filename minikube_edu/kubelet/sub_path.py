"""subPath: one directory or file of a volume, as if it were the volume.

No link in the volume may lead out of it. A path that is not there is made, as a directory.

What is mounted is the file of this moment: of a configMap a mounted subPath does not change any more (a famous trap).
The real kubelet gets this from bind mounts, which hold on to an inode. Here the files are linked into a place of their
own, `volume-subpaths/VOLUME/CONTAINER/INDEX` in the pod's directory, where the volume's next version replaces nothing.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from minikube_edu.kubelet.contract import SyncFailure
from minikube_edu.kubelet.node_paths import Escapes, inside

REASON = "CreateContainerConfigError"
DATA = "..data"  # of a volume that is replaced as a whole


def prepare(volume: Path, path: str, place: Path, name: str, container: str) -> Path:
    """The host path to mount. `name` is the volume's, `place` where links may be laid."""
    if path.startswith("/"):
        raise SyncFailure(REASON, f"error SubPath `{path}` must not be an absolute path")
    if ".." in path.split("/"):
        raise SyncFailure(REASON, f"unable to provision SubPath `{path}`: must not contain '..'")
    refused = SyncFailure(
        REASON, f'failed to prepare subPath for volumeMount "{name}" of container "{container}"'
    )  # no details: they would tell about the host
    try:
        found = inside(volume, path)
    except (Escapes, OSError):
        raise refused from None
    if not found.exists():
        try:
            _make(found, volume)
        except OSError:
            raise SyncFailure(
                REASON, f'failed to create subPath directory for volumeMount "{name}" of container "{container}"'
            ) from None
    if not (volume / DATA).is_symlink():
        return found
    try:
        return _held(found, place)
    except OSError:
        raise refused from None


def _make(directory: Path, volume: Path) -> None:
    """With the volume's own mode, so that whoever may write the volume may write here."""
    mode = volume.stat().st_mode & 0o7777
    missing = []
    here = directory
    while not here.exists():
        missing.append(here)
        here = here.parent
    for one in reversed(missing):
        one.mkdir()
        one.chmod(mode)


def _held(found: Path, place: Path) -> Path:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if found.is_dir():
        shutil.copytree(found, place, copy_function=os.link)
    else:
        os.link(found, place)
    return place
