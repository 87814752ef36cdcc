"""What the machine has imported before it is asked: the code of all seats.

A seat that is to be started has its code imported here first, and is forked then: what one imports, all that follow
share. The rest comes one module at a time, between requests, so that no request waits for more than one import.
"""

from __future__ import annotations

import importlib

from minikube_edu.lib import late_patterns

# package -> what it needs to run, down to what it would import at its first work; in the order in which a boot needs
# it. `module:function` is called: what it computes is computed once, and kept.
PARTS: dict[str, tuple[str, ...]] = {
    "": (
        "asyncio",
        "ssl",
        "uvloop",
        "orjson",
        "httptools",
        "minikube_edu.cluster.machine.preload:foreign",
        "encodings.idna",
        "minikube_edu.lib.web.server",
        "minikube_edu.lib.web.client",
        "minikube_edu.lib.klog",
    ),
    "minikube_edu.container_runtime": (
        "minikube_edu.container_runtime.running",
        "minikube_edu.container_runtime.codec:methods",
        "minikube_edu.container_runtime.simulated.recovery",
        "minikube_edu.container_runtime.simulated.images.warm",
        "minikube_edu.kube_proxy.program",
        "minikube_edu.coredns.program",
        "minikube_edu.lib.machine.seat_runner",
    ),
    "minikube_edu.kubelet": (
        "minikube_edu.kubelet.flags:parser",
        "minikube_edu.kubelet.warm",
        "minikube_edu.kubelet.runtime_connection",
        "minikube_edu.kubelet.before_certificate",
        "minikube_edu.kubelet.certificates.bootstrap",
        "minikube_edu.kubelet.configurer",
        "minikube_edu.kubelet.hooks",
        "minikube_edu.kubelet.probes.prober",
        "minikube_edu.kubelet.volumes.volumes",
        "minikube_edu.api.defaults.core",
        "minikube_edu.api.validation.core",
        "minikube_edu.kubelet.housekeeping",
        "minikube_edu.kubelet.ports",
        "minikube_edu.kubelet.server.server",
        "cryptography.hazmat.primitives.serialization",
    ),
    "minikube_edu.etcd": (
        "minikube_edu.cluster.machine.warm_tls:handshake",  # the first kubelet does without: it starts sooner
        "minikube_edu.etcd.server",
        "minikube_edu.etcd.sqlite",
        "minikube_edu.etcd.socket_face",
        "minikube_edu.etcd.socket_driver",
        "minikube_edu.etcd.patient_face",
        "minikube_edu.etcd.health_face",
    ),
    "minikube_edu.kube_apiserver": (
        "minikube_edu.kube_apiserver.flags",
        "minikube_edu.kube_apiserver.running",
        "minikube_edu.kube_apiserver.registry.strategies.core",
        "minikube_edu.kube_apiserver.registry.strategies.workloads",
        "minikube_edu.kube_apiserver.registry.strategies.rbac",
        "minikube_edu.kube_apiserver.registry.strategies.flowcontrol",
        "minikube_edu.kube_apiserver.registry.strategies.apps",
        "minikube_edu.kube_apiserver.handlers.subresources.account_token",
        "minikube_edu.api.strategic_merge",
    ),
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

    def need(self, package: str) -> None:
        """All that a program of this package needs, now."""
        wanted = [one for one in self._left if one[0] in ("", package)]
        self._left = [one for one in self._left if one not in wanted]
        for _, module in wanted:
            _import(module)

    def skip(self) -> None:
        """A fork of a warm machine has it all."""
        self._left.clear()


def foreign() -> None:
    """What takes longest to import of what is not ours."""
    with late_patterns.late():
        for module in ("cryptography.x509", "yaml"):
            importlib.import_module(module)


def _import(entry: str) -> None:
    module, _, function = entry.partition(":")
    try:
        imported = importlib.import_module(module)
        if function:
            getattr(imported, function)()
    except (ImportError, OSError):
        return  # not installed, or not on this system: the program itself will say so
