"""/metrics/resource: processor and memory of node, pods and containers; a metrics server reads it every 15 seconds."""

from __future__ import annotations

from minikube_edu.kubelet.stats.exposition import Family
from minikube_edu.kubelet.stats.usage import NodeUsage

NANO = 1e9
_CPU = "Cumulative cpu time consumed by the {} in core-seconds"
_MEMORY = "Current working set of the {} in bytes"


def families(usage: NodeUsage) -> list[Family]:
    made = {
        what: (
            Family(f"{what}_cpu_usage_seconds_total", f"[STABLE] {_CPU.format(what)}", "counter"),
            Family(f"{what}_memory_working_set_bytes", f"[STABLE] {_MEMORY.format(what)}"),
        )
        for what in ("node", "pod", "container")
    }
    start = Family("container_start_time_seconds", "[STABLE] Start time of the container since unix epoch in seconds")
    errors = Family("resource_scrape_error", "[STABLE] 1 if there was an error while getting container metrics")
    errors.add(0)
    cpu, memory = made["node"]
    cpu.add(usage.sum("cpu_nanoseconds") / NANO, at=usage.at)
    memory.add(usage.sum("memory_working_set"), at=usage.at)
    for pod in usage.pods:
        at = pod.stats.timestamp
        cpu, memory = made["pod"]
        cpu.add(pod.sum("cpu_nanoseconds") / NANO, pod.labels, at)
        memory.add(pod.sum("memory_working_set"), pod.labels, at)
        cpu, memory = made["container"]
        for container, stats in pod.containers:
            labels = {"container": container.config.name, **pod.labels}
            cpu.add(stats.cpu_nanoseconds / NANO, labels, stats.timestamp)
            memory.add(stats.memory_working_set, labels, stats.timestamp)
            start.add(container.started_at, labels)
    return [start, errors, *(family for pair in made.values() for family in pair)]
