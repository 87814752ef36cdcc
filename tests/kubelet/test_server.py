"""The kubelet's own API, asked by our API server over TLS on loopback, as kubectl's users would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.container_runtime.cri import (
    ContainerConfig,
    ContainerRuntime,
    ExecResult,
    RuntimeFailure,
    SandboxConfig,
    Streams,
)
from minikube_edu.kubelet import runtime_labels
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.server.identity import Identity, Who
from minikube_edu.kubelet.server.permission import Permission, ReviewFailed, subresources
from minikube_edu.kubelet.server.server import KubeletServer
from minikube_edu.kubelet.stats.usage import Usage
from minikube_edu.lib import clock, pki
from minikube_edu.lib.streams import channels, tunnel, websocket
from minikube_edu.lib.streams.byte_stream import ByteStream
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.spdy import SpdySession, serve_spdy
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Upgraded
from minikube_edu.lib.web.messages import Request
from minikube_edu.lib.web.server import serve
from tests.in_process import ADMIN, Api, api_server
from tests.kubelet.fake_objects import Object
from tests.kubelet.fake_runtime import FakeRuntime

PODS = "/api/v1/namespaces/default/pods"


class Runtime(FakeRuntime):
    """Its commands: `cat` says its input, `size` waits for the terminal's size, anything else fails with 3."""

    async def exec(self, container_id: str, command: Sequence[str], streams: Streams) -> int:
        assert streams.stdout is not None
        if command[0] == "cat":
            assert streams.stdin is not None
            while data := await streams.stdin.read():
                streams.stdout.write(data)
            return 0
        if command[0] == "size":
            assert streams.resize is not None
            async for columns, rows in streams.resize:
                streams.stdout.write(b"%dx%d" % (columns, rows))
                return 0
        if command[0] == "broken":
            raise RuntimeFailure("the container is not running")
        assert streams.stderr is not None
        streams.stderr.write(b"no such command")
        return 3

    async def port_forward(self, sandbox_id: str, port: int, stream: ByteStream) -> None:
        if port == 81:
            raise RuntimeFailure("failed to connect to localhost:81: connection refused")
        await super().port_forward(sandbox_id, port, stream)


class Host:
    """What the rest of a kubelet would answer."""

    def __init__(self, root: Path) -> None:
        self.identity = NodeIdentity("n1", root, "127.0.0.1")
        self.fake = Runtime()
        self.runtime: ContainerRuntime = self.fake
        self.known: list[Object] = []
        self.containers: dict[str, tuple[str, str]] = {}
        self.well = True

    def pods(self) -> Sequence[Object]:
        return self.known

    def find_container(self, namespace: str, pod: str, uid: str, container: str) -> tuple[str, str] | None:
        return self.containers.get(f"{namespace}/{pod}/{container}")

    def log_path(self, pod: str, container: str, number: int = 0) -> Path:
        return self.identity.root / f"var/log/pods/default_{pod}_u/{container}/{number}.log"

    def find_log(self, namespace: str, pod: str, container: str, previous: bool) -> Path | None:
        return self.log_path(pod, container)

    def configuration(self) -> Object:
        return {"kind": "KubeletConfiguration", "maxPods": 110}

    def healthy(self) -> bool:
        return self.well

    async def runs(self, pod: Object) -> None:
        """The pod's first container runs."""
        metadata, container = pod["metadata"], pod["spec"]["containers"][0]
        self.fake.has_image(container["image"])
        labels = runtime_labels.sandbox_labels(pod)
        config = SandboxConfig(metadata["name"], "default", metadata["uid"], labels=labels)
        sandbox = await self.fake.run_sandbox(config)
        config_of_container = ContainerConfig(container["name"], container["image"])
        identity = await self.fake.create_container(sandbox, config_of_container)
        await self.fake.start_container(identity)
        self.containers[f"default/{metadata['name']}/{container['name']}"] = sandbox, identity
        state = {"running": {"startedAt": clock.rfc3339()}}
        status = {"name": container["name"], "containerID": f"containerd://{identity}", "state": state}
        self.known.append({**pod, "status": {"phase": "Running", "containerStatuses": [status]}})

    def says(self, pod: str, *lines: str, mode: str = "ab") -> None:
        path = self.log_path(pod, "c")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            file.write("".join(f"{line}\n" for line in lines).encode())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    ca = pki.make_ca("kubernetes")
    serving = pki.make_certificate(ca, "n1", ips=["127.0.0.1"], usages=["server"])
    client = pki.make_certificate(
        ca, "kube-apiserver-kubelet-client", organizations=["kubeadm:cluster-admins"], usages=["client"]
    )
    other = pki.make_certificate(ca, "jo", usages=["client"])
    for name, pair in (("ca", ca), ("kubelet", serving), ("client", client), ("other", other)):
        (folder / f"{name}.crt").write_bytes(pair.certificate)
        (folder / f"{name}.key").write_bytes(pair.key)
    return folder


