"""HTTP and TLS over a connection that is no socket of the loop's own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from minikube_edu.lib import pki
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.carried import PIECE
from minikube_edu.lib.web.client import Client
from minikube_edu.lib.web.incoming import Disconnected


class Carried:
    """Bytes over asyncio's streams: to the client it is just something that reads and writes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.closed = False

    async def read(self, size: int = PIECE) -> bytes:
        return await self.reader.read(size)

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.closed = True
        self.writer.close()


@asynccontextmanager
async def serving(tmp_path: Path, secure: bool) -> AsyncIterator[tuple[int, ssl.SSLContext | None]]:
    """A server that answers /big with a megabyte, /echo with the body, /cut with half an answer."""
    ca = pki.make_ca("ca")
    own = pki.make_certificate(ca, "server", dns=["kubernetes"], usages=["server"])
    for name, data in (("ca", ca.certificate), ("crt", own.certificate), ("key", own.key)):
        (tmp_path / name).write_bytes(data)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ")[1]
                length = next(
                    (int(line[16:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")), 0
                )
                body = await reader.readexactly(length) if length else b""
                answer = bytes(1 << 20) if path == b"/big" else body
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(answer) or 100 * (path == b"/cut"))
                )
                writer.write(answer)
                await writer.drain()
                if path == b"/cut":
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    context = tls.server_context(f"{tmp_path}/crt", f"{tmp_path}/key") if secure else None
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], tls.client_context(f"{tmp_path}/ca") if secure else None
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("secure", [False, True])
async def test_are_requests_answered_over_one_connection(tmp_path: Path, secure: bool) -> None:
    made: list[Carried] = []

    async with serving(tmp_path, secure) as (port, context):

        async def dial(host: str, number: int) -> Carried:
            assert (host, number) == ("kubernetes", 443)
            made.append(Carried(*await asyncio.open_connection("127.0.0.1", port)))
            return made[-1]

        client = Client("kubernetes", 443, tls=context, dial=dial)
        data = bytes(range(256)) * 2000
        assert (await client.request("POST", "/echo", body=data, timeout=5)).body == data
        assert len((await client.request("GET", "/big", timeout=5)).body) == 1 << 20
        async with await client.stream("GET", "/big", timeout=5) as body:
            assert len(await body.read()) == 1 << 20
        assert len(made) == 1
        with pytest.raises(Disconnected):
            await client.request("POST", "/cut", timeout=5)
        await client.close()
        assert all(one.closed for one in made)


async def test_is_an_impostor_found_out(tmp_path: Path) -> None:
    made: list[Carried] = []
    async with serving(tmp_path, True) as (port, _):

        async def dial(host: str, number: int) -> Carried:
            made.append(Carried(*await asyncio.open_connection("127.0.0.1", port)))
            return made[-1]

        for context, name in ((tls.client_context(), "kubernetes"), (tls.client_context(f"{tmp_path}/ca"), "other")):
            client = Client(name, 443, tls=context, dial=dial)
            with pytest.raises(ssl.SSLCertVerificationError):
                await client.request("GET", "/big", timeout=5)
            await client.close()
        assert [one.closed for one in made] == [True, True]


async def test_does_closing_cut_a_stream_that_is_still_coming(tmp_path: Path) -> None:
    async with serving(tmp_path, True) as (port, context):

        async def dial(host: str, number: int) -> Carried:
            return Carried(*await asyncio.open_connection("127.0.0.1", port))

        client = Client("kubernetes", 443, tls=context, dial=dial)
        body = await client.stream("GET", "/cut", timeout=5)
        await client.close()
        with pytest.raises(Disconnected):
            await body.read()
