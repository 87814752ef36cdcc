"""`kubectl expose`: a service for what runs already; selector, ports and labels are taken from it."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import intstr
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import overriding, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.commands.run import SERVICES
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

_EXPOSABLE = {
    ("", "ReplicationController"),
    ("", "Service"),
    ("", "Pod"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
}


async def run(call: Call) -> None:
    dry = printing.dry_run(call)
    show = printing.shower(call, "exposed", dry, typed=True)
    builder = Builder(call).arguments(call.args).options(selector=None)
    infos, errors = await builder.infos()
    for info in infos:
        try:
            service = overriding.apply(call, _service(call, info), "v1.Service")
            if dry != "client":
                service = await call.factory.send(
                    "POST",
                    SERVICES.path(call.factory.namespace),
                    service,
                    dryRun="All" if dry == "server" else "",
                    fieldManager=call.flags["field-manager"],
                )
            elif call.factory.namespace_given:
                service["metadata"]["namespace"] = call.factory.namespace
            show(service)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


def _service(call: Call, info: Info) -> Object:
    flags, obj = call.flags, info.object
    resource = info.mapping.resource
    if (resource.group, resource.kind) not in _EXPOSABLE:
        shown = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
        raise CommandError(f"cannot expose a {shown}")
    selector = pairs(flags["selector"]) if flags["selector"] else _selector(obj, resource.kind)
    labels = pairs(flags["labels"]) if flags["labels"] else (obj["metadata"].get("labels") or {})
    ports = [flags["port"]] if flags["port"] else [str(port) for port, _ in _ports(obj, resource.kind)]
    headless = flags["cluster-ip"] == "None"
    if not ports and not headless:
        raise CommandError("couldn't find port via --port flag or introspection")
    protocols: dict[str, list[str]] = {}
    for port, protocol in _ports(obj, resource.kind):
        protocols.setdefault(str(port), []).append(protocol)
    found = []
    for index, text in enumerate(",".join(ports).split(",") if ports else (), 1):
        found += _port(call, text, index, len(ports) > 1 or "," in text, protocols)
    metadata: Object = {"name": (flags["name"] or info.name)[:63]}
    if labels:
        metadata["labels"] = labels
    spec: Object = {}
    if found:
        spec["ports"] = found
    spec["selector"] = selector
    for key, value in (("clusterIP", flags["cluster-ip"]), ("type", flags["type"])):
        if value:
            spec[key] = value
    if flags["external-ip"]:
        spec["externalIPs"] = [flags["external-ip"]]
    if flags["session-affinity"]:
        if flags["session-affinity"] not in ("None", "ClientIP"):
            raise CommandError(f"unknown session affinity: {flags['session-affinity']}")
        spec["sessionAffinity"] = flags["session-affinity"]
    if flags["load-balancer-ip"] and flags["type"] == "LoadBalancer":
        spec["loadBalancerIP"] = flags["load-balancer-ip"]
    return {"kind": "Service", "apiVersion": "v1", "metadata": metadata, "spec": spec, "status": {"loadBalancer": {}}}


def _port(call: Call, text: str, index: int, several: bool, protocols: dict[str, list[str]]) -> list[Object]:
    if not text.lstrip("-").isdigit():
        raise CommandError(f"strconv.Atoi: parsing {quote(text)}: invalid syntax")
    port, asked = int(text), call.flags["protocol"]
    target: int | str = intstr.parse(call.flags["target-port"]) if call.flags["target-port"] else port
    kinds = [asked] if asked else protocols.get(text) or ["TCP"]
    found = []
    for protocol in kinds:
        named: Object = {}
        if len(kinds) > 1:
            named["name"] = f"port-{index}-{protocol.lower()}"
        elif several:
            named["name"] = f"port-{index}"
        found.append({**named, "protocol": protocol, "port": port, "targetPort": target})
    return found


def pairs(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(","):
        pieces = part.split("=")
        if len(pieces) != 2:
            raise CommandError(f"unexpected label spec: {part}")
        if not pieces[0]:
            raise CommandError("unexpected empty label key")
        found[pieces[0]] = pieces[1]
    return found


def _selector(obj: Object, kind: str) -> dict[str, str]:
    spec = obj.get("spec") or {}
    complaint = "couldn't retrieve selectors via --selector flag or introspection: "
    if kind == "Pod":
        labels: dict[str, str] = obj["metadata"].get("labels") or {}
        if not labels:
            raise CommandError(f"{complaint}the pod has no labels and cannot be exposed")
        return labels
    if kind in ("Service", "ReplicationController"):
        chosen: dict[str, str] = spec.get("selector") or {}
        if not chosen:
            raise CommandError(f"{complaint}the service has no pod selector set")
        return chosen
    selector = spec.get("selector") or {}
    if selector.get("matchExpressions"):
        raise CommandError(
            f'{complaint}couldn\'t convert expressions - "{selector["matchExpressions"]}" to map-based selector format'
        )
    found: dict[str, str] = selector.get("matchLabels") or {}
    return found


def _ports(obj: Object, kind: str) -> list[tuple[int, str]]:
    spec = obj.get("spec") or {}
    if kind == "Service":
        return [(port["port"], port.get("protocol") or "TCP") for port in spec.get("ports") or ()]
    pod = spec if kind == "Pod" else (spec.get("template") or {}).get("spec") or {}
    found = [
        (port["containerPort"], port.get("protocol") or "TCP")
        for container in pod.get("containers") or ()
        for port in container.get("ports") or ()
    ]
    return list(dict.fromkeys(found))


COMMAND = Command(
    "expose",
    run,
    use="(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] [--target-port=number-or-name] "
    "[--name=name] [--external-ip=external-ip-of-service] [--type=type]",
    long="""Expose a resource as a new Kubernetes service.

 Looks up a deployment, service, replica set, replication controller or pod by name and uses the selector for that resource as the selector for a new service on the specified port. A deployment or replica set will be exposed as a service only if its selector is convertible to a selector that service supports, i.e. when the selector contains only the matchLabels component. Note that if no port is specified via --port and the exposed resource has multiple ports, all will be re-used by the new service. Also if no labels are specified, the new service will re-use the labels from the resource it exposes.

 Possible resources include (case insensitive):

 pod (po), service (svc), replicationcontroller (rc), deployment (deploy), replicaset (rs)""",  # noqa: E501  # the real text
    examples="""# Create a service for a replicated nginx, which serves on port 80 and connects to the containers on port 8000
