"""Thresholds: `memory.available < 100Mi`, hard ones that act at once and soft ones that act after a grace period."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from minikube_edu.api import durations
from minikube_edu.api.quantity import BINARY, Quantity
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.node.node_object import share

# signal -> (node condition, resource as messages call it)
SIGNALS: Mapping[str, tuple[str, str]] = {
    "memory.available": ("MemoryPressure", "memory"),
    "nodefs.available": ("DiskPressure", "ephemeral-storage"),
    "nodefs.inodesFree": ("DiskPressure", "inodes"),
    "imagefs.available": ("DiskPressure", "ephemeral-storage"),
    "imagefs.inodesFree": ("DiskPressure", "inodes"),
    "pid.available": ("PIDPressure", "pids"),
}


class Observed(Struct, frozen=True):
    available: int
    capacity: int


class Threshold(Struct, frozen=True):
    signal: str
    value: str  # an amount or per cent
    grace: float | None = None  # None: hard
    reclaim: str = ""  # how much more than the threshold must be free again

    @property
    def condition(self) -> str:
        return SIGNALS[self.signal][0]

    @property
    def resource(self) -> str:
        return SIGNALS[self.signal][1]

    def amount(self, capacity: int) -> int:
        return share(self.value, capacity)

    def met(self, observed: Observed, *, reclaiming: bool = False) -> bool:
        """`reclaiming`: it was met before, and more has to be free for it not to be any more."""
        least = self.amount(observed.capacity)
        if reclaiming and self.reclaim:
            least += share(self.reclaim, observed.capacity)
        return observed.available < least

    def text(self, capacity: int) -> str:
        if self.value.endswith("%"):
            return str(Quantity(self.amount(capacity), format=BINARY))
        return self.value


def thresholds(configuration: Object) -> list[Threshold]:
    reclaim = configuration.get("evictionMinimumReclaim") or {}
    found = [
        Threshold(signal, str(value), None, str(reclaim.get(signal) or ""))
        for signal, value in (configuration.get("evictionHard") or {}).items()
        if signal in SIGNALS and str(value) not in ("0", "0%", "100%")
    ]
    periods = configuration.get("evictionSoftGracePeriod") or {}
    for signal, value in (configuration.get("evictionSoft") or {}).items():
        if signal in SIGNALS:
            grace = durations.seconds(str(periods.get(signal) or "0s"))
            found.append(Threshold(signal, str(value), grace, str(reclaim.get(signal) or "")))
    return found
