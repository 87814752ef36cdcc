"""What `kubectl label` and `kubectl annotate` share: find the objects, change a map in their metadata, send it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from minikube_edu.client.rest import MERGE_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import pairs, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

Object = dict[str, Any]


class Kind(Struct, frozen=True):
    field: str  # of metadata: labels, annotations
    singular: str
    parse: Callable[[list[str]], pairs.Changes]
    check: Callable[[dict[str, str], dict[str, str]], None]  # what is there, what is put: --overwrite is false
    done: Callable[[bool, bool], str]  # (something added, something removed) -> what was done
    tells_missing: bool = False  # says so when what it removes is not there
    always_patches: bool = False


def flags(what: str, manager: str) -> tuple[Flag, ...]:
    return (
        *groups.filename("of the objects."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SELECTOR,
        *groups.FIELD_SELECTOR,
        *groups.ALL,
        *groups.ALL_NAMESPACES,
        *groups.LOCAL,
        *groups.RECORD,
        *groups.field_manager(manager),
        Flag("list", "bool", help=f"Show the {what} of the objects."),
        Flag("overwrite", "bool", help=f"If true, allow {what} to be overwritten, otherwise reject it."),
        Flag("resource-version", help="Change the object only if this is its version."),
    )


async def run(call: Call, kind: Kind) -> None:
    flags = call.flags
    resources, changes = pairs.divided(call.args, kind.singular)
    put, remove = kind.parse(changes)
    if flags["list"] and flags["output"]:
        raise CommandError("--list and --output may not be specified together")
    if flags["all"] and flags["selector"]:
        raise CommandError("cannot set --all and --selector at the same time")
    if flags["all"] and flags["field-selector"]:
        raise CommandError("cannot set --all and --field-selector at the same time")
    dry = printing.dry_run(call)
    if flags["local"] and not flags["filename"] and not flags["kustomize"]:
        like = "pod" if kind.singular == "label" else "rsrc"
        raise CommandError(
            f"can only use local files by -f {like}.yaml or --filename={like}.json when --local=true is set"
        )
    if flags["local"] and dry == "server":
        raise CommandError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
    if not resources and not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    if not put and not remove and not flags["list"]:
        raise CommandError(f"at least one {kind.singular} update is required")
    printing.check_output(call)
    builder = Builder(call).arguments(resources).options(latest=not flags["local"])
    infos, errors = await builder.infos()
    if flags["resource-version"] and not builder.single_item:
        raise CommandError("--resource-version may only be used with a single resource")
    for info in infos:
        try:
            await _one(call, kind, info, put, remove, dry, len(infos) == 1)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def _one(
    call: Call, kind: Kind, info: Info, put: dict[str, str], remove: list[str], dry: str, only: bool
) -> None:
    flags = call.flags
    there: dict[str, str] = (info.object.get("metadata") or {}).get(kind.field) or {}
    changing = dry != "client" and not flags["local"] and not flags["list"]
    if kind.tells_missing and changing:
        for name in remove:
            if name not in there:
                call.say(f'{kind.singular} "{name}" not found.')
    if not flags["overwrite"]:
        kind.check(there, put)
    added = {name: value for name, value in put.items() if there.get(name) != value}
    removed = [name for name in remove if name in there]
    patch: dict[str, str | None] = {**added, **dict.fromkeys(removed)}
    after = {name: value for name, value in {**there, **put}.items() if name not in remove}
    if flags["record"] and changing:
        from minikube_edu.kubectl.recording import CAUSE, typed

        if kind.field == "annotations":
            patch[CAUSE] = typed(call)
    obj = {**info.object, "metadata": {**info.object["metadata"], kind.field: after}}
    if changing and (patch or kind.always_patches):
        body: Object = {"metadata": {kind.field: patch} if patch else {}}
        if flags["resource-version"]:
            body["metadata"]["resourceVersion"] = flags["resource-version"]
        obj = await call.factory.send(
            "PATCH",
            info.path(),
            body if body["metadata"] else {},
            content_type=MERGE_PATCH,
            dryRun="All" if dry == "server" else "",
            fieldManager=flags["field-manager"],
        )
    if flags["list"]:
        if not only:
            group = info.mapping.resource.group if info.served else ""
            call.say(f"Listing {kind.field} for {info.object.get('kind')}.{group}/{info.name}:")
        for name, value in after.items():
            call.say(f"{'' if only else ' '}{name}={value}")
        return
    printing.shower(call, kind.done(bool(added), bool(removed)), dry)(obj)
