"""A container is killed while its programs talk: is any task of theirs left, is a connection left open?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from minikube_edu.container_runtime.simulated.contract import Program
from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.programs import agnhost, memcached, mongo, mysql, postgres, redis
from tests.container_runtime.pods import pods, until

SERVERS: dict[str, tuple[Mapping[str, Program], list[str], int]] = {
    "redis": ({"redis-server": redis.server}, ["redis-server"], 6379),
    "memcached": ({"memcached": memcached.main}, ["memcached"], 11211),
    "mongo": ({"mongod": mongo.server}, ["mongod"], 27017),
    "mysql": ({"mysqld": mysql.server}, ["mysqld"], 3306),
    "postgres": ({"postgres": postgres.server}, ["postgres"], 5432),
    "agnhost": ({"agnhost": agnhost.main}, ["agnhost", "netexec"], 8080),
    "nc": ({}, ["nc", "-lk", "-p", "7000"], 7000),
    "nc over UDP": ({}, ["nc", "-u", "-l", "-p", "7000"], 7000),
    "socat": ({}, ["socat", "TCP-LISTEN:7000,fork", "PIPE"], 7000),
}
ENV = {"MYSQL_ROOT_PASSWORD": "x", "POSTGRES_PASSWORD": "x"}


@pytest.mark.parametrize("name", SERVERS)
async def test_a_killed_server_leaves_no_task_behind(name: str) -> None:
    programs, command, port = SERVERS[name]
    async with pods() as cluster:
        before = asyncio.all_tasks()
        server = await cluster.pod(
            "server", programs, {"/data/": Entry(), "/var/lib/mysql/": Entry()}, tools=["nc", "socat"]
        )
        process = server.spawn(command, stdin=None, env=ENV, cwd="/data")
        await until(lambda: cluster.namespaces["server"].listening())
        client = await cluster.pod("client", tools=["nc"])
        for _ in range(3):
            client.spawn(["nc", *(["-u"] if "UDP" in name else []), "server", str(port)], stdin=None)
        await asyncio.sleep(0.2)
        server.machine.kill()
        client.machine.kill()
        await asyncio.sleep(0.1)
        assert process.status is not None
        assert process.status.signal == 9
        assert asyncio.all_tasks() == before
        assert not cluster.namespaces["server"].listening()


async def test_what_a_server_does_for_its_clients_is_its_own_processor_time() -> None:
    async with pods() as cluster:
        server = await cluster.pod("server", {"redis-server": redis.server}, {"/data/": Entry()}, tools=[])
        process = server.spawn(["redis-server"], stdin=None, cwd="/data")
        await until(lambda: cluster.namespaces["server"].listening())
        client = await cluster.pod("client", tools=["nc"])
        used = process.cpu_used
        result = await client.run(["nc", "server", "6379"], stdin=b"PING\r\n" * 2000 + b"QUIT\r\n")
        assert result.stdout.count(b"PONG") == 2000
        assert process.cpu_used > used + 0.001
