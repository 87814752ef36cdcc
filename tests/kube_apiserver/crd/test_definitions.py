"""Can a user define a kind, use it, change it, and take it away again, while the server runs?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.kube_apiserver.crd.definitions import Definitions
from tests.in_process import Api, api_server, until

Object = dict[str, Any]

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WS = "/apis/example.com/v1/namespaces/default/ws"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "ws.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "ws", "kind": "W"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"size": {"type": "integer", "default": 3, "maximum": 9}},
                            }
                        },
                    }
                },
            }
        ],
    },
}
W = {"apiVersion": "example.com/v1", "kind": "W", "metadata": {"name": "o"}, "spec": {"unknown": 1}}


@asynccontextmanager
async def defining(store: MemoryStore | None = None) -> AsyncIterator[Api]:
    async with api_server(store=store) as api:
        definitions = Definitions(api.server.registry)
        await definitions.prepare()
        task = asyncio.create_task(definitions.run())
        try:
            yield api
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def serves(api: Api) -> bool:
    return (await api.get(WS)).code == 200


async def test_a_kind_is_served_from_its_definition_to_its_deletion() -> None:
    async with defining() as api:
        assert (await api.get(WS)).code == 404
        assert (await api.post(CRDS, CRD)).code == 201
        await until(lambda: serves(api))
        made = await api.post(WS, W)
        assert made.code == 201
        assert made.json["spec"] == {"size": 3}
        assert made.warnings == ['299 - "unknown field \\"spec.unknown\\""']
        refused = await api.patch(f"{WS}/o", {"spec": {"size": 10}})
        assert refused.code == 422
        assert refused.message == (
            'W.example.com "o" is invalid: spec.size: Invalid value: 10: spec.size in body should be less than or '
            "equal to 9"
        )
        gone = await api.delete(f"{CRDS}/ws.example.com")
        assert gone.json["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]

        async def nothing_is_left() -> bool:
            return (await api.get(f"{CRDS}/ws.example.com")).code == 404 and not await serves(api)

        await until(nothing_is_left)
        assert api.server.registry.cache.of("/registry/example.com/ws/").entries == {}


async def test_after_a_restart_everything_is_as_it_was() -> None:
    store = MemoryStore()
    async with defining(store) as api:
        await api.post(CRDS, CRD)
        await until(lambda: serves(api))
        await api.post(WS, W)
    async with defining(store) as api:
        found = await api.get(f"{WS}/o")
        assert (found.code, found.json["spec"]) == (200, {"size": 3})
    await store.close()


async def test_a_changed_schema_holds_for_the_next_write() -> None:
    async with defining() as api:
        await api.post(CRDS, CRD)
        await until(lambda: serves(api))
        path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size/default"
        patch = [{"op": "replace", "path": path, "value": 7}]
        assert (await api.patch(f"{CRDS}/ws.example.com", patch, "json")).code == 200

        async def new_default() -> bool:
            made = await api.post(f"{WS}?dryRun=All", W)
            return bool(made.json["spec"] == {"size": 7})

        await until(new_default)


async def test_two_definitions_do_not_share_a_kind() -> None:
    async with defining() as api:
        await api.post(CRDS, CRD)
        await until(lambda: serves(api))
        other = {**CRD, "metadata": {"name": "others.example.com"}}
        other["spec"] = {**CRD["spec"], "names": {"plural": "others", "kind": "W"}}  # type: ignore[dict-item]
        await api.post(CRDS, other)

        async def refused() -> bool:
            found = (await api.get(f"{CRDS}/others.example.com")).json
            return any(each["reason"] == "ListKindConflict" for each in found["status"]["conditions"] or ())

        await until(refused)
        assert (await api.get("/apis/example.com/v1/namespaces/default/others")).code == 404
