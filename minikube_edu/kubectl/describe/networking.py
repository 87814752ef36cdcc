"""Ingresses and their classes, network policies, service CIDRs, IP addresses."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.tables.cells import addresses as status_addresses
from minikube_edu.api.tables.cells import selector
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe import services
from minikube_edu.kubectl.describe.page import NONE, Object, Page, moment
from minikube_edu.lib import clock

SERVICES = Resource("", "v1", "services", True, "Service")


async def ingress(page: Page, obj: Object, client: Any) -> None:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    namespace = metadata.get("namespace") or ""
    page.named(obj, namespaced=False)
    page.labels("Labels", metadata.get("labels"))
    page.field(0, "Namespace", namespace)
    page.field(0, "Address", status_addresses(obj.get("status") or {}))
    page.field(0, "Ingress Class", NONE if spec.get("ingressClassName") is None else spec["ingressClassName"])
    default = "<default>"
    if spec.get("defaultBackend"):
        default = await _backend(client, namespace, spec["defaultBackend"])
    page.field(0, "Default backend", default)
    if spec.get("tls"):
        page.line(0, "TLS:")
    for tls in spec.get("tls") or ():
        hosts = ",".join(tls.get("hosts") or ())
        page.line(1, f"{tls['secretName']} terminates {hosts}" if tls.get("secretName") else f"SNI routes {hosts}")
    page.line(0, "Rules:")
    page.columns(1, "Host", "Path", "Backends")
    page.columns(1, "----", "----", "--------")
    rules = [rule for rule in spec.get("rules") or () if rule.get("http") is not None]
    for rule in rules:
        page.line(1, f"{rule.get('host') or '*'}\t")
        for path in rule["http"].get("paths") or ():
            backend = await _backend(client, namespace, path.get("backend") or {})
            page.line(2, f"\t{path.get('path') or ''} \t{backend}")
    if not rules:
        page.columns(1, "*", "*", default)
    page.annotations("Annotations", metadata.get("annotations"))


async def _backend(client: Any, namespace: str, backend: Object) -> str:
    """`web:80 (10.0.0.1:8080)`."""
    if wanted := backend.get("service"):
        port = wanted.get("port") or {}
        shown = f"{wanted.get('name') or ''}:{port.get('number') or port.get('name') or ''}"
        try:
            slices = await services.slices_of(client, namespace, wanted["name"])
            service = await client.get(SERVICES, wanted["name"], namespace)
        except ApiError as error:
            return f"{shown} (<error: {error}>)"
        name = ""
        for found in (service.get("spec") or {}).get("ports") or ():
            by_number = port.get("number") and port["number"] == found.get("port")
            if by_number or (port.get("name") and port["name"] == found.get("name")):
                name = found.get("name") or ""
        return f"{shown} ({services.addresses(slices, name)})"
    if resource := backend.get("resource"):
        group = NONE if resource.get("apiGroup") is None else resource["apiGroup"]
        return f"APIGroup: {group}, Kind: {resource.get('kind')}, Name: {resource.get('name')}"
    return ""


async def ingress_class(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    spec = obj.get("spec") or {}
    page.field(0, "Controller", spec.get("controller") or "")
    if parameters := spec.get("parameters"):
        page.line(0, "Parameters:")
        if parameters.get("apiGroup") is not None:
            page.field(1, "APIGroup", parameters["apiGroup"])
        page.field(1, "Kind", parameters.get("kind") or "")
        page.field(1, "Name", parameters.get("name") or "")


async def service_cidr(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    page.field(0, "CIDRs", ", ".join((obj.get("spec") or {}).get("cidrs") or ()))
    conditions = (obj.get("status") or {}).get("conditions") or ()
    if conditions:
        page.line(0, "Status:")
        page.line(0, "Conditions:")
        page.header(1, "Type", "Status", "LastTransitionTime", "Reason", "Message")
    for found in conditions:
        when = moment(found.get("lastTransitionTime"))
        page.columns(1, found["type"], found["status"], when, found.get("reason") or "", found.get("message") or "")


async def ip_address(page: Page, obj: Object, client: Any) -> None:
    page.named(obj, namespaced=False)
    page.marked(obj)
    if parent := (obj.get("spec") or {}).get("parentRef"):
        page.line(0, "Parent Reference:")
        for label in ("Group", "Resource", "Namespace", "Name"):
            page.field(1, label, parent.get(label.lower()) or "")


# ---------------------------------------------------------------- network policies

_DIRECTIONS = {
    "Ingress": ("ingress", "From", "from", "source"),
    "Egress": ("egress", "To", "to", "destination"),
}


async def network_policy(page: Page, obj: Object, client: Any) -> None:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    page.named(obj)
    page.field(0, "Created on", _created(metadata.get("creationTimestamp")))
    page.marked(obj)
    page.line(0, "Spec:")
    chosen = spec.get("podSelector") or {}
    everywhere = "<none> (Allowing the specific traffic to all pods in this namespace)"
    empty = not chosen.get("matchLabels") and not chosen.get("matchExpressions")
    page.line(1, f"PodSelector:     {everywhere if empty else selector(chosen)}")
    types = spec.get("policyTypes") or ()
    for kind, (field, _, _, _) in _DIRECTIONS.items():
        if kind in types:
            page.line(1, f"Allowing {field} traffic:")
            _rules(page, spec.get(field) or [], kind)
        else:
            page.line(1, f"Not affecting {field} traffic")
    page.line(1, f"Policy Types: {', '.join(types) or NONE}")


def _created(timestamp: Any) -> str:
    """As Go writes a time: `2026-01-02 03:04:05 +0000 UTC`."""
    from datetime import datetime

    moment_ = datetime.fromtimestamp(clock.parse_rfc3339(timestamp)).astimezone()
    return moment_.strftime("%Y-%m-%d %H:%M:%S %z %Z")


def _rules(page: Page, rules: list[Object], kind: str) -> None:
    field, word, name, end = _DIRECTIONS[kind]
    if not rules:
        page.line(2, f"<none> (Selected pods are isolated for {field} connectivity)")
    for index, rule in enumerate(rules):
        if not rule.get("ports"):
            page.line(2, "To Port: <any> (traffic allowed to all ports)")
        for port in rule.get("ports") or ():
            number, protocol = _port(port.get("port")), port.get("protocol") or "TCP"
            if port.get("endPort") is None:
                page.line(2, f"To Port: {number}/{protocol}")
            else:
                page.line(2, f"To Port Range: {number}-{port['endPort']}/{protocol}")
        if not rule.get(name):
            page.line(2, f"{word}: <any> (traffic not restricted by {end})")
        for peer in rule.get(name) or ():
            page.line(2, f"{word}:")
            _peer(page, peer)
        if index < len(rules) - 1:
            page.line(2, "----------")


def _port(found: Any) -> str:
    return "<nil>" if found is None else str(found)


def _peer(page: Page, peer: Object) -> None:
    if peer.get("namespaceSelector") is not None:
        page.line(3, f"NamespaceSelector: {selector(peer['namespaceSelector'])}")
    if peer.get("podSelector") is not None:
        page.line(3, f"PodSelector: {selector(peer['podSelector'])}")
    elif peer.get("namespaceSelector") is None and (block := peer.get("ipBlock")):
        page.line(3, "IPBlock:")
        page.line(4, f"CIDR: {block.get('cidr') or ''}")
        page.line(4, f"Except: {', '.join(block.get('except') or ())}")
