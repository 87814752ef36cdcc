"""Tables: what `kubectl get` prints, made here so that every client prints the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api import tables
from minikube_edu.api.conversion import convert
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.watch_cache import Entry

Object = dict[str, Any]


def table_of_object(resource: Resource, obj: Object, include: str, api_version: str) -> Object:
    table = tables.table_of(resource, [convert(obj, resource.api_version)], include)
    version = obj["metadata"].get("resourceVersion")  # a dry run has none
    return {**table, "apiVersion": api_version, "metadata": {"resourceVersion": version} if version else {}}


def table_of_entries(
    resource: Resource, entries: Sequence[Entry], metadata: Object, include: str, api_version: str
) -> list[bytes]:
    """A list as a Table. A row is encoded once, and kept with its entry for the next Table of the same sort."""
    key = (resource, include, api_version)
    return tables.table_bytes(resource, [_row(entry, key) for entry in entries], metadata, api_version)


def _row(entry: Entry, key: tuple[Resource, str, str]) -> tables.Row:
    kept: tuple[tuple[Resource, str, str], tables.Row] | None = entry.row
    if kept is not None and kept[0] == key:
        return kept[1]
    resource, include, api_version = key
    row = tables.row_bytes(resource, convert(entry.object(), resource.api_version), include, api_version)
    entry.row = (key, row)
    return row


def event_table(resource: Resource, obj: Object, include: str, api_version: str, columns: bool) -> Object:
    """The object of a watch event; only the first has the columns."""
    table = table_of_object(resource, obj, include, api_version)
    if not columns:
        table["columnDefinitions"] = None
    return table
