"""What does a pod see of the network on its own node?"""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest

from minikube_edu.cni.contract import Address, Attachment, Namespace, Sender
from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.lib import clock
from tests.cni.conftest import MakeFabric, add


async def failure_of(namespace: Namespace, ip: str, port: int, timeout: float | None = None) -> int | None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 (the errno is what is asked)
        await namespace.connect(ip, port, timeout)
    return caught.value.errno


async def test_two_pods_talk_and_see_each_others_addresses(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    web, client = await add(fabric, "web"), await add(fabric, "client")
    assert (web.ips, client.ips) == (["10.244.0.2"], ["10.244.0.3"])
    assert web.gateway == "10.244.0.1"
    assert web.mac == "0a:58:0a:f4:00:02"
    listener = web.listen(80)
    near = await client.connect("10.244.0.2", 80)
    far = await listener.accept()
    assert far.peer.ip == "10.244.0.3"
    assert near.peer == Address("10.244.0.2", 80)
    await near.write(b"GET /")
    near.end()
    assert await far.read() == b"GET /"
    assert await far.read() == b""
    await far.write(b"hello")  # half-closed: the other direction goes on
    far.close()
    assert (await near.read(2), await near.read(), await near.read()) == (b"he", b"llo", b"")
    assert client.traffic.tx_bytes > 5 <= web.traffic.rx_packets + 5
    near.close()


async def test_where_nobody_listens_is_refused_and_where_nobody_lives_unreachable(make_fabric: MakeFabric) -> None:
    pod = await add(make_fabric(), "pod")
    assert await failure_of(pod, "10.244.0.2", 81) == errno.ECONNREFUSED
    began = clock.monotonic()
    assert await failure_of(pod, "10.244.0.77", 80) == errno.EHOSTUNREACH
    assert 3 <= clock.monotonic() - began < 4
    assert await failure_of(pod, "8.8.8.8", 53) == errno.ENETUNREACH
    began = clock.monotonic()
    assert await failure_of(pod, "10.96.7.7", 80, 5) == errno.ETIMEDOUT
    assert 5 <= clock.monotonic() - began < 6
    assert await failure_of(pod, "10.96.7.7", 80) == errno.ETIMEDOUT
    assert clock.monotonic() - began > 120


async def test_localhost_is_each_pods_own(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    web, other = await add(fabric, "web"), await add(fabric, "other")
    listener = web.listen(8080, "127.0.0.1")
    await web.connect("127.0.0.1", 8080)
    assert (await listener.accept()).peer.ip == "127.0.0.1"
    assert web.traffic.tx_bytes == 0
    assert await failure_of(other, "127.0.0.1", 8080) == errno.ECONNREFUSED
    assert await failure_of(other, web.ips[0], 8080) == errno.ECONNREFUSED


async def test_a_port_is_taken_once_and_free_again_after_close(make_fabric: MakeFabric) -> None:
    pod = await add(make_fabric(), "pod")
    listener = pod.listen(80)
    for ip in ("0.0.0.0", "127.0.0.1"):
        with pytest.raises(OSError, match="Address already in use"):
            pod.listen(80, ip)
    with pytest.raises(OSError, match="Cannot assign"):
        pod.listen(80, "10.9.9.9")
    six = pod.listen(80, "::")
    pod.datagrams(80)
    assert sorted(pod.listening(), key=str) == [
        ("tcp", Address("0.0.0.0", 80)),
        ("tcp", Address("::", 80)),
        ("udp", Address("0.0.0.0", 80)),
    ]
    six.close()
    listener.close()
    pod.listen(80)
    assert pod.listen(0).address.port >= 32768


async def test_a_writer_waits_for_a_slow_reader(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    web, client = await add(fabric, "web"), await add(fabric, "client")
    listener = web.listen(80)
    near = await client.connect(web.ips[0], 80)
    far = await listener.accept()
    writing = asyncio.ensure_future(near.write(bytes(1 << 20)))
    await asyncio.sleep(0.01)
    assert not writing.done()
    size = 0
    while size < 1 << 20:
        size += len(await far.read())
    await writing


async def test_closing_cuts_what_was_not_read(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    web, client = await add(fabric, "web"), await add(fabric, "client")
    listener = web.listen(80)
    near = await client.connect(web.ips[0], 80)
    far = await listener.accept()
    await near.write(b"unread")
    far.close()
    with pytest.raises(ConnectionResetError):
        await near.read()
    near = await client.connect(web.ips[0], 80)
    (await listener.accept()).close()
    assert await near.read() == b""
    with pytest.raises(BrokenPipeError):
        await near.write(b"x")
    waiting = await client.connect(web.ips[0], 80)
    listener.close()
    with pytest.raises(ConnectionResetError):
        await waiting.read()


async def test_datagrams_find_their_way_back_through_a_service(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    dns, client = await add(fabric, "dns"), await add(fabric, "client")
    service = Address("10.96.0.10", 53)
    fabric.set_translate(
        lambda _, to, protocol: Address(dns.ips[0], 5353) if (to, protocol) == (service, "UDP") else None
    )
    server, socket = dns.datagrams(5353), client.datagrams()
    socket.send(b"who", service)
    question, source = await server.receive()
    server.send(question + b"?", source)
    assert await socket.receive() == (b"who?", service)
    socket.send(b"lost", Address(dns.ips[0], 9))


async def test_a_service_without_endpoints_refuses(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    pod = await add(fabric, "pod")

    def refuse(_: Sender, to: Address, protocol: str) -> Address | None:
        raise OSError(errno.ECONNREFUSED, "Connection refused")

    fabric.set_translate(refuse)
    assert await failure_of(pod, "10.96.0.5", 80) == errno.ECONNREFUSED


async def test_policies_drop_without_a_word_but_never_the_nodes_probes(make_fabric: MakeFabric) -> None:
    fabric = make_fabric(node_ip="127.16.9.1")
    web, client = await add(fabric, "web"), await add(fabric, "client")
    web.listen(80)
    fabric.set_permit(lambda source, to, protocol: False)
    began = clock.monotonic()
    assert await failure_of(client, web.ips[0], 80, 2) == errno.ETIMEDOUT
    assert clock.monotonic() - began >= 2
    with pytest.raises(TimeoutError):
        await client.ping(web.ips[0])
    connection = await fabric.connect_from_host(web.ips[0], 80)
    assert connection.local.ip == "127.16.9.1"


async def test_ping_answers_where_somebody_lives(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    one, other = await add(fabric, "one"), await add(fabric, "other")
    assert 0 < await one.ping(other.ips[0]) < 0.001
    assert await one.ping("127.0.0.1") < 0.001
    with pytest.raises(OSError, match="No route"):
        await one.ping("10.244.0.99")
    with pytest.raises(TimeoutError):
        await one.ping("10.96.0.1")


async def test_a_deleted_sandbox_frees_its_address_and_its_ports(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    web, client = await add(fabric, "web"), await add(fabric, "client")
    web.listen(80)
    await fabric.delete("id-of-web")
    await fabric.delete("id-of-web")
    assert await failure_of(client, "10.244.0.2", 80) == errno.EHOSTUNREACH
    assert (await add(fabric, "next")).ips == ["10.244.0.4"]  # the freed one comes round later


async def test_pods_of_the_nodes_network_share_it(make_fabric: MakeFabric) -> None:
    fabric = make_fabric(node_ip="127.16.9.1")
    one = await fabric.add(Attachment("a", "kube-system", "one", host_network=True))
    two = await fabric.add(Attachment("b", "kube-system", "two", host_network=True))
    pod = await add(fabric, "pod")
    one.listen(9100)
    with pytest.raises(OSError, match="in use"):
        two.listen(9100)
    await pod.connect("127.16.9.1", 9100)
    assert list(one.ips) == ["127.16.9.1"]


async def test_the_gateway_is_the_node(make_fabric: MakeFabric) -> None:
    fabric = make_fabric()
    pod = await add(fabric, "pod")
    fabric.host.listen(9100)
    await pod.connect("10.244.0.1", 9100)


def test_a_node_without_configuration_is_not_ready(tmp_path: Path) -> None:
    assert NodeFabric(tmp_path).ready() == "cni plugin not initialized"
