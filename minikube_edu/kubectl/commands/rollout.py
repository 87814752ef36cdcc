"""`kubectl rollout history|pause|restart|resume|status|undo`: deployments, daemon sets, stateful sets in change."""

from __future__ import annotations

import copy
from typing import Any

from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing, revisions
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.three_way import two_way
from minikube_edu.lib import clock

Object = dict[str, Any]

APPLIED = (
    "resource {} was previously managed with 'kubectl apply'. Rolling back will not update the {} annotation, "
    "which may "
    "cause unexpected behavior on future 'kubectl apply' operations. Consider using 'kubectl apply' with your previous "
    "configuration file instead."
)


async def _infos(call: Call) -> tuple[list[Info], list[Exception]]:
    flags = call.flags
    if not call.args and not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError("required resource not specified")
    builder = Builder(call).arguments(call.args, all_of_type=True).options(latest=True)
    infos, errors = await builder.infos()
    if not infos and not errors:
        call.warn(f"No resources found in {call.factory.namespace} namespace.")
    return infos, errors


async def status(call: Call) -> None:
    from minikube_edu.api import durations
    from minikube_edu.kubectl import live_line, rollout_status
    from minikube_edu.kubectl.waiting import WEEK, Deadline

    if call.flags["revision"] < 0:
        raise CommandError(f"revision must be a positive integer: {call.flags['revision']}")
    with live_line.of(call) as line:
        infos, errors = await _infos(call)
        if not infos:
            raise_all(errors)
        deadline = Deadline(durations.seconds(call.flags["timeout"]) or WEEK)
        for info in infos:
            try:
                await rollout_status.follow(call, info, deadline, line)
            except Exception as error:
                errors.append(error)
            line.hide()
    raise_all(errors)


async def history(call: Call) -> None:
    flags = call.flags
    if flags["revision"] < 0:
        raise CommandError(f"revision must be a positive integer: {flags['revision']}")
    infos, errors = await _infos(call)
    for info in infos:
        try:
            await _one_history(call, info)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def _one_history(call: Call, info: Info) -> None:
    from minikube_edu.kubectl.printers.name import name_of

    found = await revisions.of(info)
    wanted: int = call.flags["revision"]
    if wanted and wanted not in found:
        raise CommandError("unable to find the specified revision")
    if call.flags["output"] or call.flags["template"]:
        show = printing.shower(call, "")
        for number in [wanted] if wanted else sorted(found):
            show(found[number].object)
        return
    if not found:
        text = "No rollout history found."
    elif wanted:
        text = revisions.template_text(found[wanted].template())
    else:
        from minikube_edu.api.output.tabwriter import DESCRIPTION, align

        rows = [f"{number}\t{found[number].cause or '<none>'}\n" for number in sorted(found)]
        text = align("REVISION\tCHANGE-CAUSE\n" + "".join(rows), DESCRIPTION)
    head = f"with revision #{wanted}" if wanted else ""
    call.say(f"{name_of(info.object)} {head}\n{text}")


async def undo(call: Call) -> None:
    flags = call.flags
    dry = printing.dry_run(call)
    infos, errors = await _infos(call)
    for info in infos:
        try:
            if last_applied.original(info.object) is not None:
                call.err.write(f"Warning: {APPLIED.format(info.plural_name, last_applied.ANNOTATION)}\n")
            done = await revisions.restore(info, flags["to-revision"], dry, flags.get("field-manager") or "")
            printing.shower(call, done, dry)(info.object)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def restart(call: Call) -> None:
    infos, errors = await _infos(call)

    def change(obj: Object) -> None:
        if (obj.get("spec") or {}).get("paused"):
            raise CommandError("can't restart paused deployment (run rollout resume first)")
        metadata = obj["spec"]["template"].setdefault("metadata", {})
        stamp = {"kubectl.kubernetes.io/restartedAt": clock.rfc3339()}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), **stamp}

    await _change(call, infos, errors, change, "restarted", "restarting", ("Deployment", "DaemonSet", "StatefulSet"))


async def pause(call: Call) -> None:
    infos, errors = await _infos(call)

    def change(obj: Object) -> None:
        if obj["spec"].get("paused"):
            raise CommandError("is already paused")
        obj["spec"]["paused"] = True

    await _change(call, infos, errors, change, "paused", "pausing", ("Deployment",))


