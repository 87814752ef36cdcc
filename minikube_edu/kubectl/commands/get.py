"""`kubectl get`: tables as the server lays them out, or the objects themselves in any form; once, or as they change."""

from __future__ import annotations

from typing import Any, TextIO, cast

import orjson

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.client.sending import JSON
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Many, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.printers import Printer, printer_for
from minikube_edu.kubectl.printers.table import TableOptions

Object = dict[str, Any]

_AS_TABLE = (
    b"application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


async def run(call: Call) -> None:
    flags = call.flags
    _check(call)
    if flags["raw"] and call.args:
        raise CommandError("arguments may not be passed when --raw is specified")
    if flags["raw"]:
        reply = await call.factory.raw("GET", flags["raw"])
        call.out.write(reply.body.decode("utf-8", "replace"))
        return
    if not call.args and not flags["filename"] and not flags["kustomize"]:
        call.err.write(
            'You must specify the type of resource to get. Use "kubectl api-resources" for a complete list of '
            "supported "
            "resources.\n\n"
        )
        raise call.usage(
            "Required resource not specified.\n"
            'Use "kubectl explain <resource>" for a detailed description of that resource (e.g. kubectl explain pods).'
        )
    human = flags["output"] in ("", "wide") and not flags["template"]
    as_table = human and flags["server-print"]
    if flags["color"] and as_table and call.out.isatty():
        from minikube_edu.kubectl.colours import Painted

        call.out = cast(TextIO, Painted(call.out))
    if flags["watch"] or flags["watch-only"]:
        from minikube_edu.kubectl.interrupts import Interrupts

        with Interrupts():
            await _watch(call, as_table)
        return
    builder = Builder(call).arguments(call.args, all_of_type=True).options(latest=True)
    if as_table:
        builder.accept = _AS_TABLE
        builder.whole = True
    if flags["sort-by"]:
        builder.chunk = 0
        if as_table:
            builder.query["includeObject"] = "Object"
    infos, errors = await builder.infos()
    if flags["ignore-not-found"]:
        errors = [error for error in errors if not (isinstance(error, ApiError) and error.not_found)]
    if human:
        _print_tables(call, infos, errors)
    else:
        _print_objects(call, builder, infos, errors)


def _check(call: Call) -> None:
    flags = call.flags
    output = flags["output"]
    if flags["raw"]:
        if flags["watch"] or flags["watch-only"] or flags["selector"]:
            raise CommandError(
                "--raw may not be specified with other flags that filter the server request or alter the output"
            )
        if output:
            raise CommandError("--raw and --output are mutually exclusive")
        printing.raw_path(call)
    if flags["show-labels"] and output not in ("", "wide"):
        raise CommandError(f"--show-labels option cannot be used with {output} printer")
    if flags["label-columns"] and output.startswith("custom-columns"):
        raise CommandError(f"--label-columns option cannot be used with {output} printer")
    if flags["output-watch-events"] and not (flags["watch"] or flags["watch-only"]):
        raise CommandError("--output-watch-events option can only be used with --watch or --watch-only")


def _printer(call: Call, kind: ServedResource | None, *, with_kind: bool, namespaces: bool) -> Printer:
    flags = call.flags
    shown = ""
    if kind is not None and (with_kind or flags["show-kind"]):
        resource = kind.resource
        shown = f"{resource.kind.lower()}.{resource.group}" if resource.group else resource.kind.lower()
    table = TableOptions(
        no_headers=flags["no-headers"],
        with_namespace=namespaces,
        show_labels=flags["show-labels"],
        column_labels=flags["label-columns"],
        kind=shown,
    )
    return printer_for(
        flags["output"],
        template=flags["template"],
        table=table,
        allow_missing=flags["allow-missing-template-keys"],
        show_managed_fields=flags["show-managed-fields"],
    )


def _print_tables(call: Call, infos: list[Info], errors: list[Exception]) -> None:
    flags = call.flags
    with_kind = len({_kind_of(info) for info in infos}) > 1
    everywhere = bool(flags["all-namespaces"])
    only_namespaced = not everywhere
    written = False
    for group in _by_kind(infos):
        only_namespaced = only_namespaced and all(info.namespaced for info in group)
        printer = _printer(call, group[0].served, with_kind=with_kind, namespaces=everywhere and group[0].namespaced)
        tables = _joined([info.object for info in group])
        if flags["sort-by"]:
            from minikube_edu.kubectl.printers import sorting

            try:
                tables = [sorting.sort_table(table, flags["sort-by"]) for table in tables]
            except sorting.Unsortable as error:
                raise printing.fatal(str(error), "sorter.go:375") from None
            except ValueError:
                tables = []  # the real one says nothing either
        text = "".join(printer.print(table) for table in tables)
        if text:
            call.out.write(("\n" if written and not flags["no-headers"] else "") + text)
            written = True
    if not written and not flags["ignore-not-found"] and not errors:
        where = f" in {call.factory.namespace} namespace." if only_namespaced else ""
        call.warn(f"No resources found{where}")
    if errors:
        raise Many(errors)  # of a table all failures are told after it, without `error: `


def _kind_of(info: Info) -> tuple[str, str]:
    return (info.mapping.resource.group, info.mapping.resource.kind)


def _by_kind(infos: list[Info]) -> list[list[Info]]:
    """Runs of the same kind: each is a table."""
    found: list[list[Info]] = []
    for info in infos:
        if found and _kind_of(found[-1][0]) == _kind_of(info):
            found[-1].append(info)
        else:
            found.append([info])
    return found


def _joined(tables: list[Object]) -> list[Object]:
    """Tables of the same columns in one, so that their columns are aligned."""
    found: list[Object] = []
    for table in tables:
        same = found and table.get("kind") == "Table" == found[-1].get("kind")
        if same and found[-1].get("columnDefinitions") == table.get("columnDefinitions"):
            found[-1] = {**found[-1], "rows": [*(found[-1].get("rows") or ()), *(table.get("rows") or ())]}
        else:
            found.append(table)
    return found


def _print_objects(call: Call, builder: Builder, infos: list[Info], errors: list[Exception]) -> None:
    flags = call.flags
    if (builder.single_item or builder.single_source) and errors:
        raise_all(errors)
    if not infos and flags["ignore-not-found"]:
        raise_all(errors)
        return
    printer = _printer(call, None, with_kind=False, namespaces=False)
    objects = [info.object for info in infos]
    if flags["sort-by"]:
        from minikube_edu.kubectl.printers import sorting

        try:
            objects = sorting.sort_objects(objects, flags["sort-by"])
        except sorting.Unsortable as error:
            raise printing.fatal(str(error), "sorter.go:329") from None
    if builder.single_item and len(objects) == 1:
        call.out.write(printer.print(objects[0]))
    elif not objects and flags["output"] == "name":
        pass
    else:
        whole = {"apiVersion": "v1", "items": objects, "kind": "List", "metadata": {"resourceVersion": ""}}
        call.out.write(printer.print(whole))
    raise_all(errors)


# ---------------------------------------------------------------- watching


async def _watch(call: Call, as_table: bool) -> None:
    flags = call.flags
    builder = Builder(call).arguments(call.args, all_of_type=True)
    builder.options(latest=True, keep_going=False, single_type=True, whole=True, accept=_AS_TABLE if as_table else JSON)
    try:
        infos = await builder.all()
    except ApiError as error:
        if error.not_found and flags["ignore-not-found"]:
            return
        raise
    if len(infos) != 1:
        raise CommandError("watch is only supported on individual resources and resource collections")
    info = infos[0]
    printer = _printer(call, info.served, with_kind=False, namespaces=bool(flags["all-namespaces"]) and info.namespaced)
    show = _Shower(call, printer)
    first = info.object
    many = "items" in first or (first.get("kind") == "Table" and not info.name and not (builder.names or builder.pairs))
    if not flags["watch-only"]:
        for item in _pieces(first):
            show(item, "ADDED")
    name = (builder.names or [name for _, name in builder.pairs] or [info.name])[0] if not many else ""
    version = (first.get("metadata") or {}).get("resourceVersion") or "" if many else "0"
    fields = builder.field_selector or ""
    if name:
        fields = f"metadata.name={name}"
    query = {
        "watch": True,
        "resourceVersion": version,
        "labelSelector": builder.selector,
        "fieldSelector": fields,
        "timeoutSeconds": int(call.factory.timeout) if call.factory.timeout else None,
    }
    await _follow(call, info, query, show, skip_first=not many, accept=builder.accept)


async def _follow(
    call: Call, info: Info, query: dict[str, Any], show: _Shower, *, skip_first: bool, accept: bytes
) -> None:
    import asyncio

    from minikube_edu.kubectl.factory import query_text

    path = info.path(collection=True) + query_text(query)
    timeout = call.factory.timeout

    async def follow() -> None:
        skip = skip_first
        stream = await call.factory.client.sender.stream("GET", path, accept=accept)
        try:
            async for lines in stream.batches():
                for line in lines:
                    if not line:
                        continue
                    event = orjson.loads(line)
                    if event["type"] == "ERROR":
                        raise ApiError(event["object"])
                    if event["type"] == "BOOKMARK":
                        continue
                    if skip:
                        skip = False  # a watch of one object begins with what has been shown
                        continue
                    for item in _pieces(event["object"]):
                        show(item, event["type"])
        finally:
            stream.close()

    try:
        await asyncio.wait_for(follow(), timeout)
    except (TimeoutError, ConnectionError):
        return


class _Shower:
    """Prints a piece and lets it be seen at once."""

    def __init__(self, call: Call, printer: Printer) -> None:
        self._call, self._printer = call, printer
        self._events = bool(call.flags["output-watch-events"])

    def __call__(self, obj: Object, event: str) -> None:
        self._call.out.write(self._printer.print(obj, event if self._events else ""))
        self._call.out.flush()


def _pieces(obj: Object) -> list[Object]:
    """A list's objects; a table at once, for its columns' sake."""
    if "items" in obj and obj.get("kind", "").endswith("List"):
        kind = str(obj["kind"])[:-4]
        return [{"apiVersion": obj.get("apiVersion"), "kind": kind, **item} for item in obj["items"] or ()]
    return [obj]


_FORMATS = (
    "json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file|"
    "custom-columns|custom-columns-file|wide"
)
COMMAND = Command(
    "get",
    run,
    use=f"[(-o|--output=){_FORMATS}] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME ...) "
    f"[flags]",
    long="""Display one or many resources.

 Prints a table of the most important information about the specified resources. You can filter the list using a label selector and the --selector flag. If the desired resource type is namespaced you will only see results in the current namespace if you don't specify any namespace.

 By specifying the output as 'template' and providing a Go template as the value of the --template flag, you can filter the attributes of the fetched resources.

Use "kubectl api-resources" for a complete list of supported resources.""",  # noqa: E501  # the real text
    examples="""# List all pods in ps output format
kubectl get pods

# List all pods with more information (such as node name)
kubectl get pods -o wide

# List one deployment
kubectl get deployment web

# A pod in JSON
kubectl get -o json pod web-pod-13je7

# Only one field of it
kubectl get pod/web-pod-13je7 -o jsonpath='{.status.phase}'

# Deployments and services together
kubectl get deploy,services

# See changes as they happen
kubectl get pods -w""",
    flags=(
        *groups.filename("to get from the server."),
        *groups.SELECTOR,
        *groups.FIELD_SELECTOR,
        *groups.ALL_NAMESPACES,
        *groups.CHUNK,
        *groups.PRINT,
        Flag("ignore-not-found", "bool", help="Say nothing of objects that are not there."),
        Flag("label-columns", "strings", short="L", help="Labels to show as columns of their own."),
        Flag("no-headers", "bool", help="Tables without the line of headers."),
        Flag("color", "bool", help="On a terminal: what is well is green, what waits yellow, what is broken red."),
        Flag("output-watch-events", "bool", help="With --watch: what happened to each object, too."),
        Flag("raw", help="A path to ask the server for, as it is."),
        Flag("server-print", "bool", default=True, help="Let the server choose columns and cells."),
        Flag("show-kind", "bool", help="Names with their kind."),
        Flag("show-labels", "bool", help="Labels as the last column."),
        Flag("sort-by", help="The field to sort by, as a JSONPath expression (e.g. '{.metadata.name}')."),
        Flag("subresource", help="Show a subresource of the object: [status scale resize]."),
        Flag("watch", "bool", short="w", help="Go on showing changes."),
        Flag("watch-only", "bool", help="Show only the changes."),
    ),
)
