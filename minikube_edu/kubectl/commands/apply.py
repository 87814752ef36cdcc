"""`kubectl apply`: make the cluster be as the files say.

Client side, three versions are merged: what was applied last (an annotation), what the file says, what the server has.
Fields that only the first one has go; fields that only the server has stay. Server side, the server does it all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all, with_source
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

if TYPE_CHECKING:
    from minikube_edu.kubectl.applysets import ApplySet

Object = dict[str, Any]

CONFLICT = """
Please review the fields above--they currently have other managers. Here
are the ways you can resolve this warning:
* If you intend to manage all of these fields, please re-run the apply
  command with the `--force-conflicts` flag.
* If you do not intend to manage all of the fields, please edit your
  manifest to remove references to the fields that should keep their
  current managers.
* You may co-own fields by updating your manifest to match the existing
  value; in this case, you'll become the manager if the other manager(s)
  stop managing the field (remove it from their configuration).
See https://kubernetes.io/docs/reference/using-api/server-side-apply/#conflicts"""
NEVER_APPLIED = (
    "resource {} is missing the {} annotation which is required by kubectl apply. kubectl apply should only be used on "
    "resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation "
    "will be patched automatically."
)


async def run(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise call.usage(f"Unexpected args: [{' '.join(call.args)}]")
    if not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    dry, directive = printing.dry_run(call), printing.validation(call)
    manager = flags["field-manager"]
    if not call.flags.changed("field-manager"):
        manager = "kubectl" if flags["server-side"] else "kubectl-client-side-apply"
    applyset = None
    if flags.get("applyset"):
        from minikube_edu.kubectl import applysets

        applyset = await applysets.of(call)
    await _check(call, dry, applyset)
    printing.check_output(call)
    builder = Builder(call).options(validate=directive != "Ignore", select_all=False)
    infos, errors = await builder.infos()
    if not infos and not errors:
        raise CommandError("no objects passed to apply")
    if applyset is not None:
        applyset.add_labels(infos)
        await applyset.before_apply(infos, dry, directive)
    applier = Applier(call, dry, directive, manager)
    for info in infos:
        try:
            await applier.apply(info)
        except Exception as error:
            errors.append(error)
    raise_all(errors)
    applier.print_objects()
    if applyset is not None:
        await applyset.prune(applier.visited, dry, directive)
    elif flags["prune"]:
        from minikube_edu.kubectl import pruning

        await pruning.prune(call, applier.visited, applier.namespaces, dry)


async def _check(call: Call, dry: str, applyset: ApplySet | None) -> None:
    flags = call.flags
    rules = (
        (flags["force-conflicts"] and not flags["server-side"], "--force-conflicts only works with --server-side"),
        (
            dry == "client" and flags["server-side"],
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        ),
        (flags["server-side"] and flags["force"], "--force cannot be used with --server-side"),
        (dry == "server" and flags["force"], "--dry-run=server cannot be used with --force"),
        (flags["all"] and flags["selector"], "cannot set --all and --selector at the same time"),
    )
    for wrong, text in rules:
        if wrong:
            raise CommandError(text)
    if applyset is not None:
        if not flags["prune"]:
            raise CommandError("--applyset requires --prune")
        await applyset.check()
    if flags["prune"]:
        from minikube_edu.kubectl import pruning

        pruning.check(call)
    if flags["subresource"] and not flags["server-side"]:
        raise CommandError("--subresource can only be specified for --server-side")


class Applier:
    def __init__(self, call: Call, dry: str, directive: str, manager: str) -> None:
        self.call, self.dry, self.directive, self.manager = call, dry, directive, manager
        self.objects_wanted = bool(call.flags["output"] or call.flags["template"]) and call.flags["output"] != "name"
        self.applied: list[Object] = []
        self.visited: set[str] = set()  # uids: these are not pruned
        self.namespaces: set[str] = set()

    async def apply(self, info: Info) -> None:
        self.namespaces.add(info.namespace)
        metadata = info.object.get("metadata") or {}
        if self.call.flags.get("record"):
            record(self.call, info.object)
        if not info.name and metadata.get("generateName"):
            raise CommandError(f"from {metadata['generateName']}: cannot use generate name with apply")
        if self.call.flags["server-side"]:
            from minikube_edu.kubectl import server_side

            await server_side.apply(self, info)
            self.done(info, "serverside-applied")
        else:
            await self._client_side(info)

    def done(self, info: Info, what: str) -> None:
        metadata = info.object.get("metadata") or {}
        self.visited.add(metadata.get("uid") or "")
        if metadata.get("deletionTimestamp"):
            self.call.factory.warn(f"Detected changes to resource {info.name} which is currently being deleted.")
        if self.objects_wanted:
            self.applied.append(info.object)
        else:
            printing.shower(self.call, what, self.dry)(info.object)

    def print_objects(self) -> None:
        if not self.objects_wanted:
            return
        show = printing.shower(self.call, "", self.dry)
        if len(self.applied) == 1:
            show(self.applied[0])
        else:
            show({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": self.applied})

    def query(self) -> dict[str, Any]:
        return {
            "dryRun": "All" if self.dry == "server" else "",
            "fieldManager": self.manager,
            "fieldValidation": self.directive,
        }

    async def _client_side(self, info: Info) -> None:
        modified = last_applied.modified(info.object)
        try:
            if not info.name:
                raise CommandError("resource name may not be empty")
            current = await info.fetch()
        except (ApiError, CommandError) as error:
            if not isinstance(error, ApiError) or not error.not_found:
                raise with_source(
                    error, f"retrieving current configuration of:\n{info.describe()}\nfrom server for:", info.source
                ) from None
            await self._create(info, modified)
            return
        if last_applied.original(current) is None:
            self.call.factory.err.write(f"Warning: {NEVER_APPLIED.format(info.plural_name, last_applied.ANNOTATION)}\n")
        patch: Object = {}
        try:
            patch, patched = await self._patch(info, modified, current)
        except Exception as error:
            raise with_source(
                error,
                f"applying patch:\n{orjson.dumps(patch).decode()}\nto:\n{info.describe()}\nfor:",
                info.source,
            ) from None
        info.take(patched)
        self.done(info, "configured" if patch else "unchanged")

    async def _create(self, info: Info, modified: Object) -> None:
        body = without_nulls(modified)
        if self.dry != "client":
            body["metadata"].pop("resourceVersion", None)
            try:
                body = await self.call.factory.send("POST", info.path(collection=True), body, **self.query())
            except Exception as error:
                raise with_source(error, "creating", info.source) from None
        info.take(body)
        self.done(info, "created")

    async def _patch(self, info: Info, modified: Object, current: Object) -> tuple[Object, Object]:
        from minikube_edu.kubectl.three_way import three_way

        error: ApiError | None = None
        for _ in range(5):
            patch, kind = three_way(info.mapping.resource, modified, current, bool(self.call.flags["overwrite"]))
            if not patch:
                return patch, current
            if self.dry == "client":
                from minikube_edu.kubectl.three_way import patched

                return patch, patched(info.mapping.resource, current, patch, kind)
            try:
                return patch, await self.call.factory.send(
                    "PATCH", info.path(), patch, content_type=kind, **self.query()
                )
            except ApiError as refused:
                error = refused
                if not refused.conflict:
                    break
                current = await info.fetch()
        assert error is not None
        if self.call.flags["force"] and (error.conflict or error.reason == "Invalid"):
            return patch, await self._replace(info, modified)
        if error.reason == "Invalid":
            raise error  # the fields say all
        raise with_source(error, "patching", info.source)

    async def _replace(self, info: Info, modified: Object) -> Object:
        """--force: away with it, and anew."""
        import asyncio

        await self.call.factory.send("DELETE", info.path(), {"propagationPolicy": "Background"})
        for _ in range(60):
            try:
                await info.fetch()
            except ApiError as error:
                if error.not_found:
                    break
                raise
            await asyncio.sleep(0.25)
        return await self.call.factory.send("POST", info.path(collection=True), modified, **self.query())


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def record(call: Call, obj: Object) -> None:
    """--record: what was typed, as the cause of the change."""
    from minikube_edu.kubectl.recording import CAUSE, typed

    metadata = obj.setdefault("metadata", {})
    metadata["annotations"] = {**(metadata.get("annotations") or {}), CAUSE: typed(call)}


COMMAND = Command(
    "apply",
    run,
    use="(-f FILENAME | -k DIRECTORY)",
    long="""Apply a configuration to a resource by file name or stdin. The resource name must be specified. It is created when it is not there yet.

 JSON and YAML formats are accepted.""",  # noqa: E501  # the real text
    examples="""# Apply the configuration in pod.json to a pod
kubectl apply -f ./pod.json

# Apply resources from a directory containing kustomization.yaml - e.g. dir/kustomization.yaml
kubectl apply -k dir/

# Apply the JSON passed into stdin to a pod
cat pod.json | kubectl apply -f -""",
    flags=(
        *groups.filename("that contain the configuration to apply."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.VALIDATE,
        *groups.SELECTOR,
        *groups.RECORD,
        *groups.ALL,
        *groups.field_manager("kubectl-client-side-apply"),
        Flag(
            "cascade",
            default="background",
            no_value="background",
            help='Must be "background", "orphan", or "foreground".',
        ),
        Flag("force", "bool", help="Delete and create anew what cannot be changed."),
        Flag("force-conflicts", "bool", help="With --server-side: take fields from other managers."),
        Flag("grace-period", "int", default=-1, help="Seconds that a deleted object has to end."),
        Flag("openapi-patch", "bool", default=True, help="Take the way to merge from the server's OpenAPI document."),
        Flag(
            "overwrite",
            "bool",
            default=True,
            help="Resolve conflicts between the file and the live object by the file.",
        ),
        Flag("prune", "bool", help="Delete what was applied before and is not in the files any more."),
        Flag("prune-allowlist", "array", help="Kinds to prune, as <group/version/kind>."),
        Flag("server-side", "bool", help="Let the server merge."),
        Flag("subresource", help="With --server-side: the subresource to apply to."),
        Flag("timeout", "duration", default="0s", help="How long to wait for a deletion."),
        Flag("wait", "bool", help="Wait until what is deleted is gone."),
    ),
    gate="KUBECTL_APPLYSET",
    gated=(
        Flag(
            "applyset",
            help="[alpha] The object that keeps the book of what is applied, as [RESOURCE][.GROUP]/NAME; a Secret "
            "without a type. With --prune: what it has and the files have not is deleted.",
        ),
    ),
    subcommands=(
        Entry(
            "edit-last-applied",
            "Edit latest last-applied-configuration annotations of a resource/object",
            "apply_last_applied",
        ),
        Entry(
            "set-last-applied",
            "Set the last-applied-configuration annotation on a live object to match the contents of a file",
            "apply_last_applied",
        ),
        Entry(
            "view-last-applied",
            "View the latest last-applied-configuration annotations of a resource/object",
            "apply_last_applied",
        ),
    ),
)
