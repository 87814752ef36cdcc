"""What a simulated runtime is told at its start: which node it is, how big, in what mood, which images there are."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct, field

GIB = 1 << 30
PAUSE = "registry.k8s.io/pause:3.10.1"


class Settings(Struct):
    root: Path  # the node's directory
    node_name: str = "node"
    cpus: int = 4
    memory: int = 8 * GIB
    disk: int = 100 * GIB
    mood: str = "fast"
    mood_file: Path | None = None
    seed: int | None = None
    image_dir: Path | None = None
    unknown_images: str = "run"  # run, fail
    pause: str = PAUSE
    environment: dict[str, str] = field(default_factory=dict)  # for seats, beside their own
    shared_volumes: Path | None = None  # of all nodes of a cluster: mounts may be in there as well

    def boundary(self, host_path: str) -> str:
        """The directory that a mount of `host_path` must not leave, wherever links lead."""
        if self.shared_volumes is not None and Path(host_path).is_relative_to(self.shared_volumes):
            return str(self.shared_volumes)
        return str(self.root)

    @property
    def state(self) -> Path:
        """Where the runtime keeps what must survive it."""
        return self.root / "var/lib/containerd/minikube-edu"
