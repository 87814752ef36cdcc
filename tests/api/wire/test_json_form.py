"""JSON bodies: are good ones read fast, and bad ones refused in Go's words?"""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api.wire import json_form

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)
ENVELOPE = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{not json", "invalid character 'n' looking for beginning of object key string"),
        (b'{"apiVersion":"v1","kind":"ConfigMap"', "unexpected end of JSON input"),
        (b"", "unexpected end of JSON input"),
        (b"{} trailing", "invalid character 't' after top-level value"),
        (b"apiVersion: v1", "invalid character 'a' looking for beginning of value"),
        (b'{"a":tru}', "invalid character '}' in literal true (expecting 'e')"),
        (b'{"a":01}', "invalid character '1' after object key:value pair"),
        (b'{"a":-}', "invalid character '}' in numeric literal"),
        (b'{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        (b'{"a":1e}', "invalid character '}' in exponent of numeric literal"),
        (b'{"a":"\x01"}', "invalid character '\\x01' in string literal"),
        (b'{"a":"\\q"}', "invalid character 'q' in string escape code"),
        (b'{"a":"\\u12G4"}', "invalid character 'G' in \\u hexadecimal character escape"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b"[1,]", "invalid character ']' looking for beginning of value"),
        (b"\xef\xbb\xbf{}", "invalid character 'ï' looking for beginning of value"),
        (b"'a'", "invalid character '\\'' looking for beginning of value"),
        (b"[" * 10_001, "exceeded max depth"),
    ],
)
def test_malformed_json_is_refused_in_gos_words(body: bytes, message: str) -> None:
    with pytest.raises(json_form.JsonError) as refused:
        json_form.decode(body)
    assert str(refused.value) == f"couldn't get version/kind; json parse error: {message}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"[]", f"json: cannot unmarshal array into Go value of type {ENVELOPE}"),
        (b'"x"', f"json: cannot unmarshal string into Go value of type {ENVELOPE}"),
        (b"5", f"json: cannot unmarshal number into Go value of type {ENVELOPE}"),
        (b"true", f"json: cannot unmarshal bool into Go value of type {ENVELOPE}"),
        (b'{"kind":5}', "json: cannot unmarshal number into Go struct field .kind of type string"),
    ],
)
def test_what_is_no_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(json_form.JsonError) as refused:
        json_form.decode(body)
    assert str(refused.value) == f"couldn't get version/kind; json parse error: {message}"


def test_null_is_an_empty_object() -> None:
    assert json_form.decode(b"null") == {}


def test_what_go_accepts_is_accepted() -> None:
    assert json_form.parse(b'{"a":"\xff"}') == {"a": "\ufffd"}
    assert json_form.parse(b'{"a":"\\ud800x\\ud83d\\ude00"}') == {"a": "\ufffdx😀"}
    deep = json_form.parse(b"[" * 5000 + b"\xff"[:0] + b"]" * 5000)
    assert isinstance(deep, list)


def test_kind_and_version_are_found_in_any_case() -> None:
    assert json_form.type_meta({"Kind": "Pod", "APIVERSION": "v1"}) == ("v1", "Pod")
    assert json_form.type_meta({"kind": "Pod"}) == ("", "Pod")


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (b'{"metadata":{"name":"a","name":"b"},"data":{"k":"1","k":"2"}}', ["metadata.name", "data.k"]),
        (b'{"a":1,"a":2,"b":"\\u003a"}', ["a"]),
        (b'{"a" :1,"a" : 2}', ["a"]),
        (b'{"l":[{"x":1},{"y":1,"y":[{"z":0,"z":0}]}]}', ["l[1].y", "l[1].y[0].z"]),
        (b'{"a":1,"a":2,"a":3}', ["a"]),
        (b'{"a":{"a":1},"b":":\\":"}', []),
        (b'{ "a" : "\\u003a" }', []),
    ],
)
def test_keys_that_come_twice_are_named(body: bytes, paths: list[str]) -> None:
    found = json_form.duplicates(body, json_form.parse(body))
    assert found == [f'duplicate field "{path}"' for path in paths]


@given(VALUES, st.booleans(), st.booleans())
def test_the_slow_scanner_reads_what_orjson_reads(value: Any, ascii_only: bool, spread: bool) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only, indent=2 if spread else None).encode()
    assert json_form._Scanner(raw).value() == orjson.loads(raw)
    assert json_form.duplicates(raw, value) == []


@given(VALUES, st.integers(0, 40), st.binary(max_size=3))
def test_damaged_text_is_either_read_or_refused(value: Any, at: int, noise: bytes) -> None:
    raw = bytearray(orjson.dumps(value))
    raw[at : at + 2] = noise
    try:
        json_form.parse(bytes(raw))
    except json_form.JsonError:
        pass


def test_a_body_is_summarised_as_the_server_does() -> None:
    assert json_form.summary(b"") == "<empty>"
    assert json_form.summary(b"[]") == "5b5d"
    assert json_form.summary(b'{"apiVersion":"v1","kind":"ConfigMap"') == '{"apiVersion":"v1","kind":"Con ...'
