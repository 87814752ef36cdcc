"""Who a pod of a StatefulSet is: its ordinal gives it name, host name, labels and claims."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.kube_controller_manager import pod_state
from minikube_edu.kube_controller_manager.kinds import STATEFUL_SETS
from minikube_edu.kube_controller_manager.ownership import reference_to

Object = dict[str, Any]

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"
REVISION = "controller-revision-hash"

_NAME = re.compile(r"(.*)-([0-9]+)")


def ordinal(pod: Object) -> int:
    match = _NAME.fullmatch(pod["metadata"]["name"])
    return int(match[2]) if match else -1


def is_member(stateful_set: Object, pod: Object) -> bool:
    match = _NAME.fullmatch(pod["metadata"]["name"])
    return match is not None and match[1] == stateful_set["metadata"]["name"]


def ordinals(stateful_set: Object) -> range:
    spec = stateful_set["spec"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    return range(start, start + spec.get("replicas", 0))


def revision(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION) or "")


def is_available(pod: Object | None, stateful_set: Object, now: float) -> bool:
    """Running, ready for long enough, and to stay."""
    return (
        pod is not None
        and pod_state.phase(pod) == "Running"
        and not pod_state.is_deleting(pod)
        and pod_state.is_available(pod, stateful_set["spec"].get("minReadySeconds", 0), now)
    )


def new_pod(stateful_set: Object, template: Object, revision_name: str, number: int) -> Object:
    metadata, name = template.get("metadata") or {}, f"{stateful_set['metadata']['name']}-{number}"
    made: Object = {
        "name": name,
        "generateName": f"{stateful_set['metadata']['name']}-",
        "namespace": stateful_set["metadata"]["namespace"],
        "labels": {
            **(metadata.get("labels") or {}),
            REVISION: revision_name,
            POD_NAME: name,
            POD_INDEX: str(number),
        },
        "ownerReferences": [reference_to(stateful_set, STATEFUL_SETS)],
    }
    for field in ("annotations", "finalizers"):
        if metadata.get(field):
            made[field] = metadata[field]
    spec = {**template["spec"], "hostname": name}
    if stateful_set["spec"].get("serviceName"):
        spec["subdomain"] = stateful_set["spec"]["serviceName"]
    volumes = volumes_of(stateful_set, number)
    if volumes:
        taken = {volume["name"] for volume in volumes}
        spec["volumes"] = [*volumes, *(one for one in spec.get("volumes") or () if one["name"] not in taken)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": spec}


def claim_name(stateful_set: Object, template: Object, number: int) -> str:
    return f"{template['metadata']['name']}-{stateful_set['metadata']['name']}-{number}"


def volumes_of(stateful_set: Object, number: int) -> list[Object]:
    return [
        {
            "name": template["metadata"]["name"],
            "persistentVolumeClaim": {"claimName": claim_name(stateful_set, template, number)},
        }
        for template in stateful_set["spec"].get("volumeClaimTemplates") or ()
    ]


def missing_labels(pod: Object) -> dict[str, str]:
    """Of those that make its identity; users may have taken them away."""
    labels = pod["metadata"].get("labels") or {}
    wanted = {POD_NAME: pod["metadata"]["name"], POD_INDEX: str(ordinal(pod))}
    return {key: value for key, value in wanted.items() if labels.get(key) != value}
