"""What the machine has imported before it is asked: the code of all seats.

A seat that is to be started has its code imported here first, and is forked then: what one imports, all that follow
share. The rest comes one module at a time, between requests, so that no request waits for more than one import.
"""

from __future__ import annotations

import gc
import importlib

# package -> what it needs to run; in the order in which a boot comes to it
PARTS: dict[str, tuple[str, ...]] = {
    "": ("asyncio", "ssl", "uvloop", "orjson", "httptools", "minikube_edu.lib.web.server"),
    "minikube_edu.container_runtime": ("minikube_edu.container_runtime.running",),
    "minikube_edu.kubelet": ("minikube_edu.kubelet.running", "yaml"),
    "minikube_edu.etcd": (
        "minikube_edu.etcd.server",
        "minikube_edu.etcd.sqlite",
        "minikube_edu.etcd.socket_face",
        "minikube_edu.etcd.socket_driver",
    ),
    "minikube_edu.kube_apiserver": ("minikube_edu.kube_apiserver.flags", "minikube_edu.kube_apiserver.running"),
    "minikube_edu.kube_controller_manager": (
        "minikube_edu.kube_controller_manager.flags",
        "minikube_edu.kube_controller_manager.running",
    ),
    "minikube_edu.kube_scheduler": ("minikube_edu.kube_scheduler.flags", "minikube_edu.kube_scheduler.running"),
    "minikube_edu": (  # the command line
        "minikube_edu.cluster.command_line",
        "minikube_edu.kubectl.app",
        "minikube_edu.kubectl.commands.get",
        "minikube_edu.kubectl.builder",
        "cryptography.x509",
    ),
}


class Preload:
    def __init__(self) -> None:
        self._left = [(package, module) for package, modules in PARTS.items() for module in modules]

    @property
    def done(self) -> bool:
        return not self._left

    def step(self) -> None:
        """One module more."""
        if self._left:
            _import(self._left.pop(0)[1])
            if not self._left:
                settle()

    def need(self, package: str) -> None:
        """All that a program of this package needs, now."""
        wanted = [one for one in self._left if one[0] in ("", package)]
        self._left = [one for one in self._left if one not in wanted]
        for _, module in wanted:
            _import(module)

    def skip(self) -> None:
        """A fork of a warm machine has it all."""
        self._left.clear()


def _import(module: str) -> None:
    try:
        importlib.import_module(module)
    except ImportError:
        return  # not installed, or not on this system: the program itself will say so


def settle() -> None:
    """What is shared with the children stays shared: their garbage collections leave it alone."""
    gc.collect()
    gc.freeze()
