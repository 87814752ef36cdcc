"""/portForward: connections to a pod's ports, many over one.

SPDY (bare, or tunnelled in a WebSocket as newer clients do): for every connection the client opens two streams with the
same `requestid`, one for data and one for an error's text. Over bare WebSocket channels the ports stand in the query,
and each has two channels; the first message on both is the port's number.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.server.remote_command import TEXT, offered_protocols
from minikube_edu.lib.streams import channels, tunnel, websocket
from minikube_edu.lib.streams.byte_stream import ByteStream, Session, StreamReset
from minikube_edu.lib.streams.channels import ChannelSession, serve_channels
from minikube_edu.lib.streams.spdy import PROTOCOL, SpdySession, serve_spdy
from minikube_edu.lib.web.messages import Answer, Request, Response, Upgrade

log = logging.getLogger(__name__)

Object = dict[str, Any]
Query = Mapping[str, Sequence[str]]

V1 = "portforward.k8s.io"
PAIR_SECONDS = 30.0  # for the second stream of a pair


def ports_of(query: Query) -> list[int]:
    """Of the bare WebSocket protocol. ValueError in the real words."""
    if not query.get("port"):
        raise ValueError('query parameter "port" is required')
    found = []
    for text in query["port"]:
        for one in text.split(","):
            if not one:
                raise ValueError('query parameter "port" cannot be empty')
            if not (one.isascii() and one.isdigit() and int(one) < 65536):
                raise ValueError(
                    f'unable to parse "{one}" as a port: strconv.ParseUint: parsing "{one}": invalid syntax'
                )
            if int(one) < 1:
                raise ValueError(f'port "{one}" must be > 0')
            found.append(int(one))
    return found


class PortForwards:
    def __init__(self, runtime: ContainerRuntime) -> None:
        self.runtime = runtime
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def answer(self, request: Request, query: Query, pod: Object, sandbox_id: str) -> Answer:
        def begin(session: SpdySession) -> None:
            session.on_stream = _Pairs(self, pod, sandbox_id).opened

        if websocket.is_handshake(request.headers):
            if tunnel.PORT_FORWARD in websocket.offered_protocols(request.headers):
                headers, _ = websocket.accept(request.headers, (tunnel.PORT_FORWARD,))
                return Upgrade(tunnel.through_websocket(serve_spdy(begin)), headers)
            return self._bare(request, query, pod, sandbox_id)
        if (request.header(b"upgrade") or b"").lower() != PROTOCOL.lower().encode():
            return Response(400, b"Upgrade request required\n", b"text/plain; charset=utf-8")
        offered = offered_protocols(request)
        if offered and V1 not in offered:
            why = f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], "
            return Response(403, (why + f"server accepts [{V1}]").encode(), TEXT)
        upgraded = [(b"Upgrade", PROTOCOL.encode()), (b"X-Stream-Protocol-Version", V1.encode())]
        return Upgrade(serve_spdy(begin), upgraded)

    def _bare(self, request: Request, query: Query, pod: Object, sandbox_id: str) -> Answer:
        try:
            ports = ports_of(query)
            supported = (channels.V4, channels.V4_BASE64, "")
            headers, protocol = websocket.accept(request.headers, supported)
        except (ValueError, websocket.Refused) as error:
            return Response(400, str(error).encode(), TEXT)

        def begin(session: ChannelSession) -> None:
            for index, port in enumerate(ports):
                data, error = session.channel(2 * index), session.channel(2 * index + 1)
                for stream in (data, error):
                    stream.write(struct.pack("<H", port))
                self.forward(pod, sandbox_id, port, data, error)

        return Upgrade(serve_channels(protocol, begin), headers)

    def forward(self, pod: Object, sandbox_id: str, port: int, data: ByteStream, error: ByteStream) -> None:
        self.spawn(self._forward(pod, sandbox_id, port, data, error))

    def spawn(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, pod: Object, sandbox_id: str, port: int, data: ByteStream, error: ByteStream) -> None:
        try:
            await self.runtime.port_forward(sandbox_id, port, data)
        except StreamReset:
            pass  # the client has gone
        except RuntimeFailure as failure:
            where = f"pod {pod_facts.name(pod)}, uid {pod_facts.uid(pod)}"
            error.write(f"error forwarding port {port} to {where}: {failure.message}".encode())
        except Exception:
            log.exception("a port-forward failed")
        finally:
            data.end()
            error.end()


class _Pairs:
    """Streams of a SPDY session, two and two."""

    def __init__(self, forwards: PortForwards, pod: Object, sandbox_id: str) -> None:
        self.forwards, self.pod, self.sandbox_id = forwards, pod, sandbox_id
        self.waiting: dict[str, dict[str, ByteStream]] = {}

    def opened(self, stream: ByteStream) -> None:
        kind, port = stream.headers.get("streamtype", ""), stream.headers.get("port", "")
        if kind not in ("data", "error") or not port.isdigit() or not 0 < int(port) < 65536:
            stream.reset()
            return
        # Very old clients give no id; theirs is the stream's number: the error stream is opened first.
        request = stream.headers.get("requestid") or str(stream.number if kind == "error" else stream.number - 2)
        pair = self.waiting.setdefault(request, {})
        pair[kind] = stream
        if len(pair) < 2:
            self._expire(stream.session, request)
            return
        del self.waiting[request]
        self.forwards.forward(self.pod, self.sandbox_id, int(port), pair["data"], pair["error"])

    def _expire(self, session: Session, request: str) -> None:
        def over() -> None:
            pair = self.waiting.pop(request, None)
            if pair is not None and not session.closed:
                for stream in pair.values():
                    if stream.headers["streamtype"] == "error":
                        stream.write(f"timed out waiting for streams for request {request}".encode())
                    stream.end()

        timer: Callable[..., object] = asyncio.get_running_loop().call_later
        timer(PAIR_SECONDS, over)
