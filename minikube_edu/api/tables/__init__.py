"""Tables: what `kubectl get` prints. The server makes the cells, so that every client prints the same words.

A row is made once per object (`row_bytes`) and encoded at once; the ages in it are holes that are filled when it is
sent, and filled anew only when their words have changed. A Table of thousands of objects is then a join of bytes.

One module a group holds a function per kind, `row(obj) -> cells`; kinds without one get name and birth, custom
resources the columns of their definition. Rows carry the object's metadata, the object, or nothing, as
`?includeObject=` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import import_module
from typing import Any

import orjson

from minikube_edu.api.groups import module_name
from minikube_edu.api.scheme import Resource
from minikube_edu.api.tables import columns
from minikube_edu.api.tables.ages import Since
from minikube_edu.lib import clock

Object = dict[str, Any]
Printer = Callable[[Object], list[Any]]

META = "meta.k8s.io/v1"
_GROUPS = (
    "admissionregistration", "apps", "autoscaling", "batch", "certificates", "core", "events", "flowcontrol",
    "networking", "rbac", "resource", "storage",
)  # fmt: skip
_HOLE = b'"\\u0000"'


def default_row(obj: Object) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp") or "0001-01-01T00:00:00Z"]


@cache
def _printer(group: str, api_version: str, plural: str, kind: str) -> Printer:
    if not columns.has_own(api_version, plural):
        return default_row
    name = module_name(group)
    module = import_module(f"{__name__}.{name if name in _GROUPS else 'small_groups'}")
    printer: Printer = module.PRINTERS.get(kind, default_row)
    return printer


def printer_of(resource: Resource) -> Printer:
    if resource.custom is not None:
        from minikube_edu.api.tables import custom

        return custom.printer(resource)
    return _printer(resource.group, resource.api_version, resource.name, resource.kind)


def columns_of(resource: Resource) -> list[Object]:
    """The columnDefinitions."""
    if resource.custom is not None:
        return columns.of_custom(resource)
    return columns.of_builtin(resource.api_version, resource.name)


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


# ---------------------------------------------------------------- rows


class Row:
    """One encoded row. `at(now)` is its bytes, with fresh ages; `order` is its place in the list, if not in turn."""

    __slots__ = ("_bytes", "_holes", "_pieces", "_until", "order")

    def __init__(self, pieces: list[bytes], holes: list[Since], order: Any = None) -> None:
        self._pieces = pieces
        self._holes = holes
        self._bytes = pieces[0] if not holes else b""
        self._until = float("inf") if not holes else float("-inf")
        self.order = order

    def at(self, now: float) -> bytes:
        # An age also changes when the clock goes back, which only tests do.
        if now < self._until:
            return self._bytes
        parts = [self._pieces[0]]
        for hole, piece in zip(self._holes, self._pieces[1:], strict=True):
            parts += (orjson.dumps(hole.text(now)), piece)
        self._bytes = b"".join(parts)
        self._until = min(hole.until(now) for hole in self._holes)
        return self._bytes


def _is_hole(cell: Any) -> str:
    if cell.__class__ is Since:
        return "\0"
    raise TypeError


def row_bytes(resource: Resource, obj: Object | bytes, include: str = "Metadata", api_version: str = META) -> Row:
    """The encoded row of an object; keep it for as long as the object does not change."""
    if obj.__class__ is bytes:
        obj = orjson.loads(obj)
    assert isinstance(obj, dict)
    cells = printer_of(resource)(obj)
    text = b'{"cells":' + orjson.dumps(cells, default=_is_hole)
    conditions = row_conditions(resource, obj)
    if conditions:
        text += b',"conditions":' + orjson.dumps(conditions)
    holes = [cell for cell in cells if cell.__class__ is Since]
    pieces = text.split(_HOLE)
    if len(pieces) != len(holes) + 1:  # some cell is a lone NUL
        pieces = _pieces_one_by_one(cells, text)
    pieces[-1] += b',"object":' + _included(obj, include, api_version) + b"}"
    return Row(pieces, holes, order_of(resource, obj))


def _pieces_one_by_one(cells: Sequence[Any], text: bytes) -> list[bytes]:
    tail = text[len(b'{"cells":' + orjson.dumps(list(cells), default=_is_hole)) :]
    pieces = [b'{"cells":[']
    for index, cell in enumerate(cells):
        if index:
            pieces[-1] += b","
        if cell.__class__ is Since:
            pieces.append(b"")
        else:
            pieces[-1] += orjson.dumps(cell)
    pieces[-1] += b"]" + tail
    return pieces


def _included(obj: Object, include: str, api_version: str) -> bytes:
    if include == "Object":
        return orjson.dumps(obj)
    if include == "None":
        return b"null"
    head = b'{"kind":"PartialObjectMetadata","apiVersion":"' + api_version.encode() + b'","metadata":'
    return head + orjson.dumps(shown_metadata(obj)) + b"}"


def shown_metadata(obj: Object) -> Object:
    """The metadata that is shown without its object. A DaemonSet's template generation is an annotation only in the
    version that clients send; what is shown here comes from the real server's inner form, which has none."""
    metadata: Object = obj["metadata"]
    if obj.get("kind") == "DaemonSet" and TEMPLATE_GENERATION in metadata.get("annotations", ()):
        annotations = {k: v for k, v in metadata["annotations"].items() if k != TEMPLATE_GENERATION}
        metadata = {**metadata, "annotations": annotations}
        if not annotations:
            del metadata["annotations"]
    return metadata


