"""A kubelet and an API server: registration, pods, statuses, mirrors, and doing without the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Sender
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kubelet import configuration
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.node.described_machine import described_machine
from minikube_edu.kubelet.node.node_object import NodeShape
from minikube_edu.kubelet.running import Around, Place, Seat
from tests.in_process import Api, api_server, until
from tests.kubelet.doubles import FakeConfigurer, FakeHooks, FakeProbes, FakeVolumes, NoObjects
from tests.kubelet.fake_runtime import FakeRuntime, Program

Object = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
FLAGS = ("--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction")
NODE = User("system:node:node-1", groups=("system:nodes", "system:authenticated"))
WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: default}
spec:
  containers:
  - {name: main, image: "nginx:1.27"}
"""


@asynccontextmanager
async def seat(
    client: Client | None, root: Path, runtime: FakeRuntime | None = None, **told: Any
) -> AsyncIterator[tuple[Seat, FakeRuntime]]:
    """The node `node-1`, whose manifests are in ROOT/manifests."""
    runtime = runtime or FakeRuntime()
    manifests = root / "manifests"
    manifests.mkdir(exist_ok=True)
    configured = configuration.with_defaults({"staticPodPath": str(manifests), **told})
    machine = described_machine(root, "node-1", {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi"})
    shape = NodeShape("node-1", ["192.0.2.10"], machine, configured, labels={"disk": "ssd"})
    place = Place(NodeIdentity("node-1", root, "192.0.2.10"), shape, configured)
    parts = Around(FakeVolumes(), FakeConfigurer(), FakeProbes(), FakeHooks(), NoObjects())
    made = Seat(place, runtime, client, parts)
    await made.start()
    try:
        yield made, runtime
    finally:
        await made.stop()


@asynccontextmanager
async def cluster(root: Path, **told: Any) -> AsyncIterator[tuple[Api, Seat, FakeRuntime]]:
    async with api_server(*FLAGS, upkeep=True) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        await api.post(
            "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default", "namespace": "default"}}
        )
        client = api.client(NODE, "kubelet")
        async with seat(client, root, **told) as (made, runtime):
            yield api, made, runtime


def pod(name: str = "web", **spec: Any) -> Object:
    containers = [{"name": "main", "image": "nginx:1.27"}]
    return {"metadata": {"name": name}, "spec": {"nodeName": "node-1", "containers": containers, **spec}}


async def phase(api: Api, name: str) -> str:
    reply = await api.get(f"{PODS}/{name}")
    return str(reply.json.get("status", {}).get("phase", "")) if reply.code == 200 else ""


async def is_in(api: Api, name: str, wanted: str) -> bool:
    return await phase(api, name) == wanted


async def test_the_node_registers_itself_and_is_ready(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, made, _):
        assert made.agent is not None
        await until(lambda: _ready(api))
        node = (await api.get("/api/v1/nodes/node-1")).json
        labels = node["metadata"]["labels"]
        assert labels["disk"] == "ssd"
        assert labels["kubernetes.io/hostname"] == "node-1"
        status = node["status"]
        assert status["addresses"] == [
            {"type": "InternalIP", "address": "192.0.2.10"},
            {"type": "Hostname", "address": "node-1"},
        ]
        assert status["capacity"]["cpu"] == "4"
        assert status["capacity"]["memory"] == "8Gi"
        assert status["allocatable"]["memory"] == "8092Mi"  # without the 100Mi of hard eviction
        assert status["nodeInfo"]["kubeletVersion"] == "v1.36.3"
        assert status["nodeInfo"]["containerRuntimeVersion"] == "containerd://2.2.1"
        assert [(one["type"], one["status"]) for one in status["conditions"]] == [
            ("MemoryPressure", "False"),
            ("DiskPressure", "False"),
            ("PIDPressure", "False"),
            ("Ready", "True"),
        ]
        assert status["conditions"][-1]["message"] == "kubelet is posting ready status"
        version = node["metadata"]["resourceVersion"]
        made.agent.poke()
        await asyncio.sleep(0.1)
        again = (await api.get("/api/v1/nodes/node-1")).json
        assert again["metadata"]["resourceVersion"] == version  # nothing has changed, nothing is written
        path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-1"
        lease = await until(lambda: _found(api, path))
        assert lease["spec"]["holderIdentity"] == "node-1"
        assert lease["metadata"]["ownerReferences"][0]["uid"] == node["metadata"]["uid"]


async def _ready(api: Api) -> bool:
    reply = await api.get("/api/v1/nodes/node-1")
    conditions = reply.json.get("status", {}).get("conditions", []) if reply.code == 200 else []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def _found(api: Api, path: str) -> Object | None:
    reply = await api.get(path)
    return reply.json if reply.code == 200 else None


