"""Puts together what the runtime is asked for: a pod's sandbox, and each of its containers.

The parts are read here and made elsewhere: `environment`, `mounts`, `security`, `container_resources`,
`name_resolution`, `host_name`, `runtime_labels`. Nothing is kept between calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minikube_edu.container_runtime.cri import (
    ContainerConfig,
    ContainerRuntime,
    Image,
    Mount,
    PortMapping,
    SandboxConfig,
)
from minikube_edu.kubelet import (
    container_resources,
    expansion,
    host_name,
    hosts_file,
    mounts,
    name_resolution,
    pod_facts,
    runtime_labels,
    security,
)
from minikube_edu.kubelet.contract import ApiObjects, NodeIdentity, PodAddresses, Recorder
from minikube_edu.kubelet.environment import Environment
from minikube_edu.kubelet.node_paths import below, pod_directory

Object = dict[str, Any]

RESOLV_CONF = "/etc/resolv.conf"


class PodConfigurer:
    """A Configurer. `resolv_conf` is a path on the node; empty: the node resolves nothing."""

    def __init__(
        self,
        identity: NodeIdentity,
        runtime: ContainerRuntime,
        objects: ApiObjects,
        recorder: Recorder,
        resolv_conf: str = RESOLV_CONF,
        capacity: Mapping[str, str] | None = None,
    ) -> None:
        self.identity, self.runtime, self.objects, self.recorder = identity, runtime, objects, recorder
        self.resolv_conf = below(identity.root, resolv_conf) if resolv_conf else None
        self.capacity = dict(capacity or {"cpu": "2", "memory": "4Gi"})  # until the node's status is known

    def sandbox(self, pod: Object, attempt: int) -> SandboxConfig:
        spec, node = pod["spec"], self.identity
        whole = spec.get("securityContext") or {}
        return SandboxConfig(
            name=pod_facts.name(pod),
            namespace=pod_facts.namespace(pod),
            uid=pod_facts.uid(pod),
            attempt=attempt,
            hostname=host_name.in_the_kernel(pod, node.cluster_domain, node.name),
            log_directory=str(log_directory(node.root, pod)),
            dns=name_resolution.resolution(
                pod, node, self.resolv_conf, lambda reason, text: self.recorder.event(pod, "Warning", reason, text)
            ),
            port_mappings=tuple(port_mappings(pod)),
            host_network=bool(spec.get("hostNetwork")),
            host_pid=bool(spec.get("hostPID")),
            host_ipc=bool(spec.get("hostIPC")),
            share_process_namespace=bool(spec.get("shareProcessNamespace")),
            sysctls={one["name"]: one["value"] for one in whole.get("sysctls") or ()},
            labels=runtime_labels.sandbox_labels(pod),
            annotations=dict(pod["metadata"].get("annotations") or {}),
            runtime_handler=spec.get("runtimeClassName") or "",
        )

    async def container(
        self,
        pod: Object,
        container: Object,
        attempt: int,
        volumes: Mapping[str, Path],
        addresses: PodAddresses,
        image_id: str,
        target: str = "",
    ) -> ContainerConfig:
        image = await self._image(image_id)
        secured = security.context(pod, container, image)
        env = await self.environment(pod, container, volumes, addresses)
        path = container.get("terminationMessagePath") or "/dev/termination-log"
        return ContainerConfig(
            name=container["name"],
            image=container.get("image", ""),
            image_id=image_id,
            attempt=attempt,
            command=tuple(expansion.expand(word, env) for word in container.get("command") or ()),
            args=tuple(expansion.expand(word, env) for word in container.get("args") or ()),
            working_dir=container.get("workingDir") or "",
            env=env,
            mounts=tuple(self.every_mount(pod, container, attempt, volumes, env, addresses)),
            labels=runtime_labels.container_labels(pod, container),
            annotations=runtime_labels.container_annotations(pod, container, attempt),
            log_path=f"{container['name']}/{attempt}.log",
            stdin=bool(container.get("stdin")),
            stdin_once=bool(container.get("stdinOnce")),
            tty=bool(container.get("tty")),
            resources=container_resources.resources(pod, container, self.node_memory()),
            security=secured,
            termination_message_path=path,
            stop_signal=(container.get("lifecycle") or {}).get("stopSignal") or "",
            target_container=target,
        )

    async def environment(
        self, pod: Object, container: Object, volumes: Mapping[str, Path], addresses: PodAddresses
    ) -> dict[str, str]:
        if not addresses.host_ips:
            addresses = PodAddresses(addresses.ips, (self.identity.address,))
        if pod["spec"].get("hostNetwork") and not addresses.ips:
            addresses = PodAddresses(addresses.host_ips, addresses.host_ips)
        return await Environment(
            pod, container, self.objects, volumes, addresses, self._node("allocatable")
        ).variables()

    def every_mount(
        self,
        pod: Object,
        container: Object,
        attempt: int,
        volumes: Mapping[str, Path],
        env: Mapping[str, str],
        addresses: PodAddresses,
    ) -> list[Mount]:
        directory = pod_directory(self.identity.root, pod_facts.uid(pod))
        found = mounts.volume_mounts(pod, container, volumes, env, directory)
        taken = {mount.container_path for mount in found}
        if hosts_file.PATH not in taken and (addresses.ips or pod["spec"].get("hostNetwork")):
            found.append(mounts.hosts_mount(directory, self.hosts(pod, addresses)))
        log = mounts.termination_log(directory, pod, container, attempt)
        return found if log is None or log.container_path in taken else [*found, log]

    def hosts(self, pod: Object, addresses: PodAddresses) -> str:
        aliases = pod["spec"].get("hostAliases") or ()
        if pod["spec"].get("hostNetwork"):
            return hosts_file.host_content(below(self.identity.root, hosts_file.PATH), aliases)
        name, domain = host_name.name_and_domain(pod, self.identity.cluster_domain)
        return hosts_file.content(addresses.ips, name, domain, aliases)

    def node_memory(self) -> int:
        return container_resources.amount(self._node("capacity").get("memory"))

    def _node(self, field: str) -> Mapping[str, str]:
        status = (self.objects.node() or {}).get("status") or {}
        return status.get(field) or self.capacity

    async def _image(self, image_id: str) -> Image | None:
        return await self.runtime.image_status(image_id) if image_id else None


def log_directory(root: Path, pod: Object) -> Path:
    where = f"{pod_facts.namespace(pod)}_{pod_facts.name(pod)}_{pod_facts.uid(pod)}"
    return root / "var/log/pods" / where


def port_mappings(pod: Object) -> list[PortMapping]:
    """Of all containers; a port twice is asked for once."""
    found: dict[PortMapping, None] = {}
    for container in (*pod_facts.init_containers(pod), *pod_facts.containers(pod)):
        for port in container.get("ports") or ():
            one = PortMapping(
                port["containerPort"], port.get("protocol") or "TCP", port.get("hostPort") or 0, port.get("hostIP", "")
            )
            found[one] = None
    return list(found)
