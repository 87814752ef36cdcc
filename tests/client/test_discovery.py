"""Does the mapper find what people type, from either kind of discovery?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from minikube_edu.client.discovery import NoMatch, RestMapper
from minikube_edu.client.rest import Client, Resource
from minikube_edu.client.sending import Sender
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Answer, Request, Response

# group -> version -> (plural, singular, kind, namespaced, short names, categories, subresources)
SERVED: dict[str, dict[str, list[tuple[str, str, str, bool, list[str], list[str], list[str]]]]] = {
    "": {
        "v1": [
            ("pods", "pod", "Pod", True, ["po"], ["all"], ["log", "status"]),
            ("nodes", "node", "Node", False, ["no"], [], ["status"]),
            ("events", "event", "Event", True, ["ev"], [], []),
        ]
    },
    "apps": {"v1": [("deployments", "deployment", "Deployment", True, ["deploy"], ["all"], ["scale"])]},
    "events.k8s.io": {"v1": [("events", "event", "Event", True, ["ev"], [], [])]},
    "autoscaling": {
        "v2": [("horizontalpodautoscalers", "horizontalpodautoscaler", "HPA", True, ["hpa"], ["all"], ["status"])],
        "v1": [("horizontalpodautoscalers", "horizontalpodautoscaler", "HPA", True, ["hpa"], ["all"], ["status"])],
    },
}


def aggregated(groups: list[str]) -> dict[str, Any]:
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": version,
                        "freshness": "Current",
                        "resources": [
                            {
                                "resource": plural,
                                "singularResource": singular,
                                "responseKind": {"group": group, "version": version, "kind": kind},
                                "scope": "Namespaced" if namespaced else "Cluster",
                                "shortNames": short,
                                "categories": categories,
                                "verbs": ["get", "list"],
                                "subresources": [{"subresource": name} for name in sub],
                            }
                            for plural, singular, kind, namespaced, short, categories, sub in resources
                        ],
                    }
                    for version, resources in SERVED[group].items()
                ],
            }
            for group in groups
        ],
    }


def legacy(path: str) -> dict[str, Any] | None:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [
            {
                "name": group,
                "versions": [{"version": version} for version in reversed(versions)],
                "preferredVersion": {"version": next(iter(versions))},
            }
            for group, versions in SERVED.items()
            if group
        ]
        return {"kind": "APIGroupList", "groups": [*groups, {"name": "down.io", "versions": [{"version": "v1"}]}]}
    group, _, version = path.removeprefix("/apis/").removeprefix("/api/").rpartition("/")
    if group not in SERVED:
        return None
    entries = []
    for plural, singular, kind, namespaced, short, categories, sub in SERVED[group][version]:
        more = {"shortNames": short, "categories": categories, "verbs": ["get", "list"]}
        entries.append({"name": plural, "singularName": singular, "namespaced": namespaced, "kind": kind, **more})
        entries += [{"name": f"{plural}/{name}", "namespaced": namespaced, "kind": kind} for name in sub]
    return {"kind": "APIResourceList", "resources": entries}


class Discovery:
    def __init__(self, modern: bool) -> None:
        self.modern = modern
        self.requests = 0

    def __call__(self, request: Request) -> Answer:
        self.requests += 1
        if self.modern and b"apidiscovery" in (request.header(b"accept") or b""):
            groups = [""] if request.path == "/api" else [group for group in SERVED if group]
            return Response(200, orjson.dumps(aggregated(groups)))
        document = legacy(request.path)
        return Response(200, orjson.dumps(document)) if document else Response(503, b"")


@pytest.fixture(params=[True, False], ids=["aggregated", "legacy"])
def server(request: pytest.FixtureRequest) -> Discovery:
    return Discovery(request.param)


@pytest.fixture
def mapper(server: Discovery) -> RestMapper:
    return RestMapper(Client(Sender(InProcess(server), retries=0)))


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("pods", "v1/pods"),
        ("po", "v1/pods"),
        ("Pod", "v1/pods"),
        ("deploy", "apps/v1/deployments"),
        ("deployments.apps", "apps/v1/deployments"),
        ("deployments.v1.apps", "apps/v1/deployments"),
        ("pods.v1.", "v1/pods"),
        ("hpa", "autoscaling/v2/horizontalpodautoscalers"),
        ("hpa.v1.autoscaling", "autoscaling/v1/horizontalpodautoscalers"),
        ("events", "v1/events"),
        ("events.events.k8s.io", "events.k8s.io/v1/events"),
        ("events.v1.events.k8s.io", "events.k8s.io/v1/events"),
        ("events.events", "events.k8s.io/v1/events"),
    ],
)
async def test_what_is_meant(mapper: RestMapper, what: str, expected: str) -> None:
    found = (await mapper.find(what)).resource
    assert f"{found.api_version}/{found.plural}" == expected


async def test_what_is_known_of_a_resource(mapper: RestMapper, server: Discovery) -> None:
    served = await mapper.find("nodes")
    assert served.resource == Resource("", "v1", "nodes", False, "Node")
    assert served.subresources == ("status",)
    assert served.verbs == ("get", "list")
    assert (await mapper.for_kind("autoscaling", "HPA")).resource.version == "v2"
    assert (await mapper.for_object({"apiVersion": "apps/v1", "kind": "Deployment"})).resource.plural == "deployments"
    assert [one.resource.plural for one in await mapper.category("all")] == [
        "pods",
        "deployments",
        "horizontalpodautoscalers",
    ]
    assert mapper.failed == ([] if server.modern else ["down.io/v1"])


async def test_is_the_server_asked_once_and_once_more_for_the_unknown(mapper: RestMapper, server: Discovery) -> None:
    await mapper.find("pods")
    once = server.requests
    await mapper.find("deploy")
    assert server.requests == once
    with pytest.raises(NoMatch, match='the server doesn\'t have a resource type "widgets"'):
        await mapper.find("widgets")
    assert server.requests == 2 * once
    with pytest.raises(NoMatch):
        await mapper.for_kind("apps", "Widget", "v1")