@pytest.fixture
async def api(folder: Path) -> AsyncIterator[Api]:
    flags = [
        "--disable-admission-plugins=ServiceAccount", "--authorization-mode=Node,RBAC",
        f"--kubelet-certificate-authority={folder}/ca.crt",
        f"--kubelet-client-certificate={folder}/client.crt", f"--kubelet-client-key={folder}/client.key",
    ]  # fmt: skip
    async with api_server(*flags) as running:
        yield running


class Node:
    def __init__(self, host: Host, server: KubeletServer, port: int) -> None:
        self.host, self.server, self.port = host, server, port


@pytest.fixture
async def node(api: Api, folder: Path, tmp_path: Path) -> AsyncIterator[Node]:
    """A node n1 with a pod `p` whose container `c` runs."""
    host = Host(tmp_path)
    client = api.client()
    usage = Usage(host, lambda: {"status": {"capacity": {"cpu": "4", "memory": "8Gi"}}})
    server = KubeletServer(host, usage, Identity(client), Permission(client, "n1"))
    port = await server.start("127.0.0.1", 0, f"{folder}/kubelet.crt", f"{folder}/kubelet.key", f"{folder}/ca.crt")
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "Group", "name": "kubeadm:cluster-admins", "apiGroup": "rbac.authorization.k8s.io"}],
    }
    await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", "kubeadm:cluster-admins", **binding)
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await api.create("/api/v1/nodes", "n1", status=status)
    pod = await api.create(PODS, "p", spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]})
    await host.runs(pod)
    yield Node(host, server, port)
    await api.server.backends.close()
    await server.close()


@pytest.fixture
async def front(api: Api) -> AsyncIterator[Client]:
    """A client over a socket, as kubectl is."""

    def handle(request: Request) -> Any:
        request.peer.memo["user"] = ADMIN
        return api.server.handle(request)

    server = await serve(handle, "127.0.0.1", 0)
    client = Client("127.0.0.1", server.port)
    yield client
    await client.close()
    await server.close()


async def direct(folder: Path, node: Node, who: str = "", target: str = "/pods", **headers: str) -> tuple[int, str]:
    context = tls.client_context(
        f"{folder}/ca.crt", f"{folder}/{who}.crt" if who else None, f"{folder}/{who}.key" if who else None
    )
    client = Client("127.0.0.1", node.port, tls=context)
    try:
        answer = await client.request("GET", target, [(k.encode(), v.encode()) for k, v in headers.items()])
        return answer.status, answer.body.decode()
    finally:
        await client.close()


# ---------------------------------------------------------------- who may


async def test_who_may_ask_a_kubelet(api: Api, folder: Path, node: Node) -> None:
    assert await direct(folder, node) == (401, "Unauthorized")
    assert await direct(folder, node, authorization="Bearer nonsense") == (401, "Unauthorized")
    assert await direct(folder, node, "other") == (
        403, "Forbidden (user=jo, verb=get, resource=nodes, subresource(s)=[pods proxy])\n",
    )  # fmt: skip
    assert (await direct(folder, node, "client"))[0] == 200


