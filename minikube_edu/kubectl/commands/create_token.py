"""`kubectl create token`: a token of a service account, printed and nothing else."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Unreachable
from minikube_edu.kubectl.flags import Flag

SERVICE_ACCOUNTS = Resource("", "v1", "serviceaccounts", kind="ServiceAccount")
_BOUND = {"Pod": "v1", "Secret": "v1", "Node": "v1"}


async def run(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    kind, bound = flags["bound-object-kind"], flags["bound-object-name"]
    if not kind:
        if bound:
            raise CommandError("--bound-object-name can only be set if --bound-object-kind is provided")
        if flags["bound-object-uid"]:
            raise CommandError("--bound-object-uid can only be set if --bound-object-kind is provided")
    elif kind not in _BOUND:
        raise CommandError(f"supported --bound-object-kind values are {', '.join(sorted(_BOUND))}")
    elif not bound:
        raise CommandError("--bound-object-name is required if --bound-object-kind is provided")
    spec: dict[str, Any] = {"audiences": flags["audience"] or None}
    if flags.changed("duration"):
        from minikube_edu.api import durations

        spec["expirationSeconds"] = int(durations.seconds(flags["duration"]))
        if spec["expirationSeconds"] <= 0:
            raise CommandError("--duration must be greater than or equal to 0")
    if kind:
        spec["boundObjectRef"] = {"kind": kind, "apiVersion": "v1", "name": bound, "uid": flags["bound-object-uid"]}
    request = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": {}, "spec": spec}
    try:
        answer = await call.factory.send("POST", SERVICE_ACCOUNTS.path(call.factory.namespace, name, "token"), request)
    except (ApiError, Unreachable) as error:
        raise CommandError(f"failed to create token: {error}") from None
    if flags["output"] or flags["template"]:
        answer.setdefault("spec", {}).setdefault("boundObjectRef", None)
        printing.shower(call, "")(answer)
        return
    token = (answer.get("status") or {}).get("token") or ""
    if not token:
        raise CommandError("failed to create token: no token in server response")
    call.out.write(token + ("\n" if call.out.isatty() else ""))


COMMAND = Command(
    "token",
    run,
    use="SERVICE_ACCOUNT_NAME",
    long="Request a service account token.",
    examples='# Request a token to authenticate to the kube-apiserver as the service account "myapp"\nkubectl '
    "create token myapp",
    flags=(
        *groups.PRINT,
        Flag("audience", "array", help="Audience of the requested token. May be repeated."),
        Flag("bound-object-kind", help="Kind of an object to bind the token to: Pod, Secret or Node."),
        Flag("bound-object-name", help="Name of the object to bind the token to."),
        Flag("bound-object-uid", help="UID of the object to bind the token to."),
        Flag("duration", "duration", default="0s", help="Requested lifetime of the issued token."),
    ),
)
