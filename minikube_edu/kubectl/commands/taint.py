"""`kubectl taint`: what keeps pods away from nodes."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Taint = dict[str, str]

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


async def run(call: Call) -> None:
    flags = call.flags
    resources, changes = _divided(call.args)
    put, remove = _parsed(call, changes)
    if not resources:
        raise CommandError("one or more resources must be specified as <resource> <name> or <resource>/<name>")
    kind = resources[0].partition("/")[0]
    found = (await call.factory.mapper.find(kind)).resource
    if (found.group, found.kind) != ("", "Node"):
        raise CommandError(f"invalid resource type {kind}, only node types are supported")
    if not put and not remove:
        raise CommandError("at least one taint update is required")
    if flags["all"] and flags["selector"]:
        raise CommandError("setting 'all' parameter with a non empty selector is prohibited")
    dry = printing.dry_run(call)
    infos, errors = await Builder(call).arguments(resources).options(latest=True).infos()
    for info in infos:
        try:
            await _one(call, info, put, remove, dry)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


def _divided(args: list[str]) -> tuple[list[str], list[str]]:
    resources: list[str] = []
    changes: list[str] = []
    for index, arg in enumerate(args):
        if ("=" in arg or ":" in arg or arg.endswith("-")) and index > 0:
            changes.append(arg)
        elif changes:
            raise CommandError(f"all resources must be specified before taint changes: {arg}")
        else:
            resources.append(arg)
    return resources, changes


def _parsed(call: Call, changes: list[str]) -> tuple[list[Taint], list[Taint]]:
    from minikube_edu.api import names

    put: list[Taint] = []
    remove: list[Taint] = []
    for change in changes:
        removing = change.endswith("-")
        text, _, effect = change.removesuffix("-").partition(":")
        key, equals, value = text.partition("=")
        if effect and effect not in EFFECTS:
            raise call.usage(f"invalid taint effect: {effect}, unsupported taint effect")
        if problems := names.label_key(key):
            raise call.usage(f"invalid taint spec: {change}, {'; '.join(problems)}")
        if equals and (problems := names.label_value(value)):
            raise call.usage(f"invalid taint spec: {change}, {'; '.join(problems)}")
        taint = {"key": key, **({"value": value} if value else {}), "effect": effect}
        if removing:
            remove.append({"key": key, "effect": effect})
        elif not effect:
            raise call.usage(f"invalid taint spec: {change}")
        else:
            put.append(taint)
    same = {(one["key"], one["effect"]) for one in put} & {(one["key"], one["effect"]) for one in remove}
    if same:
        key, effect = next(iter(same))
        raise CommandError(
            f"can not both modify and remove the following taint(s) in the same command: {{{key} {effect}}}"
        )
    return put, remove


async def _one(call: Call, info: Info, put: list[Taint], remove: list[Taint], dry: str) -> None:
    there: list[Taint] = (info.object.get("spec") or {}).get("taints") or []
    taken = [one for one in put if any(_same(one, old) for old in there)]
    if taken and not call.flags["overwrite"]:
        raise CommandError(
            f"node {info.name} already has {', '.join(dict.fromkeys(one['key'] for one in taken))} taint(s) with same "
            "effect(s) and --overwrite is false"
        )
    for gone in remove:
        if not any(_gone(gone, old) for old in there):
            shown = f"{gone['key']}:{gone['effect']}" if gone["effect"] else gone["key"]
            raise CommandError(f"taint {quote(shown)} not found")
    kept = [
        old for old in there if not any(_gone(gone, old) for gone in remove) and not any(_same(one, old) for one in put)
    ]
    after = [*put, *kept]
    done = "untainted"
    if put:
        done = "modified" if remove or taken else "tainted"
    obj = {**info.object, "spec": {**(info.object.get("spec") or {}), "taints": after}}
    if dry != "client":
        obj = await call.factory.send(
            "PATCH",
            info.path(),
            {"spec": {"taints": after or None}},
            content_type=STRATEGIC_PATCH,
            dryRun="All" if dry == "server" else "",
            fieldManager=call.flags["field-manager"],
        )
    printing.shower(call, done, dry)(obj)


def _same(one: Taint, other: Taint) -> bool:
    return one["key"] == other["key"] and one["effect"] == other["effect"]


def _gone(gone: Taint, old: Taint) -> bool:
    return gone["key"] == old["key"] and gone["effect"] in ("", old["effect"])


COMMAND = Command(
    "taint",
    run,
    use="NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N",
    long="Update the taints on one or more nodes: a key, perhaps a value, and an effect (NoSchedule, "
    "PreferNoSchedule, NoExecute). With a minus behind it, a taint is removed.",
    examples="""# Update node 'foo' with a taint with key 'dedicated' and value 'special-user' and effect 'NoSchedule'
kubectl taint nodes foo dedicated=special-user:NoSchedule

# Remove from node 'foo' all the taints with key 'dedicated'
kubectl taint nodes foo dedicated-""",
    flags=(
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SELECTOR,
        *groups.VALIDATE,
        *groups.field_manager("kubectl-taint"),
        Flag("all", "bool", help="Select all nodes in the cluster"),
        Flag("overwrite", "bool", help="Allow taints to be overwritten."),
    ),
)