async def test_does_a_service_account_with_a_fine_right_come_in(api: Api, folder: Path, node: Node) -> None:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    await api.create(accounts, "reader")
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    rules = [{"apiGroups": [""], "resources": ["nodes/metrics", "nodes/stats"], "verbs": ["get"]}]
    await api.create(f"{rbac}/clusterroles", "reader", rules=rules)
    await api.create(
        f"{rbac}/clusterrolebindings", "reader",
        roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"},
        subjects=[{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}],
    )  # fmt: skip
    token = (await api.post(f"{accounts}/reader/token", {"spec": {}})).json["status"]["token"]
    authorization = f"Bearer {token}"
    status, body = await direct(folder, node, target="/metrics/resource", authorization=authorization)
    assert status == 200
    assert 'container_memory_working_set_bytes{container="c",namespace="default",pod="p"}' in body
    assert (await direct(folder, node, target="/stats/summary", authorization=authorization))[0] == 200
    status, body = await direct(folder, node, target="/containerLogs/default/p/c", authorization=authorization)
    who = "system:serviceaccount:default:reader"
    assert (status, body) == (403, f"Forbidden (user={who}, verb=get, resource=nodes, subresource(s)=[proxy])\n")


async def test_how_often_is_the_api_server_asked_who_may(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    client = api.client()
    asked = 0
    create = client.create

    async def counted(*values: Any, **named: Any) -> Object:
        nonlocal asked
        asked += 1
        return await create(*values, **named)

    monkeypatch.setattr(client, "create", counted)
    permission, jo = Permission(client, "n1"), Who("jo", ("system:authenticated",))
    for _ in range(3):
        assert "Forbidden (user=jo, verb=create" in await permission.refusal(jo, "POST", "/exec/default/p/c")
    assert asked == 1
    assert await permission.refusal(Who("root", ("system:masters",)), "GET", "/pods") == ""
    assert asked == 2

    async def away(*_: Any, **__: Any) -> Object:
        raise ConnectionRefusedError

    monkeypatch.setattr(client, "create", away)
    with pytest.raises(
        ReviewFailed, match=r"Authorization error \(user=jo, verb=get, resource=nodes, subresource=stats"
    ):
        await permission.refusal(jo, "GET", "/stats/summary")


async def test_is_a_protocol_that_nobody_knows_refused(front: Client, node: Node) -> None:
    headers = ((b"Upgrade", b"SPDY/3.1"), (b"X-Stream-Protocol-Version", b"v9"))
    answer = await front.upgrade("POST", f"{PODS}/p/exec?command=x&stdout=true", headers, timeout=5)
    assert not isinstance(answer, Upgraded)
    assert answer.status == 403
    assert answer.body.startswith(b"unable to upgrade: unable to negotiate protocol: client supports [v9]")


def test_which_right_is_each_path() -> None:
    found: Mapping[str, str] = {
        path: " ".join(subresources(path))
        for path in (
            "/healthz/ping",
            "/pods",
            "/podsx",
            "/exec/a/b/c",
            "/stats/summary",
            "/logs/",
            "/configz",
            "/metrics",
        )
    }
    assert list(found.values()) == [
        "healthz proxy", "pods proxy", "proxy", "proxy", "stats", "log", "configz proxy", "metrics",
    ]  # fmt: skip


# ---------------------------------------------------------------- logs


LINES = (
    "2026-01-01T00:00:01.000000001Z stdout F one",
    "2026-01-01T00:00:02.000000002Z stderr F two",
    "2026-01-01T00:00:03.000000003Z stdout P thr",
    "2026-01-01T00:00:03.500000003Z stdout F ee",
    "2026-01-01T00:00:04.000000004Z stdout F four",
)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("", "one\ntwo\nthree\nfour\n"),
        ("?tailLines=2", "ee\nfour\n"),
        ("?tailLines=0", ""),
        ("?tailLines=50", "one\ntwo\nthree\nfour\n"),
        ("?limitBytes=6", "one\ntw"),
        ("?sinceTime=2026-01-01T00:00:04Z", "four\n"),
        ("?timestamps=true&tailLines=1", "2026-01-01T00:00:04.000000004Z four\n"),
        ("?sinceSeconds=1", ""),
    ],
)
async def test_which_part_of_a_log_is_asked_for(api: Api, node: Node, query: str, text: str) -> None:
    node.host.says("p", *LINES)
    reply = await api.get(f"{PODS}/p/log{query}")
    assert (reply.code, reply.body.decode()) == (200, text)


