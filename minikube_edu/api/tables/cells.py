"""Words that many printers share: containers, selectors, lists that are cut short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api import label_selectors

Object = dict[str, Any]
NONE = "<none>"
UNSET = "<unset>"


def containers(pod_spec: Object | None) -> tuple[str, str]:
    """Names and images, each joined by commas."""
    found = (pod_spec or {}).get("containers") or ()
    return ",".join(c.get("name", "") for c in found), ",".join(c.get("image", "") for c in found)


def template_containers(obj: Object) -> tuple[str, str]:
    """The containers of `spec.template`."""
    return containers((obj["spec"].get("template") or {}).get("spec"))


def labels(found: Object | None) -> str:
    """`a=b,c=d`, or `<none>`."""
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) if found else NONE


def selector(found: Object | None) -> str:
    """A LabelSelector; one that selects nothing or everything is `<none>`."""
    try:
        return str(label_selectors.from_object(found)) or NONE
    except ValueError as error:
        return str(error)


def cut_short(items: Sequence[str], limit: int, count: int, empty: str) -> str:
    """The first of them; how many there are besides."""
    if count > limit:
        return f"{','.join(items[:limit])} + {count - limit} more..."
    return ",".join(items) or empty


def condition(obj: Object, kind: str) -> Object | None:
    for found in obj.get("status", {}).get("conditions") or ():
        if found.get("type") == kind:
            return dict(found)
    return None


def has_condition(obj: Object, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def addresses(status: Object) -> str:
    """The addresses that a load balancer has, sorted."""
    ingress = (status.get("loadBalancer") or {}).get("ingress") or ()
    return ",".join(sorted({entry.get("ip") or entry.get("hostname") or "" for entry in ingress} - {""}))
