"""/stats/summary: the node, its pods and their containers, as one JSON document (kubelet/pkg/apis/stats/v1alpha1).

The node's numbers are the sums of its pods': the programs of the host around them belong to other nodes as well. With
`only_cpu_and_memory` the rest is left out.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.container_runtime.cri import ContainerStats, FilesystemUsage
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.stats.usage import NodeUsage, PodUsage
from minikube_edu.lib import clock

Object = dict[str, Any]

INODES = 6_553_600  # of the file system that all nodes share


def document(usage: NodeUsage, node_name: str, brief: bool = False) -> Object:
    node: Object = {
        "nodeName": node_name,
        "startTime": clock.rfc3339(usage.started_at),
        "cpu": _cpu(usage.at, usage.sum("cpu_nanocores"), usage.sum("cpu_nanoseconds")),
        "memory": _memory(usage.at, usage.sum("memory_working_set"), usage.sum("memory_rss"), usage.memory_capacity),
    }
    if not brief:
        received, sent = (sum(getattr(pod.stats, name) for pod in usage.pods) for name in ("rx_bytes", "tx_bytes"))
        node["network"] = _network(usage.at, received, sent)
        node["fs"] = _filesystem(usage.at, usage.images)
        node["runtime"] = {"imageFs": _filesystem(usage.at, usage.images)}
        node["rlimit"] = {
            "time": clock.rfc3339(usage.at), "maxpid": 4_194_304,
            "curproc": sum(pod.stats.processes for pod in usage.pods),
        }  # fmt: skip
    return {"node": node, "pods": [_pod(usage, pod, brief) for pod in usage.pods]}


def _pod(usage: NodeUsage, pod: PodUsage, brief: bool) -> Object:
    at = pod.stats.timestamp
    made: Object = {
        "podRef": {**_reference(pod.pod)},
        "startTime": clock.rfc3339(pod.sandbox.created_at),
        "containers": [
            {
                "name": container.config.name,
                "startTime": clock.rfc3339(container.started_at),
                **_container(stats, usage.images, brief),
            }
            for container, stats in pod.containers
        ],
        "cpu": _cpu(at, pod.sum("cpu_nanocores"), pod.sum("cpu_nanoseconds")),
        "memory": _memory(at, pod.sum("memory_working_set"), pod.sum("memory_rss")),
    }
    if brief:
        return made
    made["network"] = _network(at, pod.stats.rx_bytes, pod.stats.tx_bytes)
    if pod.volumes:
        made["volume"] = [
            {**_used(usage.at, usage.images, size, files), "name": name} for name, (size, files) in pod.volumes.items()
        ]
    size = pod.sum("filesystem_used") + sum(one for one, _ in pod.volumes.values())
    files = pod.sum("filesystem_inodes") + sum(one for _, one in pod.volumes.values())
    made["ephemeral-storage"] = _used(usage.at, usage.images, size, files)
    made["process_stats"] = {"process_count": pod.stats.processes}
    return made


def _reference(pod: Object) -> Object:
    return {"name": pod_facts.name(pod), "namespace": pod_facts.namespace(pod), "uid": pod_facts.uid(pod)}


def _container(stats: ContainerStats, disk: FilesystemUsage, brief: bool) -> Object:
    made: Object = {
        "cpu": _cpu(stats.timestamp, stats.cpu_nanocores, stats.cpu_nanoseconds),
        "memory": _memory(stats.timestamp, stats.memory_working_set, stats.memory_rss, stats.memory_limit),
    }
    if not brief:
        made["rootfs"] = _used(stats.timestamp, disk, stats.filesystem_used, stats.filesystem_inodes)
        made["logs"] = _used(stats.timestamp, disk, 0, 0)
    return made


def _cpu(at: float, now: int, ever: int) -> Object:
    return {"time": clock.rfc3339(at), "usageNanoCores": now, "usageCoreNanoSeconds": ever}


def _memory(at: float, working_set: int, resident: int, limit: int = 0) -> Object:
    made: Object = {"time": clock.rfc3339(at)}
    if limit:
        made["availableBytes"] = max(0, limit - working_set)
    return {
        **made, "usageBytes": working_set, "workingSetBytes": working_set, "rssBytes": resident, "pageFaults": 0,
        "majorPageFaults": 0,
    }  # fmt: skip


def _network(at: float, received: int, sent: int) -> Object:
    one = {"name": "eth0", "rxBytes": received, "rxErrors": 0, "txBytes": sent, "txErrors": 0}
    return {"time": clock.rfc3339(at), **one, "interfaces": [one]}


def _filesystem(at: float, disk: FilesystemUsage) -> Object:
    return _used(at, disk, disk.used_bytes, disk.used_inodes)


def _used(at: float, disk: FilesystemUsage, size: int, files: int) -> Object:
    return {
        "time": clock.rfc3339(at),
        "availableBytes": max(0, disk.capacity_bytes - disk.used_bytes),
        "capacityBytes": disk.capacity_bytes,
        "usedBytes": size,
        "inodesFree": max(0, INODES - disk.used_inodes),
        "inodes": INODES,
        "inodesUsed": files,
    }
