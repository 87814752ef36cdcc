"""The runtime's facts as crictl writes them with -o json and inspect: CRI's messages in protobuf's JSON."""

from __future__ import annotations

import json
from typing import Any

from minikube_edu.container_runtime.cri import Container, ContainerStats, Image, Sandbox

Object = dict[str, Any]


def nanoseconds(seconds: float) -> str:
    return str(int(seconds * 1_000_000_000))


def container(one: Container) -> Object:
    """In a list."""
    return {
        "id": one.id,
        "podSandboxId": one.sandbox_id,
        "metadata": {"name": one.config.name, "attempt": one.config.attempt},
        "image": {"image": one.config.image, "annotations": {}, "userSpecifiedImage": one.config.image},
        "imageRef": one.image_ref,
        "imageId": one.image_id,
        "state": one.state.value,
        "createdAt": nanoseconds(one.created_at),
        "labels": dict(one.config.labels),
        "annotations": dict(one.config.annotations),
    }


def container_status(one: Container) -> Object:
    """`inspect`"""
    resources = one.config.resources
    status: Object = {
        "annotations": dict(one.config.annotations),
        "createdAt": moment(one.created_at),
        "exitCode": one.exit_code,
        "finishedAt": moment(one.finished_at),
        "id": one.id,
        "image": {"annotations": {}, "image": one.config.image, "userSpecifiedImage": one.config.image},
        "imageId": one.image_id,
        "imageRef": one.image_ref,
        "labels": dict(one.config.labels),
        "logPath": one.log_path,
        "message": one.message,
        "metadata": {"attempt": one.config.attempt, "name": one.config.name},
        "mounts": [
            {
                "containerPath": mount.container_path,
                "hostPath": mount.host_path,
                "propagation": "PROPAGATION_PRIVATE",
                "readonly": mount.readonly,
            }
            for mount in one.config.mounts
        ],
        "reason": one.reason,
        "resources": {
            "linux": {
                "cpuPeriod": "100000",
                "cpuQuota": str(resources.cpu_millis * 100),
                "memoryLimitInBytes": str(resources.memory_bytes),
                "oomScoreAdj": str(resources.oom_score_adj),
            }
        },
        "startedAt": moment(one.started_at),
        "state": one.state.value,
        "user": {"linux": {"uid": str(one.user)}},
    }
    config = one.config
    info = {
        "sandboxID": one.sandbox_id,
        "removing": False,
        "config": {
            "metadata": {"name": config.name, "attempt": config.attempt},
            "image": {"image": config.image},
            "command": list(config.command),
            "args": list(config.args),
            "envs": [{"key": key, "value": value} for key, value in config.env.items()],
            "working_dir": config.working_dir,
            "log_path": config.log_path,
            "tty": config.tty,
            "stdin": config.stdin,
        },
    }
    return {"info": info, "status": status}


def sandbox(one: Sandbox) -> Object:
    config = one.config
    return {
        "id": one.id,
        "metadata": {
            "name": config.name,
            "uid": config.uid,
            "namespace": config.namespace,
            "attempt": config.attempt,
        },
        "state": one.state.value,
        "createdAt": nanoseconds(one.created_at),
        "labels": dict(config.labels),
        "annotations": dict(config.annotations),
        "runtimeHandler": config.runtime_handler,
    }


def sandbox_status(one: Sandbox) -> Object:
    """`inspectp`"""
    ips = list(one.ips)
    status = {
        **sandbox(one),
        "createdAt": moment(one.created_at),
        "network": {"additionalIps": [{"ip": ip} for ip in ips[1:]], "ip": ips[0] if ips else ""},
        "linux": {"namespaces": {"options": {"network": "NODE" if one.config.host_network else "POD"}}},
    }
    return {"info": {"runtimeHandler": one.config.runtime_handler, "hostname": one.config.hostname}, "status": status}


def image(one: Image) -> Object:
    return {
        "id": one.id,
        "repoTags": list(one.tags),
        "repoDigests": list(one.digests),
        "size": str(one.size),
        "uid": {"value": one.user} if one.user.isdigit() else None,
        "username": "" if one.user.isdigit() else one.user,
        "spec": None,
        "pinned": one.pinned,
    }


def stats(one: ContainerStats, container: Container) -> Object:
    stamp = nanoseconds(one.timestamp)
    return {
        "attributes": {
            "id": one.id,
            "metadata": {"name": container.config.name, "attempt": container.config.attempt},
            "labels": dict(container.config.labels),
            "annotations": dict(container.config.annotations),
        },
        "cpu": {
            "timestamp": stamp,
            "usageCoreNanoSeconds": {"value": str(one.cpu_nanoseconds)},
            "usageNanoCores": {"value": str(one.cpu_nanocores)},
        },
        "memory": {"timestamp": stamp, "workingSetBytes": {"value": str(one.memory_working_set)}},
        "writableLayer": {
            "timestamp": stamp,
            "usedBytes": {"value": str(one.filesystem_used)},
            "inodesUsed": {"value": str(one.filesystem_inodes)},
        },
    }


def moment(seconds: float) -> str:
    """RFC 3339 with nanoseconds, as the real one writes it; the year 0 for what has not happened."""
    from minikube_edu.lib.clock import rfc3339_micro

    return rfc3339_micro(seconds).replace("Z", "000Z") if seconds else "0001-01-01T00:00:00Z"


def printed(document: Object, form: str) -> str:
    if form == "yaml":
        import yaml

        return yaml.safe_dump(document, sort_keys=False)
    return json.dumps(document, indent=2) + "\n"