async def test_are_streams_told_apart(folder: Path, node: Node) -> None:
    node.host.says("p", *LINES)
    path = "/containerLogs/default/p/c"
    assert await direct(folder, node, "client", f"{path}?stream=Stderr") == (200, "two\n")
    assert (await direct(folder, node, "client", f"{path}?stream=Nonsense"))[0] == 422
    assert (await direct(folder, node, "client", f"{path}?tailLines=x"))[0] == 400
    assert await direct(folder, node, "client", "/containerLogs/default/q/c") == (404, 'pod "q" does not exist')
    missing = await direct(folder, node, "client", "/containerLogs/default/p/x")
    assert missing == (404, 'container "x" not found in pod "p"')


async def test_is_a_log_followed_through_rotation_to_the_containers_end(front: Client, node: Node) -> None:
    node.host.says("p", LINES[0])
    async with asyncio.timeout(10), await front.stream("GET", f"{PODS}/p/log?follow=true") as body:
        assert await body.next() == b"one\n"
        node.host.says("p", LINES[1])
        assert await body.next() == b"two\n"
        path = node.host.log_path("p", "c")
        path.rename(path.with_name("0.log.20260101-000000"))
        node.host.says("p", LINES[4])
        assert await body.next() == b"four\n"
        node.host.says("p", "2026-01-01T00:00:05Z stdout F last")
        node.host.fake.exit("c")
        assert await body.read() == b"last\n"


@pytest.mark.parametrize(
    ("status", "previous", "message"),
    [
        ({}, True, 'previous terminated container "c" in pod "p" not found'),
        ({"waiting": {"reason": "ContainerCreating"}}, False,
         'container "c" in pod "p" is waiting to start: ContainerCreating'),
        ({"waiting": {"reason": "ImagePullBackOff"}}, False,
         'container "c" in pod "p" is waiting to start: trying and failing to pull image'),
        ({"waiting": {"reason": "ErrImagePull"}}, False,
         'container "c" in pod "p" is waiting to start: image can\'t be pulled'),
        ({"terminated": {"exitCode": 1}}, False, 'container "c" in pod "p" is terminated'),
    ],
)  # fmt: skip
async def test_why_are_there_no_logs(api: Api, node: Node, status: Object, previous: bool, message: str) -> None:
    node.host.known[0]["status"]["containerStatuses"] = [{"name": "c", "state": status}]
    reply = await api.get(f"{PODS}/p/log?previous={str(previous).lower()}")
    assert (reply.code, reply.message) == (400, message)


# ---------------------------------------------------------------- exec, attach, port-forward


async def websocket_to(front: Client, target: str, protocol: str = channels.V5) -> ChannelSession:
    headers, _ = websocket.offer([protocol])
    upgraded = await front.upgrade("GET", target, headers, timeout=5)
    assert isinstance(upgraded, Upgraded), upgraded.body
    sessions: list[ChannelSession] = []
    upgraded.switch(serve_channels(protocol, sessions.append, client=True))
    return sessions[0]


def streams(session: ChannelSession) -> list[ByteStream]:
    """Its five channels, before they can end."""
    return [session.channel(number) for number in range(5)]


