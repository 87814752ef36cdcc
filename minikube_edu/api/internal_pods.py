"""Specifications of pods as the real server's messages show them, in its internal form.

`facts/internal_structs.json` has the order of the fields of every type below a pod's specification and of the
workloads' strategies; see `internal_form`. Internally the host's namespaces belong to the security context, and the
metadata of a claim's template stands beside its specification: this is put right here.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from minikube_edu.api import internal_form

Object = dict[str, Any]

_HOST = (
    ("HostNetwork", "hostNetwork", False),
    ("HostPID", "hostPID", False),
    ("HostIPC", "hostIPC", False),
    ("ShareProcessNamespace", "shareProcessNamespace", None),
    ("HostUsers", "hostUsers", None),
)


@cache
def _load() -> None:
    facts = orjson.loads(files("minikube_edu.api").joinpath("facts/internal_structs.json").read_bytes())
    for name, layout in facts.items():
        internal_form.STRUCTS.setdefault(name, layout)


def internal(type_name: str, value: Object | None) -> Any:
    """Any of the types of the fact file."""
    _load()
    return internal_form.internal(type_name, value)


def pod_spec(spec: Object) -> Object:
    shown: Object = internal("core.v1.PodSpec", spec)
    host = {go: spec.get(field, absent) for go, field, absent in _HOST}
    shown["SecurityContext"] = host | (shown["SecurityContext"] or internal("core.v1.PodSecurityContext", {}))
    for volume, given in zip(shown["Volumes"] or (), spec.get("volumes", ()), strict=True):
        if volume["Ephemeral"] and volume["Ephemeral"]["VolumeClaimTemplate"]:
            metadata = given["ephemeral"]["volumeClaimTemplate"].get("metadata", {})
            template = volume["Ephemeral"]["VolumeClaimTemplate"]
            volume["Ephemeral"]["VolumeClaimTemplate"] = metadata | template
    return shown


def difference(old: Object, new: Object) -> str:
    """What changed between two specifications, as a unified diff."""
    return internal_form.text_difference(pod_spec(old), pod_spec(new))


def container_difference(old: Object, new: Object) -> str:
    """The same for an ephemeral container, which stands in two parts internally."""
    name = "core.v1.EphemeralContainer"
    return internal_form.text_difference(internal(name, old), internal(name, new))
