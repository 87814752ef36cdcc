"""What the kubelet writes on sandboxes and containers, so that it, or the next kubelet, finds its pods again.

The runtime keeps labels and annotations and understands none of them; `crictl ps` and log collectors read them.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.pod_facts import CONTAINER_NAME, POD_NAME, POD_NAMESPACE, POD_UID

Object = dict[str, Any]
Texts = dict[str, str]

PRE_STOP = "io.kubernetes.container.preStopHandler"
PORTS = "io.kubernetes.container.ports"


def pod_labels(pod: Object) -> Texts:
    metadata = pod["metadata"]
    return {
        POD_NAME: metadata["name"],
        POD_NAMESPACE: metadata.get("namespace", ""),
        POD_UID: metadata.get("uid", ""),
    }


def sandbox_labels(pod: Object) -> Texts:
    return {**(pod["metadata"].get("labels") or {}), **pod_labels(pod)}


def container_labels(pod: Object, container: Object) -> Texts:
    return {CONTAINER_NAME: container["name"], **pod_labels(pod)}


def container_annotations(pod: Object, container: Object, attempt: int) -> Texts:
    spec, found = (
        pod["spec"],
        {
            pod_facts.CONTAINER_HASH: pod_facts.container_hash(container),
            pod_facts.RESTART_COUNT: str(attempt),
            pod_facts.TERMINATION_PATH: container.get("terminationMessagePath") or "",
            pod_facts.TERMINATION_POLICY: container.get("terminationMessagePolicy") or "",
        },
    )
    if spec.get("terminationGracePeriodSeconds") is not None:
        found[pod_facts.GRACE_PERIOD] = str(spec["terminationGracePeriodSeconds"])
    if pod["metadata"].get("deletionGracePeriodSeconds") is not None:
        found[pod_facts.DELETION_GRACE_PERIOD] = str(pod["metadata"]["deletionGracePeriodSeconds"])
    if pre_stop := (container.get("lifecycle") or {}).get("preStop"):
        found[PRE_STOP] = orjson.dumps(pre_stop).decode()
    if container.get("ports"):
        found[PORTS] = orjson.dumps(container["ports"]).decode()
    return found
