"""What the machine has and is: capacity, operating system, the ids that tell it from others.

Found in the node's directory where something lies there (etc/machine-id, etc/os-release, proc/…/boot_id),
else taken from this host; amounts that are told win over both.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

OS_IMAGE = "minikube_edu"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64", "AMD64": "amd64"}


class DescribedMachine(Struct, frozen=True):
    cpus: int
    memory: int  # bytes
    disk: int  # bytes
    machine_id: str
    system_uuid: str
    boot_id: str
    kernel: str
    os_image: str = OS_IMAGE
    architecture: str = "amd64"
    more: Mapping[str, str] = field(default_factory=dict)  # other resources that were told, as they are


def described_machine(root: Path, name: str, told: Mapping[str, str]) -> DescribedMachine:
    """`told`: cpu=4, memory=8Gi, ephemeral-storage=…, and any other resource."""
    from minikube_edu.api.quantity import parse

    amounts = dict(told)
    cpus = parse(amounts.pop("cpu")).value() if "cpu" in amounts else os.cpu_count() or 1
    memory = parse(amounts.pop("memory")).value() if "memory" in amounts else _memory()
    disk = parse(amounts.pop("ephemeral-storage")).value() if "ephemeral-storage" in amounts else _disk(root)
    made_up = hashlib.md5(f"{root}/{name}".encode(), usedforsecurity=False).hexdigest()
    machine_id = _text(root / "etc/machine-id") or made_up
    uuid = f"{made_up[:8]}-{made_up[8:12]}-{made_up[12:16]}-{made_up[16:20]}-{made_up[20:]}"
    boot = _text(root / "proc/sys/kernel/random/boot_id") or _text(Path("/proc/sys/kernel/random/boot_id")) or uuid
    return DescribedMachine(
        cpus,
        memory,
        disk,
        machine_id,
        uuid,
        boot,
        platform.release() or "unknown",
        _os_image(root),
        ARCHITECTURES.get(platform.machine(), platform.machine()),
        amounts,
    )


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 8 << 30


def _disk(root: Path) -> int:
    try:
        return shutil.disk_usage(root if root.exists() else "/").total
    except OSError:
        return 100 << 30


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _os_image(root: Path) -> str:
    for line in _text(root / "etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return OS_IMAGE
