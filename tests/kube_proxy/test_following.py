"""Does kube-proxy keep up with the API, and does it touch only what has changed?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from minikube_edu.kube_proxy.doors import Door, Doors
from minikube_edu.kube_proxy.proxier import Proxier
from minikube_edu.kube_proxy.rules import Rules
from minikube_edu.kube_proxy.services import ServicePort
from tests.in_process import Api, api_server, until

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"


@asynccontextmanager
async def proxy(told: list[set[str]]) -> AsyncIterator[tuple[Api, Proxier]]:
    async with api_server("--service-cluster-ip-range=10.96.0.0/12") as api:
        await api.create("/api/v1/nodes", "one")
        proxier = Proxier(api.client(), "one", Rules(), told.append)
        await proxier.start()
        try:
            yield api, proxier
        finally:
            await proxier.stop()


async def add_endpoint(api: Api, name: str, ip: str) -> None:
    labels = {"kubernetes.io/service-name": name}
    await api.create(
        SLICES,
        f"{name}-1",
        metadata={"labels": labels},
        addressType="IPv4",
        ports=[{"name": "", "port": 8080, "protocol": "TCP"}],
        endpoints=[{"addresses": [ip], "conditions": {"ready": True}}],
    )


async def test_are_services_and_slices_followed_one_by_one() -> None:
    told: list[set[str]] = []
    async with proxy(told) as (api, proxier):
        rules = proxier.rules
        assert len(told) == 1
        await api.create(SERVICES, "web", spec={"clusterIP": "10.96.0.80", "ports": [{"port": 80}]})
        await until(lambda: ("10.96.0.80", 80, "TCP") in rules.by_address)
        assert not rules.by_address["10.96.0.80", 80, "TCP"][0].choice.any
        await add_endpoint(api, "web", "10.244.0.5")
        await until(lambda: rules.by_address["10.96.0.80", 80, "TCP"][0].choice.any)
        await api.create(SERVICES, "other", spec={"ports": [{"port": 80}]})
        await until(lambda: "default/other" in rules.by_service)
        assert told[-1] == {"default/other"}
        await api.delete(f"{SERVICES}/web")
        await until(lambda: "default/web" not in rules.by_service)
        assert ("10.96.0.80", 80, "TCP") not in rules.by_address


async def test_are_headless_services_and_those_of_other_proxies_not_even_watched() -> None:
    told: list[set[str]] = []
    async with proxy(told) as (api, proxier):
        foreign = {"labels": {"service.kubernetes.io/service-proxy-name": "mine"}}
        await api.create(SERVICES, "foreign", metadata=foreign, spec={"ports": [{"port": 80}]})
        await api.create(SERVICES, "web", spec={"ports": [{"port": 80}]})
        await until(lambda: "default/web" in proxier.rules.by_service)
        assert "default/foreign" not in proxier.rules.by_service


async def test_does_a_node_that_gets_a_zone_choose_anew() -> None:
    told: list[set[str]] = []
    async with proxy(told) as (api, proxier):
        await api.create(SERVICES, "web", spec={"ports": [{"port": 80}]})
        await until(lambda: "default/web" in proxier.rules.by_service)
        before = len(told)
        await api.patch("/api/v1/nodes/one", {"metadata": {"labels": {"topology.kubernetes.io/zone": "a"}}})
        await until(lambda: len(told) > before)
        assert proxier.place.zone == "a"
        assert "default/web" in told[-1]


async def test_is_nothing_done_while_nothing_changes() -> None:
    told: list[set[str]] = []
    async with proxy(told) as (_, proxier):
        await asyncio.sleep(0.05)
        before = proxier.syncs
        await asyncio.sleep(0.1)
        assert proxier.syncs == before


class Host:
    """A NetworkAdmin whose doors are a set."""

    def __init__(self, taken: set[Door] | None = None) -> None:
        self.doors: set[Door] = set()
        self.taken = taken or set()
        self.addresses = ["127.16.0.2"]

    def set_translate(self, translate: Any) -> None: ...

    def rules_changed(self) -> None: ...

    def door_addresses(self) -> list[str]:
        return ["127.16.0.2", "127.0.0.1"]

    def open_doors(self) -> list[Door]:
        return list(self.doors)

    def open_door(self, ip: str, port: int) -> None:
        if (ip, port) in self.taken:
            raise OSError(98, "Address already in use")
        self.doors.add((ip, port))

    def close_door(self, ip: str, port: int) -> None:
        self.doors.remove((ip, port))


async def test_are_real_ports_there_for_as_long_as_somebody_answers_behind_them() -> None:
    failed: list[tuple[str, Door]] = []

    def failure(port: ServicePort, door: Door, error: OSError) -> None:
        failed.append((str(port), door))

    host = Host(taken={("127.0.0.1", 30081)})
    rules = Rules()
    doors = Doors(host, rules, failure)
    async with api_server("--service-cluster-ip-range=10.96.0.0/12") as api:
        await api.create("/api/v1/nodes", "one")
        proxier = Proxier(api.client(), "one", rules, doors.follow)
        await proxier.start()
        for name, port in (("web", 30080), ("busy", 30081)):
            await api.create(SERVICES, name, spec={"type": "NodePort", "ports": [{"port": 80, "nodePort": port}]})
            await add_endpoint(api, name, "10.244.0.5")
        await until(lambda: len(host.doors) == 3)
        assert ("127.0.0.1", 30080) in host.doors
        assert failed == [("default/busy", ("127.0.0.1", 30081))]
        await api.delete(f"{SLICES}/web-1")
        await until(lambda: host.doors == {("127.16.0.2", 30081)})
        await api.delete(f"{SERVICES}/busy")
        await until(lambda: not host.doors)
        await proxier.stop()
