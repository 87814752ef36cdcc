"""What the machine has imported before it is asked: the code of all seats, in the order in which a boot needs it.

One module at a time, between requests: a request never waits for more than one import. Whatever is not here yet when a
program is forked, the program imports itself.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Iterator

MODULES = (
    "asyncio",
    "ssl",
    "uvloop",
    "orjson",
    "httptools",
    "yaml",
    "minikube_edu.lib.web.server",
    "minikube_edu.lib.web.client",
    "minikube_edu.container_runtime.running",
    "minikube_edu.kubelet.running",
    "minikube_edu.kube_apiserver.flags",
    "minikube_edu.kube_apiserver.running",
    "minikube_edu.etcd.server",
    "minikube_edu.etcd.sqlite",
    "minikube_edu.etcd.socket_face",
    "minikube_edu.etcd.socket_driver",
    "minikube_edu.kube_controller_manager.flags",
    "minikube_edu.kube_controller_manager.running",
    "minikube_edu.kube_scheduler.flags",
    "minikube_edu.kube_scheduler.running",
    "minikube_edu.kubectl.app",
    "minikube_edu.kubectl.commands.get",
    "minikube_edu.kubectl.builder",
    "cryptography.x509",
    "logging.handlers",
)


def steps() -> Iterator[str]:
    """Import one module at each step; what is not installed is passed over."""
    for module in MODULES:
        try:
            importlib.import_module(module)
        except ImportError:
            continue
        yield module
    gc.collect()
    gc.freeze()  # what is shared with the children stays shared: their collections leave it alone
