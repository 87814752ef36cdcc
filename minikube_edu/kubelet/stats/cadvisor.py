"""/metrics/cadvisor: the same numbers as the program cAdvisor names them, which most dashboards are drawn from."""

from __future__ import annotations

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.stats.exposition import Family
from minikube_edu.kubelet.stats.usage import NodeUsage, PodUsage

NANO = 1e9
_FAMILIES = (
    ("container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", "counter"),
    ("container_memory_working_set_bytes", "Current working set in bytes.", "gauge"),
    ("container_memory_usage_bytes", "Current memory usage in bytes, including all memory.", "gauge"),
    ("container_memory_rss", "Size of RSS in bytes.", "gauge"),
    ("container_fs_usage_bytes", "Number of bytes that are consumed by the container on this filesystem.", "gauge"),
    ("container_spec_memory_limit_bytes", "Memory limit for the container.", "gauge"),
    ("container_start_time_seconds", "Start time of the container since unix epoch in seconds.", "gauge"),
    ("container_last_seen", "Last time a container was seen by the exporter", "gauge"),
    ("container_network_receive_bytes_total", "Cumulative count of bytes received", "counter"),
    ("container_network_transmit_bytes_total", "Cumulative count of bytes transmitted", "counter"),
    ("container_processes", "Number of processes running inside the container.", "gauge"),
    ("machine_cpu_cores", "Number of logical CPU cores.", "gauge"),
    ("machine_memory_bytes", "Amount of memory installed on the machine.", "gauge"),
)


def families(usage: NodeUsage) -> list[Family]:
    made = {name: Family(name, words, kind) for name, words, kind in _FAMILIES}
    made["machine_cpu_cores"].add(usage.processors)
    made["machine_memory_bytes"].add(usage.memory_capacity)
    for pod in usage.pods:
        _pod(made, pod)
    return list(made.values())


def _pod(made: dict[str, Family], pod: PodUsage) -> None:
    at, identity = pod.stats.timestamp, f"/kubepods/pod{pod_facts.uid(pod.pod)}"
    common = {**pod.labels, "image": "", "name": pod.sandbox.id, "id": f"{identity}/{pod.sandbox.id}", "container": ""}
    network = {**common, "interface": "eth0"}
    made["container_network_receive_bytes_total"].add(pod.stats.rx_bytes, network, at)
    made["container_network_transmit_bytes_total"].add(pod.stats.tx_bytes, network, at)
    made["container_processes"].add(pod.stats.processes, common, at)
    for container, stats in pod.containers:
        labels = {
            **pod.labels, "container": container.config.name, "image": container.image_ref, "name": container.id,
            "id": f"{identity}/{container.id}",
        }  # fmt: skip
        made["container_cpu_usage_seconds_total"].add(
            stats.cpu_nanoseconds / NANO, {**labels, "cpu": "total"}, stats.timestamp
        )
        for name, value in (
            ("container_memory_working_set_bytes", stats.memory_working_set),
            ("container_memory_usage_bytes", stats.memory_working_set),
            ("container_memory_rss", stats.memory_rss),
            ("container_fs_usage_bytes", stats.filesystem_used),
            ("container_spec_memory_limit_bytes", stats.memory_limit),
            ("container_start_time_seconds", container.started_at),
            ("container_last_seen", stats.timestamp),
        ):
            made[name].add(value, labels, stats.timestamp)
