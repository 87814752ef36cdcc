"""What the kubelet asks of a Pod object again and again: who it is, where it came from, which containers it has.

Pods are plain dicts and are never changed here. A pod of the API has a uid of its own; a static pod's uid is a hash of
its manifest, and what the API shows of it is its *mirror*, another object with another uid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from minikube_edu.kubelet.contract import Object

SOURCE = "kubernetes.io/config.source"
MIRROR = "kubernetes.io/config.mirror"
HASH = "kubernetes.io/config.hash"
SEEN = "kubernetes.io/config.seen"
SYSTEM_CRITICAL = 2_000_000_000

# Labels and annotations of containers and sandboxes, by which a new kubelet knows them again.
POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
CONTAINER_HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
GRACE_PERIOD = "io.kubernetes.pod.terminationGracePeriod"
DELETION_GRACE_PERIOD = "io.kubernetes.pod.deletionGracePeriod"


def uid(pod: Object) -> str:
    return str(pod["metadata"].get("uid") or "")


def name(pod: Object) -> str:
    return str(pod["metadata"]["name"])


def namespace(pod: Object) -> str:
    return str(pod["metadata"].get("namespace") or "default")


def full_name(pod: Object) -> str:
    """`name_namespace`: the same for a static pod and its mirror."""
    return f"{name(pod)}_{namespace(pod)}"


def described(pod: Object) -> str:
    """As messages name it: `name_namespace(uid)`."""
    return f"{full_name(pod)}({uid(pod)})"


def annotations_of(pod: Object) -> Mapping[str, str]:
    return pod["metadata"].get("annotations") or {}


def is_static(pod: Object) -> bool:
    return annotations_of(pod).get(SOURCE, "api") != "api"


def is_mirror(pod: Object) -> bool:
    return MIRROR in annotations_of(pod)


def is_critical(pod: Object) -> bool:
    return is_static(pod) or is_mirror(pod) or int(pod["spec"].get("priority") or 0) >= SYSTEM_CRITICAL


def is_host_network(pod: Object) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def is_deleted(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase") or "")


def is_terminal(pod: Object) -> bool:
    return phase(pod) in ("Succeeded", "Failed")


def containers(pod: Object) -> Sequence[Object]:
    return pod["spec"].get("containers") or ()


def init_containers(pod: Object) -> Sequence[Object]:
    return pod["spec"].get("initContainers") or ()


def ephemeral_containers(pod: Object) -> Sequence[Object]:
    return pod["spec"].get("ephemeralContainers") or ()


def every_container(pod: Object) -> Iterator[Object]:
    yield from init_containers(pod)
    yield from containers(pod)
    yield from ephemeral_containers(pod)


def find_container(pod: Object, wanted: str) -> Object | None:
    return next((one for one in every_container(pod) if one["name"] == wanted), None)


def field_path(pod: Object, wanted: str) -> str:
    """`spec.containers{web}`: what an event about a container points at."""
    for field in ("initContainers", "ephemeralContainers"):
        if any(one["name"] == wanted for one in pod["spec"].get(field) or ()):
            return f"spec.{field}{{{wanted}}}"
    return f"spec.containers{{{wanted}}}"


def is_sidecar(init_container: Object) -> bool:
    """An init container that is kept running beside the others."""
    return init_container.get("restartPolicy") == "Always"


def container_hash(container: Object) -> str:
    """Of what cannot change without making a new container: name and image. FNV-1a, 32 bits, as hexadecimal."""
    text = f'{{"name":"{container["name"]}","image":"{container.get("image") or ""}"}}'
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return f"{value:x}"


def grace_period(pod: Object) -> int:
    found: Any = pod["spec"].get("terminationGracePeriodSeconds")
    return 30 if found is None else int(found)


def generation(pod: Object) -> int:
    return int(pod["metadata"].get("generation") or 0)
