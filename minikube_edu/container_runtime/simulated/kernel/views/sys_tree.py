"""/sys as a container sees it: network interfaces, processors, a few words about the hardware."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.kernel.views.table_tree import Makers, TableTree, directories

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

MTU = {"eth0": 1500, "lo": 65536}


def _cpus(machine: Machine) -> str:
    return f"0-{machine.host_cpus - 1}\n" if machine.host_cpus > 1 else "0\n"


def _counter(name: str) -> Callable[[Machine], str]:
    return lambda machine: f"{getattr(machine.network.traffic, name)}\n"


def _interface(name: str) -> dict[str, Callable[[Machine], str]]:
    real = name == "eth0"
    there: dict[str, Callable[[Machine], str]] = {
        "address": lambda machine: f"{machine.network.mac if real else '00:00:00:00:00:00'}\n",
        "carrier": lambda machine: "1\n",
        "flags": lambda machine: "0x1003\n" if real else "0x9\n",
        "ifindex": lambda machine: "2\n" if real else "1\n",
        "mtu": lambda machine: f"{MTU[name]}\n",
        "operstate": lambda machine: "up\n" if real else "unknown\n",
        "speed": lambda machine: "10000\n",
        "type": lambda machine: "1\n" if real else "772\n",
    }
    for counter in ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets"):
        there[f"statistics/{counter}"] = _counter(counter) if real else lambda machine: "0\n"
    for counter in ("rx_dropped", "rx_errors", "tx_dropped", "tx_errors"):
        there[f"statistics/{counter}"] = lambda machine: "0\n"
    return {f"class/net/{name}/{path}": maker for path, maker in there.items()}


MAKERS: Makers = {
    **_interface("eth0"),
    **_interface("lo"),
    "class/dmi/id/product_name": lambda machine: "minikube-edu\n",
    "class/dmi/id/sys_vendor": lambda machine: "minikube-edu\n",
    "devices/system/cpu/online": _cpus,
    "devices/system/cpu/possible": _cpus,
    "devices/system/cpu/present": _cpus,
    "devices/system/node/online": lambda machine: "0\n",
    "kernel/mm/transparent_hugepage/enabled": lambda machine: "always [madvise] never\n",
    "kernel/mm/transparent_hugepage/defrag": lambda machine: "always defer defer+madvise [madvise] never\n",
    "kernel/profiling": lambda machine: "0\n",
}
SHAPE = directories(MAKERS)
for _above, _below in (("fs", "cgroup"), ("", "block"), ("", "bus"), ("", "firmware"), ("", "module"), ("", "power")):
    SHAPE.setdefault(_above, []).append(_below)
    SHAPE[f"{_above}/{_below}" if _above else _below] = []
SHAPE[""].append("fs")


def sys_tree(machine: Machine) -> TableTree:
    return TableTree(machine, MAKERS, SHAPE, "sysfs", "sysfs", 24)
