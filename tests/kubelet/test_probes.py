"""What probes say of a container, in each of their four ways; hooks, which ask the same way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.container_runtime.cri import ContainerConfig, ExecResult, RuntimeFailure, SandboxConfig
from minikube_edu.kubelet.contract import PodAddresses, SyncFailure
from minikube_edu.kubelet.hooks import LifecycleHooks
from minikube_edu.kubelet.pod_dialing import DialFailure, PodDialing, PodTarget
from minikube_edu.kubelet.probes import hpack
from minikube_edu.kubelet.probes.checks import Checks, Outcome
from minikube_edu.lib import pki
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.pipe import pipe
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.messages import Request, Response
from minikube_edu.lib.web.server import serve
from tests.kubelet.fake_objects import Object, pod_of
from tests.kubelet.fake_runtime import FakeRuntime

IP = "10.244.0.5"
TARGET = PodTarget("s", (IP,), False)


class Runtime(FakeRuntime):
    """Its pods listen on the ports in `servers`."""

    def __init__(self) -> None:
        super().__init__()
        self.servers: dict[int, Callable[[ByteStream], Awaitable[None]]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.refuses = ""

    async def dial(self, sandbox_id: str, port: int) -> ByteStream:
        if self.refuses or port not in self.servers:
            raise RuntimeFailure(self.refuses or "connect: connection refused", "Unavailable")
        near, far = pipe()

        async def run() -> None:
            with contextlib.suppress(StreamReset):
                await self.servers[port](far)

        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return near

    def answers(self, port: int, *answers: str) -> list[str]:
        """HTTP answers, the last one again and again; returns the requests."""
        asked: list[str] = []

        async def serve(stream: ByteStream) -> None:
            asked.append((await stream.read()).decode(errors="replace"))
            answer = answers[min(len(asked), len(answers)) - 1]
            if answer == "silence":
                await asyncio.sleep(3600)
            stream.write(answer.encode())
            stream.end()

        self.servers[port] = serve
        return asked


def reply(status: int, body: str = "", headers: str = "") -> str:
    return f"HTTP/1.1 {status} Words\r\nContent-Length: {len(body)}\r\n{headers}\r\n{body}"


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    made = Runtime()
    yield made
    for task in list(made.tasks):
        task.cancel()
    await asyncio.gather(*made.tasks, return_exceptions=True)


async def check(runtime: Runtime, container: Object | None = None, target: PodTarget = TARGET, **probe: Any) -> Outcome:
    return await Checks(runtime, PodDialing(runtime)).check(probe, container or {"name": "c"}, "id", target)


async def test_what_does_an_http_probe_say(runtime: Runtime) -> None:
    asked = runtime.answers(8080, reply(200, "fine"), reply(500, "secret"), reply(302, "", "Location: http://x.y/\r\n"))
    action = {
        "port": "web",
        "path": "/healthz?full=1",
        "httpHeaders": [{"name": "X-A", "value": "b"}, {"name": "Host", "value": "h"}],
    }
    container = {"name": "c", "ports": [{"name": "web", "containerPort": 8080}]}
    assert await check(runtime, container, httpGet=action) == Outcome(True, "fine")
    assert asked[0].splitlines()[0] == "GET /healthz?full=1 HTTP/1.1"
    assert {"X-A: b", "Host: h", "User-Agent: kube-probe/1.36", "Accept: */*"} <= set(asked[0].splitlines())
    assert await check(runtime, container, httpGet=action) == Outcome(False, "HTTP probe failed with statuscode: 500")
    found = await check(runtime, container, httpGet=action)
    assert (found.passed, found.warning, found.output) == (True, True, "Probe terminated redirects, Response body: ")


async def test_are_redirects_within_the_host_followed(runtime: Runtime) -> None:
    asked = runtime.answers(80, reply(302, "", "Location: /there\r\n"), reply(200, "here"))
    assert await check(runtime, httpGet={"port": 80}) == Outcome(True, "here")
    assert asked[1].startswith("GET /there ")
    runtime.answers(80, reply(302, "", "Location: /there\r\n"))
    assert (await check(runtime, httpGet={"port": 80})).output.endswith("stopped after 10 redirects")


async def test_why_can_a_pod_not_be_asked(runtime: Runtime) -> None:
    start = 'Get "http://10.244.0.5:80/": '
    refused = "dial tcp 10.244.0.5:80: connect: connection refused"
    assert await check(runtime, httpGet={"port": 80}) == Outcome(False, start + refused)
    assert await check(runtime, tcpSocket={"port": 80}) == Outcome(False, refused)
    runtime.refuses = "connect: no route to host"
    assert (await check(runtime, tcpSocket={"port": 80})).output == "dial tcp 10.244.0.5:80: connect: no route to host"
    runtime.refuses = ""
    runtime.answers(80, "silence")
    late = await check(runtime, httpGet={"port": 80}, timeoutSeconds=0.02)
    assert late.output == start + "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    assert (await check(runtime, tcpSocket={"port": 80})).passed
    runtime.answers(80, "")
    assert (await check(runtime, httpGet={"port": 80})).output == start + "EOF"
    runtime.answers(80, "SSH-2.0-x\r\n")
    assert "malformed HTTP response" in (await check(runtime, httpGet={"port": 80})).output
    runtime.answers(443, reply(400))
    assert (await check(runtime, httpGet={"port": 443, "scheme": "HTTPS"})).output == (
        'Get "https://10.244.0.5:443/": http: server gave HTTP response to HTTPS client'
    )


async def test_what_does_an_exec_probe_say(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[ExecResult | RuntimeFailure] = [
        ExecResult(b"ok", b"", 0),
        ExecResult(b"out ", b"err", 1),
        RuntimeFailure("timeout", "DeadlineExceeded"),
    ]

    async def exec_sync(*_: Any) -> ExecResult:
        answer = answers.pop(0)
        if isinstance(answer, RuntimeFailure):
            raise answer
        return answer

    monkeypatch.setattr(runtime, "exec_sync", exec_sync)
    action = {"command": ["cat", "/x"]}
    assert await check(runtime, exec=action) == Outcome(True, "ok")
    assert await check(runtime, exec=action) == Outcome(False, "out err")
    assert (await check(runtime, exec=action)).output == 'command timed out: "cat /x" timed out after 1s'


async def test_is_a_pod_on_the_hosts_network_really_dialled(runtime: Runtime, tmp_path: Any) -> None:
    ca = pki.make_ca("c")
    pair = pki.make_certificate(ca, "x", usages=["server"])
    (tmp_path / "crt").write_bytes(pair.certificate)
    (tmp_path / "key").write_bytes(pair.key)

    def handle(request: Request) -> Response:
        return Response(200 if request.path == "/livez" else 404, b"hello", b"text/plain")

    context = tls.server_context(f"{tmp_path}/crt", f"{tmp_path}/key")
    server = await serve(handle, "127.0.0.1", 0, tls=context)
    target = PodTarget("s", ("127.0.0.1",), True)
    action = {"port": server.port, "path": "/livez", "scheme": "HTTPS", "host": "127.0.0.1"}
    assert await check(runtime, target=target, httpGet=action) == Outcome(True, "hello")
    await server.close()
    found = await check(runtime, target=target, httpGet=action)
    assert found.output.endswith(f"dial tcp 127.0.0.1:{server.port}: connect: connection refused")


async def test_is_a_simulated_program_on_the_hosts_network_found(runtime: Runtime) -> None:
    runtime.answers(1, reply(200, "here"))  # nobody listens on port 1 of this host
    target = PodTarget("s", ("127.0.0.1",), True)
    assert await check(runtime, target=target, httpGet={"port": 1}) == Outcome(True, "here")
    assert (await check(runtime, target=target, tcpSocket={"port": 2})).output.endswith("connection refused")


async def test_is_a_grpc_server_understood(runtime: Runtime) -> None:
    grpc = pytest.importorskip("grpc")
    seen: list[bytes] = []
    serving = {b"": b"\x08\x01", b"\x0a\x02db": b"\x08\x02"}

    async def health(request: bytes, context: Any) -> bytes:
        seen.append(request)
        if request not in serving:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return serving[request]

    handlers = {"Check": grpc.unary_unary_rpc_method_handler(health)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    bare = grpc.aio.server()
    bare_port = bare.add_insecure_port("127.0.0.1:0")
    await bare.start()
    target = PodTarget("s", ("127.0.0.1",), True)
    try:
        assert await check(runtime, target=target, grpc={"port": port}) == Outcome(True, "service healthy")
        unhealthy = await check(runtime, target=target, grpc={"port": port, "service": "db"})
        assert unhealthy == Outcome(False, 'service unhealthy (responded with "NOT_SERVING")')
        unknown = await check(runtime, target=target, grpc={"port": port, "service": "x"})
        assert unknown.output == "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
        missing = await check(runtime, target=target, grpc={"port": bare_port})
        assert missing.output.startswith("error: this server does not implement the grpc health protocol")
        away = await check(runtime, grpc={"port": 9})
        assert away.output == 'timeout: failed to connect service "10.244.0.5:9" within 1s: context deadline exceeded'
    finally:
        await server.stop(None)
        await bare.stop(None)


@given(st.text(alphabet=[chr(n) for n in range(32, 127)], max_size=200))
def test_is_what_was_written_read_again(text: str) -> None:
    assert hpack.Decoder().decode(hpack.encode([("name", text)])) == [("name", text)]


# ---------------------------------------------------------------- hooks


async def test_what_do_hooks_do(runtime: Runtime) -> None:
    hooks = LifecycleHooks(runtime)
    sandbox = await runtime.run_sandbox(SandboxConfig("web", "default", "u1"))
    runtime.has_image("i")
    identity = await runtime.create_container(sandbox, ContainerConfig("c", "i"))
    container: Object = {"name": "c", "lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "x"]}}}}
    pod, addresses = pod_of(container), PodAddresses((IP,))

    async def run(handler: Object) -> None:
        await hooks.run(pod, container, identity, handler, addresses)

    asked = runtime.answers(80, reply(500))
    await run({"httpGet": {"path": "bye", "port": 80}})
    assert asked[0].startswith("GET /bye HTTP/1.1\r\n")
    await run({"tcpSocket": {"port": 1}})
    await run({"sleep": {"seconds": 0}})
    await run(container["lifecycle"]["postStart"])
    runtime.exec_answer = ExecResult(b"", b"no x\n", 127)
    with pytest.raises(SyncFailure) as caught:
        await run(container["lifecycle"]["postStart"])
    assert caught.value.reason == "FailedPostStartHook"
    assert caught.value.message == (
        'Exec lifecycle hook ([sh -c x]) for Container "c" in Pod "web_default(u1)" failed - '
        "error: command 'sh -c x' exited with 127: no x\n, message: \"no x\\n\""
    )
    with pytest.raises(SyncFailure) as caught:
        await run({"httpGet": {"path": "/bye", "port": 81}})
    assert caught.value.reason == "FailedPreStopHook"
    assert 'Get "http://10.244.0.5:81/bye": dial tcp 10.244.0.5:81: connect: connection refused' in str(caught.value)


async def test_can_a_runtime_without_dial_be_reached_by_its_port_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = FakeRuntime()
    wire = await PodDialing(plain).connect(TARGET, IP, 80)
    wire.write(b"echo")
    assert await wire.read() == b"echo"
    await wire.close()

    async def refuse(*_: Any) -> None:
        raise RuntimeFailure('failed to connect to localhost:80 inside namespace "x": connection refused')

    monkeypatch.setattr(plain, "port_forward", refuse)  # as containerd says it
    with pytest.raises(DialFailure, match=r"dial tcp 10\.244\.0\.5:80: connect: connection refused"):
        await PodDialing(plain).connect(TARGET, IP, 80)
