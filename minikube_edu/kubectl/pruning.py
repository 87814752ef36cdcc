"""`apply --prune`: what was applied before, has the same labels, and is not in the files any more, is deleted."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError

Object = dict[str, Any]

DEFAULT = (
    ("", "v1", "ConfigMap"), ("", "v1", "Endpoints"), ("", "v1", "PersistentVolumeClaim"), ("", "v1", "Pod"),
    ("", "v1", "ReplicationController"), ("", "v1", "Secret"), ("", "v1", "Service"), ("batch", "v1", "Job"),
    ("batch", "v1", "CronJob"), ("networking.k8s.io", "v1", "Ingress"), ("apps", "v1", "DaemonSet"),
    ("apps", "v1", "Deployment"), ("apps", "v1", "ReplicaSet"), ("apps", "v1", "StatefulSet"),
    ("", "v1", "Namespace"), ("", "v1", "PersistentVolume"),
)  # fmt: skip
_CLUSTER = ("Namespace", "PersistentVolume")


def check(call: Call) -> None:
    flags = call.flags
    if flags["force"]:
        raise CommandError("--force cannot be used with --prune")
    if flags.get("applyset"):
        for name in ("all", "selector", "prune-allowlist"):
            if flags[name]:
                raise CommandError(f"--{name} is incompatible with --applyset")
        return
    if not flags["all"] and not flags["selector"]:
        raise CommandError(
            "all resources selected for prune without explicitly passing --all. To prune all resources, pass the --all "
            "flag. If you did not mean to prune all resources, specify a label selector"
        )
    if flags["server-side"]:
        raise CommandError("--prune is in alpha and doesn't currently work on objects created by server-side apply")
    allowed(call)


def allowed(call: Call) -> list[tuple[str, str, str]]:
    found = []
    for text in call.flags["prune-allowlist"]:
        parts = text.split("/")
        if len(parts) != 3:
            raise CommandError(f"invalid GroupVersionKind format: {text}, please follow <group/version/kind>")
        found.append(("" if parts[0] == "core" else parts[0], parts[1], parts[2]))
    return found or list(DEFAULT)


async def prune(call: Call, visited: set[str], namespaces: set[str], dry: str) -> None:
    from minikube_edu.kubectl.commands.delete import propagation

    kinds = [await call.factory.mapper.for_kind(*_ordered(kind)) for kind in allowed(call)]
    policy = propagation(call)
    for namespace in sorted(namespaces - {""}):
        for served in kinds:
            if served.resource.namespaced:
                await _one_kind(call, served.resource.path(namespace), served.resource, visited, policy, dry)
    for served in kinds:
        if not served.resource.namespaced and not call.factory.namespace_given:
            await _one_kind(call, served.resource.path(), served.resource, visited, policy, dry)


def _ordered(kind: tuple[str, str, str]) -> tuple[str, str, str]:
    group, version, name = kind
    return group, name, version


async def _one_kind(call: Call, path: str, resource: Any, visited: set[str], policy: str, dry: str) -> None:
    listed = await call.factory.send("GET", path, labelSelector=call.flags["selector"])
    for item in listed.get("items") or ():
        item = {"apiVersion": resource.api_version, "kind": resource.kind, **item}
        metadata = item["metadata"]
        if metadata["uid"] in visited or last_applied.original(item) is None:
            continue
        where = resource.path(metadata.get("namespace") or "", metadata["name"])
        if dry != "client":
            options: Object = {"propagationPolicy": policy, **({"dryRun": ["All"]} if dry == "server" else {})}
            try:
                await call.factory.send("DELETE", where, options)
            except ApiError as error:
                if not error.not_found:
                    raise
        printing.shower(call, "pruned", dry)(item)
