"""What a container may use, and what its programs are told of the machine below them."""

from __future__ import annotations

from msgspec import Struct

GIB = 1 << 30


class Limits(Struct, frozen=True):
    """Zero means: no limit."""

    memory: int = 0  # bytes
    cpu: float = 0.0  # cores
    cpu_weight: int = 100
    pids: int = 0
    disk: int = 0  # bytes that may be written to the container's own root
    inodes: int = 0
    oom_group: bool = True  # all of the container dies with the process that the OOM killer chose, as kubelets want it
    host_cpus: int = 4
    host_memory: int = 8 * GIB
    most_pids: int = 1024  # of any one container, whatever its own limit: the loop has to carry them


MOST_REAL = 512 << 20  # bytes of the host that one container's programs may really fill
PROCESS_MEMORY = 393_216  # what a program holds before it asks for anything: a small one's pages
