"""The Python `kubernetes` client against our API server: typed calls, watches, patches, the dynamic client."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.programs import ApiServerProgram

client: Any = pytest.importorskip("kubernetes.client", reason="the Python client `kubernetes` is not installed")
config: Any = pytest.importorskip("kubernetes.config")
dynamic: Any = pytest.importorskip("kubernetes.dynamic")
utils: Any = pytest.importorskip("kubernetes.utils")
watch: Any = pytest.importorskip("kubernetes.watch")


@pytest.fixture
def api(cluster: ApiServerProgram) -> Iterator[Any]:
    with config.new_client_from_config(str(cluster.kubeconfig)) as made:
        yield made


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def test_an_object_lives_its_life(api: Any) -> None:
    core = client.CoreV1Api(api)
    made = core.create_namespaced_config_map("default", config_map("life", a="1"))
    assert made.metadata.uid
    made.data["a"] = "2"
    assert core.replace_namespaced_config_map("life", "default", made).data == {"a": "2"}
    with pytest.raises(client.ApiException) as lost:
        core.replace_namespaced_config_map("life", "default", made)  # of the version before
    assert (lost.value.status, lost.value.reason) == (409, "Conflict")
    patched = core.patch_namespaced_config_map("life", "default", {"data": {"b": "3"}})
    assert patched.data == {"a": "2", "b": "3"}
    assert [one.metadata.name for one in core.list_namespaced_config_map("default").items if one.data.get("b")] == [
        "life"
    ]
    assert core.delete_namespaced_config_map("life", "default")["status"] == "Success"
    with pytest.raises(client.ApiException) as gone:
        core.read_namespaced_config_map("life", "default")
    assert gone.value.status == 404


def test_typed_objects_are_understood_both_ways(api: Any) -> None:
    apps = client.AppsV1Api(api)
    labels = {"app": "typed"}
    container = client.V1Container(
        name="c",
        image="nginx",
        resources=client.V1ResourceRequirements(requests={"cpu": "100m"}),
        liveness_probe=client.V1Probe(http_get=client.V1HTTPGetAction(path="/", port=80)),
    )
    template = client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels=labels), spec=client.V1PodSpec(containers=[container])
    )
    spec = client.V1DeploymentSpec(selector=client.V1LabelSelector(match_labels=labels), template=template)
    body = client.V1Deployment(metadata=client.V1ObjectMeta(name="typed"), spec=spec)
    made = apps.create_namespaced_deployment("default", body)
    assert made.spec.template.spec.containers[0].liveness_probe.http_get.scheme == "HTTP"
    assert made.spec.strategy.rolling_update.max_surge == "25%"
    assert made.metadata.creation_timestamp.tzinfo is not None
    scale = apps.patch_namespaced_deployment_scale("typed", "default", {"spec": {"replicas": 3}})
    assert scale.spec.replicas == 3
    apps.delete_namespaced_deployment("typed", "default", propagation_policy="Background")


def test_a_watch_goes_on_where_a_list_ended(api: Any) -> None:
    core = client.CoreV1Api(api)
    version = core.list_namespaced_secret("default").metadata.resource_version

    def work() -> None:
        for number in range(3):
            core.create_namespaced_secret("default", {"metadata": {"name": f"s-{number}"}})
        core.delete_namespaced_secret("s-1", "default")

    worker = threading.Thread(target=work)
    worker.start()
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(
        core.list_namespaced_secret, "default", resource_version=version, timeout_seconds=10, allow_watch_bookmarks=True
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 4:
            watcher.stop()
    worker.join()
    assert seen == [("ADDED", "s-0"), ("ADDED", "s-1"), ("ADDED", "s-2"), ("DELETED", "s-1")]


def test_pages(api: Any) -> None:
    core = client.CoreV1Api(api)
    for number in range(5):
        core.create_namespaced_service_account("kube-public", {"metadata": {"name": f"a-{number}"}})
    names, token = [], None
    while True:
        page = core.list_namespaced_service_account("kube-public", limit=2, _continue=token)
        names += [one.metadata.name for one in page.items]
        token = page.metadata._continue
        if not token:
            break
    names = [name for name in names if name != "default"]  # the controller makes it in its own time
    assert names == [f"a-{number}" for number in range(5)]


def test_the_dynamic_client_finds_its_way_by_discovery(api: Any) -> None:
    found = dynamic.DynamicClient(api)
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    made = maps.create(
        body={"kind": "ConfigMap", "apiVersion": "v1", **config_map("dynamic", a="1")}, namespace="default"
    )
    assert made.metadata.name == "dynamic"
    body = {"kind": "ConfigMap", "apiVersion": "v1", **config_map("dynamic", b="2")}
    applied = maps.server_side_apply(body=body, name="dynamic", namespace="default", field_manager="me")
    assert applied.data.to_dict() == {"a": "1", "b": "2"}
    changed = maps.patch(
        body={"data": {"a": None}}, name="dynamic", namespace="default", content_type="application/merge-patch+json"
    )
    assert changed.data.to_dict() == {"b": "2"}
    events = maps.watch(namespace="default", name="dynamic", timeout=5)
    assert next(iter(events))["object"].data.to_dict() == {"b": "2"}
    maps.delete(name="dynamic", namespace="default")
    with pytest.raises(dynamic.exceptions.NotFoundError):
        maps.get(name="dynamic", namespace="default")
    assert found.resources.get(api_version="apps/v1", kind="Deployment").name == "deployments"
    assert found.version["kubernetes"]["gitVersion"] == "v1.36.3"


def test_a_manifest_with_several_objects(api: Any) -> None:
    objects = [
        {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "several"}},
        {"kind": "Service", "apiVersion": "v1", "metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}]}},
    ]
    made = utils.create_from_yaml(api, yaml_objects=objects, namespace="default")
    assert len(made) == 2
