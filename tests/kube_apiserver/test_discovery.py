"""Discovery: do clients find what is served, in the shape that they ask for?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from minikube_edu.api import scheme
from minikube_edu.api.errors import MethodNotAllowed, NotAcceptable, PathNotFound
from minikube_edu.api.scheme import Resource
from minikube_edu.api.wire import protobuf
from minikube_edu.kube_apiserver import discovery

AGGREGATED = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"
SCHEME = scheme.builtin()


def ask(path: str, accept: str = "", **more: Any) -> Any:
    found = discovery.respond(SCHEME, "GET", path, accept, **more)
    assert found is not None
    assert found.status == 200
    assert isinstance(found.body, bytes)
    return orjson.loads(found.body)


def test_the_groups_stand_in_the_real_order() -> None:
    names = [group["name"] for group in ask("/apis")["groups"]]
    assert names[:4] == ["apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io"]
    assert names[-2:] == ["resource.k8s.io", "flowcontrol.apiserver.k8s.io"]
    assert len(names) == 20


def test_a_group_prefers_its_newest_version() -> None:
    group = ask("/apis/autoscaling")
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}
    assert (group["kind"], group["apiVersion"], len(group["versions"])) == ("APIGroup", "v1", 2)


def test_resources_are_listed_with_their_subresources_behind_them() -> None:
    core = ask("/api/v1/")
    assert "apiVersion" not in core  # the core group has never said it
    names = [entry["name"] for entry in core["resources"]]
    pods = names.index("pods")
    assert names[pods : pods + 4] == ["pods", "pods/attach", "pods/binding", "pods/ephemeralcontainers"]
    by_name = {entry["name"]: entry for entry in core["resources"]}
    assert by_name["pods/eviction"]["group"] == "policy"
    assert by_name["pods"]["shortNames"] == ["po"]
    assert by_name["pods"]["storageVersionHash"] == "xPOwRZ+Yhw8="


def test_the_core_versions_tell_where_the_server_is() -> None:
    served = ask("/api", address="10.0.0.1:6443")["serverAddressByClientCIDRs"]
    assert served == [{"clientCIDR": "0.0.0.0/0", "serverAddress": "10.0.0.1:6443"}]


def test_one_answer_has_everything_for_clients_that_ask_for_it() -> None:
    found = discovery.respond(SCHEME, "GET", "/apis", AGGREGATED)
    assert found is not None
    assert found.content_type == b"application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    document = ask("/apis", AGGREGATED)
    apps = next(item for item in document["items"] if item["metadata"]["name"] == "apps")
    deployments = next(r for r in apps["versions"][0]["resources"] if r["resource"] == "deployments")
    assert deployments["responseKind"] == {"group": "", "version": "", "kind": "Deployment"}
    assert [sub["subresource"] for sub in deployments["subresources"]] == ["scale", "status"]
    assert ask("/api", AGGREGATED)["items"][0]["metadata"] == {}


def test_an_unchanged_answer_is_not_sent_again() -> None:
    first = discovery.respond(SCHEME, "GET", "/apis", AGGREGATED)
    assert first is not None
    etag = dict(first.headers)[b"ETag"].decode()
    again = discovery.respond(SCHEME, "GET", "/apis", AGGREGATED, if_none_match=etag)
    assert again is not None
    assert (again.status, again.body) == (304, b"")


def test_old_shapes_are_refused_or_fallen_back_from() -> None:
    beta = AGGREGATED.replace("v2", "v2beta1")
    with pytest.raises(NotAcceptable):
        discovery.respond(SCHEME, "GET", "/apis", beta)
    assert ask("/apis", f"{beta},application/json")["kind"] == "APIGroupList"


def test_it_is_served_in_yaml_and_protobuf_as_well() -> None:
    yaml = discovery.respond(SCHEME, "GET", "/apis/apps", "application/yaml")
    assert yaml is not None
    assert yaml.body == (
        b"apiVersion: v1\nkind: APIGroup\nname: apps\npreferredVersion:\n  groupVersion: apps/v1\n  version: v1\n"
        b"versions:\n- groupVersion: apps/v1\n  version: v1\n"
    )
    binary = discovery.respond(SCHEME, "GET", "/api/v1", protobuf.MEDIA_TYPE)
    assert binary is not None
    assert isinstance(binary.body, bytes)
    assert protobuf.decode(binary.body)["groupVersion"] == "v1"


def test_methods_are_refused_where_the_real_server_refuses_them() -> None:
    for path in ("/api", "/api/v1", "/version"):
        with pytest.raises(MethodNotAllowed):
            discovery.respond(SCHEME, "POST", path)
    for path in ("/", "/apis", "/apis/apps"):
        assert discovery.respond(SCHEME, "DELETE", path) is not None


def test_unknown_paths_are_somebody_elses() -> None:
    for path in ("/apis/none.example.com", "/nothing", "//api/v1", "/API/v1", "/apis/none/v1"):
        assert discovery.respond(SCHEME, "GET", path) is None
    with pytest.raises(PathNotFound):
        discovery.respond(SCHEME, "GET", "/apis/apps/v9")


def test_a_new_resource_is_found_at_once_and_forgotten_with_its_definition() -> None:
    own = scheme.builtin()
    assert discovery.respond(own, "GET", "/apis/example.com/v1") is None
    definition = {"spec": {"versions": [{"name": "v1"}]}}
    widgets = Resource("example.com", "v1", "widgets", "widget", "Widget", True, ("get", "list"), custom=definition)
    own.add(widgets)
    found = discovery.respond(own, "GET", "/apis/example.com/v1")
    assert found is not None
    assert isinstance(found.body, bytes)
    assert orjson.loads(found.body)["resources"][0]["name"] == "widgets"
    aggregated = discovery.respond(own, "GET", "/apis", AGGREGATED)
    assert aggregated is not None
    assert isinstance(aggregated.body, bytes)
    resource = orjson.loads(aggregated.body)["items"][-1]["versions"][0]["resources"][0]
    assert resource["responseKind"] == {"group": "example.com", "version": "v1", "kind": "Widget"}
    own.remove(widgets)
    assert discovery.respond(own, "GET", "/apis/example.com/v1") is None


def test_the_root_lists_all_paths() -> None:
    paths = ask("/")["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps/v1", "/livez/etcd", "/readyz/shutdown", "/openapi/v3", "/version"} <= set(paths)


def test_the_version_is_the_one_that_we_imitate() -> None:
    assert ask("/version/")["gitVersion"] == "v1.36.3"
