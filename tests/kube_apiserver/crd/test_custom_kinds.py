"""How does a definition become something that is served?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.api import defaults, schema
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.context import ANONYMOUS, Context
from minikube_edu.kube_apiserver.crd import kind, names, serving

Object = dict[str, Any]


def definition(name: str = "ws", **version: Any) -> Object:
    properties = {"size": {"type": "integer", "default": 3, "maximum": 9}, "color": {"type": "string"}}
    spec = {"type": "object", "properties": {"spec": {"type": "object", "properties": properties}}}
    one = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": spec}, **version}
    whole = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": name, "kind": "W"},
            "versions": [one],
        },
    }
    made = schema.decode("apiextensions.v1.CustomResourceDefinition", whole).object
    defaults.defaulter("apiextensions.k8s.io", "v1", "CustomResourceDefinition")(made)
    return made


def served(made: Object) -> list[Resource]:
    return serving.resources({**made, "status": names.accept(made, [])})


def one(**version: Any) -> Resource:
    return served(definition(**version))[0]


def test_a_definition_whose_names_are_free_is_established() -> None:
    status = names.accept(definition(), [])
    assert status["acceptedNames"] == {"plural": "ws", "kind": "W", "singular": "w", "listKind": "WList"}
    assert {each["type"]: each["reason"] for each in status["conditions"]} == {
        "NamesAccepted": "NoConflicts",
        "Established": "InitialNamesAccepted",
    }


def test_a_kind_that_another_definition_has_is_refused() -> None:
    first = definition()
    first["status"] = names.accept(first, [])
    status = names.accept(definition("others"), [first])
    assert status["acceptedNames"] == {"plural": "others", "kind": ""}
    conditions = {each["type"]: each for each in status["conditions"]}
    assert conditions["NamesAccepted"]["reason"] == "ListKindConflict"
    assert conditions["NamesAccepted"]["message"] == '"WList" is already in use'
    assert conditions["Established"]["status"] == "False"


def test_what_is_served_says_what_the_definition_says() -> None:
    resource = one(
        subresources={"status": {}, "scale": {"specReplicasPath": ".spec.n", "statusReplicasPath": ".status.n"}}
    )
    assert (resource.name, resource.singular, resource.kind, resource.namespaced) == ("ws", "w", "W", True)
    assert resource.prefix == "/registry/example.com/ws/"
    assert set(resource.subresources) == {"status", "scale"}
    assert resource.custom.replica_paths(resource) == {"example.com/v1": "spec.n"}
    assert resource.custom.scale_numbers(resource, {"spec": {"n": 2}}) == (2, 0, "")


@pytest.mark.parametrize(
    ("versions", "order"),
    [
        (["v1beta1", "v1"], ["v1", "v1beta1"]),
        (["v1", "v2", "v10", "foo1", "v11alpha2", "v11beta2"], ["v10", "v2", "v1", "v11beta2", "v11alpha2", "foo1"]),
    ],
)
def test_the_newest_stable_version_is_preferred(versions: list[str], order: list[str]) -> None:
    assert sorted(versions, key=kind.priority) == order


def test_a_body_is_pruned_and_filled_in_by_the_schema() -> None:
    resource = one()
    body = {"apiVersion": "example.com/v1", "kind": "W", "metadata": {"name": "o", "odd": 1}, "spec": {"zz": 1}, "x": 1}
    new, unknown = resource.custom.decode(body, resource)
    assert new["spec"] == {"size": 3}
    assert unknown == ["metadata.odd", "spec.zz", "x"]
    with pytest.raises(schema.DecodeError, match="cannot unmarshal number"):
        resource.custom.decode({**body, "metadata": {"labels": {"a": 1}}}, resource)


def complaints(resource: Resource, new: Object, old: Object | None = None) -> list[str]:
    errors = Errors()
    if old is None:
        resource.custom.validator.create(new, errors)
    else:
        resource.custom.validator.update(new, old, errors)
    return [str(error) for error in errors]


def test_what_was_wrong_already_may_stay_wrong() -> None:
    resource = one()
    wrong = {"metadata": {"name": "o"}, "spec": {"size": 10}}
    message = "spec.size: Invalid value: 10: spec.size in body should be less than or equal to 9"
    assert complaints(resource, wrong) == [message]
    assert complaints(resource, {**wrong, "other": 1}, wrong) == []
    assert complaints(resource, wrong, {"metadata": {"name": "o"}, "spec": {"size": 1}}) == [message]


def test_the_status_belongs_to_its_subresource() -> None:
    resource = one(subresources={"status": {}})
    strategy, context = resource.custom.strategy, Context(ANONYMOUS, "update", resource)
    old: Object = {"metadata": {"generation": 1}, "spec": {"size": 1}, "status": {"ready": True}}
    new: Object = {"metadata": {"generation": 1}, "spec": {"size": 2}, "status": {"ready": False}}
    strategy.prepare_update(new, old, context)
    assert new == {"metadata": {"generation": 2}, "spec": {"size": 2}, "status": {"ready": True}}
    written: Object = {"metadata": {"labels": {"a": "b"}}, "spec": {"size": 9}, "status": {"ready": False}}
    strategy.prepare_status(written, old, context)
    assert written == {"metadata": {"generation": 1}, "spec": {"size": 1}, "status": {"ready": False}}


def test_selectable_fields_are_read_from_the_object() -> None:
    resource = one(selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.size"}])
    strategy = resource.custom.strategy
    assert strategy.field_labels == ("spec.color", "spec.size")
    assert strategy.selectable_fields({"spec": {"color": "red"}}) == {"spec.color": "red", "spec.size": ""}


def test_a_version_on_its_way_out_names_a_better_one() -> None:
    made = definition()
    schema_ = made["spec"]["versions"][0]["schema"]
    beta = {"name": "v1beta1", "served": True, "storage": False, "deprecated": True, "schema": schema_}
    made["spec"]["versions"].append(beta)
    warnings = {resource.version: resource.custom.deprecation for resource in served(made)}
    assert warnings == {"v1": "", "v1beta1": "example.com/v1beta1 W is deprecated; use example.com/v1 W"}
