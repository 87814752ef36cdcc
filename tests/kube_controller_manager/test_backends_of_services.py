"""Endpoints and EndpointSlices: what is behind a service."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.kube_controller_manager.controllers.endpoint_slices.filling import Writes, fill, identity
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
NS = "/api/v1/namespaces/default"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
CONTROLLERS = [
    "serviceaccount-controller",
    "endpoints-controller",
    "endpointslice-controller",
    "endpointslice-mirroring-controller",
]


async def account(api: Api) -> bool:
    return (await api.get(f"{NS}/serviceaccounts/default")).code == 200


async def pod(api: Api, name: str, ip: str, ready: str = "True", **spec: Any) -> None:
    await until(lambda: account(api))
    containers = [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 8080}]}]
    await api.create(
        f"{NS}/pods",
        name,
        metadata={"labels": {"app": "web"}},
        spec={"nodeName": "n", "containers": containers, **spec},
    )
    status = {
        "podIPs": [{"ip": ip}],
        "podIP": ip,
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": ready}],
    }
    assert (await api.patch(f"{NS}/pods/{name}/status", {"status": status}, "strategic")).code == 200


async def service(api: Api, name: str = "web", **spec: Any) -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    await api.create(f"{NS}/services", name, spec={"selector": {"app": "web"}, "ports": ports, **spec})


async def slices(api: Api, name: str = "web") -> list[Object]:
    found: list[Object] = (await api.get(f"{SLICES}?labelSelector=kubernetes.io/service-name={name}")).json["items"]
    return found


async def endpoints_in(api: Api, count: int) -> list[Object]:
    async def look() -> list[Object]:
        found = [one for slice_ in await slices(api) for one in slice_["endpoints"] or []]
        return found if len(found) == count else []

    result: list[Object] = await until(look)
    return result


async def test_a_named_port_is_looked_up_in_each_pod() -> None:
    async with api_server(controllers=CONTROLLERS) as api:
        await service(api)
        await pod(api, "a", "10.0.0.1")
        await endpoints_in(api, 1)
        (one,) = await slices(api)
        assert one["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]

        async def written() -> Any:
            reply = await api.get(f"{NS}/endpoints/web")
            return reply.json if reply.code == 200 else None

        old = await until(written)
        assert old["metadata"]["labels"]["endpoints.kubernetes.io/managed-by"] == "endpoint-controller"


async def test_what_becomes_of_a_pod_that_is_not_ready() -> None:
    """It stays in the slice, marked; in Endpoints it moves to the other list."""
    async with api_server(controllers=CONTROLLERS) as api:
        await service(api)
        await pod(api, "a", "10.0.0.1", ready="False")
        (one,) = await endpoints_in(api, 1)
        assert one["conditions"] == {"ready": False, "serving": False, "terminating": False}

        async def unready() -> Any:
            subsets = (await api.get(f"{NS}/endpoints/web")).json.get("subsets") or [{}]
            return subsets[0].get("notReadyAddresses")

        assert (await until(unready))[0]["ip"] == "10.0.0.1"


async def test_a_service_that_publishes_pods_before_they_are_ready() -> None:
    async with api_server(controllers=CONTROLLERS) as api:
        await service(api, publishNotReadyAddresses=True)
        await pod(api, "a", "10.0.0.1", ready="False")
        (one,) = await endpoints_in(api, 1)
        assert one["conditions"] == {"ready": True, "serving": False, "terminating": False}


async def test_pods_that_have_ended_serve_nobody() -> None:
    async with api_server(controllers=CONTROLLERS) as api:
        await service(api)
        await pod(api, "a", "10.0.0.1")
        await pod(api, "b", "10.0.0.2")
        await endpoints_in(api, 2)
        await api.patch(f"{NS}/pods/a/status", {"status": {"phase": "Succeeded"}}, "strategic")
        (one,) = await endpoints_in(api, 1)
        assert one["addresses"] == ["10.0.0.2"]


async def test_endpoints_written_by_hand_are_mirrored_until_somebody_says_not_to() -> None:
    async with api_server(controllers=CONTROLLERS) as api:
        await api.create(f"{NS}/services", "ext", spec={"ports": [{"port": 5432}]})
        subset = {"addresses": [{"ip": "192.0.2.44"}, {"ip": "2001:db8::1"}], "ports": [{"port": 5432}]}
        await api.create(f"{NS}/endpoints", "ext", subsets=[subset])

        async def mirrored(count: int) -> bool:
            return len(await slices(api, "ext")) == count

        await until(lambda: mirrored(2))
        assert sorted(one["addressType"] for one in await slices(api, "ext")) == ["IPv4", "IPv6"]
        skip = {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}
        await api.patch(f"{NS}/endpoints/ext", skip)
        await until(lambda: mirrored(0))


def endpoint(number: int, ready: bool = True) -> Object:
    target = {"namespace": "default", "name": f"p{number}"}
    return {"addresses": [f"10.0.{number // 256}.{number % 256}"], "conditions": {"ready": ready}, "targetRef": target}


BLANK: Object = {"metadata": {"labels": {}, "ownerReferences": []}, "endpoints": []}


def slice_of(name: str, endpoints: list[Object]) -> Object:
    return {"metadata": {"name": name, "labels": {}, "ownerReferences": []}, "endpoints": endpoints}


@settings(max_examples=60)
@given(
    before=st.lists(st.integers(0, 60), unique=True, max_size=40),
    after=st.lists(st.integers(0, 60), unique=True, max_size=40),
    most=st.integers(1, 12),
)
def test_after_any_change_every_endpoint_is_in_one_slice_and_none_is_too_full(
    before: list[int], after: list[int], most: int
) -> None:
    existing = [slice_of(f"s{i}", [endpoint(n) for n in before[i : i + most]]) for i in range(0, len(before), most)]
    writes = Writes()
    fill(existing, [endpoint(number) for number in after], BLANK, writes, most)
    touched = {one["metadata"]["name"] for one in [*writes.update, *writes.delete]}
    kept = [one for one in existing if one["metadata"]["name"] not in touched]
    result = [*kept, *writes.update, *writes.create]
    found = [identity(one) for slice_ in result for one in slice_["endpoints"]]
    assert sorted(found) == sorted(identity(endpoint(number)) for number in after)
    assert all(1 <= len(one["endpoints"]) <= most for one in result)


def test_a_pod_more_is_one_write() -> None:
    existing = [slice_of("full", [endpoint(n) for n in range(3)]), slice_of("half", [endpoint(7)])]
    writes = Writes()
    fill(existing, [endpoint(n) for n in (0, 1, 2, 7, 8)], BLANK, writes, 3)
    assert [one["metadata"]["name"] for one in writes.update] == ["half"]
    assert not writes.create
    assert not writes.delete
