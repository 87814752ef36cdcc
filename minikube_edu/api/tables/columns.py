"""The columns of each kind's Table, with the words that explain them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from minikube_edu.api.scheme import Resource

Object = dict[str, Any]
_NAME = ["Name", "string", "name", 0, "=meta.v1.ObjectMeta.name"]
# What has no printer of its own is told by name and birth.
DEFAULT = [_NAME, ["Created At", "date", "", 0, "=meta.v1.ObjectMeta.creationTimestamp"]]
SCALE = [
    ["Name", "string", "", 0, "=meta.v1.ObjectMeta.name"],
    ["Desired", "integer", "", 0, "=autoscaling.v1.ScaleSpec.replicas"],
    ["Available", "integer", "", 0, "=autoscaling.v1.ScaleStatus.replicas"],
    ["Age", "string", "", 0, "=meta.v1.ObjectMeta.creationTimestamp"],
]


@cache
def _facts() -> dict[str, list[list[Any]]]:
    return dict(orjson.loads(files("minikube_edu.api").joinpath("facts/columns.json").read_bytes()))


def has_own(api_version: str, plural: str) -> bool:
    return f"{api_version}/{plural}" in _facts()


def _definition(fact: list[Any]) -> Object:
    name, kind, format_, priority, words = fact
    if words.startswith("="):
        from minikube_edu.api import descriptions

        type_name, _, field = words[1:].rpartition(".")
        words = descriptions.of_field(type_name, field)
    return {"name": name, "type": kind, "format": format_, "description": words, "priority": priority}


@cache
def of_builtin(api_version: str, plural: str) -> list[Object]:
    return [_definition(fact) for fact in _facts().get(f"{api_version}/{plural}", DEFAULT)]


@cache
def of_scale() -> list[Object]:
    return [_definition(fact) for fact in SCALE]


def of_custom(resource: Resource) -> list[Object]:
    """The name, and what the definition adds."""
    found = [_definition(_NAME)]
    for column in additional(resource):
        path = column["jsonPath"]
        found.append(
            {
                "name": column["name"],
                "type": column["type"],
                "format": column.get("format", ""),
                "description": column.get("description")
                or f"Custom resource definition column (in JSONPath format): {path}",
                "priority": column.get("priority", 0),
            }
        )
    return found


_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "description": ""}


def additional(resource: Resource) -> list[Object]:
    """The additionalPrinterColumns of the resource's version; a definition without any gets the age."""
    for version in resource.custom["spec"]["versions"]:
        if version["name"] == resource.version:
            if columns := version.get("additionalPrinterColumns"):
                return list(columns)
            from minikube_edu.api import descriptions

            return [{**_AGE, "description": descriptions.of_field("meta.v1.ObjectMeta", "creationTimestamp")}]
    return []
