"""`kubectl patch`: strategic, merge or JSON patch, sent as it was typed."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

TYPES = {"json": JSON_PATCH, "merge": MERGE_PATCH, "strategic": STRATEGIC_PATCH}


async def run(call: Call) -> None:
    flags = call.flags
    if flags["patch"] and flags["patch-file"]:
        raise CommandError("cannot specify --patch and --patch-file together")
    if not flags["patch"] and not flags["patch-file"]:
        raise CommandError("must specify --patch or --patch-file containing the contents of the patch")
    if flags["local"] and call.args:
        raise CommandError("cannot specify --local and server resources")
    dry = printing.dry_run(call)
    if flags["local"] and dry == "server":
        raise CommandError("cannot specify --local and --dry-run=server - did you mean --dry-run=client?")
    kind = TYPES.get(flags["type"].lower())
    if kind is None:
        raise CommandError(f"--type must be one of [{' '.join(TYPES)}], not {quote(flags['type'])}")
    patch = _patch(call)
    builder = Builder(call).arguments(call.args)
    infos, errors = await builder.infos()
    for info in infos:
        try:
            await _one(call, info, patch, kind, dry)
        except Exception as error:
            errors.append(error)
    raise_all(errors)
    if not infos:
        raise CommandError("no objects passed to patch")


def _patch(call: Call) -> bytes:
    """As JSON; what begins like JSON goes as it is, for the server to complain."""
    from minikube_edu.kubectl import manifests

    text = call.flags["patch"]
    if call.flags["patch-file"]:
        try:
            with open(call.flags["patch-file"]) as file:
                text = file.read()
        except OSError:
            path = call.flags["patch-file"]
            raise CommandError(f"unable to read patch file: open {path}: no such file or directory") from None
    if text.lstrip().startswith(("{", "[")):
        return str(text).encode()
    try:
        return orjson.dumps(manifests.parse_yaml(text, "patch"))
    except CommandError as error:
        reason = str(error).partition("error converting YAML to JSON: ")[2]
        raise CommandError(f"unable to parse {quote(text)}: {reason}") from None


async def _one(call: Call, info: Info, patch: bytes, kind: str, dry: str) -> None:
    flags = call.flags
    if flags["local"] or dry == "client":
        patched = _locally(info.object, patch, kind)
    else:
        if info.source:
            info.object = await info.fetch(subresource=flags["subresource"])
        try:
            patched = await call.factory.send(
                "PATCH",
                info.path(flags["subresource"]),
                patch,
                content_type=kind,
                dryRun="All" if dry == "server" else "",
                fieldManager=flags["field-manager"],
            )
        except ApiError as error:
            if error.code == 415:
                resource = info.mapping.resource
                what = f"{resource.api_version}, Kind={resource.kind}"
                raise CommandError(f"{kind} is not supported by {what}: {error}") from None
            raise
    changed = patched != info.object
    printing.shower(call, "patched" if changed else "patched (no change)")(patched)


def _locally(obj: Object, patch: bytes, kind: str) -> Object:
    from minikube_edu.kubectl.three_way import patched
    from minikube_edu.lib import jsonpatch

    try:
        value = orjson.loads(patch)
    except orjson.JSONDecodeError as error:
        raise CommandError(str(error)) from None
    if kind == JSON_PATCH:
        found: Object = jsonpatch.apply_json_patch(obj, jsonpatch.decode_operations(value))
        return found
    group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
    return patched(Resource(group, version, "", kind=str(obj.get("kind") or "")), obj, value, kind)


COMMAND = Command(
    "patch",
    run,
    use="(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]",
    long="Update fields of a resource using strategic merge patch, a JSON merge patch, or a JSON patch.\n\n"
    " JSON and YAML formats are accepted.",
    examples="""# Partially update a node using a strategic merge patch, specifying the patch as JSON
kubectl patch node k8s-node-1 -p '{"spec":{"unschedulable":true}}'

# Update a container's image using a JSON patch with positional arrays
kubectl patch pod valid-pod --type='json' -p='[{"op": "replace", "path": "/spec/containers/0/image", "value":"new image"}]'""",  # noqa: E501  # the real text
    flags=(
        *groups.filename("of the objects."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.LOCAL,
        *groups.RECORD,
        *groups.field_manager("kubectl-patch"),
        Flag("patch", short="p", help="The patch, as JSON or YAML."),
        Flag("patch-file", help="A file with the patch."),
        Flag("subresource", help="The subresource to patch: [status scale resize]."),
        Flag("type", default="strategic", help="The type of patch being provided; one of [json merge strategic]"),
    ),
)
