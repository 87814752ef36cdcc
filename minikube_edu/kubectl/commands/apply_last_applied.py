"""`kubectl apply view-last-applied|set-last-applied|edit-last-applied`: the annotation of client-side apply itself."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]


async def view(call: Call) -> None:
    from minikube_edu.kubectl.printers import yaml_out

    output = call.flags["output"] or "yaml"
    if output not in ("yaml", "json"):
        raise call.usage(f"Unexpected -o output mode: {output}, the flag 'output' must be one of yaml|json")
    for info in await Builder(call).arguments(call.args, all_of_type=call.flags["all"]).options(latest=True).all():
        text = last_applied.original(info.object)
        if text is None:
            continue
        value = orjson.loads(text)
        if output == "json":
            call.say(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode())
        else:
            call.out.write(yaml_out.encode(value))


async def put(call: Call) -> None:
    dry = printing.dry_run(call)
    if not any(call.flags["filename"]):
        raise CommandError("must specify one of -f and -k")
    for info in await Builder(call).all():
        wanted = last_applied.encoded(
            last_applied.without(info.object) if "annotations" in info.object["metadata"] else info.object
        )
        try:
            current = await info.fetch()
        except ApiError as error:
            if error.not_found:
                raise CommandError(f"error: {error}") from None
            raise
        there = last_applied.original(current)
        if there is None and not call.flags["create-annotation"]:
            raise CommandError(
                f"no last-applied-configuration annotation found on resource: {info.name}, to create the "
                f"annotation, run "
                "the command with --create-annotation"
            )
        if there == wanted:
            call.say(f"set-last-applied {info.name}: no changes required.")
            continue
        show = printing.shower(call, "configured", dry)
        if dry == "client":
            show(current)
            continue
        patch = {"metadata": {"annotations": {last_applied.ANNOTATION: wanted}}}
        show(
            await call.factory.send(
                "PATCH",
                info.path(),
                patch,
                content_type=MERGE_PATCH,
                dryRun="All" if dry == "server" else "",
                fieldManager="kubectl-client-side-apply",
            )
        )


async def edit(call: Call) -> None:
    from minikube_edu.kubectl import editing

    await editing.last_applied_of(call)


_EDIT = (
    *groups.PRINT,
    *groups.VALIDATE,
    *groups.field_manager("kubectl-client-side-apply"),
    Flag("windows-line-endings", "bool", help="Lines end as Windows ends them."),
)
COMMANDS = {
    "view-last-applied": Command(
        "view-last-applied",
        view,
        use="(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)",
        long="View the latest last-applied-configuration annotations by type/name or file.",
        flags=(
            *groups.filename("of the objects."),
            *groups.SELECTOR,
            *groups.ALL,
            Flag("output", short="o", default="yaml", help="Output format. Must be one of (yaml, json)"),
        ),
    ),
    "set-last-applied": Command(
        "set-last-applied",
        put,
        use="-f FILENAME",
        long="Set the latest last-applied-configuration annotations by setting it to match the contents of a file.",
        flags=(
            *groups.filename_alone("with the configuration."),
            *groups.PRINT,
            *groups.DRY_RUN,
            Flag("create-annotation", "bool", help="Create the annotation where there is none."),
        ),
    ),
    "edit-last-applied": Command(
        "edit-last-applied",
        edit,
        use="(RESOURCE/NAME | -f FILENAME)",
        long="Edit the latest last-applied-configuration annotations of resources from the default editor.",
        flags=(*groups.filename("of the objects."), *_EDIT),
    ),
}