async def resume(call: Call) -> None:
    infos, errors = await _infos(call)

    def change(obj: Object) -> None:
        if not obj["spec"].get("paused"):
            raise CommandError("is not paused")
        obj["spec"].pop("paused")

    await _change(call, infos, errors, change, "resumed", "resuming", ("Deployment",))


async def _change(
    call: Call, infos: list[Info], errors: list[Exception], change: Any, done: str, doing: str, kinds: tuple[str, ...]
) -> None:
    show = printing.shower(call, done)
    for info in infos:
        after = copy.deepcopy(info.object)
        try:
            if info.object.get("kind") not in kinds:
                raise CommandError(f"{info.typed_name} {doing} is not supported")
            try:
                change(after)
            except CommandError as error:
                raise CommandError(f"{info.typed_name} {error}") from None
            patch, kind = two_way(info.mapping.resource, info.object, after)
            show(
                await call.factory.send(
                    "PATCH", info.path(), patch, content_type=kind, fieldManager=call.flags["field-manager"]
                )
            )
        except Exception as error:
            errors.append(error)
    raise_all(errors)


_COMMON = (*groups.filename("of the objects."), *groups.SELECTOR)
_CHANGE = (*_COMMON, *groups.PRINT, *groups.field_manager("kubectl-rollout"))
_TYPE = "(TYPE NAME | TYPE/NAME) [flags]"
COMMANDS = {
    "rollout": Command(
        "rollout",
        None,
        use="SUBCOMMAND",
        long="Manage the rollout of one or many resources.\n        \n Valid resource types include:\n\n"
        "  *  deployments\n  *  daemonsets\n  *  statefulsets",
        examples="""# Rollback to the previous deployment
kubectl rollout undo deployment/abc

# Check the rollout status of a daemonset
kubectl rollout status daemonset/foo

# Restart a deployment
kubectl rollout restart deployment/abc

# Restart deployments with the 'app=nginx' label
kubectl rollout restart deployment --selector=app=nginx""",
        bare="stdout 1",
        subcommands=(
            Entry("history", "View rollout history", "rollout"),
            Entry("pause", "Mark the provided resource as paused", "rollout"),
            Entry("restart", "Restart a resource", "rollout"),
            Entry("resume", "Resume a paused resource", "rollout"),
            Entry("status", "Show the status of the rollout", "rollout"),
            Entry("undo", "Undo a previous rollout", "rollout"),
        ),
    ),
    "history": Command(
        "history",
        history,
        use=_TYPE,
        long="View previous rollout revisions and configurations.",
        flags=(
            *_COMMON,
            *groups.PRINT,
            Flag("revision", "int64", help="See the details, including podTemplate of the revision specified"),
        ),
    ),
    "pause": Command(
        "pause",
        pause,
        use="RESOURCE",
        long="Mark the provided resource as paused. Only deployments can be paused.",
        flags=_CHANGE,
    ),
    "restart": Command(
        "restart",
        restart,
        use="RESOURCE",
        long="Restart a resource: its pods are replaced, one after the other.",
        flags=_CHANGE,
    ),
    "resume": Command("resume", resume, use="RESOURCE", long="Resume a paused resource.", flags=_CHANGE),
    "status": Command(
        "status",
        status,
        use=_TYPE,
        long="Show the status of the rollout, until it is done.",
        discovery_tries=4,
        flags=(
            *_COMMON,
            Flag(
                "revision",
                "int64",
                help="Pin to a specific revision for showing its status. Defaults to 0 (last revision).",
            ),
            Flag("timeout", "duration", default="0s", help="How long to watch; zero for as long as it takes."),
            Flag("watch", "bool", short="w", default=True, help="Watch the status of the rollout until it's done."),
        ),
    ),
    "undo": Command(
        "undo",
        undo,
        use=_TYPE,
        long="Roll back to a previous rollout.",
        flags=(
            *_COMMON,
            *groups.PRINT,
            *groups.DRY_RUN,
            Flag("to-revision", "int64", help="The revision to rollback to. Default to 0 (last revision)."),
        ),
    ),
}
