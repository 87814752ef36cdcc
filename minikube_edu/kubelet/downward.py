"""The downward API: what a container may know of its own pod, as a variable or as a file.

Fields are paths (`metadata.labels['app']`, `status.podIP`), resources are amounts of a container divided by a unit and
rounded up (`limits.memory` in `1Mi`). A container without a limit is told the node's allocatable amount.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from minikube_edu.api import quantity
from minikube_edu.kubelet.contract import PodAddresses
from minikube_edu.kubelet.pod_facts import find_container
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

_SUBSCRIPT = re.compile(r"(.*)\['([^']*)'\]")
RESOURCES = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)")


def field(pod: Object, path: str, addresses: PodAddresses) -> str:
    """ValueError when there is no such field."""
    metadata, spec = pod["metadata"], pod["spec"]
    ips, host_ips = addresses.ips, addresses.host_ips
    simple = {
        "metadata.name": metadata.get("name", ""),
        "metadata.namespace": metadata.get("namespace", ""),
        "metadata.uid": metadata.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "spec.host": spec.get("nodeName", ""),
        "status.hostIP": host_ips[0] if host_ips else "",
        "status.hostIPs": ",".join(host_ips),
        "status.podIP": ips[0] if ips else "",
        "status.podIPs": ",".join(ips),
    }
    if path in simple:
        return str(simple[path])
    if path in ("metadata.labels", "metadata.annotations"):
        return format_map(metadata.get(path.removeprefix("metadata.")) or {})
    found = _SUBSCRIPT.fullmatch(path)
    if found and found[1] in ("metadata.labels", "metadata.annotations"):
        return str((metadata.get(found[1].removeprefix("metadata.")) or {}).get(found[2], ""))
    raise ValueError(f"field label not supported: {path}")


def format_map(values: Mapping[str, str]) -> str:
    """One `key="value"` a line, sorted, the value in Go's quotes."""
    return "\n".join(f"{key}={quote(values[key])}" for key in sorted(values))


def resource(pod: Object, container: Object | None, reference: Object, allocatable: Mapping[str, str]) -> str:
    """`reference` is a resourceFieldRef; `container` the one that asks, None in a volume."""
    name = reference.get("containerName")
    if name:
        container = find_container(pod, name)
        if container is None:
            raise ValueError(f"container {name} not found")
    assert container is not None
    path = reference["resource"]
    found = RESOURCES.fullmatch(path)
    if found is None:
        raise ValueError(f"unsupported container resource : {path}")
    kind, which = found[1], found[2]
    amounts = container.get("resources") or {}
    text = (amounts.get(kind) or {}).get(which)
    if text is None and kind == "limits":
        text = allocatable.get(which)
    divisor = quantity.parse(str(reference.get("divisor") or "1"))
    if divisor.is_zero():
        divisor = quantity.parse("1")
    amount = quantity.parse(str(text or "0"))
    if which == "cpu":
        return str(-(-amount.milli_value() // divisor.milli_value()))
    return str(-(-amount.value() // divisor.value()))
