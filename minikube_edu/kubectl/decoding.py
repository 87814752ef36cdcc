"""What makes a document an object for kubectl: a mapping with a kind, whose metadata are what metadata are.

More is the server's to judge. The complaints are those of Go's JSON decoder, for the real one decodes type and metadata
of every object into a struct, whatever else is in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.gotext import quote

_TEXTS = ("generateName", "name", "namespace", "resourceVersion", "selfLink", "uid")
_NUMBERS = ("deletionGracePeriodSeconds", "generation")
_TIMES = ("creationTimestamp", "deletionTimestamp")
_MAPS = ("annotations", "labels")


def check(value: Any, source: str) -> None:
    """Raises `unable to decode "x.yaml": …`."""
    problem = _type_problem(value) or _metadata_problem(value.get("metadata"))
    if problem:
        raise CommandError(f"unable to decode {quote(source)}: {problem}")


def _type_problem(value: Any) -> str:
    if not isinstance(value, dict):
        return f"json: cannot unmarshal {_name(value)} into Go value of type unstructured.detector"
    for key in ("apiVersion", "kind"):
        if not isinstance(value.get(key), str | None):
            return _mismatch(value[key], f"detector.{key}" if key == "apiVersion" else "detector.kind", "string")
    if not value.get("kind") or str(value.get("apiVersion")).count("/") > 1:
        return f"Object 'Kind' is missing in '{orjson.dumps(value).decode()}'"
    return ""


def _metadata_problem(metadata: Any) -> str:
    if metadata is None:
        return ""
    if not isinstance(metadata, dict):
        return _mismatch(metadata, "metadataOnlyObject.metadata", "v1.ObjectMeta")
    for key in sorted(metadata):
        value, where = metadata[key], f"ObjectMeta.metadata.{key}"
        if value is None:
            continue
        if key in _TEXTS and not isinstance(value, str):
            return _mismatch(value, where, "string")
        if key in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int)):
            return _mismatch(value, where, "int64")
        if key in _TIMES and (problem := _time_problem(value)):
            return problem
        if key in _MAPS:
            if not isinstance(value, dict):
                return _mismatch(value, where, "map[string]string")
            wrong = next((item for _, item in sorted(value.items()) if not isinstance(item, str | None)), None)
            if wrong is not None:
                return _mismatch(wrong, where, "string")
        if key == "finalizers" and not isinstance(value, list):
            return _mismatch(value, where, "[]string")
    return ""


def _time_problem(value: Any) -> str:
    if not isinstance(value, str):
        return f"json: cannot unmarshal {_name(value)} into Go value of type string"
    try:
        datetime.fromisoformat(value)
    except ValueError:
        rest = "2006" if not value[:4].isdigit() else "-"
        shown = value if rest == "2006" else value[4:]
        return f'parsing time {quote(value)} as "2006-01-02T15:04:05Z07:00": cannot parse {quote(shown)} as "{rest}"'
    return ""


def _mismatch(value: Any, where: str, kind: str) -> str:
    return f"json: cannot unmarshal {_name(value)} into Go struct field {where} of type {kind}"


def _name(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
