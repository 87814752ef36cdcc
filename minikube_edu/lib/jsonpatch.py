"""JSON patch (RFC 6902) and JSON merge patch (RFC 7386), with the habits of the library that Kubernetes uses.

What comes back shares nothing with what went in, and nothing that went in is changed. The habits of the real one
(evanphx/json-patch v4), which clients rely on:

- `replace` of a member that is not there creates it; `add` without a value adds null; `copy` of a missing member copies
  null; negative indexes count from the end.
- `remove` of a missing member fails, `test` tells 1 from 1.0 and takes a missing member for null.
- A merge patch drops nulls from objects that it brings along, inside arrays too, but not where an array replaces one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikube_edu.lib.gotext import atoi, quote

Json = Any  # None, bool, int, float, str, list[Json], dict[str, Json]

MISSING = "missing value"
_BAD_INDEX = "invalid index referenced"
_OPERATION_FIELDS = ("op", "path", "from", "value")


class PatchError(ValueError):
    """The patch does not fit the document: HTTP 422 at the API."""


class TestFailed(PatchError):
    """A `test` operation found another value."""

    __test__ = False  # no test class for pytest


class PatchDecodeError(ValueError):
    """The patch is none: HTTP 400 at the API, behind `error decoding patch: `."""


def decode_operations(patch: Json) -> list[dict[str, Json]]:
    """A decoded JSON patch as its list of operations; the errors are those of Go's decoder."""
    if patch is None:
        return []
    if not isinstance(patch, list):
        raise PatchDecodeError(f"json: cannot unmarshal {_kind(patch)} into Go value of type []handlers.jsonPatchOp")
    for operation in patch:
        if operation is not None and not isinstance(operation, dict):
            kind = _kind(operation)
            raise PatchDecodeError(f"json: cannot unmarshal {kind} into Go value of type handlers.jsonPatchOp")
        for field in ("op", "path", "from"):
            value = (operation or {}).get(field)
            if value is not None and not isinstance(value, str):
                raise PatchDecodeError(
                    f"json: cannot unmarshal {_kind(value)} into Go struct field jsonPatchOp.{field} of type string"
                )
    return [operation or {} for operation in patch]


def decode_merge_patch(patch: Json) -> dict[str, Json]:
    if isinstance(patch, dict):
        return patch
    if patch is None:
        raise PatchDecodeError("Invalid JSON Patch")
    raise PatchDecodeError(f"json: cannot unmarshal {_kind(patch)} into Go value of type map[string]interface {{}}")


def unknown_operation_fields(operations: list[dict[str, Json]]) -> list[str]:
    """What strict field validation says of a JSON patch, one text a field."""
    return [
        f'json patch unknown field "[{index}].{field}"'
        for index, operation in enumerate(operations)
        for field in operation
        if field not in _OPERATION_FIELDS
    ]


def apply_json_patch(document: Json, operations: list[dict[str, Json]]) -> Json:
    """The document after all operations, in order. Raises PatchError for the first that does not apply."""
    document = copy_json(document)
    for operation in operations:
        kind = operation.get("op")
        if kind not in _OPERATIONS:
            raise PatchError(f"Unexpected kind: {kind if isinstance(kind, str) else 'unknown'}")
        document = _OPERATIONS[kind](document, operation)
    return document


def _add(document: Json, operation: dict[str, Json]) -> Json:
    path = _path(operation, f"add operation failed to decode path: {MISSING}")
    container, key = _find(document, path)
    if container is None:
        raise PatchError(f"add operation does not apply: doc is missing path: {quote(path)}: {MISSING}")
    try:
        _insert(container, key, copy_json(operation.get("value")))
    except PatchError as error:
        raise PatchError(f"error in add for path: '{path}': {error}") from None
    return document


def _remove(document: Json, operation: dict[str, Json]) -> Json:
    path = _path(operation, f"remove operation failed to decode path: {MISSING}")
    container, key = _find(document, path)
    if container is None:
        raise PatchError(f"remove operation does not apply: doc is missing path: {quote(path)}: {MISSING}")
    try:
        _delete(container, key)
    except PatchError as error:
        raise PatchError(f"error in remove for path: '{path}': {error}") from None
    return document


def _replace(document: Json, operation: dict[str, Json]) -> Json:
    path = _path(operation, f"replace operation failed to decode path: operation missing path field: {MISSING}")
    value = copy_json(operation.get("value"))
    if path == "":
        if not isinstance(value, dict | list):
            raise PatchError("replace operation value must be object or array: %!w(<nil>)")
        return value
    container, key = _find(document, path)
    if container is None:
        raise PatchError(f"replace operation does not apply: doc is missing path: {path}: {MISSING}")
    if isinstance(container, dict):
        container[key] = value
        return document
    try:
        container[_index(container, key)] = value
    except PatchError:
        raise PatchError(f"replace operation does not apply: doc is missing key: {path}: {MISSING}") from None
    return document


def _move(document: Json, operation: dict[str, Json]) -> Json:
    source = _path(operation, f"move operation failed to decode from: operation, missing from field: {MISSING}", "from")
    container, key = _find(document, source)
    if container is None:
        raise PatchError(f"move operation does not apply: doc is missing from path: {source}: {MISSING}")
    try:
        value = _get(container, key)
        _delete(container, key)
    except PatchError as error:
        raise PatchError(f"error in move for path: '{key}': {error}") from None
    path = _path(operation, f"move operation failed to decode path: operation missing path field: {MISSING}")
    container, key = _find(document, path)
    if container is None:
        raise PatchError(f"move operation does not apply: doc is missing destination path: {path}: {MISSING}")
    try:
        _insert(container, key, value)
    except PatchError as error:
        raise PatchError(f"error in move for path: '{path}': {error}") from None
    return document


