"""Whatever a client sends, validation has an answer: no object of the right types makes it fail.

Objects are made at random from the schema facts, with values that are likely to be special somewhere. The seed is the
test's parameter, so that a failure can be had again.
"""

from __future__ import annotations

import random
from typing import Any

import pytest

from minikube_edu.api import defaults, schema
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource, builtin
from minikube_edu.api.validation import services, validator

Object = dict[str, Any]

GROUPS = ("", "networking.k8s.io", "discovery.k8s.io", "storage.k8s.io")
OTHERS = ("Pod", "PodTemplate", "ReplicationController")
KINDS = [r for r in builtin().resources.values() if r.type_name and r.group in GROUPS and r.kind not in OTHERS]

TEXTS = (
    "", "a", "a/b", "Bad_Name", "a.b.c", "é", "a" * 70, "*", "None", "10.0.0.1", "::1", "10.0.0.0/24", "TCP", "Exact",
    "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Local", "IPv4", "IPv6", "kubernetes.io/tls", "In", "Gt",
)  # fmt: skip
SCALARS: dict[str, tuple[Any, ...]] = {
    "string": TEXTS,
    "bool": (True, False),
    "int32": (0, 1, -1, 80, 30000, 70000),
    "int64": (0, 1, -1, 5000),
    "float": (1.5,),
    "bytes": ("", "YQ==", "eyJhIjoxfQ=="),
    "time": ("2024-01-01T00:00:00Z",),
    "microtime": ("2024-01-01T00:00:00.000000Z",),
    "quantity": ("0", "1", "-1", "1.5", "1Gi", "100m", "1n", "9999999999999999999"),
    "intstr": (0, 80, "http", "", "50%"),
    "any": ({},),
}
KEYS = (*TEXTS, "storage", "cpu", "pods")


class Maker:
    """Makes objects of a type; the deeper, the emptier."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def value(self, kind: str, depth: int, enum: list[str]) -> Any:
        if enum and self.random.random() < 0.7:
            return self.random.choice(enum)
        if kind[0] == "=":
            return self.struct(kind[1:], depth + 1)
        if kind.startswith("[]"):
            return [self.value(kind[2:], depth + 1, enum) for _ in range(self.random.randint(0, 2))]
        if kind.startswith("{}"):
            names = self.random.sample(KEYS, self.random.randint(0, 2))
            return {name: self.value(kind[2:], depth + 1, enum) for name in names}
        return self.random.choice(SCALARS[kind])

    def struct(self, name: str, depth: int) -> Object:
        chance = 0.6 if depth < 4 else 0.35 if depth < 8 else 0.0
        return {
            field.name: self.value(field.kind, depth, field.enum)
            for field in schema.struct(name).fields.values()
            if self.random.random() < chance
        }

    def object(self, resource: Resource) -> Object:
        assert resource.type_name
        made = self.struct(resource.type_name, 1)
        made.update(apiVersion=resource.api_version, kind=resource.kind)
        made["metadata"] = {**made.get("metadata", {}), "name": "x", "namespace": "default"}
        decoded = schema.decode(resource.type_name, made).object
        defaults.defaulter(resource.group, resource.version, resource.kind)(decoded)
        return decoded


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("resource", KINDS, ids=lambda resource: resource.kind)
def test_any_object_is_answered(resource: Resource, seed: int) -> None:
    maker = Maker(seed)
    judge = validator(resource.group, resource.kind)
    for _ in range(6):
        old, new, errors = maker.object(resource), maker.object(resource), Errors()
        judge.create(new, errors)
        judge.update(new, old, errors)
        judge.update(new, new, errors)
        for _, rule in judge.subresources:
            rule(new, old, errors)
        if resource.kind == "Service":  # judged by its strategy
            services.create(new, errors)
            services.update(new, old, errors)
        assert all(str(error) and error.field for error in errors)
        assert all(judge.warnings(new, old))
