"""`kubectl create namespace`."""

from __future__ import annotations

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command

NAMESPACES = Resource("", "v1", "namespaces", namespaced=False, kind="Namespace")


async def run(call: Call) -> None:
    obj = {**generating.header("Namespace", "v1", call.exactly_one_name()), "spec": {}, "status": {}}
    await generating.create(call, NAMESPACES, obj)


COMMAND = Command(
    "namespace",
    run,
    use="NAME [--dry-run=server|client|none]",
    long="Create a namespace with the specified name.",
    examples="# Create a new namespace named my-namespace\nkubectl create namespace my-namespace",
    aliases=("ns",),
    flags=generating.FLAGS,
)
