"""Services and what they hold: addresses, ports, families; what happens when a write fails, and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from minikube_edu.api.errors import InternalError, Invalid
from minikube_edu.api.scheme import Resource, builtin
from minikube_edu.etcd.memory import MemoryStore
from minikube_edu.kube_apiserver.registry import updating
from minikube_edu.kube_apiserver.registry.allocators import cluster_ips, repair, services
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.lib import clock

Object = dict[str, Any]


class Cluster:
    """A registry over a store in memory, spoken to as clients would."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        found = registry.scheme.find("", "v1", "services")
        assert found is not None
        self.services: Resource = found

    async def create(self, name: str, dry_run: bool = False, **spec: Any) -> Object:
        spec.setdefault("ports", [{"port": 80}])
        obj = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}
        context = self.registry.system_context(self.services, "create", "default", name)
        context.dry_run = dry_run
        made: Object = orjson.loads(await self.registry.create(self.services, obj, context))
        return made

    async def update(self, name: str, **spec: Any) -> Object:
        """The fields given are changed; None takes one away."""
        context = self.registry.system_context(self.services, "update", "default", name)

        async def make(old: Object | None) -> Object:
            assert old is not None
            new = orjson.loads(orjson.dumps(old))
            for field, value in spec.items():
                new["spec"][field] = value
                if value is None:
                    del new["spec"][field]
            from minikube_edu.kube_apiserver.registry.creating import prepare

            return prepare(self.registry, context, new)

        served, _ = await updating.update(self.registry, context, make)
        made: Object = orjson.loads(served)
        return made

    async def delete(self, name: str) -> None:
        from minikube_edu.kube_apiserver.registry.deleting import delete

        await delete(self.registry, self.registry.system_context(self.services, "delete", "default", name), {})

    def addresses(self) -> set[str]:
        return {obj["metadata"]["name"] for obj in self.registry.list_objects("networking.k8s.io", "ipaddresses")}


@asynccontextmanager
async def cluster(ranges: str = "10.96.0.0/24", ports: str = "30000-30031") -> AsyncIterator[Cluster]:
    store = MemoryStore()
    registry = Registry(builtin(), store)
    registry.configure(service_range=ranges, node_ports=ports, event_ttl=3600)
    watching = asyncio.create_task(registry.cache.run())
    await registry.cache.ready.wait()
    try:
        yield Cluster(registry)
    finally:
        await _settle(registry)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await store.close()


async def _settle(registry: Registry) -> None:
    """What was given back in the background is back."""
    await asyncio.sleep(0)
    while services.of(registry)._background:
        await asyncio.gather(*services.of(registry)._background, return_exceptions=True)


async def test_a_service_gets_an_address_and_an_object_that_says_so() -> None:
    async with cluster() as it:
        made = await it.create("web")
        address = made["spec"]["clusterIP"]
        assert made["spec"]["clusterIPs"] == [address]
        assert made["spec"]["ipFamilies"] == ["IPv4"]
        assert made["spec"]["ipFamilyPolicy"] == "SingleStack"
        found = it.registry.get_object("networking.k8s.io", "ipaddresses", "", address)
        assert found is not None
        assert found["spec"]["parentRef"] == {"resource": "services", "namespace": "default", "name": "web"}


async def test_addresses_nobody_asked_for_come_from_the_upper_part_of_the_range() -> None:
    async with cluster("10.96.0.0/24") as it:
        last = {int((await it.create(f"s{number}"))["spec"]["clusterIP"].rsplit(".", 1)[1]) for number in range(30)}
        assert min(last) > 16
        assert len(last) == 30


async def test_a_full_range_uses_the_lower_part_and_then_says_so() -> None:
    async with cluster("10.96.0.0/28") as it:
        addresses = {(await it.create(f"s{number}"))["spec"]["clusterIP"] for number in range(14)}
        assert len(addresses) == 14
        with pytest.raises(InternalError, match='failed to allocate a serviceIP for Service "more": range is full'):
            await it.create("more")


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("10.96.0.0", "the provided network does not match the current range"),
        ("10.96.0.255", "the provided network does not match the current range"),
        ("192.168.1.1", "the provided network does not match the current range"),
        ("10.96.0.7", "provided IP is already allocated"),
    ],
)
async def test_an_address_that_cannot_be_had_is_refused(address: str, why: str) -> None:
    async with cluster() as it:
        await it.create("first", clusterIP="10.96.0.7")
        with pytest.raises(Invalid, match=why):
            await it.create("second", clusterIP=address)
        assert it.addresses() == {"10.96.0.7"}