async def test_does_exec_carry_stdin_to_its_end_and_the_exit_code_back(front: Client, node: Node) -> None:
    async with asyncio.timeout(10):
        session = await websocket_to(front, f"{PODS}/p/exec?command=cat&stdin=true&stdout=true&stderr=true")
        stdin, stdout, _, error, _ = streams(session)
        stdin.write(b"hello")
        stdin.end()
        assert await stdout.read_all() == b"hello"
        assert json.loads(await error.read_all()) == {"metadata": {}, "status": "Success"}
        session = await websocket_to(front, f"{PODS}/p/exec?command=no&command=such&stdout=true&stderr=true")
        _, _, stderr, error, _ = streams(session)
        assert await stderr.read_all() == b"no such command"
        status = json.loads(await error.read_all())
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"] == {"causes": [{"reason": "ExitCode", "message": "3"}]}
        await session.wait_closed()


async def test_does_a_terminal_tell_its_size(front: Client, node: Node) -> None:
    async with asyncio.timeout(10):
        session = await websocket_to(front, f"{PODS}/p/exec?command=size&stdin=true&stdout=true&tty=true")
        session.channel(4).write(b'{"Width":80,"Height":24}')
        assert await session.channel(1).read_all() == b"80x24"
        session = await websocket_to(front, f"{PODS}/p/exec?command=broken&stdout=true")
        status = json.loads(await session.channel(3).read_all())
        assert status["message"] == (
            "Internal error occurred: error executing command in container: the container is not running"
        )


async def test_does_exec_over_spdy_work_as_well(front: Client, node: Node) -> None:
    headers = ((b"Upgrade", b"SPDY/3.1"), (b"X-Stream-Protocol-Version", b"v4.channel.k8s.io"))
    target = f"{PODS}/p/exec?command=cat&stdin=true&stdout=true"
    async with asyncio.timeout(10):
        upgraded = await front.upgrade("POST", target, headers, timeout=5)
        assert isinstance(upgraded, Upgraded)
        assert (b"x-stream-protocol-version", b"v4.channel.k8s.io") in upgraded.response.headers
        sessions: list[SpdySession] = []
        upgraded.switch(serve_spdy(sessions.append, client=True))
        error = await sessions[0].open({"streamtype": "error"})
        stdin = await sessions[0].open({"streamtype": "stdin"})
        stdout = await sessions[0].open({"streamtype": "stdout"})
        stdin.write(b"hello")
        stdin.end()
        assert await stdout.read_all() == b"hello"
        assert json.loads(await error.read_all())["status"] == "Success"


async def test_does_attach_end_with_the_container(front: Client, node: Node) -> None:
    async with asyncio.timeout(10):
        session = await websocket_to(front, f"{PODS}/p/attach?stdout=true")
        node.host.fake.exit("c")
        assert json.loads(await session.channel(3).read_all())["status"] == "Success"


async def test_what_is_said_when_there_is_no_container(front: Client, api: Api, node: Node) -> None:
    node.host.containers.clear()
    headers, _ = websocket.offer([channels.V5])
    answer = await front.upgrade("GET", f"{PODS}/p/exec?command=x&stdout=true", headers, timeout=5)
    assert not isinstance(answer, Upgraded)
    assert (answer.status, answer.body) == (500, b'container not found ("c")')


