"""`kubectl cluster-info`, and `dump`: everything that helps to find out what is wrong with a cluster."""

from __future__ import annotations

import os
import sys
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]
SERVICES = Resource("", "v1", "services", kind="Service")
DUMPED = (
    ("events", Resource("", "v1", "events")),
    ("replication-controllers", Resource("", "v1", "replicationcontrollers")),
    ("services", SERVICES),
    ("daemonsets", Resource("apps", "v1", "daemonsets")),
    ("deployments", Resource("apps", "v1", "deployments")),
    ("replicasets", Resource("apps", "v1", "replicasets")),
    ("pods", Resource("", "v1", "pods")),
)
HINT = "\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'."


async def run(call: Call) -> None:
    factory, colour = call.factory, sys.stdout.isatty()

    def line(name: str, link: str) -> str:
        if colour:
            return f"\x1b[0;32m{name}\x1b[0m is running at \x1b[0;33m{link}\x1b[0m"
        return f"{name} is running at {link}"

    try:
        await factory.mapper.resources()
        call.say(line("Kubernetes control plane", factory.url))
        listed = await factory.send(
            "GET", SERVICES.path("kube-system"), labelSelector="kubernetes.io/cluster-service=true"
        )
        for service in listed.get("items") or ():
            call.say(line(_title(service), _link(factory.url, service)))
    finally:
        call.say(HINT)
        call.out.flush()


def _title(service: Object) -> str:
    metadata = service["metadata"]
    return str((metadata.get("labels") or {}).get("kubernetes.io/name") or metadata["name"])


def _link(url: str, service: Object) -> str:
    metadata = service["metadata"]
    port = ((service.get("spec") or {}).get("ports") or [{}])[0]
    scheme = "https:" if port.get("name") == "https" or port.get("port") == 443 else ""
    suffix = f":{port.get('name') or ''}" if scheme or port.get("name") else ""
    return f"{url}/api/v1/namespaces/{metadata['namespace']}/services/{scheme}{metadata['name']}{suffix}/proxy"


async def dump(call: Call) -> None:
    flags, factory = call.flags, call.factory
    folder = flags["output-directory"]
    await _write(call, folder, "nodes", await factory.send("GET", "/api/v1/nodes"))
    if flags["all-namespaces"]:
        listed = await factory.send("GET", "/api/v1/namespaces")
        namespaces = [item["metadata"]["name"] for item in listed.get("items") or ()]
    else:
        namespaces = flags["namespaces"] or ["kube-system", factory.namespace]
    for namespace in namespaces:
        pods: Object = {}
        for name, resource in DUMPED:
            found = await factory.send("GET", resource.path(namespace))
            await _write(call, folder, f"{namespace}/{name}", found)
            pods = found
        for pod in pods.get("items") or ():
            await _logs(call, folder, namespace, pod)
    if folder not in ("", "-"):
        call.say(f"Cluster info dumped to {folder}")


async def _logs(call: Call, folder: str, namespace: str, pod: Object) -> None:
    name = pod["metadata"]["name"]
    texts = []
    for container in [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]:
        head = f"==== START logs for container {container['name']} of pod {namespace}/{name} ====\n"
        try:
            reply = await call.factory.raw(
                "GET", f"/api/v1/namespaces/{namespace}/pods/{name}/log", container=container["name"]
            )
            text = reply.body.decode("utf-8", "replace")
        except ApiError as error:
            text = f"Request log error: {error}\n"
        texts.append(f"{head}{text}==== END logs for container {container['name']} of pod {namespace}/{name} ====\n")
    _put(call, folder, f"{namespace}/{name}/logs.txt", "".join(texts))


async def _write(call: Call, folder: str, name: str, obj: Object) -> None:
    if call.flags["output"] == "yaml":
        from minikube_edu.kubectl.printers import yaml_out

        _put(call, folder, f"{name}.yaml", yaml_out.encode(obj))
    else:
        from minikube_edu.api.output import json_out

        _put(call, folder, f"{name}.json", json_out.encode(obj) + "\n")


def _put(call: Call, folder: str, name: str, text: str) -> None:
    if folder in ("", "-"):
        call.out.write(text)
        return
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


COMMANDS = {
    "cluster-info": Command(
        "cluster-info",
        run,
        use="[flags]",
        long="Display addresses of the control plane and services with label kubernetes.io/cluster-service=true.\n\n"
        "To further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.",
        subcommands=(Entry("dump", "Dump relevant information for debugging and diagnosis", "cluster_info"),),
    ),
    "dump": Command(
        "dump",
        dump,
        use="[flags]",
        long="Dump cluster information out suitable for debugging and diagnosing cluster problems.",
        flags=(
            Flag("all-namespaces", "bool", short="A", help="Dump all namespaces."),
            Flag("namespaces", "strings", help="A comma separated list of namespaces to dump."),
            *(flag for flag in groups.PRINT if flag.name != "output"),
            Flag("output", short="o", default="json", help=f"Output format. One of: {groups.FORMATS}."),
            Flag("output-directory", help="Where to output the files; nothing or '-' for stdout."),
            Flag("pod-running-timeout", "duration", default="20s", help="How long to wait for a pod to run."),
        ),
    ),
}
