"""Logs, exec and proxies: what the API server passes on, to whom, and what it says when nobody is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.kube_apiserver.handlers.subresources import forwarding
from minikube_edu.lib import pki
from minikube_edu.lib.streams import channels, websocket
from minikube_edu.lib.streams.byte_stream import ByteStream
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.spdy import SpdySession, serve_spdy
from minikube_edu.lib.subject import subject_of
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Upgraded
from minikube_edu.lib.web.messages import Answer, BodyWriter, Peer, Request, Response, Streaming, Upgrade
from minikube_edu.lib.web.server import serve
from tests.in_process import ADMIN, Api, api_server

Object = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"


class Kubelet:
    """Tells what it was asked; its logs come in two parts, its exec says everything back in capitals."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.who: list[str] = []
        self.go_on = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def handle(self, request: Request) -> Answer:
        self.asked.append(f"{request.method} {request.path}" + (f"?{request.query}" if request.query else ""))
        self.who.append(subject_of(request.peer.certificate).common_name if request.peer.certificate else "")
        if request.path.startswith("/containerLogs/default/gone"):
            return Response(404, b"no such pod", b"text/plain")
        if request.path.startswith("/containerLogs/"):
            return Streaming(self.log, b"text/plain")
        if websocket.is_handshake(request.headers):
            headers, protocol = websocket.accept(request.headers, channels.SUPPORTED)
            return Upgrade(serve_channels(protocol, lambda s: self.shout(s.channel(0), s.channel(1))), headers)
        if request.header(b"upgrade") == b"SPDY/3.1":
            return Upgrade(serve_spdy(self.spdy), ((b"Upgrade", b"SPDY/3.1"),))
        page = b'<a href="/x">x</a><img src="http://elsewhere/y.png">'
        if request.path == "/moved":
            return Response(302, headers=[(b"Location", b"/new")])
        return Response(200, page, b"text/html", [(b"X-Seen", (request.header(b"x-forwarded-uri") or b""))])

    async def log(self, writer: BodyWriter) -> None:
        writer.write(b"one\n")
        await self.go_on.wait()
        writer.write(b"two\n")
        writer.end()

    def spdy(self, session: SpdySession) -> None:
        session.on_stream = lambda stream: self.shout(stream, stream)

    def shout(self, stdin: ByteStream, stdout: ByteStream) -> None:
        async def run() -> None:
            while data := await stdin.read():
                stdout.write(data.upper())
                await stdout.drained()
            stdout.end()

        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    ca = pki.make_ca("kubernetes")
    serving = pki.make_certificate(ca, "n1", ips=["127.0.0.1"], usages=["server"])
    client = pki.make_certificate(ca, "kube-apiserver-kubelet-client", usages=["client"])
    for name, pair in (("ca", ca), ("kubelet", serving), ("client", client)):
        (folder / f"{name}.crt").write_bytes(pair.certificate)
        (folder / f"{name}.key").write_bytes(pair.key)
    return folder


@pytest.fixture
async def api(folder: Path) -> AsyncIterator[Api]:
    flags = [
        "--disable-admission-plugins=ServiceAccount", f"--kubelet-certificate-authority={folder}/ca.crt",
        f"--kubelet-client-certificate={folder}/client.crt", f"--kubelet-client-key={folder}/client.key",
    ]  # fmt: skip
    async with api_server(*flags) as running:
        yield running


@pytest.fixture
async def kubelet(api: Api, folder: Path) -> AsyncIterator[Kubelet]:
    """A kubelet of node n1, over TLS on loopback, and a pod that runs there."""
    made = Kubelet()
    paths = f"{folder}/kubelet.crt", f"{folder}/kubelet.key", f"{folder}/ca.crt"
    server = await serve(made.handle, "127.0.0.1", 0, tls=tls.server_context(*paths))
    await node(api, server.port)
    await api.create(PODS, "p", spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]})
    yield made
    await api.server.backends.close()
    await server.close()
    for task in list(made.tasks):
        task.cancel()


async def node(api: Api, port: int) -> None:
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
    }
    await api.create("/api/v1/nodes", "n1", status=status)


@pytest.fixture
async def front(api: Api) -> AsyncIterator[Client]:
    """A client over a socket."""

    def handle(request: Request) -> Any:
        request.peer.memo["user"] = ADMIN
        return api.server.handle(request)

    server = await serve(handle, "127.0.0.1", 0)
    client = Client("127.0.0.1", server.port)
    yield client
    await client.close()
    await server.close()


async def test_do_logs_flow_while_they_are_written(front: Client, kubelet: Kubelet) -> None:
    body = await front.stream("GET", f"{PODS}/p/log?follow=true&tailLines=5&timestamps=1&container=c")
    async with body:
        assert await body.next() == b"one\n"
        kubelet.go_on.set()
        assert await body.read() == b"two\n"
    assert kubelet.asked == ["GET /containerLogs/default/p/c?follow=true&tailLines=5&timestamps=true"]
    assert kubelet.who == ["kube-apiserver-kubelet-client"]


async def test_is_a_kubelets_complaint_told_as_the_servers(api: Api, kubelet: Kubelet) -> None:
    await api.create(PODS, "gone", spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]})
    reply = await api.get(f"{PODS}/gone/log")
    assert (reply.code, reply.reason) == (404, "NotFound")
    assert reply.message == "the server could not find the requested resource ( pods/log gone)"


