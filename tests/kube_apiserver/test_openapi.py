"""OpenAPI: can kubectl explain, check and look up parameters with what we serve?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from minikube_edu.api import scheme
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver import openapi

SCHEME = scheme.builtin()
DEPLOYMENTS = "/apis/apps/v1/namespaces/{namespace}/deployments"


def ask(path: str, query: str = "") -> Any:
    found = openapi.respond(SCHEME, path, query)
    assert found is not None
    assert found.status == 200
    assert isinstance(found.body, bytes)
    return orjson.loads(found.body)


@pytest.fixture(scope="module")
def apps() -> Any:
    return ask("/openapi/v3/apis/apps/v1")


def test_the_index_names_every_group_version() -> None:
    paths = ask("/openapi/v3")["paths"]
    assert len(paths) == 47
    assert {"api/v1", "apis", "apis/apps", "apis/apps/v1", "version"} <= set(paths)


def test_a_document_can_be_kept_under_its_hash() -> None:
    link = ask("/openapi/v3")["paths"]["apis/apps/v1"]["serverRelativeURL"]
    path, _, query = link.partition("?")
    found = openapi.respond(SCHEME, path, query)
    assert found is not None
    assert (b"Cache-Control", b"public, immutable") in found.headers
    moved = openapi.respond(SCHEME, path, "hash=OLD")
    assert moved is not None
    assert (moved.status, dict(moved.headers)[b"Location"].decode()) == (301, link)
    etag = dict(found.headers)[b"Etag"].decode()
    unchanged = openapi.respond(SCHEME, path, query, if_none_match=etag)
    assert unchanged is not None
    assert unchanged.status == 304


def test_a_kind_has_its_fields_and_the_words_for_them(apps: Any) -> None:
    deployment = apps["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"]
    kinds = [{"group": "apps", "kind": "Deployment", "version": "v1"}]
    assert deployment["x-kubernetes-group-version-kind"] == kinds
    assert deployment["description"] == "Deployment enables declarative updates for Pods and ReplicaSets."
    spec = apps["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"]
    assert spec["required"] == ["selector", "template"]
    assert spec["properties"]["replicas"]["format"] == "int32"
    assert spec["properties"]["strategy"]["x-kubernetes-patch-strategy"] == "retainKeys"
    containers = apps["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["items"] == {
        "allOf": [{"$ref": "#/components/schemas/io.k8s.api.core.v1.Container"}],
        "default": {},
    }


def test_kubectl_finds_the_parameters_that_it_looks_for(apps: Any) -> None:
    post = apps["paths"][DEPLOYMENTS]["post"]
    assert [parameter["name"] for parameter in post["parameters"]] == ["dryRun", "fieldManager", "fieldValidation"]
    assert post["operationId"] == "createAppsV1NamespacedDeployment"
    patch = apps["paths"][DEPLOYMENTS + "/{name}"]["patch"]
    assert "application/apply-patch+yaml" in patch["requestBody"]["content"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}


def test_every_reference_leads_somewhere() -> None:
    for name in ask("/openapi/v3")["paths"]:
        document = ask(f"/openapi/v3/{name}")
        schemas = document["components"].get("schemas", {})
        for reference in _references(document):
            assert reference.removeprefix("#/components/schemas/") in schemas
    swagger = ask("/openapi/v2")
    for reference in _references(swagger):
        assert reference.removeprefix("#/definitions/") in swagger["definitions"]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in _references(item)]
    return [found for item in value for found in _references(item)] if isinstance(value, list) else []


def test_operation_ids_are_unique() -> None:
    swagger = ask("/openapi/v2")
    ids = [
        operation["operationId"]
        for item in swagger["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids)) > 800


def test_the_old_document_has_plain_references_and_no_defaults() -> None:
    swagger = ask("/openapi/v2")
    assert swagger["swagger"] == "2.0"
    spec = swagger["definitions"]["io.k8s.api.apps.v1.DeploymentSpec"]["properties"]
    assert spec["template"]["$ref"] == "#/definitions/io.k8s.api.core.v1.PodTemplateSpec"
    assert swagger["definitions"]["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["type"] == "string"
    body = swagger["paths"][DEPLOYMENTS]["post"]["parameters"][0]
    assert (body["name"], body["in"], body["required"]) == ("body", "body", True)


def test_a_custom_resources_schema_is_served() -> None:
    own = scheme.builtin()
    shape = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    definition = {"spec": {"versions": [{"name": "v1", "schema": {"openAPIV3Schema": shape}}]}}
    verbs = ("create", "get", "list", "patch", "watch")
    own.add(Resource("example.com", "v1", "widgets", "widget", "Widget", True, verbs, custom=definition))
    found = openapi.respond(own, "/openapi/v3/apis/example.com/v1")
    assert found is not None
    assert isinstance(found.body, bytes)
    document = orjson.loads(found.body)
    widget = document["components"]["schemas"]["com.example.v1.Widget"]
    assert widget["properties"]["spec"]["properties"]["size"] == {"type": "integer"}
    assert widget["properties"]["metadata"]["allOf"][0]["$ref"].endswith("ObjectMeta")
    assert "/apis/example.com/v1/namespaces/{namespace}/widgets" in document["paths"]
    index = openapi.respond(own, "/openapi/v3")
    assert index is not None
    assert isinstance(index.body, bytes)
    assert "apis/example.com/v1" in orjson.loads(index.body)["paths"]


def test_what_cannot_be_served_is_refused() -> None:
    for path, accept, status in (
        ("/openapi/v2", "text/html", 406),
        ("/openapi/v3/apis/none/v1", "", 404),
        ("/openapi/v3/apis/apps/v1", "text/html", 406),
    ):
        found = openapi.respond(SCHEME, path, accept=accept)
        assert found is not None
        assert (found.status, found.body) == (status, b"")
    assert openapi.respond(SCHEME, "/openapi/v4") is None


def test_older_clients_get_it_in_protobuf() -> None:
    accept = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    found = openapi.respond(SCHEME, "/openapi/v2", accept=accept)
    assert found is not None
    assert found.content_type == b"application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert isinstance(found.body, bytes)
    fields = dict(_top_fields(found.body))
    assert fields[1] == b"2.0"
    names = [dict(_top_fields(value))[1].decode() for number, value in _top_fields(fields[9]) if number == 1]
    assert "io.k8s.api.core.v1.Pod" in names
    paths = [dict(_top_fields(value))[1].decode() for number, value in _top_fields(fields[8]) if number == 2]
    assert sorted(paths) == sorted(ask("/openapi/v2")["paths"])
    assert openapi.respond(SCHEME, "/openapi/v2", accept=f"text/html,{accept};q=0.5") is not None


def _top_fields(data: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a message."""
    found, at = [], 0
    while at < len(data):
        tag, at = _number(data, at)
        assert tag & 7 == 2
        length, at = _number(data, at)
        found.append((tag >> 3, data[at : at + length]))
        at += length
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
