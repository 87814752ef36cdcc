"""What are those told who define roles, webhooks, policies, custom resources, devices and requests for certificates?"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from minikube_edu.lib import pki
from tests.api.judging import changes, complaints, read, warnings

Object = dict[str, Any]

RBAC, ADMISSION = "rbac.authorization.k8s.io/v1", "admissionregistration.k8s.io/v1"


def binding(**fields: Any) -> Object:
    role = {"kind": "Role", "name": "r"}
    return {"apiVersion": RBAC, "kind": "RoleBinding", "roleRef": role, **fields}


def webhook(**fields: Any) -> Object:
    hook: Object = {"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    hook["clientConfig"] = {"url": "https://h.example.com/"}
    return {"apiVersion": ADMISSION, "kind": "ValidatingWebhookConfiguration", "webhooks": [{**hook, **fields}]}


def policy(**fields: Any) -> Object:
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
    spec = {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}]}
    return {"apiVersion": ADMISSION, "kind": "ValidatingAdmissionPolicy", "spec": {**spec, **fields}}


def definition(schema: Object, **spec: Any) -> Object:
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    whole = {"group": "example.com", "scope": "Namespaced", "names": {"plural": "ws", "kind": "W"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "ws.example.com"},
        "spec": {**whole, "versions": [version], **spec},
    }


def field(**schema: Any) -> Object:
    """A definition whose objects have one field, spec.f."""
    spec = {"type": "object", "properties": {"f": schema}}
    return definition({"type": "object", "properties": {"spec": spec}})


def of(manifest: Object, path: str) -> list[str]:
    """The complaints, without the path where they begin."""
    return [complaint.removeprefix(path) for complaint in complaints(manifest)]


F = "spec.validation.openAPIV3Schema.properties[spec].properties[f]"


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (
            {"apiVersion": RBAC, "kind": "Role", "rules": [{"resources": ["pods"]}]},
            [
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
            ],
        ),
        (
            binding(subjects=[{"kind": "Robot", "name": "x"}]),
            ['subjects[0].kind: Unsupported value: "Robot": supported values: "ServiceAccount", "User", "Group"'],
        ),
        (binding(subjects=[{"kind": "User", "name": "jo"}]), []),
        (
            webhook(name="short"),
            [
                'webhooks[0].name: Invalid value: "short": should be a domain with at least three segments separated '
                "by dots"
            ],
        ),
        (
            webhook(sideEffects=None),
            ["webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun"],
        ),
        (
            webhook(clientConfig={}),
            ["webhooks[0].clientConfig: Required value: exactly one of url or service is required"],
        ),
        (
            policy(validations=[{"expression": "1"}]),
            ['spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int'],
        ),
        (
            policy(
                variables=[{"name": "n", "expression": "size(object.metadata.name)"}],
                validations=[{"expression": "variables.n < 5", "messageExpression": "'n is ' + string(variables.n)"}],
            ),
            [],
        ),
        (
            {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 2_000_000_000},
            ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
        ),
        (
            {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "spec": {"leaseDurationSeconds": 0}},
            ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
        ),
        ({"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass"}, ["handler: Required value"]),
        (
            {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceClaim",
                "spec": {"devices": {"requests": [{"name": "r"}]}},
            },
            [
                "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
            ],
        ),
        (
            {
                "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
                "kind": "PriorityLevelConfiguration",
                "spec": {
                    "type": "Limited",
                    "limited": {"limitResponse": {"type": "Queue", "queuing": {"queues": 2, "handSize": 5}}},
                },
            },
            [
                "spec.limited.limitResponse.queuing.handSize: Invalid value: 5: should not be greater than queues (2)",
            ],
        ),
    ],
)
def test_a_mistake_gets_the_real_message(manifest: Object, expected: list[str]) -> None:
    assert complaints(manifest) == expected


def test_a_binding_never_points_to_another_role() -> None:
    other = binding(roleRef={"kind": "Role", "name": "other"})
    shown = '{"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"other"}'
    assert changes(binding(), other) == [f"roleRef: Invalid value: {shown}: cannot change roleRef"]


def test_a_policy_sees_only_the_variables_before_it() -> None:
    late = policy(variables=[{"name": "a", "expression": "variables.b"}, {"name": "b", "expression": "1"}])
    assert "undefined field 'b'" in complaints(late)[0]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "array"}, [".items: Required value: must be specified"]),
        ({}, [".type: Required value: must not be empty for specified object fields"]),
        (
            {"type": "integer", "default": "x"},
            ['.default: Invalid value: "string":  in body must be of type integer: "string"'],
        ),
        ({"type": "object", "default": {"a": 1}}, ['.default: Invalid value: {"a":1}: must not have unknown fields']),
        (
            {"type": "string", "pattern": "["},
            [
                '.pattern: Invalid value: "[": must be a valid regular expression, but isn\'t: error parsing regexp: '
                "missing closing ]: `[`"
            ],
        ),
        (
            {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
            [".x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map"],
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}, []),
        (
            {"type": "string", "anyOf": [{"type": "string"}]},
            [".anyOf[0].type: Forbidden: must be empty to be structural"],
        ),
        ({"type": "string", "maxLength": 5, "x-kubernetes-validations": [{"rule": "self == oldSelf"}]}, []),
        (
            {"type": "string", "maxLength": 5, "x-kubernetes-validations": [{"rule": "self.size()"}]},
            [
                '.x-kubernetes-validations[0].rule: Invalid value: {"Rule":"self.size()","Message":"",'
                '"MessageExpression":"","Reason":null,"FieldPath":"","OptionalOldSelf":null}: cel expression must '
                "evaluate to a bool"
            ],
        ),
    ],
)
def test_a_schema_must_be_structural(schema: Object, expected: list[str]) -> None:
    assert of(field(**schema), F) == expected


def test_rules_that_could_take_too_long_are_refused() -> None:
    rules = [{"rule": "self.all(x, self.all(y, x == y))"}]
    unlimited = {"type": "array", "items": {"type": "string"}, "x-kubernetes-validations": rules}
    assert "estimated rule cost exceeds budget by factor of more than 100x" in complaints(field(**unlimited))[0]
    limited = {**unlimited, "maxItems": 10, "items": {"type": "string", "maxLength": 10}}
    assert complaints(field(**limited)) == []


def test_a_version_that_was_ever_stored_must_stay() -> None:
    before = {**field(type="string"), "status": {"storedVersions": ["v0", "v1"]}}
    assert changes(before, before)[0].startswith(
        'status.storedVersions[0]: Invalid value: "v0": missing from spec.versions; v0 was previously a storage version'
    )


def test_an_unknown_format_is_warned_of_once() -> None:
    strange = field(type="string", format="strange")
    assert warnings(strange) == ['unrecognized format "strange"']
    assert warnings(strange, before=strange) == []


def request(**spec: Any) -> Object:
    pem = pki.make_request(pki.make_key(), "jo", ["dev"])
    body = {"request": base64.b64encode(pem).decode(), "signerName": "example.com/s", "usages": ["client auth"]}
    return {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "spec": {**body, **spec},
    }


def test_a_request_for_a_certificate_is_read_and_its_signature_checked() -> None:
    assert complaints(request()) == []
    assert complaints(request(request="eA==")) == [
        'spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST'
    ]
    assert complaints(request(expirationSeconds=10)) == [
        "spec.expirationSeconds: Invalid value: 10: may not specify a duration less than 600 seconds (10 minutes)"
    ]


def test_only_the_approval_subresource_approves() -> None:
    before = request()
    approved = {**before, "status": {"conditions": [{"type": "Approved", "status": "True"}]}}
    denied = {**before, "status": {"conditions": [{"type": "Denied", "status": "True"}]}}
    assert changes(before, approved, "approval") == []
    assert changes(before, approved, "status") == [
        'status.conditions: Forbidden: updates may not add a condition of type "Approved"'
    ]
    assert changes(approved, denied, "approval") == [
        'status.conditions: Forbidden: updates may not remove a condition of type "Approved"'
    ]


def test_what_is_not_said_has_a_default() -> None:
    hook = read(webhook())["webhooks"][0]
    assert (hook["failurePolicy"], hook["matchPolicy"], hook["timeoutSeconds"]) == ("Fail", "Equivalent", 10)
    names = read(field(type="string"))["spec"]["names"]
    assert names == {"plural": "ws", "kind": "W", "singular": "w", "listKind": "WList"}