def row_conditions(resource: Resource, obj: Object) -> list[Object] | None:
    if resource.kind == "Pod" and not resource.group:
        from minikube_edu.api.tables import pods

        return pods.row_conditions(obj)
    return None


def order_of(resource: Resource, obj: Object) -> Any:
    """Where a kind's rows are not in the list's order."""
    if resource.kind == "FlowSchema" and resource.custom is None:
        from minikube_edu.api.tables import flowcontrol

        return flowcontrol.precedence(obj)
    return None


def table_bytes(resource: Resource, rows: Iterable[Row], metadata: Object, api_version: str = META) -> list[bytes]:
    """A whole Table, in pieces that are written without being joined."""
    found = list(rows)
    if found and found[0].order is not None:
        found.sort(key=lambda row: row.order)
    now = clock.now()
    head = {"kind": "Table", "apiVersion": api_version, "metadata": metadata}
    start = orjson.dumps(head)[:-1] + b',"columnDefinitions":' + _columns_bytes(resource) + b',"rows":['
    return [start, b",".join([row.at(now) for row in found]), b"]}\n"]


def _columns_bytes(resource: Resource) -> bytes:
    if resource.custom is not None:
        return orjson.dumps(columns_of(resource))
    return _builtin_columns_bytes(resource.api_version, resource.name)


@cache
def _builtin_columns_bytes(api_version: str, plural: str) -> bytes:
    return orjson.dumps(columns.of_builtin(api_version, plural))


# ---------------------------------------------------------------- tables as objects


def table_of(resource: Resource, objects: Sequence[Object], include_object: str = "Metadata") -> Object:
    """A Table as a dict, without metadata: for one object, a watch event, YAML."""
    now = clock.now()
    if objects and order_of(resource, objects[0]) is not None:
        objects = sorted(objects, key=lambda obj: order_of(resource, obj))
    printer = printer_of(resource)
    rows = [_row(resource, obj, printer(obj), include_object, now) for obj in objects]
    return {
        "kind": "Table", "apiVersion": META, "metadata": {}, "columnDefinitions": columns_of(resource), "rows": rows,
    }  # fmt: skip


def _row(resource: Resource, obj: Object, cells: list[Any], include: str, now: float) -> Object:
    row: Object = {"cells": [cell.text(now) if cell.__class__ is Since else cell for cell in cells]}
    if conditions := row_conditions(resource, obj):
        row["conditions"] = conditions
    row["object"] = obj if include == "Object" else None
    if include not in ("Object", "None"):
        row["object"] = {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": shown_metadata(obj)}
    return row


def scale_table(obj: Object) -> Object:
    """The Table of a Scale."""
    from minikube_edu.api.tables import autoscaling

    now = clock.now()
    cells = [cell.text(now) if cell.__class__ is Since else cell for cell in autoscaling.scale(obj)]
    partial = {"kind": "PartialObjectMetadata", "apiVersion": META, "metadata": shown_metadata(obj)}
    row = {"cells": cells, "object": partial}
    head = {"kind": "Table", "apiVersion": META, "metadata": {}}
    return {**head, "columnDefinitions": columns.of_scale(), "rows": [row]}
