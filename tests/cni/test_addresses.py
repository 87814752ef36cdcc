"""Which address does a sandbox get?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.cni.addresses import AddressPool
from minikube_edu.cni.configuration import Network, configured, parse
from tests.cni.conftest import configure


def test_addresses_follow_each_other_and_come_round_at_the_end(tmp_path: Path) -> None:
    pool = AddressPool("net", "10.1.0.0/29", tmp_path)
    assert [pool.reserve(name) for name in "abcde"] == [f"10.1.0.{n}" for n in (2, 3, 4, 5, 6)]
    assert pool.reserve("c") == "10.1.0.4"
    with pytest.raises(OSError, match=r"no IP addresses available in range set: 10\.1\.0\.1-10\.1\.0\.6"):
        pool.reserve("f")
    pool.release("b")
    assert pool.reserve("g") == "10.1.0.3"


def test_a_restart_gives_no_address_twice(tmp_path: Path) -> None:
    before = AddressPool("net", "10.1.0.0/24", tmp_path)
    before.reserve("a")
    before.reserve("b")
    assert (tmp_path / "10.1.0.2").read_bytes() == b"a\r\neth0"
    after = AddressPool("net", "10.1.0.0/24", tmp_path)
    assert after.reserve("c") == "10.1.0.4"
    after.release("a")
    assert not (tmp_path / "10.1.0.2").exists()
    assert after.reserve("b") == "10.1.0.3"


def test_version_six_ranges_work_as_well() -> None:
    assert AddressPool("net", "fd00:10:244::/64").reserve("a") == "fd00:10:244::2"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_address_has_two_owners(steps: list[tuple[bool, int]]) -> None:
    pool = AddressPool("net", "10.1.0.0/28")
    held: dict[str, str] = {}
    for take, number in steps:
        name = str(number)
        if take:
            held[name] = pool.reserve(name)
        else:
            pool.release(name)
            held.pop(name, None)
        assert len(set(held.values())) == len(held)
        assert all(pool.owner(address) == name for name, address in held.items())


@pytest.mark.parametrize(
    ("document", "network"),
    [
        (
            {"name": "a", "type": "bridge", "ipam": {"type": "host-local", "subnet": "10.22.0.0/16"}},
            ("bridge", "10.22.0.0/16"),
        ),
        (
            {"name": "a", "plugins": [{"type": "bridge", "ipam": {"ranges": [[{"subnet": "10.244.3.0/24"}]]}}]},
            ("bridge", "10.244.3.0/24"),
        ),
        ({"name": "k8s-pod-network", "plugins": [{"type": "calico", "ipam": {"type": "calico-ipam"}}]}, ("calico", "")),
        (
            {"name": "k8s", "plugins": [{"type": "calico", "ipam": {"type": "host-local", "subnet": "usePodCidr"}}]},
            ("calico", ""),
        ),
        ({"name": "a", "plugins": []}, None),
    ],
)
def test_the_plugin_and_its_range_are_read(document: object, network: tuple[str, str] | None) -> None:
    found = parse(json.dumps(document))
    assert (found and (found.type, found.subnet)) == network


def test_the_first_file_that_can_be_read_wins(tmp_path: Path) -> None:
    assert configured(tmp_path) is None
    configure(tmp_path, "{broken", "05-broken.conf")
    configure(tmp_path, {"name": "later", "type": "ptp"}, "99-later.conf")
    configure(tmp_path, {"name": "cbr0", "plugins": [{"type": "flannel"}]}, "10-flannel.conflist")
    configure(tmp_path, {"name": "not-it", "type": "ptp"}, "00-readme.txt")
    assert configured(tmp_path) == Network("cbr0", "flannel", "", "10-flannel.conflist")
    (tmp_path / "run/flannel").mkdir(parents=True)
    (tmp_path / "run/flannel/subnet.env").write_text("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.2.1/24\n")
    found = configured(tmp_path)
    assert found is not None
    assert found.subnet == "10.244.2.0/24"
