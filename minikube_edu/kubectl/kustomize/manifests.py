"""Resources from text: several documents, lists taken apart, nothing without a kind and a name."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api.wire import yaml_form
from minikube_edu.kubectl.kustomize.resource import Resource

Object = dict[str, Any]
_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)


def documents(text: str) -> list[Any]:
    """The values of all documents that hold something."""
    if "\n---" in text or text.startswith("---"):
        parts = _SEPARATOR.split(text)
    else:
        parts = [text]
    found = []
    for part in parts:
        if part.strip():
            try:
                value = yaml_form.parse(part.encode(), old_booleans=False)
            except yaml_form.YamlError as error:
                raise ValueError(f"MalformedYAMLError: {error}") from None
            if value is not None:
                found.append(value)
    return found


def resources(text: str) -> list[Resource]:
    found: list[Resource] = []
    for value in documents(text):
        if not isinstance(value, dict):
            raise ValueError("wrong node kind: expected MappingNode but got ScalarNode")
        for obj in _items(value):
            _check(obj)
            found.append(Resource(obj))
    return found


def _items(obj: Object) -> list[Object]:
    kind = str(obj.get("kind") or "")
    if kind.endswith("List") and isinstance(obj.get("items"), list):
        return [inner for item in obj["items"] for inner in _items(item)]
    return [obj] if obj else []


def _check(obj: Object) -> None:
    metadata = obj.get("metadata") or {}
    name, namespace = metadata.get("name") or "", metadata.get("namespace") or ""
    shown = f"{{{{{obj.get('apiVersion') or ''} {obj.get('kind') or ''}}} {{{{{name} {namespace}}} map[] map[]}}}}"
    if not obj.get("kind"):
        raise ValueError(f"missing kind in object {shown}")
    if not name:
        raise ValueError(f"missing metadata.name in object {shown}")
