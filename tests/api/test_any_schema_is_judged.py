"""Does any schema, however odd, get an answer and no traceback; and any object under a schema that was accepted?"""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.api import defaults, schema
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.structural import defaulting, embedded, lists, pruning, values
from minikube_edu.api.validation import apiextensions

Object = dict[str, Any]

TYPE = "apiextensions.v1.CustomResourceDefinition"
scalars = st.none() | st.booleans() | st.integers(-2, 12) | st.sampled_from(["a", "", "b", "[", "2026-01-01"])
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "kind", "metadata"]), inner),
    max_leaves=8,
)
RULES = [
    "self",
    "self.a > 1",
    "self == oldSelf",
    "self.all(x, x == 'a')",
    "has(self.a)",
    "self.a.matches('a')",
    "1 +",
    "",
]


def schemas(inner: st.SearchStrategy[Object]) -> st.SearchStrategy[Object]:
    some = st.lists(inner, max_size=2)
    numbers = st.integers(0, 5)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null", "odd"]),
            "properties": st.dictionaries(st.sampled_from(["a", "b", "metadata", "kind"]), inner, max_size=3),
            "items": inner | some | documents,
            "additionalProperties": inner | st.booleans() | documents,
            "anyOf": some, "oneOf": some, "allOf": some, "not": inner, "default": documents,
            "enum": st.lists(scalars, max_size=2), "required": st.lists(st.sampled_from(["a", "b"]), max_size=2),
            "pattern": st.sampled_from(["^a$", "[", "(", "(?=a)", "a{2}"]), "format": st.sampled_from(["date", "odd"]),
            "maxLength": numbers, "minLength": numbers, "maximum": numbers, "multipleOf": numbers, "maxItems": numbers,
            "maxProperties": numbers, "nullable": st.booleans(), "$ref": st.just("#/x"),
            "x-kubernetes-list-type": st.sampled_from(["set", "map", "atomic", "tree"]),
            "x-kubernetes-list-map-keys": st.lists(st.sampled_from(["a", "b"]), max_size=2),
            "x-kubernetes-map-type": st.sampled_from(["atomic", "granular", "odd"]),
            "x-kubernetes-int-or-string": st.booleans(), "x-kubernetes-embedded-resource": st.booleans(),
            "x-kubernetes-preserve-unknown-fields": st.booleans(),
            "x-kubernetes-validations": st.lists(st.fixed_dictionaries({"rule": st.sampled_from(RULES)}), max_size=2),
        },
    )  # fmt: skip


any_schema = st.recursive(st.fixed_dictionaries({"type": st.sampled_from(["string", "object"])}), schemas, max_leaves=6)


def definition(root: Object) -> Object:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": root}}
    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ws.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Cluster",
            "names": {"plural": "ws", "kind": "W"},
            "versions": [{**version, "subresources": {"status": {}}}],
        },
    }
    decoded = schema.decode(TYPE, made).object
    defaults.defaulter("apiextensions.k8s.io", "v1", "CustomResourceDefinition")(decoded)
    return decoded


@settings(max_examples=150, deadline=None)
@given(any_schema, documents)
def test_any_schema_is_judged_and_an_accepted_one_judges_anything(root: Object, value: Any) -> None:
    made, errors = definition({"type": "object", "properties": {"spec": root}}), Errors()
    apiextensions.create(made, errors)
    assert all(str(error) for error in errors)
    if not errors:
        whole = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        obj = {"apiVersion": "example.com/v1", "kind": "W", "metadata": {"name": "o"}, "spec": copy.deepcopy(value)}
        pruning.prune(obj, whole, root=True)
        defaulting.drop_nulls(obj, whole)
        defaulting.default(obj, whole)
        values.report(values.check(obj, whole), errors)
        embedded.check(obj, whole, errors)
        lists.check(obj, whole, errors)
        assert all(str(error) for error in errors)
