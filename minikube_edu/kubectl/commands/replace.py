"""`kubectl replace`: the whole object, as the file says; with --force deleted and created anew."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all, with_source
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

Object = dict[str, Any]


async def run(call: Call) -> None:
    flags = call.flags
    if not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    if any(flags["filename"]) and flags["kustomize"]:
        raise CommandError("only one of -f or -k can be specified")
    if flags["raw"]:
        await _raw(call)
        return
    dry, directive = printing.dry_run(call), printing.validation(call)
    if flags["grace-period"] >= 0 and not flags["force"]:
        raise CommandError("--grace-period must have --force specified")
    show = printing.shower(call, "replaced", dry)
    query = {
        "dryRun": "All" if dry == "server" else "",
        "fieldManager": flags["field-manager"],
        "fieldValidation": directive,
    }
    infos, errors = await Builder(call).options(validate=directive != "Ignore").infos()
    if flags["force"]:
        raise_all(errors)
        await _anew(call, infos, query, dry)
        return
    for info in infos:
        body = last_applied.modified(info.object) if flags["save-config"] or _applied(info.object) else info.object
        if dry == "client":
            show(body)
            continue
        try:
            show(await _put(call, info, body, query))
        except Exception as error:
            errors.append(with_source(error, "replacing", info.source))
    raise_all(errors)


def _applied(obj: Object) -> bool:
    return last_applied.original(obj) is not None


async def _put(call: Call, info: Info, body: Object, query: dict[str, Any]) -> Object:
    """Without a version, whatever is there is replaced: kinds that insist on one get that of the live object."""
    path = info.path(call.flags["subresource"])
    if not (body.get("metadata") or {}).get("resourceVersion"):
        try:
            current = await call.factory.send("GET", info.path(call.flags["subresource"]))
        except ApiError:
            return await call.factory.send("PUT", path, body, **query)  # the server shall say it
        version = current["metadata"].get("resourceVersion")
        body = {**body, "metadata": {**body["metadata"], "resourceVersion": version}}
    return await call.factory.send("PUT", path, body, **query)


async def _anew(call: Call, infos: list[Info], query: dict[str, Any], dry: str) -> None:
    from minikube_edu.kubectl.commands.delete import Deleter

    deleter = Deleter(call, "Background", max(call.flags["grace-period"], -1), dry, True)
    for info in infos:
        await deleter.take(info)
    raise_all(deleter.errors)
    if dry == "none":
        await deleter.wait(call.flags["timeout"])
    errors: list[Exception] = []
    for info in infos:
        body = info.object
        try:
            if dry != "client":
                body = {
                    **body,
                    "metadata": {k: v for k, v in body["metadata"].items() if k not in ("resourceVersion", "uid")},
                }
                body = await call.factory.send("POST", info.path(collection=True), body, **query)
        except ApiError as error:
            errors.append(error)
            continue
        printing.shower(call, "replaced", dry)(body)
    raise_all(errors)


async def _raw(call: Call) -> None:
    from minikube_edu.kubectl import manifests

    places = manifests.sources(call.flags["filename"], False, call.stdin)
    reply = await call.factory.raw("PUT", printing.raw_path(call), places[0].read().encode())
    call.out.write(reply.body.decode("utf-8", "replace"))


COMMAND = Command(
    "replace",
    run,
    use="-f FILENAME",
    long="Replace a resource by file name or stdin.\n\n JSON and YAML formats are accepted. The whole object must "
    "be given.",
    examples="""# Replace a pod using the data in pod.json
kubectl replace -f ./pod.json

# Force replace, delete and then re-create the resource
kubectl replace --force -f ./pod.json""",
    flags=(
        *groups.filename("to replace with."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.VALIDATE,
        *groups.SAVE_CONFIG,
        *groups.field_manager("kubectl-replace"),
        Flag(
            "cascade",
            default="background",
            no_value="background",
            help='Must be "background", "orphan", or "foreground".',
        ),
        Flag("force", "bool", help="Delete the object and create it anew."),
        Flag("grace-period", "int", default=-1, help="With --force: seconds that the old one has to end."),
        Flag("raw", help="A path to send the file to, as it is."),
        Flag("subresource", help="The subresource to replace: [status scale resize]."),
        Flag("timeout", "duration", default="0s", help="How long to wait for the deletion."),
        Flag("wait", "bool", help="Wait until the old one is gone."),
    ),
)
