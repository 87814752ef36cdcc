"""/metrics and /metrics/probes: what the kubelet counts of its own work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from minikube_edu.container_runtime.cri import SandboxState
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import KubeletHost
from minikube_edu.kubelet.probes.prober import Prober
from minikube_edu.kubelet.stats.exposition import Family
from minikube_edu.lib import version


def of_probes(prober: Prober | None) -> list[Family]:
    words = "[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result."
    total = Family("prober_probe_total", words, "counter")
    for pod, container, kind, counts in prober.counts() if prober is not None else ():
        labels = {
            "container": container, "namespace": pod_facts.namespace(pod), "pod": pod_facts.name(pod),
            "pod_uid": pod_facts.uid(pod), "probe_type": kind.value,
        }  # fmt: skip
        for result in ("successful", "failed", "unknown"):
            if value := getattr(counts, result):
                total.add(value, {**labels, "result": result})
    return [total]


async def of_kubelet(host: KubeletHost, requests: Mapping[tuple[str, str], int]) -> list[Family]:
    build = Family("kubernetes_build_info", version.BUILD_INFO)
    build.add(1, version.labels())
    node = Family("kubelet_node_name", "[ALPHA] The node's name. The count is always 1.")
    node.add(1, {"node": host.identity.name})
    pods = Family("kubelet_running_pods", "[ALPHA] Number of pods that have a running pod sandbox")
    pods.add(sum(one.state is SandboxState.READY for one in await host.runtime.list_sandboxes()))
    containers = Family("kubelet_running_containers", "[ALPHA] Number of containers currently running")
    for state, count in Counter(one.state for one in await host.runtime.list_containers()).items():
        containers.add(count, {"container_state": state.value.removeprefix("CONTAINER_").lower()})
    words = "[ALPHA] Number of the http requests received since the server started"
    asked = Family("kubelet_http_requests_total", words, "counter")
    for (method, path), count in sorted(requests.items()):
        asked.add(count, {"method": method, "path": path, "server_type": "readwrite"})
    return [build, node, pods, containers, asked]
