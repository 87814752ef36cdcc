"""Services, endpoints, endpoint slices."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import NONE, UNSET, Object, Page, pairs

SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", True, "EndpointSlice")
_SHOWN = 3  # addresses


async def slices_of(client: Any, namespace: str, service: str) -> list[Object]:
    answer = await client.list(SLICES, namespace, label_selector=f"kubernetes.io/service-name={service}")
    return list(answer.get("items") or ())


def addresses(slices: list[Object], port_name: str) -> str:
    """`10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more...`."""
    if not slices:
        return NONE
    found: list[str] = []
    for one in slices:
        ready = [entry["addresses"][0] for entry in one.get("endpoints") or () if _ready(entry)]
        ports = one.get("ports") or ()
        if not ports:
            found += ready
        for port in ports:
            if (port.get("name") or "") == port_name:
                found += [_joined(address, port.get("port") or 0) for address in ready]
    more = len(found) - _SHOWN
    return ",".join(found[:_SHOWN]) + (f" + {more} more..." if more > 0 else "")


def _ready(entry: Object) -> bool:
    return (entry.get("conditions") or {}).get("ready") is not False


def _joined(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


async def service(page: Page, obj: Object, client: Any) -> None:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    try:
        slices = await slices_of(client, metadata.get("namespace") or "", metadata["name"])
    except ApiError:
        slices = []
    page.named(obj)
    page.marked(obj)
    page.field(0, "Selector", pairs(spec.get("selector")))
    page.field(0, "Type", spec.get("type") or "")
    if spec.get("ipFamilyPolicy") is not None:
        page.field(0, "IP Family Policy", spec["ipFamilyPolicy"])
    page.field(0, "IP Families", ",".join(spec.get("ipFamilies") or ()) or NONE)
    page.field(0, "IP", spec.get("clusterIP") or "")
    page.field(0, "IPs", ",".join(spec.get("clusterIPs") or ()) or NONE)
    if spec.get("externalIPs"):
        page.field(0, "External IPs", ",".join(spec["externalIPs"]))
    if spec.get("loadBalancerIP"):
        page.field(0, "Desired LoadBalancer IP", spec["loadBalancerIP"])
    if spec.get("externalName"):
        page.field(0, "External Name", spec["externalName"])
    if ingress := (status.get("loadBalancer") or {}).get("ingress"):
        page.field(0, "LoadBalancer Ingress", ", ".join(map(_ingress, ingress)))
    for port in spec.get("ports") or ():
        _port(page, port, slices)
    _behaviour(page, spec)


def _port(page: Page, port: Object, slices: list[Object]) -> None:
    name, protocol = port.get("name") or UNSET, port.get("protocol") or ""
    page.columns(0, "Port:", name, f"{port['port']}/{protocol}")
    page.field(0, "TargetPort", f"{port.get('targetPort') or 0}/{protocol}")
    if port.get("appProtocol") is not None:
        page.field(0, "AppProtocol", port["appProtocol"])
    if port.get("nodePort"):
        page.columns(0, "NodePort:", name, f"{port['nodePort']}/{protocol}")
    page.field(0, "Endpoints", addresses(slices, port.get("name") or ""))


def _behaviour(page: Page, spec: Object) -> None:
    page.field(0, "Session Affinity", spec.get("sessionAffinity") or "")
    for label, name in (
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
        ("HealthCheck NodePort", "healthCheckNodePort"),
    ):
        if spec.get(name):
            page.field(0, label, spec[name])
    if spec.get("loadBalancerSourceRanges"):
        page.field(0, "LoadBalancer Source Ranges", ",".join(spec["loadBalancerSourceRanges"]))
    if spec.get("trafficDistribution") is not None:
        page.field(0, "Traffic Distribution", spec["trafficDistribution"])


def _ingress(found: Object) -> str:
    if not found.get("ip"):
        return str(found.get("hostname") or "")
    return f"{found['ip']} ({found['ipMode']})" if found.get("ipMode") is not None else str(found["ip"])


async def endpoints(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    page.marked(obj)
    page.line(0, "Subsets:")
    for subset in obj.get("subsets") or ():
        for label, name in (("Addresses", "addresses"), ("NotReadyAddresses", "notReadyAddresses")):
            page.field(1, label, ",".join(entry.get("ip") or "" for entry in subset.get(name) or ()) or NONE)
        if subset.get("ports"):
            page.line(1, "Ports:")
            page.header(2, "Name", "Port", "Protocol")
        for port in subset.get("ports") or ():
            page.columns(2, port.get("name") or UNSET, port.get("port") or 0, port.get("protocol") or "")
        page.line(0)


async def endpoint_slice(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    page.marked(obj)
    page.field(0, "AddressType", obj.get("addressType") or "")
    ports = obj.get("ports") or ()
    page.line(0, "Ports:" if ports else "Ports: <unset>")
    if ports:
        page.header(1, "Name", "Port", "Protocol")
    for port in ports:
        number = port.get("port")
        shown = UNSET if number is None else str(number)
        page.columns(1, port.get("name") or UNSET, shown, port.get("protocol") or "")
    found = obj.get("endpoints") or ()
    page.line(0, "Endpoints:" if found else "Endpoints: <none>")
    for entry in found:
        page.field(1, "- Addresses", ", ".join(entry.get("addresses") or ()) or NONE)
        page.line(2, "Conditions:")
        ready = (entry.get("conditions") or {}).get("ready")
        page.field(3, "Ready", UNSET if ready is None else ready)
        page.field(2, "Hostname", _or_unset(entry, "hostname"))
        if target := entry.get("targetRef"):
            page.field(2, "TargetRef", f"{target.get('kind') or ''}/{target.get('name') or ''}")
        page.field(2, "NodeName", _or_unset(entry, "nodeName"))
        page.field(2, "Zone", _or_unset(entry, "zone"))


def _or_unset(entry: Object, name: str) -> str:
    return UNSET if entry.get(name) is None else str(entry[name])
