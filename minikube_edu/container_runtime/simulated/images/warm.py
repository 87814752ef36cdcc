"""What the first pulls compute, computed: for a process from which runtimes are forked.

Every node pulls the image of kube-proxy first, and one of them CoreDNS. Importing this module reads the catalogue,
compiles the rules of the registries, and makes the root directories of these two.
"""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.registry import Registry
from minikube_edu.container_runtime.simulated.images.root import root_of

IMAGES = ("registry.k8s.io/kube-proxy:v1.36.3", "registry.k8s.io/coredns/coredns:v1.14.2")

_registry = Registry(Catalogue())
for image in IMAGES:
    root_of(_registry.resolve(parse(image)))