async def test_a_dry_run_takes_nothing() -> None:
    async with cluster() as it:
        await it.create("held", clusterIP="10.96.0.7")
        assert (await it.create("web", dry_run=True))["spec"]["clusterIP"] == "10.96.0.0"
        assert (await it.create("web", dry_run=True, clusterIP="10.96.0.7"))["spec"]["clusterIP"] == "10.96.0.7"
        made = await it.create("web", dry_run=True, type="NodePort")
        assert made["spec"]["ports"][0]["nodePort"] == 32768
        with pytest.raises(Invalid, match=r"not in the valid range. The range of valid IPs is 10.96.0.0/24"):
            await it.create("web", dry_run=True, clusterIP="192.168.1.1")
        assert it.addresses() == {"10.96.0.7"}
        assert not services.of(it.registry).ports.reserved


async def test_a_refused_service_gives_everything_back() -> None:
    async with cluster() as it:
        with pytest.raises(Invalid, match=r"spec.sessionAffinity"):
            await it.create("web", type="NodePort", sessionAffinity="Sticky", clusterIP="10.96.0.9")
        await _settle(it.registry)
        assert it.addresses() == set()
        assert not services.of(it.registry).ports.reserved
        await it.create("web", clusterIP="10.96.0.9")


async def test_a_name_that_is_taken_costs_no_address() -> None:
    async with cluster() as it:
        await it.create("web")
        with pytest.raises(Exception, match="already exists"):
            await it.create("web")
        assert len(it.addresses()) == 1


async def test_deletion_gives_address_and_port_back_at_once() -> None:
    async with cluster() as it:
        await it.create("web", type="NodePort", clusterIP="10.96.0.9", ports=[{"port": 80, "nodePort": 30007}])
        with pytest.raises(Invalid, match="provided port is already allocated"):
            await it.create("other", type="NodePort", ports=[{"port": 80, "nodePort": 30007}])
        await it.delete("web")
        made = await it.create("other", type="NodePort", clusterIP="10.96.0.9", ports=[{"port": 80, "nodePort": 30007}])
        assert made["spec"]["ports"][0]["nodePort"] == 30007


async def test_a_service_that_becomes_a_name_lets_its_address_go() -> None:
    async with cluster() as it:
        await it.create("web", type="NodePort", clusterIP="10.96.0.9")
        made = await it.update("web", type="ExternalName", externalName="db.example.com")
        assert {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}.isdisjoint(made["spec"])
        assert "nodePort" not in made["spec"]["ports"][0]
        await _settle(it.registry)
        assert it.addresses() == set()
        made = await it.update("web", type="ClusterIP", externalName=None)
        assert made["spec"]["clusterIP"] in it.addresses()


async def test_what_was_allocated_survives_an_update_that_leaves_it_out() -> None:
    async with cluster() as it:
        before = (await it.create("web", type="NodePort"))["spec"]
        after = (await it.update("web", clusterIP=None, clusterIPs=None, ports=[{"port": 81}]))["spec"]
        assert after["clusterIPs"] == before["clusterIPs"]
        assert after["ports"][0]["nodePort"] == before["ports"][0]["nodePort"]


async def test_an_address_does_not_change() -> None:
    async with cluster() as it:
        await it.create("web", clusterIP="10.96.0.9")
        with pytest.raises(Invalid, match="may not change once set"):
            await it.update("web", clusterIP="10.96.0.10")
        assert it.addresses() == {"10.96.0.9"}


async def test_tcp_and_udp_share_a_node_port_and_two_of_a_kind_do_not() -> None:
    async with cluster() as it:
        both = [{"name": "t", "port": 53}, {"name": "u", "port": 53, "protocol": "UDP"}]
        made = await it.create("dns", type="NodePort", ports=both)
        assert len({port["nodePort"] for port in made["spec"]["ports"]}) == 1
        twice = [{"name": "a", "port": 80, "nodePort": 30001}, {"name": "b", "port": 81, "nodePort": 30001}]
        with pytest.raises(Invalid, match=r"spec.ports\[1\].nodePort: Invalid value: 30001: provided port is already"):
            await it.create("web", type="NodePort", ports=twice)


async def test_a_port_outside_the_range_is_refused() -> None:
    async with cluster() as it:
        with pytest.raises(Invalid, match="The range of valid ports is 30000-30031"):
            await it.create("web", type="NodePort", ports=[{"port": 80, "nodePort": 29999}])