async def test_is_it_said_when_the_kubelet_does_not_answer(api: Api) -> None:
    unused = await serve(lambda _: Response(200), "127.0.0.1", 0)
    await unused.close()
    await node(api, unused.port)
    await api.create(PODS, "p", spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]})
    reply = await api.get(f"{PODS}/p/log")
    assert reply.code == 500
    assert reply.message.endswith(f"dial tcp 127.0.0.1:{unused.port}: connect: connection refused")
    headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
    reply = await api.post(f"{PODS}/p/exec?command=ls", None, headers=headers)
    assert reply.message == f"error dialing backend: dial tcp 127.0.0.1:{unused.port}: connect: connection refused"
    assert (await api.get("/api/v1/nodes/n1/proxy/healthz")).code == 503


async def test_does_exec_reach_the_kubelet_over_a_websocket(front: Client, kubelet: Kubelet) -> None:
    headers, _ = websocket.offer([channels.V5])
    target = f"{PODS}/p/exec?command=echo&command=a%20b&stdin=true&stdout=true&tty=false"
    upgraded = await front.upgrade("GET", target, headers, timeout=5)
    assert isinstance(upgraded, Upgraded)
    sessions: list[ChannelSession] = []
    upgraded.switch(serve_channels(channels.V5, sessions.append, client=True))
    async with asyncio.timeout(10):
        sessions[0].channel(0).write(b"hello")
        assert await sessions[0].channel(1).read() == b"HELLO"
        sessions[0].close()
        await sessions[0].wait_closed()
    assert kubelet.asked == ["GET /exec/default/p/c?command=echo&command=a+b&input=1&output=1"]


async def test_does_exec_reach_the_kubelet_over_spdy(front: Client, kubelet: Kubelet) -> None:
    upgraded = await front.upgrade("POST", f"{PODS}/p/attach?stdin=1", ((b"Upgrade", b"SPDY/3.1"),), timeout=5)
    assert isinstance(upgraded, Upgraded)
    sessions: list[SpdySession] = []
    upgraded.switch(serve_spdy(sessions.append, client=True))
    async with asyncio.timeout(10):
        stream = await sessions[0].open({"streamtype": "stdin"})
        stream.write(b"hello")
        assert await stream.read() == b"HELLO"
        sessions[0].close()
        await sessions[0].wait_closed()
    assert kubelet.asked == ["POST /attach/default/p/c?input=1"]


async def test_does_a_kubelet_never_see_the_clients_token() -> None:
    headers = [
        (b"authorization", b"Bearer secret"), (b"impersonate-user", b"jo"), (b"accept", b"x"),
        (b"sec-websocket-protocol", b"base64url.bearer.authorization.k8s.io.c2VjcmV0, v5.channel.k8s.io"),
    ]  # fmt: skip
    request = Request("GET", "/", "", headers, b"", Peer("192.0.2.7:40000", "", None))
    assert forwarding.passed_on(request, upgrade=True) == [
        (b"accept", b"x"),
        (b"sec-websocket-protocol", b"v5.channel.k8s.io"),
        (b"X-Forwarded-For", b"192.0.2.7"),
    ]


async def test_must_exec_be_an_upgrade(api: Api, kubelet: Kubelet) -> None:
    reply = await api.post(f"{PODS}/p/exec?command=ls", None)
    assert (reply.code, reply.message) == (400, "Upgrade request required")


async def test_do_links_and_redirects_lead_through_the_proxy_again(front: Client, kubelet: Kubelet) -> None:
    prefix = "/api/v1/nodes/n1/proxy"
    answer = await front.request("GET", f"{prefix}/page/?q=1")
    assert kubelet.asked == ["GET /page/?q=1"]
    host = f"https://127.0.0.1:{front.port}"
    assert answer.body == f'<a href="{host}{prefix}/x">x</a><img src="http://elsewhere/y.png">'.encode()
    assert answer.header(b"x-seen") == f"{prefix}/page/".encode()
    moved = await front.request("GET", f"{prefix}/moved")
    assert (moved.status, moved.header(b"location")) == (302, f"{host}{prefix}/new".encode())
    bare = await front.request("GET", f"{prefix}?q=1")
    assert (bare.status, bare.header(b"location")) == (301, f"{prefix}/?q=1".encode())


async def test_does_a_service_proxy_choose_a_ready_pod_of_its_own_namespace(api: Api) -> None:
    seen: list[tuple[str, int]] = []

    class Nobody:
        async def stream(self, *_: Any) -> Any:
            raise ConnectionRefusedError

        async def close(self) -> None:
            pass

    def open_to(host: str, port: int, _: Any) -> Any:
        seen.append((host, port))
        return Nobody()

    api.server.backends.open = open_to
    await api.create("/api/v1/namespaces/default/services", "s", spec={"ports": [{"name": "web", "port": 80}]})
    assert (await api.get("/api/v1/namespaces/default/services/s:web/proxy/")).code == 503
    await api.create(PODS, "p", spec={"nodeName": "n1", "containers": [{"name": "c", "image": "i"}]})
    await api.patch(f"{PODS}/p/status", {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}})
    target = {"kind": "Pod", "namespace": "default", "name": "p"}
    endpoints = [
        {"addresses": ["10.0.0.9"], "conditions": {"ready": True}},
        {"addresses": ["10.0.0.2"], "conditions": {"ready": True}, "targetRef": target},
        {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": target},
    ]
    await api.create(
        "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", "s1", addressType="IPv4", endpoints=endpoints,
        ports=[{"name": "web", "port": 8080}], metadata={"labels": {"kubernetes.io/service-name": "s"}},
    )  # fmt: skip
    for name in ("s:web", "s:80"):
        assert (await api.get(f"/api/v1/namespaces/default/services/{name}/proxy/")).code == 503
    assert seen == [("10.0.0.1", 8080)]
    reply = await api.get("/api/v1/namespaces/default/services/s:81/proxy/")
    assert reply.message == 'no service port 81 found for service "s"'
