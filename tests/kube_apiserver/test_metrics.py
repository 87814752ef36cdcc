"""Can Prometheus read what the server counts?"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from minikube_edu.api import scheme
from minikube_edu.kube_apiserver import metrics, zpages
from minikube_edu.lib.web.messages import Peer, Request, Response
from tests.in_process import api_server


class Ready:
    def is_set(self) -> bool:
        return False


def server() -> Any:
    requests: dict[tuple[Any, ...], int] = {}
    for _ in range(3):
        metrics.count(requests, "list", "pods", 200)
    metrics.count(requests, "create", "apps", "v1", "deployments", "", "namespace", "", 201)
    registry = SimpleNamespace(
        cache=SimpleNamespace(ready=Ready()), cache_of=lambda resource: SimpleNamespace(entries=[1, 2])
    )
    return SimpleNamespace(
        requests=requests, watchers={1}, writes=set(), scheme=scheme.builtin(), registry=registry, checks=None
    )


def ask(path: str, accept: bytes = b"") -> Response | None:
    request = Request("GET", path, "", [(b"accept", accept)] if accept else [], b"", Peer("", "", None))
    return zpages.answer(server(), request) or metrics.answer(server(), request)


def samples(path: str) -> dict[str, list[Any]]:
    found = ask(path)
    assert found is not None
    assert isinstance(found.body, bytes)
    assert found.content_type == b"text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
    families = list(text_string_to_metric_families(found.body.decode()))
    return {family.name: family.samples for family in families}


def test_requests_are_counted_by_verb_resource_and_code() -> None:
    found = {
        (s.labels["verb"], s.labels["resource"], s.labels["code"]): s for s in samples("/metrics")["apiserver_request"]
    }
    assert found["LIST", "pods", "200"].value == 3
    assert found["POST", "deployments", "201"].labels["group"] == "apps"


def test_objects_are_counted_by_resource() -> None:
    found = {s.labels["resource"]: s.value for s in samples("/metrics")["apiserver_storage_objects"]}
    assert found["pods"] == 2
    assert found["deployments.apps"] == 2
    assert "events.events.k8s.io" not in found  # they are the core group's events


def test_the_version_is_told() -> None:
    [build] = samples("/metrics")["kubernetes_build_info"]
    assert (build.labels["git_version"], build.value) == ("v1.36.3", 1)


def test_the_checks_of_health_are_numbers() -> None:
    found = {(s.labels["type"], s.labels["name"]): s.value for s in samples("/metrics/slis")["kubernetes_healthcheck"]}
    assert found["livez", "ping"] == 1
    assert found["readyz", "informer-sync"] == 0


def test_the_pages_for_people_are_text() -> None:
    page = ask("/statusz", b"text/plain")
    assert page is not None
    assert isinstance(page.body, bytes)
    assert b"kube-apiserver statusz" in page.body
    assert ask("/metrics/other") is None


async def test_are_real_requests_counted_refused_ones_too() -> None:
    async with api_server() as api:
        maps = "/api/v1/namespaces/default/configmaps"
        await api.create(maps, "a")
        await api.get(maps + "/a")
        await api.get(maps + "/a")
        await api.get(maps)
        await api.post(maps + "?dryRun=All", {"metadata": {"name": "b"}})
        await api.get(maps + "/absent")
        requests = api.server.requests
        place = ("", "v1", "configmaps", "")
        assert requests["create", *place, "resource", "", 201] == 1
        assert requests["create", *place, "resource", "All", 201] == 1
        assert requests["get", *place, "resource", "", 200] == 2
        assert requests["get", *place, "resource", "", 404] == 1
        assert requests["list", *place, "namespace", "", 200] == 1
