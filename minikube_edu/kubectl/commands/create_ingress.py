"""`kubectl create ingress`: rules like `foo.com/path*=svc:8080,tls=my-cert`."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

INGRESSES = Resource("networking.k8s.io", "v1", "ingresses", kind="Ingress")
_RULE = re.compile(r"^(?P<host>[\w\*\-\.]*)(?P<path>/.*)=(?P<service>[\w\-\.]*):(?P<port>[\w\-]*)(?P<rest>(,.*)?)$")
_TLS = re.compile(r"tls=?(?P<secret>[\w\-\.]*)?")
_BACKEND = re.compile(r"^[^:]+:[^:]+$")
Object = dict[str, Any]


async def run(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    if not flags["default-backend"] and not flags["rule"]:
        raise CommandError(
            "not enough information provided: every ingress has to either specify a default-backend (which catches all "
            "traffic) or a list of rules (which catch specific paths)"
        )
    for rule in flags["rule"]:
        if not _RULE.match(rule):
            raise CommandError(
                f"rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]"
            )
    if flags["default-backend"] and not _BACKEND.match(flags["default-backend"]):
        raise CommandError("default-backend should be in format servicename:serviceport")
    annotations = dict(part.partition("=")[::2] for part in flags["annotation"])
    obj = generating.header(
        "Ingress", "networking.k8s.io/v1", name, call, **({"annotations": annotations} if annotations else {})
    )
    spec: Object = {}
    if flags["class"]:
        spec["ingressClassName"] = flags["class"]
    if flags["default-backend"]:
        service, _, port = flags["default-backend"].partition(":")
        spec["defaultBackend"] = _backend(service, port)
    tls = _tls(flags["rule"])
    if tls:
        spec["tls"] = tls
    if rules := _rules(flags["rule"]):
        spec["rules"] = rules
    obj |= {"spec": spec, "status": {"loadBalancer": {}}}
    await generating.create(call, INGRESSES, obj, "failed to create ingress: ")


def _backend(service: str, port: str) -> Object:
    number: Object = {"number": int(port)} if port.isdigit() else {"name": port}
    return {"service": {"name": service, "port": number}}


def _rules(entries: list[str]) -> list[Object]:
    hosts: dict[str, list[Object]] = {}
    for entry in entries:
        found = _RULE.match(entry)
        assert found is not None
        path, kind = found["path"], "Exact"
        if path.endswith("*"):
            path, kind = path[:-1], "Prefix"
        hosts.setdefault(found["host"], []).append(
            {"path": path, "pathType": kind, "backend": _backend(found["service"], found["port"])}
        )
    return [{**({"host": host} if host else {}), "http": {"paths": paths}} for host, paths in hosts.items()]


def _tls(entries: list[str]) -> list[Object]:
    secrets: dict[str, list[str]] = {}
    for entry in entries:
        found = _RULE.match(entry)
        if found is None or not found["rest"]:
            continue
        secret = _TLS.search(found["rest"].lstrip(","))
        if secret is not None:
            hosts = secrets.setdefault(secret["secret"] or "", [])
            if found["host"] and found["host"] not in hosts:
                hosts.append(found["host"])
    return [
        {**({"hosts": hosts} if hosts else {}), **({"secretName": secret} if secret else {})}
        for secret, hosts in secrets.items()
    ]


COMMAND = Command(
    "ingress",
    run,
    use="NAME --rule=host/path=service:port[,tls[=secret]] ",
    long="Create an ingress with the specified name.",
    aliases=("ing",),
    examples="""# Create a single ingress called 'simple' that directs requests to foo.com/bar to svc
# svc1:8080 with a TLS secret "my-cert"
kubectl create ingress simple --rule="foo.com/bar=svc1:8080,tls=my-cert"

# Create a catch all ingress of "/path" pointing to service svc:port and Ingress Class as "otheringress"
kubectl create ingress catch-all --class=otheringress --rule="/path=svc:port\"""",
    flags=(
        *generating.FLAGS,
        Flag("annotation", "array", help="Annotation to insert in the ingress object, in the format annotation=value"),
        Flag("class", help="Ingress Class to be used"),
        Flag("default-backend", help="Default service for backend, in format of svcname:port"),
        Flag(
            "rule",
            "array",
            help="Rule in format host/path=service:port[,tls=secretname]. Paths containing the leading character "
            "'*' are considered pathType=Prefix. tls argument is optional.",
        ),
    ),
)
