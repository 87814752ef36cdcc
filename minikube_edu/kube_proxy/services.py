"""What kube-proxy keeps of a Service: one entry a port."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from msgspec import Struct

Object = Mapping[str, Any]
DEFAULT_AFFINITY = 10800
HEADLESS = "service.kubernetes.io/headless"
OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
SELECTOR = f"!{HEADLESS},!{OTHER_PROXY}"  # what is not for kube-proxy at all


class ServicePort(Struct, frozen=True):
    namespace: str
    service: str
    name: str  # of the port; may be empty
    protocol: str  # TCP, UDP, SCTP
    port: int
    cluster_ips: tuple[str, ...]
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    ingress_ips: tuple[str, ...] = ()  # of a load balancer whose packets arrive unchanged (ipMode VIP)
    sources: tuple[IPv4Network | IPv6Network, ...] = ()  # loadBalancerSourceRanges; none: everybody
    internal_local: bool = False
    external_local: bool = False
    affinity: int = 0  # seconds; 0: none
    health_check_port: int = 0

    def __str__(self) -> str:
        """As iptables' comments have it: `default/web:http`."""
        plain = f"{self.namespace}/{self.service}"
        return f"{plain}:{self.name}" if self.name else plain


def ports_of(service: Object) -> list[ServicePort]:
    """Nothing for headless services and aliases."""
    spec, metadata = service.get("spec") or {}, service["metadata"]
    cluster_ips = tuple(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else []))
    if not cluster_ips or cluster_ips[0] in ("", "None") or spec.get("type") == "ExternalName":
        return []
    affinity = 0
    if spec.get("sessionAffinity") == "ClientIP":
        config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        affinity = int(config.get("timeoutSeconds") or DEFAULT_AFFINITY)
    balanced = spec.get("type") == "LoadBalancer"
    ingress = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [] if balanced else []
    return [
        ServicePort(
            namespace=metadata.get("namespace") or "",
            service=metadata["name"],
            name=port.get("name") or "",
            protocol=port.get("protocol") or "TCP",
            port=int(port["port"]),
            cluster_ips=cluster_ips,
            node_port=int(port.get("nodePort") or 0),
            external_ips=tuple(spec.get("externalIPs") or ()),
            ingress_ips=tuple(one["ip"] for one in ingress if one.get("ip") and one.get("ipMode", "VIP") == "VIP"),
            sources=_sources(spec) if balanced else (),
            internal_local=spec.get("internalTrafficPolicy") == "Local",
            external_local=spec.get("externalTrafficPolicy") == "Local",
            affinity=affinity,
            health_check_port=int(spec.get("healthCheckNodePort") or 0),
        )
        for port in spec.get("ports") or ()
    ]


def _sources(spec: Object) -> tuple[IPv4Network | IPv6Network, ...]:
    found = []
    for text in spec.get("loadBalancerSourceRanges") or ():
        try:
            found.append(ip_network(str(text).strip(), strict=False))
        except ValueError:
            continue
    return tuple(found)
