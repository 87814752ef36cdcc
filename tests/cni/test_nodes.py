"""Do pods of different nodes reach each other, and what else of this host can they reach?"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from minikube_edu.cni.contract import Address
from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.wire import Wire
from tests.cni.conftest import MakeFabric, add

NODES = ["127.16.9.1", "127.16.9.2"]


def two_nodes(make: MakeFabric, tmp_path: Path, how: str) -> tuple[NodeFabric, NodeFabric]:
    """In one process, or as if in two: each with a wire of its own that knows the other's sockets alone."""
    shared = Wire() if how == "in process" else None
    wires = [shared or Wire(tmp_path / "net") for _ in NODES]
    one = make("one", "10.244.0.0/24", wires[0], node_ip=NODES[0], nodes=NODES)
    two = make("two", "10.244.1.0/24", wires[1], node_ip=NODES[1], nodes=NODES)
    return one, two


@asynccontextmanager
async def seat(address: str, answer: bytes) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer + await reader.read(100))
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(talk, address, 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("how", ["in process", "over sockets"])
async def test_pods_of_two_nodes_talk(make_fabric: MakeFabric, tmp_path: Path, how: str) -> None:
    one, two = two_nodes(make_fabric, tmp_path, how)
    client, web = await add(one, "client"), await add(two, "web")
    listener = web.listen(80)
    near = await client.connect("10.244.1.2", 80)
    far = await listener.accept()
    assert far.peer.ip == "10.244.0.2"
    big = bytes(range(256)) * 2000
    sending = asyncio.ensure_future(near.write(big))
    got = b""
    while len(got) < len(big):
        got += await far.read()
    await sending
    near.end()
    assert await far.read() == b""
    await far.write(b"bye")
    far.close()
    assert (await near.read(), await near.read()) == (b"bye", b"")
    assert got == big
    near.close()
    with pytest.raises(ConnectionRefusedError):
        await client.connect("10.244.1.2", 81)
    with pytest.raises(OSError, match="No route"):
        await client.connect("10.244.1.9", 80)
    assert 0 < await client.ping("10.244.1.2") < 0.01
    with pytest.raises(OSError, match="No route"):
        await client.ping("10.244.1.9", 4)
    server, socket = web.datagrams(53), client.datagrams()
    socket.send(b"who", Address("10.244.1.2", 53))
    question, source = await server.receive()
    server.send(question.upper(), source)
    assert await socket.receive() == (b"WHO", Address("10.244.1.2", 53))


async def test_policies_are_asked_on_the_other_side_too(make_fabric: MakeFabric, tmp_path: Path) -> None:
    one, two = two_nodes(make_fabric, tmp_path, "over sockets")
    client, web = await add(one, "client"), await add(two, "web")
    web.listen(80)
    two.set_permit(lambda source, to, protocol: source != "10.244.0.2")
    with pytest.raises(TimeoutError):
        await client.connect("10.244.1.2", 80, 2)


async def test_the_sockets_are_private_and_leave_with_the_node(make_fabric: MakeFabric, tmp_path: Path) -> None:
    one, _ = two_nodes(make_fabric, tmp_path, "over sockets")
    await one.open()
    await add(one, "pod")
    paths = sorted((tmp_path / "net").iterdir())
    assert [path.name for path in paths] == ["10.244.0.0_24.sock", "127.16.9.1_32.sock"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    await one.close()
    assert not list((tmp_path / "net").iterdir())


async def test_a_dead_node_is_unreachable(make_fabric: MakeFabric, tmp_path: Path) -> None:
    one, _ = two_nodes(make_fabric, tmp_path, "over sockets")
    pod = await add(one, "pod")
    (tmp_path / "net" / "10.244.1.0_24.sock").touch()
    with pytest.raises(OSError, match="No route"):
        await pod.connect("10.244.1.2", 80)


async def test_the_api_server_is_reached_through_its_service(make_fabric: MakeFabric) -> None:
    async with seat("127.16.9.1", b"seat:") as port:
        fabric = make_fabric(node_ip="127.16.9.1", nodes=["127.16.9.1"], seat_ports={port})
        fabric.set_translate(lambda _, to, protocol: Address("127.16.9.1", port) if to.ip == "10.96.0.1" else None)
        pod = await add(fabric, "pod")
        for connection in (await pod.connect("10.96.0.1", 443), await fabric.host.connect("127.0.0.1", port)):
            await connection.write(b"hello")
            assert await connection.read() == b"seat:hello"
            connection.close()


async def test_no_program_reaches_other_ports_or_addresses_of_this_host(make_fabric: MakeFabric) -> None:
    async with seat("127.0.0.1", b"!") as local, seat("127.16.9.1", b"!") as foreign, seat("127.16.9.3", b"!") as other:
        fabric = make_fabric(node_ip="127.16.9.1", nodes=["127.16.9.1", "127.0.0.1"], seat_ports={local, other})
        pod = await add(fabric, "pod")
        for namespace in (pod, fabric.host):
            for ip, port in [
                ("127.0.0.1", foreign),
                ("127.16.9.1", foreign),  # a node's address, but no seat's port
                ("127.0.0.2", local),
                ("::1", local),
                ("127.16.9.3", other),  # not one of the nodes
                ("0.0.0.0", local),
                ("10.244.0.1", foreign),
            ]:
                with pytest.raises(OSError) as caught:  # noqa: PT011
                    await namespace.connect(ip, port, 0.5)
                assert caught.value.errno in (errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ENETUNREACH)
        with pytest.raises(ConnectionRefusedError):
            await pod.connect("127.0.0.1", local)


async def test_a_port_of_the_nodes_network_is_real_only_where_told(make_fabric: MakeFabric) -> None:
    fabric = make_fabric(node_ip="127.16.9.1", expose=True)
    listener = fabric.host.listen(0)
    await asyncio.sleep(0)
    reader, writer = await asyncio.open_connection("127.16.9.1", listener.address.port)
    far = await listener.accept()
    writer.write(b"from the host")
    assert await far.read() == b"from the host"
    await far.write(b"back")
    assert await reader.read(10) == b"back"
    far.close()
    writer.close()
    await writer.wait_closed()
    with pytest.raises(OSError, match="in use"):
        fabric.host.listen(listener.address.port)
    hidden = make_fabric("hidden", node_ip="127.16.9.2").host.listen(0)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.16.9.2", hidden.address.port)
