"""Who asks a file system in its tests."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import OpenFile, User
from minikube_edu.container_runtime.simulated.filesystem.permission import ALL


class Somebody:
    """A caller with an identity and nothing else; only root has privileges."""

    pid = 7
    terminal: OpenFile | None = None

    def __init__(self, user: User, umask: int = 0o022) -> None:
        self.user = user
        self.umask = umask
        self.files: dict[int, OpenFile] = {}
        self.privileges = ALL if user.uid == 0 else frozenset[str]()


ALICE = Somebody(User(1000, 1000))
BOB = Somebody(User(2000, 2000, (1000,)))