@pytest.mark.parametrize("tunnelled", [True, False])
async def test_are_ports_forwarded(front: Client, node: Node, tunnelled: bool) -> None:
    sessions: list[SpdySession] = []
    take = serve_spdy(sessions.append, client=True)
    async with asyncio.timeout(10):
        if tunnelled:
            headers, _ = websocket.offer([tunnel.PORT_FORWARD])
            upgraded = await front.upgrade("GET", f"{PODS}/p/portforward", headers, timeout=5)
            assert isinstance(upgraded, Upgraded)
            upgraded.switch(tunnel.through_websocket(take, client=True))
        else:
            spdy = ((b"Upgrade", b"SPDY/3.1"), (b"X-Stream-Protocol-Version", b"portforward.k8s.io"))
            upgraded = await front.upgrade("POST", f"{PODS}/p/portforward", spdy, timeout=5)
            assert isinstance(upgraded, Upgraded)
            upgraded.switch(take)
        session = sessions[0]

        async def connect(number: int, port: int) -> tuple[ByteStream, ByteStream]:
            headers = {"port": str(port), "requestid": str(number)}
            error = await session.open({**headers, "streamtype": "error"})
            return await session.open({**headers, "streamtype": "data"}), error

        data, error = await connect(0, 80)
        refused, why = await connect(1, 81)
        data.write(b"echo")
        data.end()
        assert (await data.read_all(), await error.read_all()) == (b"echo", b"")
        uid = node.host.known[0]["metadata"]["uid"]
        assert (await why.read_all()).decode() == (
            f"error forwarding port 81 to pod p, uid {uid}: failed to connect to localhost:81: connection refused"
        )
        assert await refused.read_all() == b""
        session.close()


async def test_are_ports_forwarded_over_bare_channels(front: Client, node: Node) -> None:
    async with asyncio.timeout(10):
        session = await websocket_to(front, f"{PODS}/p/portforward?ports=80", channels.V4)
        assert await session.channel(1).read() == b"\x50\x00"
        assert await session.channel(0).read() == b"\x50\x00"
        session.channel(0).write(b"echo")
        assert await session.channel(0).read() == b"echo"
        session.close()
        await session.wait_closed()


# ---------------------------------------------------------------- about the node


async def test_what_does_a_node_tell_of_itself(api: Api, node: Node, folder: Path) -> None:
    proxy = "/api/v1/nodes/n1/proxy"
    assert (await api.get(f"{proxy}/healthz")).body == b"ok"
    assert [one["metadata"]["name"] for one in (await api.get(f"{proxy}/pods")).json["items"]] == ["p"]
    assert (await api.get(f"{proxy}/runningpods/")).json["items"][0]["spec"]["containers"][0]["name"] == "c"
    assert (await api.get(f"{proxy}/configz")).json["kubeletconfig"]["maxPods"] == 110
    found = (await api.get(f"{proxy}/stats/summary")).json
    assert found["node"]["nodeName"] == "n1"
    assert found["pods"][0]["podRef"]["name"] == "p"
    assert found["pods"][0]["containers"][0]["memory"]["workingSetBytes"] == 1 << 20
    assert "network" not in (await api.get(f"{proxy}/stats/summary?only_cpu_and_memory=true")).json["node"]
    assert "machine_cpu_cores 4\n" in (await api.get(f"{proxy}/metrics/cadvisor")).body.decode()
    assert "kubelet_running_pods 1\n" in (await api.get(f"{proxy}/metrics")).body.decode()
    assert (await api.get(f"{proxy}/metrics/probes")).code == 200
    assert (await api.get(f"{proxy}/nonsense")).code == 404
    node.host.says("p", LINES[0])
    assert b'<a href="pods/">pods/</a>' in (await api.get(f"{proxy}/logs/")).body
    assert (await api.get(f"{proxy}/logs/../../x")).code in (301, 404)
    node.host.fake.exec_answer = ExecResult(b"ran", b"", 0)
    assert (await api.post(f"{proxy}/run/default/p/c?cmd=a+b", None)).body == b"ran"


async def test_does_healthz_say_when_the_sync_loop_hangs(node: Node) -> None:
    port = await node.server.start_health("127.0.0.1", 0)
    client = Client("127.0.0.1", port)
    assert (await client.request("GET", "/healthz")).body == b"ok"
    node.host.well = False
    assert (await client.request("GET", "/healthz")).status == 500
    assert (await client.request("GET", "/healthz/ping")).status == 200
    assert (await client.request("GET", "/pods")).status == 404
    await client.close()
