"""Tables: what `kubectl get` prints, made here so that every client prints the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from minikube_edu.api import tables
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.watch_cache import Entry

Object = dict[str, Any]


def table_of_object(resource: Resource, obj: Object, include: str, api_version: str) -> Object:
    table = tables.table_of(resource, [obj], include)
    return {**table, "apiVersion": api_version, "metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}}


def table_of_entries(
    resource: Resource, entries: Sequence[Entry], metadata: Object, include: str, api_version: str
) -> list[bytes]:
    """A list as a Table."""
    table = tables.table_of(resource, [entry.object() for entry in entries], include)
    return [orjson.dumps({**table, "apiVersion": api_version, "metadata": metadata}), b"\n"]


def event_table(resource: Resource, obj: Object, include: str, api_version: str, columns: bool) -> Object:
    """The object of a watch event; only the first has the columns."""
    table = table_of_object(resource, obj, include, api_version)
    if not columns:
        table["columnDefinitions"] = None
    return table
