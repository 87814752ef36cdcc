"""The entries of `metadata.managedFields`: read, checked, written and ordered.

Inside, entries are a dict of `Owner` -> `Owned`: who (manager, operation, version of updates, subresource) has what
(a set, in an apiVersion, since when). `managed_fields` decides who gets what; here is how it looks in the object.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from minikube_edu.api import fieldset
from minikube_edu.api.fieldset import Set
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Entries = list[Object]
MAX_UPDATERS = 10  # entries of updates that are kept apart
ANCIENT = "ancient-changes"  # what the oldest of them become
_LONGEST_NAME = 128


class Owner(NamedTuple):
    """Who: an applier is the same in every version, somebody who updates is not."""

    manager: str
    operation: str  # Apply or Update
    api_version: str  # "" for Apply
    subresource: str

    def identifier(self) -> str:
        """As the real one writes it where it needs an order of owners."""
        fields = zip(("manager", "operation", "apiVersion", "subresource"), self, strict=True)
        return orjson.dumps({name: value for name, value in fields if value}).decode()

    def text(self) -> str:
        """`"kubectl" with subresource "status" using apps/v1`"""
        text = quote(self.manager)
        if self.subresource:
            text += f" with subresource {quote(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


class Owned(NamedTuple):
    fields: Set
    api_version: str
    time: str | None


Managed = dict[Owner, Owned]


class InvalidEntry(ValueError):
    """These are no managedFields."""


def _owner(entry: Object) -> Owner:
    operation = entry.get("operation", "")
    api_version = "" if operation == "Apply" else entry.get("apiVersion", "")
    return Owner(entry.get("manager", ""), operation, api_version, entry.get("subresource", ""))


def trusted(entries: Entries | None) -> Managed:
    """Entries that this server wrote."""
    return {
        _owner(entry): Owned(entry.get("fieldsV1") or {}, entry["apiVersion"], entry.get("time"))
        for entry in entries or ()
    }


def decode(entries: Entries | None) -> Managed:
    """Entries that somebody sent; InvalidEntry says what is wrong with them."""
    out: Managed = {}
    for index, entry in enumerate(entries or ()):
        if entry.get("operation") not in ("Apply", "Update"):
            raise InvalidEntry("operation must be `Apply` or `Update`")
        if not entry.get("apiVersion"):
            raise InvalidEntry("apiVersion must not be empty")
        fields_type = entry.get("fieldsType", "")
        if not fields_type:
            raise InvalidEntry(f"missing fieldsType in managed fields entry {index}")
        if fields_type != "FieldsV1":
            raise InvalidEntry(f"invalid fieldsType {quote(fields_type)} in managed fields entry {index}")
        try:
            fields = fieldset.parse(entry.get("fieldsV1"))
        except fieldset.InvalidSet as error:
            raise InvalidEntry(f"error decoding versioned set from managed fields entry {index}: {error}") from None
        out[_owner(entry)] = Owned(fields, entry["apiVersion"], entry.get("time"))
    return out


def encode(managed: Managed) -> Entries:
    """As objects carry them: appliers first, then by time, manager, version, subresource."""
    return [entry(*pair) for pair in sorted(managed.items(), key=_rank)]


def _rank(pair: tuple[Owner, Owned]) -> tuple[str, ...]:
    owner, owned = pair
    return owner.operation, owned.time or "", owner.manager, owned.api_version, owner.subresource


def entry(owner: Owner, owned: Owned) -> Object:
    out: Object = {"manager": owner.manager, "operation": owner.operation, "apiVersion": owned.api_version}
    if owned.time:
        out["time"] = owned.time
    out["fieldsType"] = "FieldsV1"
    out["fieldsV1"] = owned.fields
    if owner.subresource:
        out["subresource"] = owner.subresource
    return out


def is_reset(entries: Entries | None) -> bool:
    """Does somebody ask to forget all owners? An empty list does, and one with a single empty entry."""
    return entries is not None and (not entries or (len(entries) == 1 and not entries[0]))


def cap(managed: Managed) -> None:
    """Merges the oldest updates of a version into one until there are at most ten."""
    updaters = [owner for owner in managed if owner.operation == "Update"]
    if len(updaters) <= MAX_UPDATERS:
        return
    updaters.sort(key=lambda owner: (managed[owner].time or "", owner.identifier()))
    first: dict[str, Owner] = {}
    count = len(updaters)
    for owner in updaters:
        if count <= MAX_UPDATERS:
            return
        owned = managed[owner]
        bucket = Owner(ANCIENT, "Update", owned.api_version, "")
        if owned.api_version not in first:
            first[owned.api_version] = owner
            continue
        if bucket not in managed:
            managed[bucket] = managed.pop(first[owned.api_version])
        together = fieldset.union(owned.fields, managed[bucket].fields)
        managed.pop(owner, None)
        managed[bucket] = Owned(together, owned.api_version, owned.time)
        count -= 1


def validate(entries: Entries | None) -> str | None:
    """What is wrong with managedFields that somebody sent; None: nothing."""
    try:
        decode(entries)
    except InvalidEntry as error:
        return str(error)
    return None


def keep_times(new: Object, old: Object) -> None:
    """Puts the old times of entries back in `new` when nothing else differs, so that the write changes nothing."""
    mine: Entries = new["metadata"].get("managedFields") or []
    theirs: Entries = old["metadata"].get("managedFields") or []
    if mine is theirs or len(mine) != len(theirs) or not mine:
        return
    if all(a.get("time") == b.get("time") for a, b in zip(mine, theirs, strict=True)):
        return
    if any({**a, "time": None} != {**b, "time": None} for a, b in zip(mine, theirs, strict=True)):
        return
    if {**new, "metadata": {**new["metadata"], "managedFields": theirs}} == old:
        new["metadata"]["managedFields"] = theirs


def manager_name(field_manager: str, user_agent: str) -> str:
    """The manager of a request: the parameter, or what the user agent has before its slash, in 128 printable bytes."""
    if field_manager:
        return field_manager
    name, size = "", 0
    for char in user_agent.partition("/")[0]:
        if char.isprintable():
            size += len(char.encode("utf-8", "replace"))
            if size > _LONGEST_NAME:
                break
            name += char
    return name


# ---------------------------------------------------------------- scale

_SCALE_VERSION = "autoscaling/v1"
_SCALE_REPLICAS: fieldset.Path = ("f:spec", "f:replicas")


def _path(text: str | None) -> fieldset.Path | None:
    """`.spec.replicas` as a path."""
    return tuple(f"f:{name}" for name in text.strip(".").split(".")) if text else None


def to_scale(entries: Entries | None, replicas: dict[str, str]) -> Entries:
    """The entries of a Scale, made from its parent's; `replicas`: parent's apiVersion -> `spec.replicas`."""
    out: Managed = {}
    for owner, owned in trusted(entries).items():
        path = _path(replicas.get(owned.api_version))
        if path and fieldset.has(owned.fields, path):
            out[owner] = Owned(fieldset.of(_SCALE_REPLICAS), _SCALE_VERSION, owned.time)
    return encode(out)


def from_scale(
    parent_entries: Entries | None, scale_entries: Entries | None, api_version: str, replicas: dict[str, str]
) -> Entries:
    """The parent's entries after its Scale was written; `api_version` is the parent's.

    Like the real one it forgets the times of who wrote the Scale, and it may list somebody twice who had updated the
    parent's replicas and whose value the Scale still has: in the Scale an update is one of another apiVersion."""
    scale = trusted(scale_entries)
    out: list[tuple[Owner, Owned]] = []
    for owner, owned in trusted(parent_entries).items():
        if owned.api_version not in replicas:
            continue
        path = _path(replicas[owned.api_version])
        if path is None or not fieldset.has(owned.fields, path):
            out.append((owner, owned))
        elif owner in scale:
            out.append((owner, owned))
            del scale[owner]
        elif rest := fieldset.difference(owned.fields, fieldset.of(path)):  # the Scale took it
            out.append((owner, owned._replace(fields=rest)))
    path = _path(replicas.get(api_version))
    for owner, owned in scale.items():
        if path and fieldset.has(owned.fields, _SCALE_REPLICAS):
            out.append((owner, Owned(fieldset.of(path), api_version, None)))
    return [entry(*pair) for pair in sorted(out, key=_rank)]
