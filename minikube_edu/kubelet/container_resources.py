"""What a container may use, as the runtime is told, and how likely the kernel is to end it when memory runs out.

The score: those who promised nothing (BestEffort) go first at 1000; guaranteed and critical pods last at -997; between
them the less of the node's memory was requested, the sooner.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.qos import qos_class
from minikube_edu.container_runtime.cri import Resources
from minikube_edu.kubelet.pod_facts import init_containers, is_critical

Object = dict[str, Any]

GUARANTEED, BEST_EFFORT = -997, 1000


def resources(pod: Object, container: Object, node_memory: int) -> Resources:
    amounts = container.get("resources") or {}
    limits, requests = amounts.get("limits") or {}, amounts.get("requests") or {}
    whole = (pod["spec"].get("resources") or {}).get("limits") or {}  # of the pod as a whole
    cpu, memory = limits.get("cpu", whole.get("cpu")), limits.get("memory", whole.get("memory"))
    return Resources(
        cpu_millis=_milli(cpu),
        memory_bytes=amount(memory),
        cpu_request_millis=_milli(requests.get("cpu", limits.get("cpu"))),
        memory_request_bytes=amount(requests.get("memory", limits.get("memory"))),
        oom_score_adj=oom_score(pod, container, node_memory),
    )


def oom_score(pod: Object, container: Object, node_memory: int) -> int:
    quality = (pod.get("status") or {}).get("qosClass") or qos_class(pod["spec"])
    if is_critical(pod) or quality == "Guaranteed":
        return GUARANTEED
    if quality == "BestEffort":
        return BEST_EFFORT
    score = _burstable(_request(container), node_memory)
    if any(one["name"] == container["name"] for one in init_containers(pod)):  # no sooner than those that it serves
        others = [_burstable(_request(one), node_memory) for one in pod["spec"]["containers"]]
        score = min(score, *others)
    return score


def _burstable(request: int, node_memory: int) -> int:
    score = 1000 - (1000 * request) // max(node_memory, 1)
    return min(max(score, 1000 + GUARANTEED), BEST_EFFORT - 1)


def _request(container: Object) -> int:
    return amount(((container.get("resources") or {}).get("requests") or {}).get("memory"))


def _milli(text: Any) -> int:
    return quantity.parse(str(text)).milli_value() if text is not None else 0


def amount(text: Any) -> int:
    return quantity.parse(str(text)).value() if text is not None else 0
