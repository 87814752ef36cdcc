"""YAML bodies: is YAML 1.1 read as Go reads it, and written as kubectl's users know it?"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api.wire import json_form, yaml_form, yaml_scalars
from tests.api.wire.test_json_form import VALUES


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True), ("No", False), ("on", True), ("OFF", False), ("~", None), ("", None), ("Null", None),
        ("010", 8), ("08", 8), ("0x1F", 31), ("0b101", 5), ("1_000", 1000), ("+5", 5), ("-0", 0),
        ("3.0", 3), ("1e3", 1000), (".5", 0.5), ("1.5.2", "1.5.2"), ("1e400", "1e400"), ("12:30:45", "12:30:45"),
        ("2001-01-01", "2001-01-01"), ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"), ("=", "="), ("!!str 5", "5"),
        ("18446744073709551615", 18446744073709551615), ("'y'", "y"), ("100m", "100m"), ("0o17", 15), ("1.", 1),
    ],
)  # fmt: skip
def test_scalars_mean_what_they_mean_in_go(text: str, value: Any) -> None:
    found = yaml_form.parse(f"k: {text}\n".encode())["k"]
    assert (found, type(found)) == (value, type(value))


def test_keys_become_strings() -> None:
    assert yaml_form.parse(b"1: a\ntrue: b\n1.5: c\ny: d\n") == {"1": "a", "true": "d", "1.5": "c"}


def test_only_the_first_document_counts() -> None:
    assert yaml_form.decode(b"a: 1\n---\na: 2\n") == {"a": 1}
    assert yaml_form.decode(b"") == {}


def test_anchors_and_merges_are_resolved() -> None:
    assert yaml_form.parse(b"a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}\ne: {<<: [*x, {f: 4, b: 9}]}\n") == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 3},
        "e": {"b": 1, "c": 2, "f": 4},
    }


def test_a_short_text_cannot_name_billions() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(yaml_form.YamlError, match="document contains excessive aliasing"):
        yaml_form.parse("\n".join(lines).encode())


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"a: [b\nc: d", "yaml: line 1: did not find expected ',' or ']'"),
        (b"a:\n\t- b", "yaml: line 2: found character that cannot start any token"),
        (b"a: b: c", "yaml: mapping values are not allowed in this context"),
        (b"a: \xff", "yaml: invalid leading UTF-8 octet"),
        (b"a: .inf", "json: unsupported value: +Inf"),
        (b"- a", "couldn't get version/kind; json parse error: json: cannot unmarshal array into Go value of type"),
        (b"a: *b", "yaml: unknown anchor 'b' referenced"),
    ],
)
def test_malformed_yaml_is_refused_in_gos_words(body: bytes, message: str) -> None:
    with pytest.raises((yaml_form.YamlError, json_form.JsonError), match="^" + re.escape(message)):
        yaml_form.decode(body)


def test_keys_that_come_twice_are_named_with_their_line() -> None:
    assert yaml_form.duplicates(b"kind: X\nmetadata:\n  labels: {a: b, a: c}\n") == [
        'line 3: key "a" already set in map'
    ]
    assert yaml_form.duplicates(b"a: 1\nb: 1\n") == []
    found = yaml_form.duplicates(b"a: 1\na: 2\n1: x\n1: y\n")
    assert yaml_form.strict_error(found) == (
        'yaml: unmarshal errors:\n  line 2: key "a" already set in map\n  line 4: key 1 already set in map'
    )


def test_an_object_looks_as_kubectl_prints_it() -> None:
    obj = {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": "a", "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {}, "generation": 3},
        "data": {
            "a10": "x", "a9": "yes", "empty": "", "number": "08", "script": "#!/bin/sh\n  echo hi\n", "keep": "a\n\n",
            "strip": "a\nb", "tab": "a\tb\n", "colon": "a: b", "star": "*", "url": "http://x/y?z", "lead": " x\ny",
        },
        "list": [{"b": [1, 2.5], "a": None}, [], ["x"]],
    }  # fmt: skip
    assert yaml_form.encode(obj).decode() == (
        'apiVersion: v1\ndata:\n  a9: "yes"\n  a10: x\n  colon: \'a: b\'\n  empty: ""\n  keep: |+\n    a\n\n'
        "  lead: |2-\n     x\n    y\n"
        "  number: \"08\"\n  script: |\n    #!/bin/sh\n      echo hi\n  star: '*'\n  strip: |-\n    a\n    b\n"
        '  tab: "a\\tb\\n"\n  url: http://x/y?z\nkind: ConfigMap\nlist:\n- a: null\n  b:\n  - 1\n  - 2.5\n- []\n- - x\n'
        'metadata:\n  creationTimestamp: "2026-01-02T03:04:05Z"\n  generation: 3\n  labels: {}\n  name: a\n'
    )


@given(VALUES)
def test_what_is_written_can_be_read(value: Any) -> None:
    assert yaml_form.parse(yaml_form.encode({"k": value})) == {"k": value}


HARD = st.text(st.sampled_from("ab1:-#?,[]{}&*!|>'\"%@` \n\t.~yn=<é\x7f\x85😀\ufeff\x00\xa0"), max_size=8)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="libyaml is the oracle")
@given(HARD)
def test_strings_are_quoted_where_libyaml_quotes_them(text: str) -> None:
    """Go's emitter is a port of libyaml's: asked for the same style, they must choose the same."""
    bare = text != "" and yaml_form.resolve(text) is text and not yaml_scalars.TIMESTAMP.match(text)
    style = "|" if "\n" in text else None if bare and not yaml_scalars.BASE60.match(text) else '"'
    events = [
        yaml.StreamStartEvent(),
        yaml.DocumentStartEvent(explicit=False),
        yaml.MappingStartEvent(None, None, True, flow_style=False),
        yaml.ScalarEvent(None, None, (True, True), "k"),
        yaml.ScalarEvent(None, None, (True, True), text, style=style),
        yaml.MappingEndEvent(),
        yaml.DocumentEndEvent(explicit=False),
        yaml.StreamEndEvent(),
    ]
    expected = yaml.emit(events, Dumper=yaml.CDumper, width=10**9, allow_unicode=True)
    assert yaml_form.encode({"k": text}).decode() == expected.removesuffix("...\n")


@given(st.binary(max_size=30))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    try:
        yaml_form.parse(noise)
    except yaml_form.YamlError:
        pass