kubectl expose rc nginx --port=80 --target-port=8000

# Create a service for a pod valid-pod, which serves on port 444 with the name "frontend"
kubectl expose pod valid-pod --port=444 --name=frontend""",  # noqa: E501  # the real text
    flags=(
        *groups.filename("of what to expose."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SAVE_CONFIG,
        *groups.RECORD,
        *overriding.FLAGS,
        *groups.field_manager("kubectl-expose"),
        Flag("cluster-ip", help="ClusterIP to be assigned to the service; 'None' for a headless service."),
        Flag("external-ip", help="Additional external IP address that is accepted by the service."),
        Flag("labels", short="l", help="Labels to apply to the service."),
        Flag("load-balancer-ip", help="IP to assign to the load balancer."),
        Flag("name", help="The name for the newly created object."),
        Flag(
            "port",
            help="The port that the service should serve on. Copied from the resource being exposed, if unspecified",
        ),
        Flag("protocol", help="The network protocol for the service to be created. Default is 'TCP'."),
        Flag("selector", help="A label selector to use for this service."),
        Flag(
            "session-affinity",
            help="If non-empty, set the session affinity for the service to this; legal values: 'None', 'ClientIP'",
        ),
        Flag(
            "target-port",
            help="Name or number for the port on the container that the service should direct traffic to.",
        ),
        Flag("type", help="Type for this service: ClusterIP, NodePort, LoadBalancer, or ExternalName."),
    ),
)
