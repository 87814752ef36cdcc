"""A client made of bytes, for what no well-behaved client would send."""

from __future__ import annotations

import asyncio

from minikube_edu.lib.web.messages import Request, Response
from minikube_edu.lib.web.server import Server


async def send(server: Server, data: bytes, *, wait: float = 5.0) -> bytes:
    """What the server says to `data` until it closes; the test's requests say `Connection: close`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        return await asyncio.wait_for(reader.read(), wait)
    finally:
        writer.close()
        await writer.wait_closed()


def echo(request: Request) -> Response:
    """Says what it understood."""
    text = f"{request.method}|{request.path}|{request.query}|{len(request.body)}|{request.too_large}"
    return Response(200, text.encode(), b"text/plain")


def head_and_body(answer: bytes) -> tuple[bytes, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return head, body
