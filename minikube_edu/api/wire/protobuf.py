"""Protobuf bodies, as kubectl and most controllers send them: `application/vnd.kubernetes.protobuf`.

A body is the four bytes `k8s\\0` and an envelope (runtime.Unknown) that names apiVersion and kind; inside it lies the
message. `decode` gives the object in its JSON form, `encode` goes the other way. Field numbers are facts
(`facts/protobuf.json`); a message is compiled into closures when it is first met.

The JSON form differs from the message in places: times and quantities are text, bytes are base64, IntOrString is one
of its two, embedded JSON is JSON, inline structs vanish. Go writes zero values of all that is no pointer; they appear
in the result, and the pass of `schema` drops them as Go's JSON encoder would. Unknown fields are skipped. Errors are
WireErrors in the words of the generated Go decoders (a "wrong wireType" names the field as JSON does, with a capital).
"""

from __future__ import annotations

from functools import cache
from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.wire.protobuf_facts import MAGIC, WireError, messages
from minikube_edu.api.wire.protobuf_reader import message
from minikube_edu.api.wire.protobuf_writer import delimited, message_writer

Object = dict[str, Any]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
__all__ = ["MAGIC", "MEDIA_TYPE", "NotRegistered", "WireError", "decode", "decode_message", "encode", "encode_message",
           "encode_watch_event", "message_types", "type_of"]  # fmt: skip


class NotRegistered(WireError):
    """`no kind "X" is registered for version "v1" in scheme …`"""

    def __init__(self, api_version: str, kind: str) -> None:
        where = 'in scheme "pkg/runtime/scheme.go:111"'
        super().__init__(f'no kind "{kind}" is registered for version "{api_version}" {where}')


def message_types() -> list[str]:
    return list(messages())


@cache
def type_of(api_version: str, kind: str) -> str | None:
    """The message type of a kind, None when it has no protobuf form (custom resources, Table)."""
    group, _, version = api_version.rpartition("/")
    name = schema.type_of(group, version, kind)
    if name is None:
        # Options and meta kinds are served in every group.
        for guess in (f"meta.v1.{kind}", f"{group.partition('.')[0]}.{version}.{kind}"):
            if guess in messages():
                return guess
    return name if name in messages() else None


# ---------------------------------------------------------------- the envelope


def decode(data: bytes, api_version: str = "", kind: str = "") -> Object:
    """A body in JSON form, with apiVersion and kind; the arguments stand in for an envelope without them."""
    if not data:
        raise WireError("empty data")
    if data[:4] != MAGIC:
        raise WireError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(data) == 4:
        raise WireError("empty body")
    envelope = message("runtime.Unknown")(data, 4, len(data))
    type_meta = envelope.get("typeMeta", {})
    api_version = type_meta.get("apiVersion") or api_version
    kind = type_meta.get("kind") or kind
    shown = f'runtime.TypeMeta{{APIVersion:"{type_meta.get("apiVersion", "")}", Kind:"{type_meta.get("kind", "")}"}}'
    if not kind:
        raise WireError(f"Object 'Kind' is missing in '{shown}'")
    if not api_version:
        raise WireError(f"Object 'apiVersion' is missing in '{shown}'")
    type_name = type_of(api_version, kind)
    if type_name is None:
        raise NotRegistered(api_version, kind)
    raw: bytes = envelope.get("raw", b"")
    return {"apiVersion": api_version, "kind": kind, **message(type_name)(raw, 0, len(raw))}


def encode(obj: Object) -> bytes:
    """A body of an object in JSON form; KeyError when its kind has no protobuf form."""
    type_name = type_of(obj["apiVersion"], obj["kind"])
    if type_name is None:
        raise KeyError(obj["kind"])
    type_meta = delimited(1, obj["apiVersion"].encode()) + delimited(2, obj["kind"].encode())
    inner = message_writer(type_name)(obj)
    return b"".join((MAGIC, delimited(1, type_meta), delimited(2, inner), delimited(3, b""), delimited(4, b"")))


def decode_message(type_name: str, data: bytes) -> Object:
    """A bare message, without an envelope."""
    found: Object = message(type_name)(data, 0, len(data))
    return found


def encode_message(type_name: str, obj: Object) -> bytes:
    return message_writer(type_name)(obj)


def encode_watch_event(kind: str, obj: Object) -> bytes:
    """A WatchEvent, as it is framed in a stream: without an envelope, but with the object in one."""
    return delimited(1, kind.encode()) + delimited(2, delimited(1, encode(obj)))
