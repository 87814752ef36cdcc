"""`kubectl create serviceaccount`."""

from __future__ import annotations

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command

SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")


async def run(call: Call) -> None:
    obj = generating.header("ServiceAccount", "v1", call.exactly_one_name(), call)
    await generating.create(call, SERVICE_ACCOUNTS, obj, "failed to create serviceaccount: ")


COMMAND = Command(
    "serviceaccount",
    run,
    use="NAME [--dry-run=server|client|none]",
    long="Create a service account with the specified name.",
    examples="# Create a new service account named my-service-account\nkubectl create serviceaccount "
    "my-service-account",
    aliases=("sa",),
    flags=generating.FLAGS,
)
