"""What a kubelet knows of the API's objects, against a real API server in the same loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.kubelet import api_objects
from minikube_edu.kubelet.api_objects import KubeletObjects
from minikube_edu.kubelet.contract import SyncFailure
from tests.in_process import Api, api_server, until
from tests.kubelet.fake_objects import pod_of

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Gone:
    """A connection that nobody answers."""

    async def request(self, *_: Any) -> Any:
        raise ConnectionRefusedError("Connect call failed")

    stream = upgrade = request

    async def close(self) -> None:
        pass


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_server("--disable-admission-plugins=ServiceAccount") as running:
        yield running


async def test_is_a_config_map_read_once_and_then_watched(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_objects, "WATCH_AFTER", 0.01)
    objects = KubeletObjects(api.client(), "n1")
    heard: list[tuple[str, str, str]] = []
    objects.listen(lambda *what: heard.append(what))
    assert await objects.config_map("default", "settings") is None
    await api.create(CONFIG_MAPS, "settings", data={"a": "1"})
    first, second = await asyncio.gather(*(objects.config_map("default", "settings") for _ in range(2)))
    assert first is second
    await api.patch(f"{CONFIG_MAPS}/settings", {"data": {"a": "2"}})
    await until(lambda: heard)
    assert heard == [("configMap", "default", "settings")]
    found = await objects.config_map("default", "settings")
    assert found is not None
    assert found["data"] == {"a": "2"}
    await api.delete(f"{CONFIG_MAPS}/settings")
    await until(lambda: len(heard) == 2)
    assert await objects.config_map("default", "settings") is None
    await objects.close()


async def test_is_a_token_bound_to_its_pod_and_kept(api: Api) -> None:
    await api.create("/api/v1/namespaces/default/serviceaccounts", "bot")
    spec = {"containers": [{"name": "c", "image": "i"}], "serviceAccountName": "bot", "nodeName": "n1"}
    pod = await api.create("/api/v1/namespaces/default/pods", "web", spec=spec)
    objects = KubeletObjects(api.client(), "n1")
    token, expires = await objects.service_account_token("default", "bot", (), 3600, pod)
    assert (token, expires) == await objects.service_account_token("default", "bot", (), 3600, pod)
    other, _ = await objects.service_account_token("default", "bot", ("vault",), 3600, pod)
    assert other != token
    objects.forget(pod["metadata"]["uid"])
    with pytest.raises(ApiError, match="not found"):
        await objects.service_account_token("default", "nobody", (), 3600, pod)
    await objects.close()


async def test_are_services_known_before_variables_are_made_of_them(api: Api) -> None:
    objects = KubeletObjects(api.client(), "n1")
    with pytest.raises(SyncFailure, match="services have not yet been read"):
        objects.services("default")
    await api.create("/api/v1/nodes", "n1")
    await api.create("/api/v1/namespaces/default/services", "db", spec={"ports": [{"port": 1}]})
    task = asyncio.create_task(objects.run())
    await until(objects.node)
    assert objects.service_informer is not None
    await objects.service_informer.wait_synced()
    assert "db" in [one["metadata"]["name"] for one in objects.services("default")]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_what_is_there_without_an_api_server() -> None:
    objects = KubeletObjects(None, "n1")
    assert await objects.config_map("default", "x") is None
    assert (objects.node(), list(objects.services("default"))) == (None, [])
    await objects.run()
    with pytest.raises(OSError, match="standalone"):
        await objects.service_account_token("default", "x", (), 3600, pod_of())
    away = KubeletObjects(Client(Sender(Gone(), refused_retries=0)), "n1")
    with pytest.raises(SyncFailure, match="failed to sync configmap cache: timed out waiting for the condition"):
        await away.config_map("default", "x")