async def test_a_local_load_balancer_has_a_health_check_port_until_it_is_none() -> None:
    async with cluster() as it:
        made = await it.create("web", type="LoadBalancer", externalTrafficPolicy="Local")
        port = made["spec"]["healthCheckNodePort"]
        assert services.of(it.registry).ports.is_taken(port)
        made = await it.update("web", externalTrafficPolicy="Cluster")
        assert "healthCheckNodePort" not in made["spec"]
        assert not services.of(it.registry).ports.is_taken(port)


async def test_ports_are_known_again_after_a_restart() -> None:
    async with cluster() as it:
        made = await it.create("web", type="NodePort")
        delattr(it.registry, "_service_allocators")
        assert services.of(it.registry).ports.is_taken(made["spec"]["ports"][0]["nodePort"])


async def test_two_stacks_give_two_addresses_and_one_can_be_let_go() -> None:
    async with cluster("10.96.0.0/24,fd00:10::/112") as it:
        made = await it.create("web", ipFamilyPolicy="PreferDualStack")
        assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
        assert set(made["spec"]["clusterIPs"]) == it.addresses()
        made = await it.update("web", ipFamilyPolicy="SingleStack")
        assert made["spec"]["ipFamilies"] == ["IPv4"]
        await _settle(it.registry)
        assert it.addresses() == {made["spec"]["clusterIP"]}
        made = await it.update("web", ipFamilyPolicy="RequireDualStack")
        assert len(made["spec"]["clusterIPs"]) == 2


async def test_the_second_family_is_not_given_up_without_saying_so() -> None:
    async with cluster("10.96.0.0/24,fd00:10::/112") as it:
        made = await it.create("web", ipFamilyPolicy="RequireDualStack")
        with pytest.raises(Invalid, match="must be 'SingleStack' to release the secondary"):
            await it.update("web", ipFamilies=["IPv4"], clusterIPs=made["spec"]["clusterIPs"][:1])


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"ipFamilyPolicy": "RequireDualStack"}, "this cluster is not configured for dual-stack services"),
        ({"ipFamilies": ["IPv6"]}, "not configured on this cluster"),
        ({"ipFamilies": ["IPv4", "IPv6"]}, "when multiple IP families are specified"),
        ({"clusterIP": "fd00::1"}, "IPv6 is not configured on this cluster"),
    ],
)
async def test_one_stack_has_one_family(spec: Object, why: str) -> None:
    async with cluster() as it:
        with pytest.raises(Invalid, match=why):
            await it.create("web", **spec)


async def test_a_headless_service_without_selector_may_have_any_family() -> None:
    async with cluster() as it:
        made = await it.create("web", clusterIP="None")
        assert made["spec"]["ipFamilies"] == ["IPv4", "IPv6"]
        assert made["spec"]["ipFamilyPolicy"] == "RequireDualStack"
        assert it.addresses() == set()


async def test_another_service_cidr_gives_more_addresses() -> None:
    async with cluster("10.96.0.0/28") as it:
        for number in range(14):
            await it.create(f"s{number}")
        resource = it.registry.resource("networking.k8s.io", "servicecidrs")
        assert resource is not None
        more = {"apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": {"name": "more"}}
        await it.registry.create(resource, {**more, "spec": {"cidrs": ["10.97.0.0/24"]}})
        assert (await it.create("web"))["spec"]["clusterIP"].startswith("10.97.0.")


async def test_repair_releases_what_nobody_has_and_takes_what_is_missing() -> None:
    async with cluster() as it:
        await it.create("web", clusterIP="10.96.0.9")
        resource = it.registry.resource("networking.k8s.io", "ipaddresses")
        assert resource is not None
        lost = {"metadata": {"namespace": "default", "name": "gone"}}
        await it.registry.create(resource, cluster_ips.address_object("10.96.0.50", lost))
        await it.registry.delete_object("networking.k8s.io", "ipaddresses", "", "10.96.0.9")
        assert await repair.repair(it.registry) == ["took 10.96.0.9 for default/web"]  # the other one is too young
        before = clock.install(clock.ManualClock(clock.now() + 120))
        try:
            assert await repair.repair(it.registry) == ["released 10.96.0.50: no service has it"]
        finally:
            clock.install(before)
        assert it.addresses() == {"10.96.0.9"}
