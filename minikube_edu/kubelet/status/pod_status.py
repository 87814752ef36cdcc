"""A pod's whole status, from its spec, what runs of it, and the status before."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.api.qos import qos_class
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.decisions import sandbox_changed
from minikube_edu.kubelet.runtime_view import PodView
from minikube_edu.kubelet.status.conditions import conditions
from minikube_edu.kubelet.status.container_statuses import Told, container_statuses
from minikube_edu.kubelet.status.phase import phase
from minikube_edu.lib import clock

TERMINAL = ("Succeeded", "Failed")


def pod_status(
    pod: Object,
    view: PodView,
    old: Object,
    told: Told,
    *,
    host_ips: Sequence[str],
    finished: bool = False,
    resizing: Sequence[Object] = (),
) -> Object:
    """`old` is the status before; `finished`: nothing of the pod runs or will run again."""
    made: Object = {}
    lists = {}
    for field, name in (
        ("initContainers", "initContainerStatuses"),
        ("containers", "containerStatuses"),
        ("ephemeralContainers", "ephemeralContainerStatuses"),
    ):
        lists[name] = container_statuses(pod, view, field, old.get(name) or (), told)
        if lists[name]:
            made[name] = lists[name]
    by_name = {one["name"]: one for one in (*lists["initContainerStatuses"], *lists["containerStatuses"])}
    regular = {container["name"] for container in pod_facts.containers(pod)}
    started_before = any(one.config.name in regular for one in view.containers)
    now = phase(pod, by_name, finished=finished, started_before=started_before)
    said = str((pod.get("status") or {}).get("phase") or "")
    if said in TERMINAL:
        now = said  # there is no way back
    elif now not in TERMINAL and old.get("phase") in TERMINAL:
        now = old["phase"]
    made["phase"] = now
    if now == old.get("phase"):
        made |= {key: old[key] for key in ("reason", "message") if old.get(key)}
    made["qosClass"] = qos_class(pod["spec"])
    has_sandbox = not sandbox_changed(pod, view)[0]
    made["conditions"] = conditions(pod, by_name, now, has_sandbox=has_sandbox, resizing=resizing, old=old)
    _addresses(pod, view, old, made, host_ips)
    made["startTime"] = old.get("startTime") or clock.rfc3339()
    generation = pod_facts.generation(pod)
    if generation:
        made["observedGeneration"] = generation
    return made


def _addresses(pod: Object, view: PodView, old: Object, made: Object, host_ips: Sequence[str]) -> None:
    ips = list(view.ips)
    if pod_facts.is_host_network(pod):
        ips = [one["ip"] for one in old.get("podIPs") or ()] or list(host_ips)
    elif not ips and made["phase"] in TERMINAL:
        ips = [one["ip"] for one in old.get("podIPs") or ()]
    if ips:
        made |= {"podIP": ips[0], "podIPs": [{"ip": ip} for ip in ips]}
    if host_ips:
        made |= {"hostIP": host_ips[0], "hostIPs": [{"ip": ip} for ip in host_ips]}
