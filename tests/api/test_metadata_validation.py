"""Is metadata judged alike for all kinds, with the real words?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta

NAMED = {"name": "a", "namespace": "default"}
KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


def judged(metadata: dict[str, Any], namespaced: bool = True) -> list[str]:
    errors = Errors()
    meta.validate_meta_create({"metadata": metadata}, namespaced, names.dns1123_subdomain, errors)
    return [str(error) for error in errors]


def changed(new: dict[str, Any], old: dict[str, Any]) -> list[str]:
    errors = Errors()
    meta.validate_meta_update({"metadata": NAMED | new}, {"metadata": NAMED | old}, errors)
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        (NAMED, []),
        ({"namespace": "default"}, ["metadata.name: Required value: name or generateName is required"]),
        ({"name": "a"}, ["metadata.namespace: Required value"]),
        ({**NAMED, "labels": {"a b": "c"}}, [f'metadata.labels: Invalid value: "a b": {KEY}']),
        ({**NAMED, "annotations": {"Example.com/Note": "x"}}, []),
        (
            {**NAMED, "annotations": {"big": "x" * (256 * 1024)}},
            ["metadata.annotations: Too long: may not be more than 262144 bytes"],
        ),
        (
            {**NAMED, "finalizers": ["noslash"]},
            [
                'metadata.finalizers[0]: Invalid value: "noslash": name is neither a standard finalizer name nor is '
                "it fully qualified"
            ],
        ),
        (
            {**NAMED, "finalizers": ["orphan", "foregroundDeletion"]},
            [
                'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and '
                "foregroundDeletion cannot be both set"
            ],
        ),
        (
            {**NAMED, "ownerReferences": [{"apiVersion": "", "kind": "ConfigMap", "name": "a", "uid": ""}]},
            [
                'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
                'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
            ],
        ),
    ],
)
def test_what_is_said_of_new_metadata(metadata: dict[str, Any], expected: list[str]) -> None:
    assert judged(metadata) == expected


def test_may_a_cluster_wide_object_name_a_namespace() -> None:
    assert judged(NAMED, namespaced=False) == ["metadata.namespace: Forbidden: not allowed on this type"]


def test_is_a_prefix_allowed_to_end_with_a_dash() -> None:
    assert judged({**NAMED, "generateName": "web-"}) == []


def test_are_two_controllers_too_many() -> None:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "uid": "u", "controller": True}
    owners = [{**owner, "name": "a"}, {**owner, "name": "b"}]
    [message] = judged({**NAMED, "ownerReferences": owners})
    assert message.endswith('Found "true" in references for ConfigMap/a and ConfigMap/b')


def test_is_a_change_of_what_is_fixed_said_twice_as_the_real_server_does() -> None:
    message = 'metadata.uid: Invalid value: "2": field is immutable'
    assert changed({"uid": "2"}, {"uid": "1"}) == [message, message]


def test_may_a_finalizer_be_added_while_the_object_is_deleted() -> None:
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["a.io/x"]}
    assert changed(going, going) == []
    assert set(changed(going | {"finalizers": ["a.io/x", "b.io/y"]}, going)) == {
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
        'finalizers []string{"b.io/y"}'
    }


def test_is_a_field_manager_with_a_control_character_refused() -> None:
    errors = Errors()
    meta.field_manager("fieldManager", "é\x01", errors)
    assert str(errors[0]) == ('fieldManager: Invalid value: "é\\x01": invalid character U+0001 (at position 2)')
