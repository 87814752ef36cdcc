"""Do wget and curl send what they should, and say what the real ones say?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, text
from tests.container_runtime.pods import Cluster, pods, until
from tests.container_runtime.world import Result, World


async def serve(process: Process) -> int:
    async def answer(request: Request) -> Response:
        if request.path == "/moved":
            return Response(b"", 302, "", [("Location", "/hello")])
        if request.path == "/echo":
            return text(f"{request.method} {request.body.decode()} {request.headers.get('x-a', '')}\n")
        if request.path == "/hello":
            return text("hello\n")
        if request.path == "/slow":
            await process.sleep(100)
        return text("no\n", 404)

    return await HttpServer(process, answer).run([80])


class Place:
    def __init__(self, cluster: Cluster, client: World, ip: str) -> None:
        self.cluster, self.client, self.ip = cluster, client, ip

    async def run(self, words: str, stdin: bytes = b"") -> Result:
        return await self.client.run(words.replace("IP", self.ip).split(), stdin=stdin)


@asynccontextmanager
async def place(busybox: bool = True) -> AsyncIterator[Place]:
    async with pods() as cluster:
        web = await cluster.pod("web", {"serve": serve})
        web.spawn(["serve"], stdin=None)
        client = await cluster.pod("client", busybox=busybox)
        await until(lambda: cluster.namespaces["web"].listening())
        yield Place(cluster, client, cluster.ip("web"))


async def test_busybox_wget_tells_its_steps() -> None:
    async with place() as here:
        quiet = await here.run("wget -qO- http://web/hello")
        assert (quiet.stdout, quiet.stderr, quiet.code) == (b"hello\n", b"", 0)
        loud = await here.run("wget -O- web/hello")
        assert loud.stderr.decode().startswith(f"Connecting to web ({here.ip}:80)\nwriting to stdout\n")
        assert b"written to stdout\n" in loud.stderr
        saved = await here.run("wget http://web.default/hello")
        assert b"saving to 'hello'\n" in saved.stderr
        assert here.client.read("/hello") == b"hello\n"
        assert (await here.run("wget http://web/hello")).stderr.endswith(b"wget: can't open 'hello': File exists\n")
        assert (await here.run("wget --spider http://web/moved")).stderr.endswith(b"remote file exists\n")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("wget -qO- http://web/nothing", "wget: server returned error: HTTP/1.1 404 Not Found\n"),
        ("wget -qO- http://nobody", "wget: bad address 'nobody'\n"),
        ("wget -qO- IP:81", "wget: can't connect to remote host (10.244.0.3): Connection refused\n"),
        ("wget -qO- -T 2 http://10.99.0.1", "wget: download timed out\n"),
        ("wget -qO- --timeout=1 http://web/slow", "wget: download timed out\n"),
        ("wget -qO- http://10.244.0.99", "wget: can't connect to remote host (10.244.0.99): No route to host\n"),
    ],
)
async def test_busybox_wget_complains(words: str, complaint: str) -> None:
    async with place() as here:
        result = await here.run(words)
        assert (result.stderr.decode(), result.code) == (complaint, 1)


async def test_gnu_wget_tells_more() -> None:
    async with place(busybox=False) as here:
        result = await here.run("wget -O- http://web/hello")
        assert result.stdout == b"hello\n"
        assert re.match(
            r"--\d{4}-\d\d-\d\d \d\d:\d\d:\d\d--  http://web/hello\nResolving web \(web\)\.\.\. 10\.244\.0\.3\n"
            r"Connecting to web \(web\)\|10\.244\.0\.3\|:80\.\.\. connected\.\n"
            r"HTTP request sent, awaiting response\.\.\. 200 OK\nLength: 6 \[text/plain\]\nSaving to: ‘STDOUT’\n",
            result.stderr.decode(),
        )
        missing = await here.run("wget http://web/nothing")
        assert (missing.code, b"ERROR 404: Not Found." in missing.stderr) == (8, True)
        unknown = await here.run("wget http://nobody")
        assert unknown.code == 4
        assert unknown.stderr.decode().endswith("wget: unable to resolve host address ‘nobody’\n")


@pytest.mark.parametrize(
    ("words", "output"),
    [
        ("curl -s web/hello", "hello\n"),
        ("curl -s web/moved", ""),
        ("curl -sL web/moved", "hello\n"),
        ("curl -s -d a=1 web/echo", "POST a=1 \n"),
        ("curl -s -X DELETE -H X-A:b web/echo", "DELETE  b\n"),
        ("curl -s -G -d q=1 web/echo", "GET  \n"),
        ("curl -so /dev/null -w %{http_code} web/nothing", "404"),
        ("curl -s --resolve other:80:IP http://other/hello", "hello\n"),
        ("curl -s telnet://IP:81", ""),
    ],
)
async def test_curl_prints(words: str, output: str) -> None:
    async with place() as here:
        assert (await here.run(words)).stdout.decode() == output


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ("curl nobody", 6, "curl: (6) Could not resolve host: nobody\n"),
        (
            "curl IP:81",
            7,
            r"curl: \(7\) Failed to connect to 10.244.0.3 port 81 after \d+ ms: Could not connect to server\n",
        ),
        ("curl -f web/nothing", 22, r"curl: \(22\) The requested URL returned error: 404\n"),
        (
            "curl -sS -m 2 web/slow",
            28,
            r"curl: \(28\) Operation timed out after \d+ milliseconds with 0 bytes received\n",
        ),
        ("curl -s -m 2 web/slow", 28, ""),
        (
            "curl -sS --connect-timeout 2 10.99.0.1",
            28,
            r"curl: \(28\) Failed to connect to 10.99.0.1 port 80 after \d+ ms: .*\n",
        ),
        ("curl -k https://IP:80", 35, r"curl: \(35\) TLS connect error: .*\n"),
        ("curl", 2, r"curl: \(2\) no URL specified\n.*\n"),
        ("curl --wrong x", 2, r"curl: option --wrong: is unknown\n.*\n"),
    ],
)
async def test_curl_complains(words: str, code: int, complaint: str) -> None:
    async with place() as here:
        result = await here.run(words)
        assert result.code == code
        assert result.stderr.decode() == complaint or re.fullmatch(complaint, result.stderr.decode())


async def test_curl_v_shows_both_sides() -> None:
    async with place() as here:
        lines = (await here.run("curl -sv web/hello")).stderr.decode().splitlines()
        for line in (f"*   Trying {here.ip}:80...", "> GET /hello HTTP/1.1", "> Host: web", "< HTTP/1.1 200 OK"):
            assert line in lines


async def test_programs_never_reach_this_hosts_ports() -> None:
    async with place() as here:
        for command in (
            "curl -s -m 1 http://127.0.0.1:22",
            "nc -w 1 127.16.9.1 22",
            "wget -qO- -T 1 http://127.16.9.9",
        ):
            assert (await here.run(command)).code != 0
