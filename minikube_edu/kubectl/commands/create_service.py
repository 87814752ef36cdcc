"""`kubectl create service clusterip|nodeport|loadbalancer|externalname`."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

SERVICES = Resource("", "v1", "services", kind="Service")
Port = dict[str, Any]


async def _create(call: Call, kind: str) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    node_port = flags.get("node-port") or 0
    ports = [_port(text, node_port) for text in flags["tcp"]]
    cluster_ip = flags.get("clusterip") or ""
    if not ports and kind != "ExternalName" and cluster_ip != "None":
        raise CommandError("at least one tcp port specifier must be provided")
    labels = {"app": name}
    spec: dict[str, Any] = {"ports": ports} if ports else {}
    spec["selector"] = labels
    if cluster_ip:
        spec["clusterIP"] = cluster_ip
    spec["type"] = kind
    if kind == "ExternalName":
        from minikube_edu.api import names

        external = flags["external-name"]
        if names.dns1123_subdomain(external):
            raise CommandError(f"invalid service external name {external}")
        spec["externalName"] = external
    obj = generating.header("Service", "v1", name, call, labels=labels)
    obj |= {"spec": spec, "status": {"loadBalancer": {}}}
    await generating.create(call, SERVICES, obj, f"failed to create {kind} service: ")


def _port(text: str, node_port: int) -> Port:
    """`80`, `80:8080`, `80:http`"""
    port, colon, target = text.partition(":")
    if not port.isdigit():
        raise CommandError(f"strconv.ParseUint: parsing {quote(port)}: invalid syntax")
    if int(port) > 65535:
        raise CommandError(f"strconv.ParseUint: parsing {quote(port)}: value out of range")
    where: int | str = int(port)
    if colon:
        from minikube_edu.api import names

        where = int(target) if target.isdigit() else target
        problems = names.in_range(where, 1, 65535) if isinstance(where, int) else names.port_name(where)
        if problems:
            raise CommandError(",".join(problems))
    found: Port = {"name": text.replace(":", "-"), "protocol": "TCP", "port": int(port), "targetPort": where}
    if node_port:
        found["nodePort"] = node_port
    return found


async def cluster_ip(call: Call) -> None:
    await _create(call, "ClusterIP")


async def node_port(call: Call) -> None:
    await _create(call, "NodePort")


async def load_balancer(call: Call) -> None:
    await _create(call, "LoadBalancer")


async def external_name(call: Call) -> None:
    await _create(call, "ExternalName")


_TCP = Flag("tcp", "strings", help="Port pairs can be specified as '<port>:<targetPort>'.")
_MODULE = "create_service"
COMMANDS = {
    "service": Command(
        "service",
        None,
        use="[flags]",
        long="Create a service using a specified subcommand.",
        aliases=("svc",),
        subcommands=(
            Entry("clusterip", "Create a ClusterIP service", _MODULE),
            Entry("externalname", "Create an ExternalName service", _MODULE),
            Entry("loadbalancer", "Create a LoadBalancer service", _MODULE),
            Entry("nodeport", "Create a NodePort service", _MODULE),
        ),
    ),
    "clusterip": Command(
        "clusterip",
        cluster_ip,
        use="NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]",
        long="Create a ClusterIP service with the specified name.",
        flags=(
            *generating.FLAGS,
            _TCP,
            Flag("clusterip", help="Assign your own ClusterIP or set to 'None' for a 'headless' service."),
        ),
    ),
    "nodeport": Command(
        "nodeport",
        node_port,
        use="NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
        long="Create a NodePort service with the specified name.",
        flags=(*generating.FLAGS, _TCP, Flag("node-port", "int", help="Port used to expose the service on each node.")),
    ),
    "loadbalancer": Command(
        "loadbalancer",
        load_balancer,
        use="NAME [--tcp=port:targetPort] [--dry-run=server|client|none]",
        long="Create a LoadBalancer service with the specified name.",
        flags=(*generating.FLAGS, _TCP),
    ),
    "externalname": Command(
        "externalname",
        external_name,
        use="NAME --external-name external.name [--dry-run=server|client|none]",
        long="Create an ExternalName service with the specified name.",
        required=("external-name",),
        flags=(*generating.FLAGS, _TCP, Flag("external-name", help="External name of service")),
    ),
}
