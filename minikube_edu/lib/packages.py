"""What a node's package manager has installed of Kubernetes: kubelet, kubeadm, kubectl, each in its version, or held.

    NODE/etc/minikube-edu/packages       kubelet 1.35.6-1.1 hold

A package without a line is the one that comes with this project. The kubelet says its package's version when it is
started the next time, as a new program does only after `systemctl restart kubelet`; kubeadm and kubectl at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from minikube_edu.lib.version import KUBERNETES

FILE = "/etc/minikube-edu/packages"
_VERSION = re.compile(r"v[0-9]+\.[0-9]+\.[0-9]+")
REVISION = "1.1"  # of the packages that the Kubernetes project builds


class Package(Struct, frozen=True):
    name: str
    version: str  # of the package: 1.36.3-1.1
    held: bool = False

    @property
    def program(self) -> str:
        """v1.36.3"""
        return f"v{self.version.rpartition('-')[0] or self.version}"


def of_program(version: str) -> str:
    """The package's version for a program's: v1.36.3 -> 1.36.3-1.1"""
    return f"{version.removeprefix('v')}-{REVISION}"


DEFAULT = of_program(KUBERNETES)
RELEASES = (  # what there is to install, the newest first
    *(f"v1.36.{patch}" for patch in (3, 2, 1, 0)),
    *(f"v1.35.{patch}" for patch in range(6, -1, -1)),
)


def read(file: Path) -> dict[str, Package]:
    """What is written in it; a file that is not there, or lines that are nothing, mean nothing."""
    try:
        lines = file.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    found = {}
    for words in map(str.split, lines):
        if len(words) > 1:
            found[words[0]] = Package(words[0], words[1], "hold" in words[2:])
    return found


def write(file: Path, packages: Iterable[Package]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{one.name} {one.version}{' hold' if one.held else ''}\n" for one in packages]
    new = file.with_name(file.name + ".new")
    new.write_text("".join(sorted(lines)))
    new.replace(file)


def program(file: Path, name: str) -> str:
    """The version of the program that the file names; empty when it names none, or what is no version."""
    found = read(file).get(name)
    return found.program if found and _VERSION.fullmatch(found.program) else ""


def kubelet(file: Path) -> str:
    return program(file, "kubelet")


def latest(series: tuple[int, int]) -> str:
    """The newest release of (1, 35); empty when there is none."""
    head = f"v{series[0]}.{series[1]}."
    return next((one for one in RELEASES if one.startswith(head)), "")


def set_kubelet(file: Path, version: str) -> None:
    """As if that package had been installed; nothing is written for the version that is there anyway."""
    known = read(file)
    if version == (known["kubelet"].program if "kubelet" in known else KUBERNETES):
        return
    write(file, {**known, "kubelet": Package("kubelet", of_program(version))}.values())
