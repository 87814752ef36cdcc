"""The Node object as its kubelet writes it: labels, addresses, capacity, what is allocatable, what runs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from minikube_edu.api.quantity import BINARY, Quantity, canonical
from minikube_edu.api.quantity import parse as parse_quantity
from minikube_edu.container_runtime.cri import Image, Version
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.node.described_machine import DescribedMachine
from minikube_edu.lib import version as version_of

NAMES_PER_IMAGE = 5
UNINITIALIZED = {"key": "node.cloudprovider.kubernetes.io/uninitialized", "value": "true", "effect": "NoSchedule"}
HANDLER_FEATURES = {"recursiveReadOnlyMounts": True, "userNamespaces": True}


class NodeShape(Struct, frozen=True):
    """What does not change while the kubelet runs."""

    name: str
    addresses: Sequence[str]
    machine: DescribedMachine
    configuration: Object
    host_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    external_cloud: bool = False


def labels(shape: NodeShape) -> dict[str, str]:
    architecture = shape.machine.architecture
    return {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": shape.host_name or shape.name,
        "kubernetes.io/os": "linux",
        **shape.labels,
    }


def node_object(shape: NodeShape) -> Object:
    """For registration; the status is put in by the caller."""
    spec: Object = {}
    taints = list(shape.configuration.get("registerWithTaints") or ())
    if shape.external_cloud:
        taints.append(UNINITIALIZED)
    if taints:
        spec["taints"] = taints
    if shape.configuration.get("providerID"):
        spec["providerID"] = shape.configuration["providerID"]
    annotations = {"volumes.kubernetes.io/controller-managed-attach-detach": "true"}
    if shape.external_cloud and shape.addresses:
        annotations["alpha.kubernetes.io/provided-node-ip"] = ",".join(shape.addresses)
    metadata = {"name": shape.name, "labels": labels(shape), "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def capacity(shape: NodeShape) -> dict[str, str]:
    machine = shape.machine
    pods = int(shape.configuration.get("maxPods") or 110)
    found = {
        "cpu": str(machine.cpus),
        "ephemeral-storage": f"{machine.disk // 1024}Ki",
        "hugepages-1Gi": "0",
        "hugepages-2Mi": "0",
        "memory": f"{machine.memory // 1024}Ki",
        "pods": str(pods),
        **machine.more,
    }
    return {name: canonical(text) for name, text in found.items()}  # as the API gives them back


def allocatable(shape: NodeShape) -> dict[str, str]:
    """Capacity without what is reserved and what hard eviction keeps free."""
    found = capacity(shape)
    reserved: dict[str, Quantity] = {}
    for kind in ("systemReserved", "kubeReserved"):
        for name, text in (shape.configuration.get(kind) or {}).items():
            reserved[name] = reserved.get(name, Quantity(0)).add(parse_quantity(str(text)))
    for signal, name in (("memory.available", "memory"), ("nodefs.available", "ephemeral-storage")):
        text = (shape.configuration.get("evictionHard") or {}).get(signal)
        if text:
            kept = share(str(text), parse_quantity(found[name]).value())
            reserved[name] = reserved.get(name, Quantity(0)).add(Quantity(kept, format=BINARY))
    for name, amount in reserved.items():
        if name in found:
            left = parse_quantity(found[name]).sub(amount)
            found[name] = str(left) if left.sign() > 0 else "0"
            if name == "ephemeral-storage":
                found[name] = str(max(0, left.value()))
    return found


def share(text: str, whole: int) -> int:
    """An amount, or per cent of the whole."""
    if text.endswith("%"):
        return int(whole * float(text[:-1]) / 100)
    return parse_quantity(text).value()


def alone(shape: NodeShape) -> Object:
    """The node of a kubelet without an API: what its pods have room in."""
    return {**node_object(shape), "status": {"capacity": capacity(shape), "allocatable": allocatable(shape)}}


def fixed_status(shape: NodeShape, version: Version) -> Object:
    """The part of the status that stays."""
    machine = shape.machine
    addresses = [{"type": "InternalIP", "address": one} for one in shape.addresses]
    addresses.append({"type": "Hostname", "address": shape.host_name or shape.name})
    return {
        "addresses": addresses,
        "capacity": capacity(shape),
        "allocatable": allocatable(shape),
        "daemonEndpoints": {"kubeletEndpoint": {"Port": int(shape.configuration.get("port") or 10250)}},
        "features": {"supplementalGroupsPolicy": True},
        "nodeInfo": {
            "architecture": machine.architecture,
            "bootID": machine.boot_id,
            "containerRuntimeVersion": f"{version.name}://{version.version.removeprefix('v')}",
            "kernelVersion": machine.kernel,
            "kubeProxyVersion": "",
            "kubeletVersion": version_of.running(),
            "machineID": machine.machine_id,
            "operatingSystem": "linux",
            "osImage": machine.os_image,
            "systemUUID": machine.system_uuid,
        },
        "runtimeHandlers": [
            {"name": "", "features": dict(HANDLER_FEATURES)},
            {"name": "runc", "features": dict(HANDLER_FEATURES)},
        ],
    }


def image_list(images: Sequence[Image], most: int) -> list[Object]:
    """The largest first, as many as are shown."""
    listed = [
        {"names": [*image.digests, *image.tags][:NAMES_PER_IMAGE], "sizeBytes": image.size}
        for image in sorted(images, key=lambda image: (-image.size, image.id))
    ]
    return listed if most < 0 else listed[:most]