def _copy(document: Json, operation: dict[str, Json]) -> Json:
    source = _path(operation, f"copy operation failed to decode from: operation, missing from field: {MISSING}", "from")
    container, key = _find(document, source)
    if container is None:
        raise PatchError(f"copy operation does not apply: doc is missing from path: {source}: {MISSING}")
    try:
        value = _get(container, key)
    except PatchError as error:
        raise PatchError(f"error in copy for from: '{source}': {error}") from None
    path = _path(operation, f"copy operation failed to decode path: {MISSING}")
    container, key = _find(document, path)
    if container is None:
        raise PatchError(f"copy operation does not apply: doc is missing destination path: {path}: {MISSING}")
    try:
        _insert(container, key, copy_json(value))
    except PatchError as error:
        raise PatchError(f"error while adding value during copy: {error}") from None
    return document


def _test(document: Json, operation: dict[str, Json]) -> Json:
    path = _path(operation, f"test operation failed to decode path: operation missing path field: {MISSING}")
    found = document
    if path:
        container, key = _find(document, path)
        if container is None:
            raise PatchError(f"test operation does not apply: is missing path: {path}: {MISSING}")
        try:
            found = _get(container, key)
        except PatchError as error:
            raise PatchError(f"error in test for path: '{path}': {error}") from None
    if not same(found, operation.get("value")):
        raise TestFailed(f"testing value {path} failed: test failed")
    return document


_OPERATIONS = {"add": _add, "remove": _remove, "replace": _replace, "move": _move, "copy": _copy, "test": _test}


def _path(operation: dict[str, Json], complaint: str, field: str = "path") -> str:
    path = operation.get(field)
    if not isinstance(path, str):
        raise PatchError(complaint)
    return path


def _find(document: Json, path: str) -> tuple[Json, str]:
    """The container that holds the path's last part, or None."""
    parts = path.split("/")
    if len(parts) < 2:
        return None, ""
    container = document
    for part in parts[1:-1]:
        try:
            container = _get(container, _unescape(part))
        except PatchError:
            return None, ""
        if not isinstance(container, dict | list):
            return None, ""
    return container, _unescape(parts[-1])


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~") if "~" in part else part


def _get(container: Json, key: str) -> Json:
    return container.get(key) if isinstance(container, dict) else container[_index(container, key)]


def _delete(container: Json, key: str) -> None:
    if isinstance(container, list):
        del container[_index(container, key)]
    elif key in container:
        del container[key]
    else:
        raise PatchError(f"Unable to remove nonexistent key: {key}: {MISSING}")


def _insert(container: Json, key: str, value: Json) -> None:
    if isinstance(container, dict):
        container[key] = value
        return
    if key == "-":
        container.append(value)
        return
    try:
        index = atoi(key)
    except ValueError as error:
        raise PatchError(f"value was not a proper array index: '{key}': {error}") from None
    size = len(container) + 1  # of the longer list: -1 is behind the last
    if not -size <= index < size:
        raise PatchError(f"Unable to access invalid index: {index}: {_BAD_INDEX}")
    container.insert(index % size, value)


def _index(container: list[Json], key: str) -> int:
    try:
        index = atoi(key)
    except ValueError as error:
        raise PatchError(str(error)) from None
    if not -len(container) <= index < len(container):
        raise PatchError(f"Unable to access invalid index: {index}: {_BAD_INDEX}")
    return index


def apply_merge_patch(document: Json, patch: Json) -> Json:
    """The document with the members of the patch laid over it; null takes a member away."""
    if not isinstance(patch, dict):
        return copy_json(patch)
    if not isinstance(document, dict):
        return _pruned(patch)
    merged: dict[str, Json] = {}
    for key, value in document.items():
        if key not in patch:
            merged[key] = copy_json(value)
        elif patch[key] is not None:
            merged[key] = _pruned(patch[key]) if value is None else _merged(value, patch[key])
    for key, value in patch.items():
        if key not in document and value is not None:
            merged[key] = _pruned(value)
    return merged


def _merged(value: Json, patch: Json) -> Json:
    return apply_merge_patch(value, patch) if isinstance(value, dict) else _pruned(patch)


def _pruned(value: Json) -> Json:
    """A copy without null members, at any depth."""
    if isinstance(value, dict):
        return {key: _pruned(member) for key, member in value.items() if member is not None}
    return [_pruned(item) for item in value] if isinstance(value, list) else value


def create_merge_patch(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, Json]:
    """The merge patch that makes `new` of `old`. (Members of `new` that are null cannot be said in a merge patch.)"""
    patch: dict[str, Json] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if key not in old:
            patch[key] = copy_json(value)
        elif not same(old[key], value):
            both = isinstance(old[key], dict) and isinstance(value, dict)
            patch[key] = create_merge_patch(old[key], value) if both else copy_json(value)
    return patch


def same(a: Json, b: Json) -> bool:
    """Equal as JSON: 1, 1.0 and true are three things."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(value, b[key]) for key, value in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


def copy_json(value: Json) -> Json:
    """A deep copy of plain JSON data, several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copy_json(member) if isinstance(member, dict | list) else member for key, member in value.items()}
    if isinstance(value, list):
        return [copy_json(item) if isinstance(item, dict | list) else item for item in value]
    return value


def _kind(value: Json) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "null"
