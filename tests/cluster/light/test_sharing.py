"""What light nodes share: watches, addresses, the wire; and how many a cluster takes."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.client.alike import Alike
from minikube_edu.cluster import node_commands
from minikube_edu.cluster.failures import CannotStart
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.light import joining
from minikube_edu.cluster.light.network import LightWire
from minikube_edu.cluster.light.place import LightPlace, split
from minikube_edu.cluster.light.sharing import AT_ONCE, STARTING, Dealer, PodDealer
from minikube_edu.cluster.nodes import Node
from minikube_edu.cni import wire
from minikube_edu.kubelet.status.reporting import PODS
from minikube_edu.lib import node_addresses
from tests.in_process import api_server


def pod(name: str, node: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", **metadata}, "spec": {"nodeName": node}}


async def test_does_each_node_see_its_own_pods_and_no_others() -> None:
    async with api_server() as api:
        dealer = Dealer(api.client(), PODS, lambda one: str(one["spec"].get("nodeName") or ""))
        early, seen = dealer.hand("one"), list[str]()
        early.add_handler(lambda one: seen.append(one["metadata"]["name"]))
        assert not early.has_synced()
        dealer.replace([pod("a", "one", managedFields=[{}]), pod("b", "two"), pod("c", "")])
        assert seen == ["a"]
        assert early.has_synced()
        assert [one["metadata"] for one in early.index.list()] == [{"name": "a", "namespace": "default"}]
        # who comes later finds what was dealt before, and a node without pods has synced as well
        assert [one["metadata"]["name"] for one in dealer.hand("two").index.list()] == ["b"]
        assert dealer.hand("three").has_synced()
        dealer.added_or_updated(pod("d", "one"))
        dealer.deleted(pod("a", "one"))
        assert [one["metadata"]["name"] for one in early.index.list()] == ["d"]
        dealer.replace([])
        assert early.index.list() == []


async def test_are_the_pods_of_many_nodes_begun_again_a_few_nodes_at_a_time() -> None:
    """After a restart. What happens to them meanwhile counts."""
    async with api_server() as api:
        dealer = PodDealer(api.client(), lambda name: True)
        hands = [dealer.hand(f"light-{number}") for number in range(AT_ONCE + 3)]
        every = [{**pod(f"p{n}", f"light-{n}", uid=f"u{n}"), "status": {"phase": "Running"}} for n in range(len(hands))]
        dealer.replace(every[:-1])
        assert [hand.has_synced() for hand in hands] == [True] * AT_ONCE + [False, False, True]
        dealer.deleted(every[AT_ONCE])
        dealer.added_or_updated({**every[AT_ONCE + 1], "status": {"phase": "Succeeded"}})
        dealing = asyncio.create_task(dealer._deal_the_rest())
        async with asyncio.timeout(10):
            await asyncio.gather(*(hand.wait_synced() for hand in hands), dealing)
        assert hands[AT_ONCE].index.list() == []
        assert [one["status"]["phase"] for one in hands[AT_ONCE + 1].index.list()] == ["Succeeded"]
        dealer.close()


async def test_do_pods_wait_until_those_before_them_have_started() -> None:
    async with api_server() as api:
        dealer = PodDealer(api.client(), lambda name: name.startswith("light-"))
        mine = dealer.hand("light-1")
        many = [pod(f"p{number}", "light-1", uid=f"u{number}") for number in range(STARTING + 2)]
        dealer.replace(many[:STARTING])
        for one in many[STARTING:]:
            dealer.added_or_updated(one)
        assert len(mine.index.list()) == STARTING
        # a pod of another process's node does not wait, and one that goes while it waits never comes
        dealer.added_or_updated(pod("other", "worker-1", uid="o"))
        assert len(dealer.hand("worker-1").index.list()) == 1
        dealer.deleted(many[STARTING])
        dealer.added_or_updated({**many[0], "status": {"phase": "Running"}})
        names = [one["metadata"]["name"] for one in mine.index.list()]
        assert len(names) == STARTING + 1
        assert names[-1] == f"p{STARTING + 1}"
        # a new list knows who has been dealt
        dealer.replace([*many[1:STARTING], many[-1]])
        assert len(mine.index.list()) == STARTING
        dealer.close()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(0, 2) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5))
def test_are_shared_objects_the_same_as_before(values: list[Any]) -> None:
    alike = Alike(few=0)
    assert [repr(alike.shared(copy.deepcopy(one))) for one in values] == [repr(one) for one in values]


def test_are_equal_branches_kept_once() -> None:
    alike = Alike(few=0)
    first, second = (alike.shared({"n": number, "labels": {"app": "web"}, "t": [{"k": True}]}) for number in (1, 2))
    assert first != second
    assert first["labels"] is second["labels"]
    assert first["t"] is second["t"]


def test_is_a_node_found_by_the_addresses_of_its_pods(tmp_path: Path) -> None:
    found = LightWire(tmp_path)
    first, second = (cast(wire.Node, object()) for _ in range(2))
    found.join("127.128.0.1", first)
    found.join("10.244.1.0/24", first)
    found.join("10.244.2.0/24", second)
    assert found.neighbour("10.244.1.77") is first
    assert found.neighbour("10.244.2.1") is second
    assert found.neighbour("127.128.0.1") is first
    assert found.neighbour("10.244.3.1") is None
    # other processes find them all behind one socket
    assert wire.Wire(tmp_path).socket_of("10.244.2.9") == tmp_path / "10.244.2.0_24.sock"
    assert (tmp_path / "10.244.2.0_24.sock").readlink() == Path("light.sock")
    found.leave(second)
    assert found.neighbour("10.244.2.1") is None
    assert not (tmp_path / "10.244.2.0_24.sock").is_symlink()


def test_has_every_light_node_an_address_of_its_own() -> None:
    numbers = (1, 2, 255, 256, 1000, node_addresses.LIGHT_NODES)
    addresses = {node_addresses.light_address(port, number) for port in (6443, 6444, 12443) for number in numbers}
    assert len(addresses) == 3 * len(numbers)
    assert all(node_addresses.is_node_address(one) for one in addresses)
    assert not node_addresses.is_node_address("127.0.0.1")


@pytest.mark.parametrize(("asked", "machines", "light"), [(1, 1, 0), (8, 8, 0), (9, 3, 6), (1000, 3, 997)])
def test_which_nodes_of_many_are_machines(asked: int, machines: int, light: int) -> None:
    assert split(asked) == (machines, light)


def test_are_more_nodes_refused_than_there_are_ranges_for_their_pods(tmp_path: Path) -> None:
    manifest = tmp_path / "etc/kubernetes/manifests/kube-controller-manager.yaml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text("- --cluster-cidr=10.244.0.0/16\n")
    first = Node("control-plane", 0, "127.16.0.2", "127.16.0.2", tmp_path)
    joining.refuse_too_many(first, Request(nodes=3, light=253))
    with pytest.raises(CannotStart, match=r"257 nodes need as many pod ranges, and 10.244.0.0/16 has 256"):
        joining.refuse_too_many(first, Request(nodes=3, light=254))


def test_is_join_count_refused_where_there_is_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MINIKUBE_EDU_HOME", str(tmp_path / "nothing"))
    assert joining.run(["--count", "5"]) == 1
    assert "light nodes join a cluster that has a node" in capsys.readouterr().err
    assert joining.run(["--count", "0"]) == 1
    assert "at least one node joins" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()


def test_does_the_process_follow_a_number_that_is_never_half_written(tmp_path: Path) -> None:
    place = LightPlace(Layout(tmp_path))
    assert place.count == 0
    place.count = 12
    assert LightPlace(Layout(tmp_path)).count == 12
    (place.root / "count").write_text("")
    assert place.count == 0


def test_a_light_nodes_name_is_its_number_and_no_other(tmp_path: Path) -> None:
    assert node_commands.number_of_light("light-12") == 12
    for name in ("light-", "light-x", "light-01", "light--1", "worker-1", "12"):
        assert node_commands.number_of_light(name) == 0
    place = LightPlace(Layout(tmp_path))
    place.count, place.gone = 5, frozenset({2, 4})
    assert place.gone == {2, 4}
    assert place.wanted == 3