async def test_a_node_without_a_network_says_why_and_becomes_ready_when_it_has_one(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    runtime.network_ready = False
    async with api_server(*FLAGS, upkeep=True) as api, seat(api.client(NODE, "kubelet"), tmp_path, runtime):
        node = await until(lambda: _found(api, "/api/v1/nodes/node-1"))
        ready = node["status"]["conditions"][-1]
        assert (ready["status"], ready["reason"]) == ("False", "KubeletNotReady")
        assert ready["message"] == (
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
            "message:Network plugin returns error: cni plugin not initialized"
        )
        runtime.network_ready = True
        await until(lambda: _ready(api), 20)

        async def told() -> bool:
            return any(one["reason"] == "Starting" for one in (await api.get("/api/v1/events")).json["items"])

        await until(told, 20)


async def test_a_pod_runs_reports_and_goes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, runtime):
        await until(lambda: _ready(api))
        assert (await api.post(PODS, pod())).code == 201
        await until(lambda: is_in(api, "web", "Running"))
        found = (await api.get(f"{PODS}/web")).json
        assert found["status"]["containerStatuses"][0]["ready"]
        assert found["status"]["podIP"].startswith("10.244.")
        assert found["status"]["observedGeneration"] == 1
        types = [one["type"] for one in found["status"]["conditions"]]
        assert sorted(types) == ["ContainersReady", "Initialized", "PodReadyToStartContainers", "PodScheduled", "Ready"]
        runtime.programs["main"] = Program(stop_seconds=0.05)
        await api.delete(f"{PODS}/web")
        await until(lambda: _gone(api, "web"))
        await until(lambda: not runtime.sandboxes)
        assert ("stop_container", "main") in runtime.calls


async def _gone(api: Api, name: str) -> bool:
    return (await api.get(f"{PODS}/{name}")).code == 404


async def test_a_job_of_one_container_is_done_and_can_be_deleted(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, runtime):
        runtime.programs["main"] = Program(seconds=0.05)
        await until(lambda: _ready(api))
        await api.post(PODS, pod("job", restartPolicy="Never"))
        await until(lambda: is_in(api, "job", "Succeeded"))
        await api.delete(f"{PODS}/job")
        await until(lambda: _gone(api, "job"))


async def test_a_static_pod_runs_before_there_is_an_api_and_is_mirrored_when_there_is(tmp_path: Path) -> None:
    class NotThere:
        """A connection that is refused until there is a server."""

        real: Any = None

        async def request(self, *given: Any, **named: Any) -> Any:
            if self.real is None:
                raise ConnectionRefusedError
            return await self.real.request(*given, **named)

        async def stream(self, *given: Any, **named: Any) -> Any:
            if self.real is None:
                raise ConnectionRefusedError
            return await self.real.stream(*given, **named)

        async def upgrade(self, *given: Any, **named: Any) -> Any:
            raise ConnectionRefusedError

        async def close(self) -> None: ...

    wire = NotThere()
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "web.yaml").write_text(WEB)
    client = Client(Sender(wire, user_agent="kubelet", refused_retries=0), "kubelet")
    runtime = FakeRuntime()
    async with api_server(*FLAGS, upkeep=True) as api, seat(client, tmp_path, runtime):
        await until(lambda: any(one.state.name == "RUNNING" for one in runtime.containers.values()), 20)
        await asyncio.sleep(0.1)
        assert (await api.get("/api/v1/nodes/node-1")).code == 404
        await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        wire.real = api.caller(NODE)
        await until(lambda: is_in(api, "web-node-1", "Running"))
        mirror = (await api.get(f"{PODS}/web-node-1")).json
        annotations = mirror["metadata"]["annotations"]
        assert annotations["kubernetes.io/config.mirror"] == annotations["kubernetes.io/config.hash"]
        assert annotations["kubernetes.io/config.source"] == "file"
        assert mirror["metadata"]["ownerReferences"][0]["kind"] == "Node"
        assert mirror["status"]["podIP"]

        await api.delete(f"{PODS}/web-node-1", {"gracePeriodSeconds": 0})
        await until(lambda: _other(api, mirror["metadata"]["uid"]))
        await until(lambda: is_in(api, "web-node-1", "Running"))
        assert ("stop_container", "main") not in runtime.calls  # the container has not noticed

        (tmp_path / "manifests" / "web.yaml").unlink()
        await until(lambda: _gone(api, "web-node-1"))
        await until(lambda: not runtime.sandboxes)


async def _other(api: Api, uid: str) -> bool:
    reply = await api.get(f"{PODS}/web-node-1")
    return reply.code == 200 and reply.json["metadata"]["uid"] != uid


async def test_a_kubelet_that_starts_again_leaves_pods_alone_and_ends_those_that_were_deleted(tmp_path: Path) -> None:
    runtime = FakeRuntime()
    async with api_server(*FLAGS, upkeep=True) as api:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "default"}})
        await api.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
        async with seat(api.client(NODE, "kubelet"), tmp_path, runtime):
            await until(lambda: _ready(api))
            await api.post(PODS, pod("stays"))
            await api.post(PODS, pod("goes"))
            await until(lambda: is_in(api, "stays", "Running"))
            await until(lambda: is_in(api, "goes", "Running"))
        await api.delete(f"{PODS}/goes", {"gracePeriodSeconds": 0})
        calls = len(runtime.calls)
        async with seat(api.client(NODE, "kubelet"), tmp_path, runtime):
            await until(lambda: len(runtime.sandboxes) == 1)
            assert not [call for call in runtime.calls[calls:] if call[0] in ("run_sandbox", "start_container")]
            found = (await api.get(f"{PODS}/stays")).json
            assert found["status"]["containerStatuses"][0]["restartCount"] == 0


async def test_two_deletions_at_once_and_a_refused_pod(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, _):
        await until(lambda: _ready(api))
        big = [{"name": "main", "image": "i:1", "resources": {"requests": {"cpu": "9"}}}]
        await api.post(PODS, {"metadata": {"name": "big"}, "spec": {"nodeName": "node-1", "containers": big}})
        await until(lambda: is_in(api, "big", "Failed"))
        found = (await api.get(f"{PODS}/big")).json["status"]
        assert found["reason"] == "OutOfcpu"
        await api.delete(f"{PODS}/big")
        await until(lambda: _gone(api, "big"))
