"""Every test of this folder that is a coroutine runs twice: on plain asyncio and on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.lib import pki
from minikube_edu.lib.web.messages import Handler
from minikube_edu.lib.web.server import Server, serve


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    factories: dict[str, Any] = {"asyncio": asyncio.new_event_loop}
    try:
        import uvloop

        factories["uvloop"] = uvloop.new_event_loop
    except ImportError:
        pass
    return factories


@dataclass
class Files:
    """Paths of PEM files."""

    ca: str
    cert: str
    key: str
    client_cert: str
    client_key: str
    stranger_cert: str
    stranger_key: str
    other_cert: str
    other_key: str


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder: Path = tmp_path_factory.mktemp("pki")
    ca = pki.make_ca("ca")
    (folder / "ca.crt").write_bytes(ca.certificate)

    def write(name: str, pair: pki.Pair) -> tuple[str, str]:
        (folder / f"{name}.crt").write_bytes(pair.certificate)
        (folder / f"{name}.key").write_bytes(pair.key)
        return str(folder / f"{name}.crt"), str(folder / f"{name}.key")

    server = pki.make_certificate(ca, "server", dns=["localhost"], ips=["127.0.0.1"], usages=["server"])
    other = pki.make_certificate(ca, "other", dns=["other.test"], usages=["server"])
    client = pki.make_certificate(ca, "admin", ["system:masters"])
    stranger = pki.make_certificate(pki.make_ca("elsewhere"), "admin", ["system:masters"])
    return Files(
        str(folder / "ca.crt"),
        *write("server", server),
        *write("client", client),
        *write("stranger", stranger),
        *write("other", other),
    )


Start = Callable[..., Awaitable[Server]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts servers on loopback, and closes them behind the test; nothing of them may be left."""
    servers: list[Server] = []

    async def starting(handler: Handler, **options: Any) -> Server:
        server = await serve(handler, "127.0.0.1", 0, **options)
        servers.append(server)
        return server

    yield starting
    for server in servers:
        await server.close()
        assert not server.connections
        assert not server.tasks
        assert not server.upgraded
