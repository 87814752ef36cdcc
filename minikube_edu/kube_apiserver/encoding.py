"""Objects as bytes: encoded once, when they are written; the same bytes are stored, listed, served and watched.

The stored value has no resourceVersion: the store's own revision is it. What is served has it spliced in as the first
field of metadata. Objects are always encoded with kind, apiVersion and metadata first, so the place is found at once.
"""

from __future__ import annotations

from typing import Any

import orjson

Object = dict[str, Any]

_METADATA = b'"metadata":{'
_RV = b'"metadata":{"resourceVersion":"'


def ordered(obj: Object) -> Object:
    """The same object with kind, apiVersion and metadata in front."""
    front = {"kind": obj["kind"], "apiVersion": obj["apiVersion"], "metadata": obj["metadata"]}
    for key, value in obj.items():
        if key not in front:
            front[key] = value
    return front


def stored_bytes(obj: Object) -> bytes:
    """The value for the store: no resourceVersion."""
    metadata = obj["metadata"]
    if "resourceVersion" in metadata or "selfLink" in metadata:
        metadata = {k: v for k, v in metadata.items() if k != "resourceVersion" and k != "selfLink"}
        obj = {**obj, "metadata": metadata}
    return orjson.dumps(ordered(obj))


def served_bytes(value: bytes, revision: int) -> bytes:
    """A stored value with its revision as metadata.resourceVersion."""
    at = value.find(_METADATA)
    if at < 0:  # not one of ours: nothing in front of metadata may be an object
        obj = orjson.loads(value)
        obj.setdefault("metadata", {})["resourceVersion"] = str(revision)
        return orjson.dumps(ordered(obj))
    after = at + 12
    comma = b"" if value[after : after + 1] == b"}" else b","
    return b"".join((value[:at], _RV, b"%d" % revision, b'"', comma, value[after:]))


def with_revision(served: bytes, revision: int) -> bytes:
    """Served bytes with another resourceVersion (what a DELETED event carries)."""
    at = served.find(_RV) + len(_RV)
    return b"".join((served[:at], b"%d" % revision, served[served.index(b'"', at) :]))


def load(served: bytes) -> Object:
    obj: Object = orjson.loads(served)
    return obj
