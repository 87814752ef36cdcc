"""Twenty nodes in one process, with an API server that judges each of them as the node that it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Impersonation, Sender
from minikube_edu.cluster.light.fleet import Fleet
from minikube_edu.cluster.light.joining import ROLE
from minikube_edu.cluster.light.place import USER
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kubelet import configuration
from minikube_edu.kubelet.api_objects import NODES
from minikube_edu.lib import node_addresses, pki
from minikube_edu.lib.web import tls
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
COUNT = 20
PODS = "/api/v1/namespaces/default/pods"
PROCESS = User(USER, groups=(USER, "system:authenticated"))
GROUP = "rbac.authorization.k8s.io"


def client_of(api: Api, name: str) -> Client:
    return Client(Sender(api.caller(PROCESS), impersonate=Impersonation(f"system:node:{name}")), "kubelet")


async def allow(api: Api) -> None:
    await api.create(f"/apis/{GROUP}/v1/clusterroles", USER, rules=ROLE)
    role = {"apiGroup": GROUP, "kind": "ClusterRole", "name": USER}
    subject = {"apiGroup": GROUP, "kind": "User", "name": USER}
    await api.create(f"/apis/{GROUP}/v1/clusterrolebindings", USER, roleRef=role, subjects=[subject])


@asynccontextmanager
async def cluster(root: Path) -> AsyncIterator[tuple[Api, Fleet]]:
    root.mkdir(exist_ok=True)
    ca = pki.make_ca("kubernetes")
    client = pki.make_certificate(ca, "apiserver", ["system:masters"], usages=["client"])
    server = pki.make_certificate(ca, "light-nodes", dns=["light-nodes"], usages=["server"])
    for name, data in (
        ("ca.crt", ca.certificate), ("client.crt", client.certificate), ("client.key", client.key),
        ("server.crt", server.certificate), ("server.key", server.key),
    ):  # fmt: skip
        (root / name).write_bytes(data)
    told = configuration.with_defaults({"authentication": {"x509": {"clientCAFile": f"{root}/ca.crt"}}})
    async with api_server(
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={root}/client.crt", f"--kubelet-client-key={root}/client.key",
        "--kubelet-preferred-address-types=InternalIP", "--service-account-issuer=https://kubernetes.default.svc",
        upkeep=True, controllers=["serviceaccount-controller", "root-ca-certificate-publisher-controller"],
    ) as api:  # fmt: skip
        await allow(api)
        fleet = Fleet(
            root / "light",
            told,
            Client(Sender(api.caller(PROCESS)), "light-nodes"),
            lambda name: client_of(api, name),
            lambda number: node_addresses.light_address(1, number),
            tls=tls.server_context(f"{root}/server.crt", f"{root}/server.key", f"{root}/ca.crt"),
            port=0,
        )
        try:
            await fleet.start()
            yield api, fleet
        finally:
            await api.server.backends.close()
            await fleet.stop()


async def test_a_node_that_is_taken_away_stops_and_its_number_is_not_given_again(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, fleet):
        await fleet.grow(3)
        await until(lambda: there(api, "/api/v1/nodes/light-2"))
        await until(lambda: fleet.ready == {"light-1", "light-2", "light-3"})
        await fleet.shed({2, 99})
        assert fleet.ready == {"light-1", "light-3"}
        assert [node.name for node in fleet.nodes] == ["light-1", "light-3"]
        assert not (tmp_path / "light/light-2").exists()
        assert (await api.delete("/api/v1/nodes/light-2")).code == 200
        await fleet.grow(5, {2, 5})
        await until(lambda: there(api, "/api/v1/nodes/light-4"))
        names = [one["metadata"]["name"] for one in (await api.get("/api/v1/nodes")).json["items"]]
        assert sorted(names) == ["light-1", "light-3", "light-4"]


async def give_range(api: Api, number: int) -> None:
    """What the controller manager would do."""
    cidr = f"10.244.{number}.0/24"
    await api.patch(f"/api/v1/nodes/light-{number}", {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}})


async def phases(api: Api) -> list[str]:
    return [(pod.get("status") or {}).get("phase", "") for pod in (await api.get(PODS)).json["items"]]


async def test_do_twenty_nodes_in_one_process_become_ready_and_run_their_pods(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, fleet):
        await fleet.grow(COUNT)
        await until(lambda: len(fleet.ready) == COUNT)
        for number in range(1, COUNT + 1):
            await give_range(api, number)
        container = {"name": "main", "image": "busybox", "command": ["sh", "-c", "echo I am $(hostname); sleep 1000"]}
        await until(lambda: there(api, "/api/v1/namespaces/default/serviceaccounts/default"))
        for number in range(1, COUNT + 1):
            spec = {"nodeName": f"light-{number}", "containers": [container], "terminationGracePeriodSeconds": 0}
            await api.create(PODS, f"pod-{number}", spec=spec)
        await until(lambda: all_run(api))
        pods = (await api.get(PODS)).json["items"]
        assert {pod["status"]["podIP"] for pod in pods} == {f"10.244.{n}.2" for n in range(1, COUNT + 1)}
        assert len({pod["status"]["hostIP"] for pod in pods}) == COUNT
        # the API server dials the node's own address, and finds the pod's log there
        await until(lambda: log_says(api, "pod-7", "I am pod-7\n"))
        # a pod reaches one of another node, inside the process
        seen = fleet.nodes[2].fabric.wire.neighbour("10.244.9.2")
        assert seen is fleet.nodes[8].fabric


async def there(api: Api, path: str) -> bool:
    return (await api.get(path)).code == 200


async def all_run(api: Api) -> bool:
    return set(await phases(api)) == {"Running"}


async def log_says(api: Api, pod: str, text: str) -> bool:
    return (await api.get(f"{PODS}/{pod}/log")).body.decode() == text


async def test_is_each_node_judged_as_itself_and_the_process_as_nobody_else(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, fleet):
        await fleet.grow(2)
        await until(lambda: len(fleet.ready) == 2)
        mine = client_of(api, "light-1")
        await mine.patch(NODES, "light-1", {"metadata": {"annotations": {"a": "b"}}})
        with pytest.raises(ApiError, match=r'node "light-1" is not allowed to modify node "light-2"'):
            await mine.patch(NODES, "light-2", {"metadata": {"annotations": {"a": "b"}}})
        somebody = Client(Sender(api.caller(PROCESS), impersonate=Impersonation("system:admin")), "")
        with pytest.raises(ApiError, match="cannot"):
            await somebody.get(NODES, "light-1")
        lease = await api.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/light-2")
        assert lease.json["spec"]["holderIdentity"] == "light-2"


async def test_does_a_fleet_grow_while_it_runs(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, fleet):
        await fleet.grow(2)
        await until(lambda: fleet.ready == {"light-1", "light-2"})
        await fleet.grow(2)
        await fleet.grow(3)
        await until(lambda: fleet.ready == {"light-1", "light-2", "light-3"})
        assert len((await api.get("/api/v1/nodes")).json["items"]) == 3
