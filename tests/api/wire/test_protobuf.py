"""Protobuf bodies: does what kubectl sends arrive, and is nonsense refused in the real server's words?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikube_edu.api import schema
from minikube_edu.api.wire import protobuf
from tests.api.wire.schema_objects import of_type

# What a Go client sends for a ConfigMap {name: a, data: {k: v}}: zero values included, as gogo writes them.
CONFIG_MAP = (
    b'k8s\x00\n\x0f\n\x02v1\x12\tConfigMap\x12\x1b\n\x11\n\x01a\x12\x00\x1a\x00"\x00*\x002\x008\x00B\x00'
    b'\x12\x06\n\x01k\x12\x01v\x1a\x00"\x00'
)
KINDS = sorted(name for name in schema.type_names() if schema.struct(name).gvk and name in protobuf.message_types())


def stored(type_name: str, obj: dict[str, Any]) -> Any:
    """What the server makes of it. An empty list or map and none look the same on the wire."""
    return without_empty(schema.decode(type_name, obj).object)


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_empty(item) for key, item in value.items()} or None
    return [without_empty(item) for item in value] or None if isinstance(value, list) else value


def test_a_go_clients_config_map_arrives() -> None:
    obj = protobuf.decode(CONFIG_MAP)
    assert (obj["apiVersion"], obj["kind"]) == ("v1", "ConfigMap")
    assert stored("core.v1.ConfigMap", obj)["metadata"] == {"name": "a"}
    assert obj["data"] == {"k": "v"}


@pytest.mark.parametrize("type_name", [t for t in KINDS if "JSONSchemaProps" not in t and "CustomResource" not in t])
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_kind_survives_the_round_trip(type_name: str, data: st.DataObject) -> None:
    obj = schema.decode(type_name, data.draw(of_type(type_name))).object
    back = protobuf.decode_message(type_name, protobuf.encode_message(type_name, obj))
    assert stored(type_name, back) == without_empty(obj)


def test_a_custom_resource_definitions_schema_survives_the_round_trip() -> None:
    props = {
        "type": "object",
        "default": {"a": [1, None, "x"]},
        "enum": [1, "two", None],
        "items": {"type": "string"},
        "additionalProperties": False,
        "additionalItems": True,
        "dependencies": {"a": ["b"], "c": {"type": "string"}},
        "properties": {"l": {"items": [{"type": "string"}, {"type": "integer"}]}, "m": {"additionalProperties": {}}},
        "$ref": "r",
        "x-kubernetes-int-or-string": True,
        "x-kubernetes-list-map-keys": ["a"],
        "x-kubernetes-validations": [{"rule": "self > 1", "optionalOldSelf": False}],
        "maximum": 1.5,
        "maxLength": 4,
    }
    name = "apiextensions.v1.JSONSchemaProps"
    assert protobuf.decode_message(name, protobuf.encode_message(name, props)) == props


def test_inline_structs_have_no_name_in_json() -> None:
    volume = {"name": "v", "configMap": {"name": "c", "optional": True}}
    written = protobuf.encode_message("core.v1.Volume", volume)
    assert protobuf.decode_message("core.v1.Volume", written) == volume


def test_numbers_keep_their_sign_and_size() -> None:
    options = {"gracePeriodSeconds": -1, "dryRun": ["All"], "preconditions": {"uid": "u"}}
    assert (
        protobuf.decode_message("meta.v1.DeleteOptions", protobuf.encode_message("meta.v1.DeleteOptions", options))
        == options
    )


def test_packed_numbers_are_read_as_well() -> None:
    groups = protobuf.decode_message("core.v1.PodSecurityContext", b"\x22\x03\x01\x02\x03")
    assert groups == {"supplementalGroups": [1, 2, 3]}


def test_unknown_fields_are_skipped() -> None:
    extra = (
        b"\xf8\x07\x01"
        + b"\xf9\x07"
        + b"\0" * 8
        + b"\xfa\x07\x01x"
        + b"\xfb\x07\x08\x01\xfc\x07"
        + b"\xfd\x07"
        + b"\0" * 4
    )
    assert protobuf.decode_message("core.v1.LocalObjectReference", extra + b"\n\x01a") == {"name": "a"}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "empty data"),
        (b"k8s garbage", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"),
        (b"k8s\0", "empty body"),
        (b"k8s\0\n\x7f", "unexpected EOF"),
        (b"k8s\0\x08\x01", "proto: wrong wireType = 0 for field TypeMeta"),
        (b"k8s\0\x0c", "proto: Unknown: wiretype end group for non-group"),
        (b"k8s\0\x02\x01", "proto: Unknown: illegal tag 0 (wire type 2)"),
        (b"k8s\0\x0a" + b"\xff" * 10 + b"\x01", "proto: integer overflow"),
        (b"k8s\0\x0a" + b"\xff" * 9 + b"\x01", "proto: negative length found during unmarshaling"),
        (b"k8s\0\x2f", "proto: illegal wireType 7"),
        (b"k8s\0\x12\x00", "Object 'Kind' is missing in 'runtime.TypeMeta{APIVersion:\"\", Kind:\"\"}'"),
        (
            b"k8s\0\n\x05\x12\x03Pod",
            "Object 'apiVersion' is missing in 'runtime.TypeMeta{APIVersion:\"\", Kind:\"Pod\"}'",
        ),
        (
            b"k8s\0\n\x09\n\x02v9\x12\x03Pod",
            'no kind "Pod" is registered for version "v9" in scheme "pkg/runtime/scheme.go:111"',
        ),
    ],
)
def test_nonsense_is_refused_in_gos_words(body: bytes, message: str) -> None:
    with pytest.raises(protobuf.WireError) as refused:
        protobuf.decode(body)
    assert str(refused.value) == message


@given(st.binary(max_size=60))
def test_no_bytes_break_the_decoder(noise: bytes) -> None:
    body = bytearray(CONFIG_MAP)
    body[20 : 20 + len(noise)] = noise
    for data in (protobuf.MAGIC + noise, bytes(body)):
        try:
            protobuf.decode(data)
        except protobuf.WireError:
            pass


def test_options_of_any_group_are_known() -> None:
    body = protobuf.encode({"apiVersion": "apps/v1", "kind": "DeleteOptions", "dryRun": ["All"]})
    assert protobuf.decode(body)["dryRun"] == ["All"]
    assert (
        protobuf.type_of("apidiscovery.k8s.io/v2", "APIGroupDiscoveryList") == "apidiscovery.v2.APIGroupDiscoveryList"
    )
    assert protobuf.type_of("example.com/v1", "Widget") is None
