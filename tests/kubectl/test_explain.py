"""explain, from a small OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.kubectl.explain import ExplainError, explain, explain_v2, locate, refill, wrap

GVK = {"group": "apps", "kind": "Toy", "version": "v1"}
DOCUMENT: dict[str, Any] = {
    "paths": {"/apis/apps/v1/namespaces/{namespace}/toys": {"get": {"x-kubernetes-group-version-kind": GVK}}},
    "components": {
        "schemas": {
            "io.Toy": {
                "description": "A toy.",
                "type": "object",
                "required": ["spec"],
                "x-kubernetes-group-version-kind": [GVK],
                "properties": {
                    "spec": {"allOf": [{"$ref": "#/components/schemas/io.Spec"}], "description": "What it is."},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
            "io.Spec": {
                "description": "Spec holds it.",
                "type": "object",
                "properties": {
                    "color": {"type": "string", "enum": ["", "b", "c", "d", "e"], "description": "Its color."},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/io.Spec"}},
                },
            },
        }
    },
}


def test_a_kind_is_told_with_its_fields() -> None:
    assert explain(DOCUMENT, "apps", "v1", "toys") == (
        "GROUP:      apps\nKIND:       Toy\nVERSION:    v1\n\nDESCRIPTION:\n    A toy.\n    \nFIELDS:\n"
        "  labels\t<map[string]string>\n    <no description>\n\n"
        "  spec\t<Spec> -required-\n    What it is.\n\n\n"
    )


def test_a_field_is_told_with_its_values() -> None:
    text = explain(DOCUMENT, "apps", "v1", "toys", ["spec", "parts", "color"])
    assert text.partition("\n\n")[2] == (
        'FIELD: color <string>\nENUM:\n    ""\n    b\n    c\n    d\n    e\n\nDESCRIPTION:\n    Its color.\n    \n\n'
    )


def test_recursive_stops_where_a_type_holds_itself() -> None:
    text = explain(DOCUMENT, "apps", "v1", "toys", ["spec"], recursive=True)
    fields = '  color\t<string>\n  enum: "", b, c, d, ....\n  parts\t<[]Spec>\n'
    assert text.partition("FIELDS:\n")[2] == fields + "\n"


def test_a_missing_field_is_told_after_the_head() -> None:
    with pytest.raises(ExplainError, match='field "more" does not exist') as caught:
        explain(DOCUMENT, "apps", "v1", "toys", ["spec", "nothing", "more"])
    assert caught.value.text == "GROUP:      apps\nKIND:       Toy\nVERSION:    v1\n\n"


def test_the_older_form_calls_structures_objects() -> None:
    text = explain_v2(DOCUMENT, "apps", "v1", "toys", ["spec"])
    assert text.startswith(
        "KIND:     Toy\nVERSION:  apps/v1\n\nRESOURCE: spec <Object>\n\nDESCRIPTION:\n     What it is.\n\n"
        "     Spec holds it.\n\nFIELDS:\n   color\t<string>\n     Its color.\n\n"
    )


@pytest.mark.parametrize(
    ("request_", "fields"),
    [("toys", []), ("toys.apps", []), ("toys.apps.spec.color", ["spec", "color"]), ("toy.spec", ["spec"]),
     ("toys.v1.apps", ["v1", "apps"])],
)  # fmt: skip
def test_a_request_names_a_resource_and_fields(request_: str, fields: list[str]) -> None:
    assert locate(request_, lambda name: [("apps", "v1", "toys")]) == ("apps", "v1", "toys", fields)


def test_lines_break_between_words_and_long_words_stay_whole() -> None:
    assert wrap("aa bb cc", 5) == "aa bb\ncc"
    assert wrap("see " + "x" * 12, 5) == "see\n" + "x" * 12
    assert refill("one two:\nthree\n- item\n\n    code", 80) == ["one two:", "three", "- item", "", "    code"]
