"""Objects as bytes: encoded once, when they are written; the same bytes are stored, listed, served and watched.

The stored value has no resourceVersion: the store's own revision is it. What is served has it spliced in as the first
field of metadata. Objects are always encoded with kind, apiVersion and metadata first, so the place is found at once.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

Object = dict[str, Any]

_METADATA = b'"metadata":{'
_UID = b'"uid":"'
_RV = b'"resourceVersion":"'
METADATA_ORDER = (
    "name", "generateName", "namespace", "uid", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers", "managedFields",
)  # fmt: skip
_FRONT = re.compile(rb'\{"kind":"[^"]*","apiVersion":"[^"]*",')


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
    return orjson.dumps(ordered({**obj, "metadata": {k: metadata[k] for k in METADATA_ORDER if k in metadata}}))


_fronts: dict[bytes, bytes] = {}  # the few that there are, each kept once


def split(value: bytes, revision: int) -> tuple[bytes, bytes]:
    """A stored value as it is served, in two pieces: (`{"kind":…,"apiVersion":…,`, the rest from `"metadata"` on)."""
    at = value.find(_METADATA)
    front = value[:at]
    known = _fronts.get(front)
    if known is None:
        if at < 0 or not _FRONT.fullmatch(front):  # somebody else wrote it, in another order
            obj = orjson.loads(value)
            obj.setdefault("metadata", {})
            return split(orjson.dumps(ordered(obj)), revision)
        known = _fronts[front] = front
    found = value.find(_UID, at, at + 2048)
    if found < 0:
        rest = value[at + 12 :]
        comma = b"" if rest[:1] == b"}" else b","
        return known, b'%b%b%d"%b%b' % (_METADATA, _RV, revision, comma, rest)
    after = value.index(b'"', found + 7) + 1
    return known, b'%b,%b%d"%b' % (value[at:after], _RV, revision, value[after:])


def with_revision(tail: bytes, revision: int) -> bytes:
    """A served object's second piece with another resourceVersion (what a DELETED event carries)."""
    at = tail.index(_RV) + len(_RV)
    return b"%b%d%b" % (tail[:at], revision, tail[tail.index(b'"', at) :])


def load(served: bytes) -> Object:
    obj: Object = orjson.loads(served)
    return obj
