"""Does the same client work over a socket, with TLS, and through restarts?"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from minikube_edu.client.credentials import Nobody
from minikube_edu.client.informer import Informer
from minikube_edu.client.kubeconfig import ClientConfig, connect
from minikube_edu.client.rest import Client, Resource
from minikube_edu.client.sending import Sender
from minikube_edu.client.transport import Connection, Endpoint
from minikube_edu.lib import clock, pki
from minikube_edu.lib.web import server as web
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.messages import Answer, Request
from tests.client.server import Server

CONFIGMAPS = Resource("", "v1", "configmaps")


class Secured(NamedTuple):
    server: web.Server
    api: Server
    seen: list[str]  # the common names that clients have shown
    ca: pki.Pair
    folder: Path

    def config(self, **endpoint: object) -> ClientConfig:
        url = f"https://127.0.0.1:{self.server.port}"
        return ClientConfig(
            Endpoint(url, ca_data=self.ca.certificate.decode(), **endpoint),  # type: ignore[arg-type]
            Nobody(cert_file=str(self.folder / "client.crt"), key_file=str(self.folder / "client.key")),
        )

    def client_certificate(self, name: str) -> None:
        write(self.folder, "client", pki.make_certificate(self.ca, name))


def write(folder: Path, name: str, pair: pki.Pair) -> None:
    (folder / f"{name}.crt").write_bytes(pair.certificate)
    (folder / f"{name}.key").write_bytes(pair.key)


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    clock.install(clock.SystemClock())  # certificates and OpenSSL must agree on the time
    ca = pki.make_ca("test-ca")
    write(tmp_path, "ca", ca)
    write(tmp_path, "server", pki.make_certificate(ca, "api", ips=["127.0.0.1"], dns=["api.local"], usages=["server"]))
    write(tmp_path, "client", pki.make_certificate(ca, "jo"))
    api, seen = Server(), []

    def handler(request: Request) -> Answer:
        certificate = request.peer.certificate
        seen.append(pki.subject_of(certificate).common_name if certificate else "")
        return api(request)

    paths = [str(tmp_path / name) for name in ("server.crt", "server.key", "ca.crt")]
    server = await web.serve(handler, "127.0.0.1", 0, tls=tls.server_context(*paths))
    yield Secured(server, api, seen, ca, tmp_path)
    await server.close(grace=0)


async def test_does_the_server_see_the_client_s_certificate(secured: Secured) -> None:
    client = connect(secured.config(), user_agent="test")
    secured.api.put("configmaps", "a")
    assert (await client.get(CONFIGMAPS, "a", "default"))["metadata"]["name"] == "a"
    secured.client_certificate("ann")
    os.utime(secured.folder / "client.crt", (1, 1))
    await client.get(CONFIGMAPS, "a", "default")
    assert secured.seen == ["jo", "ann"]
    await client.close()


async def test_is_an_impostor_noticed(secured: Secured) -> None:
    wrong_ca = Endpoint(f"https://127.0.0.1:{secured.server.port}", ca_data=pki.make_ca("other").certificate.decode())
    client = Client(Sender(Connection(wrong_ca), refused_retries=0))
    with pytest.raises(OSError, match="certificate verify failed"):
        await client.list(CONFIGMAPS)
    await client.close()
    wrong_name = connect(secured.config(server_name="other.local"), refused_retries=0)
    with pytest.raises(OSError, match="certificate verify failed"):
        await wrong_name.list(CONFIGMAPS)
    await wrong_name.close()


async def test_may_another_name_or_no_check_be_asked_for(secured: Secured) -> None:
    named = connect(secured.config(server_name="api.local"))
    assert (await named.list(CONFIGMAPS))["items"] == []
    await named.close()
    careless = Connection(Endpoint(f"https://127.0.0.1:{secured.server.port}", insecure=True))
    client = Client(Sender(careless))
    assert (await client.list(CONFIGMAPS))["items"] == []
    await client.close()
    assert secured.seen == ["jo", ""]


async def test_does_an_informer_outlive_the_server() -> None:
    api = Server()
    api.put("configmaps", "a")
    server = await web.serve(api, "127.0.0.1", 0)
    port = server.port
    client = Client(Sender(Connection(Endpoint(f"http://127.0.0.1:{port}"))))
    informer = Informer(client, CONFIGMAPS)
    task = asyncio.create_task(informer.run())
    await asyncio.wait_for(informer.wait_synced(), 10)
    await server.close(grace=0)
    api.watchers.clear()
    api.put("configmaps", "b")
    server = await web.serve(api, "127.0.0.1", port)
    async with asyncio.timeout(60):
        while informer.index.find("b", "default") is None:  # noqa: ASYNC110 - the informer has no event for it
            await asyncio.sleep(0.01)
    assert informer.reflector.lists == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await client.close()
    await server.close(grace=0)


async def test_is_a_refused_connection_told_in_the_end() -> None:
    server = await web.serve(Server(), "127.0.0.1", 0)
    port = server.port
    await server.close(grace=0)
    client = Client(Sender(Connection(Endpoint(f"http://127.0.0.1:{port}")), refused_retries=1))
    with pytest.raises(ConnectionRefusedError):
        await client.list(CONFIGMAPS)
    await client.close()


async def test_does_a_path_in_the_address_come_first() -> None:
    paths = []
    api = Server()

    def handler(request: Request) -> Answer:
        paths.append(request.path)
        return api(Request(request.method, request.path.removeprefix("/proxy/x"), "", (), b"", request.peer))

    server = await web.serve(handler, "127.0.0.1", 0)
    client = Client(Sender(Connection(Endpoint(f"http://127.0.0.1:{server.port}/proxy/x/"))))
    assert (await client.list(CONFIGMAPS))["items"] == []
    assert paths == ["/proxy/x/api/v1/configmaps"]
    await client.close()
    await server.close(grace=0)


@pytest.mark.parametrize("url", ["ftp://x", "https://"])
def test_is_a_bad_address_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is no address of a server"):
        Connection(Endpoint(url))
