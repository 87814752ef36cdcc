"""ping, nslookup, dig, nc, ip and their kin: what do they print?"""

from __future__ import annotations

import re

import pytest

from tests.container_runtime.pods import pods, until


async def test_nslookup_of_busybox() -> None:
    async with pods() as cluster:
        await cluster.pod("web")
        client = await cluster.pod("client")
        found = await client.run(["nslookup", "web.default.svc.cluster.local"])
        assert found.code == 0
        assert found.stdout.decode().startswith(
            "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n"
            f"Name:\tweb.default.svc.cluster.local\nAddress: {cluster.ip('web')}\n"
        )
        missing = await client.run(["nslookup", "nobody"])
        assert missing.code == 1
        assert b"** server can't find nobody.default.svc.cluster.local: NXDOMAIN" in missing.stdout
        short = await client.run(["nslookup", "web"])  # below every domain of the search list, found or not
        assert f"Name:\tweb.default.svc.cluster.local\nAddress: {cluster.ip('web')}\n" in short.stdout.decode()
        assert (short.code, b"can't find web.svc.cluster.local: NXDOMAIN" in short.stdout) == (1, True)


async def test_nslookup_and_dig_of_bind() -> None:
    async with pods() as cluster:
        await cluster.pod("web")
        client = await cluster.pod("client", busybox=False)
        found = await client.run(["nslookup", "web"])
        assert found.stdout.decode() == (
            "Server:\t\t10.96.0.10\nAddress:\t10.96.0.10#53\n\n"
            f"Name:\tweb.default.svc.cluster.local\nAddress: {cluster.ip('web')}\n\n"
        )
        missing = await client.run(["nslookup", "nobody"])
        assert (missing.code, missing.stdout.endswith(b"** server can't find nobody: NXDOMAIN\n\n")) == (1, True)
        assert (
            await client.run(["dig", "+short", "web.default.svc.cluster.local"])
        ).stdout.decode() == f"{cluster.ip('web')}\n"
        assert (await client.run(["dig", "+search", "+short", "web"])).stdout.decode() == f"{cluster.ip('web')}\n"
        whole = (await client.run(["dig", "web.default.svc.cluster.local"])).stdout.decode()
        assert f"\nweb.default.svc.cluster.local. 30 IN\tA\t{cluster.ip('web')}\n" in whole
        assert "status: NOERROR" in whole
        lost = await client.run(["dig", "@10.244.0.99", "x", "+time=1", "+tries=1"])
        assert (lost.code, b"no servers could be reached" in lost.stdout) == (9, True)
        host = await client.run(["host", "web"])
        assert host.stdout.decode() == f"web.default.svc.cluster.local has address {cluster.ip('web')}\n"


@pytest.mark.parametrize("busybox", [True, False])
async def test_ping_counts(busybox: bool) -> None:
    async with pods() as cluster:
        await cluster.pod("web")
        client = await cluster.pod("client", busybox=busybox)
        good = await client.run(["ping", "-c", "2", "web"])
        assert good.code == 0
        if busybox:
            assert re.fullmatch(
                r"PING web \(10\.244\.0\.3\): 56 data bytes\n"
                r"64 bytes from 10\.244\.0\.3: seq=0 ttl=64 time=0\.\d{3} ms\n"
                r"64 bytes from 10\.244\.0\.3: seq=1 ttl=64 time=0\.\d{3} ms\n\n"
                r"--- web ping statistics ---\n2 packets transmitted, 2 packets received, 0% packet loss\n"
                r"round-trip min/avg/max = 0\.\d{3}/0\.\d{3}/0\.\d{3} ms\n",
                good.stdout.decode(),
            )
        else:
            assert b"icmp_seq=2 ttl=64" in good.stdout
            assert b"2 packets transmitted, 2 received, 0% packet loss, time " in good.stdout
        lost = await client.run(["ping", "-c", "1", "-W", "1", "10.96.3.3"])
        assert (lost.code, b"100% packet loss" in lost.stdout) == (1, True)
        unknown = await client.run(["ping", "nobody"])
        assert unknown.stderr == (
            b"ping: bad address 'nobody'\n" if busybox else b"ping: nobody: Name or service not known\n"
        )


async def test_nc_talks_listens_and_looks() -> None:
    async with pods() as cluster:
        server = await cluster.pod("server")
        client = await cluster.pod("client", busybox=False)
        heard = bytearray()
        server.spawn(["nc", "-l", "-p", "9000"], stdout=heard, stdin=b"welcome\n")
        await until(lambda: cluster.namespaces["server"].listening())
        said = await client.run(["nc", "-w", "2", "server", "9000"], stdin=b"hello\n")
        await until(lambda: bytes(heard) == b"hello\n")
        assert said.stdout == b"welcome\n"
        closed = await client.run(["nc", "-zv", "server", "9000"])
        assert closed.stderr.decode() == (
            f"nc: connect to server ({cluster.ip('server')}) port 9000 (tcp) failed: Connection refused\n"
        )
        server.spawn(["nc", "-lk", "-p", "9000"], stdin=None)
        await until(lambda: cluster.namespaces["server"].listening())
        opened = await client.run(["nc", "-zv", "server", "9000"])
        assert (opened.code, opened.stderr.decode()) == (
            0, f"Connection to server ({cluster.ip('server')}) 9000 port [tcp/*] succeeded!\n",
        )  # fmt: skip


async def test_interfaces_and_sockets_are_shown() -> None:
    async with pods() as cluster:
        pod = await cluster.pod("pod", busybox=False)
        pod.spawn(["nc", "-lk", "-p", "8080"], stdin=None)
        await until(lambda: cluster.namespaces["pod"].listening())
        ip = cluster.ip("pod")
        assert f"    inet {ip}/24 brd 10.244.0.255 scope global eth0\n" in (await pod.run(["ip", "a"])).stdout.decode()
        assert (await pod.run(["ip", "route"])).stdout.decode().startswith("default via 10.244.0.1 dev eth0 \n")
        assert (await pod.run(["ip", "link", "add", "x"])).stderr == b"RTNETLINK answers: Operation not permitted\n"
        assert f"inet {ip}  netmask 255.255.255.0" in (await pod.run(["ifconfig"])).stdout.decode()
        assert re.search(
            rb"tcp +0 +0 0\.0\.0\.0:8080 +0\.0\.0\.0:\* +LISTEN", (await pod.run(["netstat", "-tulpn"])).stdout
        )
        assert re.search(rb"LISTEN 0 +511 +0\.0\.0\.0:8080", (await pod.run(["ss", "-tln"])).stdout)
        assert (await pod.run(["ssh", "root@" + ip])).stderr.decode() == (
            f"ssh: connect to host {ip} port 22: Connection refused\n"
        )
        assert (await pod.run(["iptables", "-L"])).code == 4
