"""What `kubectl create TYPE` commands share: make an object, annotate it when asked, send it, print it.

Objects are written with their fields in the order of their types: `-o json` shows them so.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, Unreachable
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]

FLAGS: tuple[Flag, ...] = (
    *groups.PRINT,
    *groups.DRY_RUN,
    *groups.VALIDATE,
    *groups.SAVE_CONFIG,
    *groups.field_manager("kubectl-create"),
)


async def create(call: Call, resource: Resource, obj: Object, failed: str = "") -> None:
    """`failed`: what stands before the server's refusal (`failed to create deployment: `), "" to let it stand alone."""
    dry, directive = printing.dry_run(call), printing.validation(call)
    show = printing.shower(call, "created", dry, typed=True)
    if call.flags["save-config"]:
        obj = last_applied.typed(obj)
    if dry != "client":
        namespace = call.factory.namespace if resource.namespaced else ""
        try:
            obj = await call.factory.send(
                "POST",
                resource.path(namespace),
                obj,
                dryRun="All" if dry == "server" else "",
                fieldManager=call.flags["field-manager"],
                fieldValidation=directive,
            )
        except (ApiError, Unreachable) as error:
            if not failed:
                raise
            raise CommandError(f"{failed}{error}") from None
    show(obj)


def header(kind: str, api_version: str, name: str, call: Call | None = None, **metadata: Any) -> Object:
    """The beginning of every object. Like the real one, the namespace is written only when it was typed."""
    named: Object = {"name": name}
    if call is not None and call.factory.namespace_given:
        named["namespace"] = call.factory.namespace
    return {"kind": kind, "apiVersion": api_version, "metadata": {**named, **metadata}}
