"""Do the programs of tutorials' images answer what the tutorials show?"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from minikube_edu.cni.contract import Connection
from minikube_edu.container_runtime.simulated.contract import Program
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.programs import (
    agnhost,
    bootcamp,
    color,
    echoserver,
    hello_app,
    hello_world,
    hpa_example,
    http_echo,
    httpd,
    interpreters,
    kuard,
    node_hello,
    nodejs_hello,
    pause,
    serve_hostname,
    stress,
    whoami,
)
from minikube_edu.container_runtime.simulated.tools import interpreters as tool_interpreters
from tests.container_runtime.pods import pods, until


@pytest.mark.parametrize(
    ("program", "arguments", "env", "where", "answer"),
    [
        (
            hello_app.main,
            "",
            {"MINIKUBE_EDU_VERSION": "2.0.0"},
            ":8080",
            "Hello, world!\nVersion: 2.0.0\nHostname: web\n",
        ),
        (bootcamp.main, "server.js", {}, ":8080", "Hello Kubernetes bootcamp! | Running on: web | v=1\n"),
        (node_hello.main, "server.js", {}, ":8080", "Hello Kubernetes!"),
        (nodejs_hello.main, "index.js", {}, ":3000", "Hello World"),
        (serve_hostname.main, "", {}, ":9376", "web"),
        (http_echo.main, "-text=hi -listen=:80", {}, "", "hi\n"),
        (http_echo.main, "-text hi", {}, ":5678", "hi\n"),
        (whoami.subicura, "app.rb", {}, ":4567", "web\n"),
        (whoami.main, "", {}, "/x", r"Hostname: web\nIP: 127.0.0.1\n(.*\n)*GET /x HTTP/1.1\nHost: web\n(.*\n)*"),
        (color.main, "", {}, "/x", r"This is pod web on linux/amd64, serving /x for 10.244.0.4:\d+.\n"),
        (
            color.webapp,
            "app.py",
            {"APP_COLOR": "green"},
            ":8080",
            r"(.*\n)*.*background: #16a085(.*\n)*.*Hello.*web(.*\n?)*",
        ),
        (
            echoserver.main,
            "",
            {},
            ":8080/a?b=c",
            r"\n\nHostname: web\n(.*\n)*\tmethod=GET\n\treal path=/a\?b=c\n(.*\n)*",
        ),
        (kuard.main, "", {}, ":8080/healthy", "ok"),
        (hpa_example.main, "", {}, "", "OK!"),
        (agnhost.main, "netexec --http-port=8080", {}, ":8080/hostname", "web"),
        (agnhost.main, "netexec", {}, ":8080/echo?msg=hi", "hi"),
        (agnhost.main, "netexec", {}, ":8080/clientip", r"10.244.0.4:\d+"),
        (agnhost.main, "netexec", {}, ":8080/header?key=Host", "web:8080"),
        (agnhost.main, "serve-hostname", {}, ":9376", "web"),
        (interpreters.python, "-m http.server 8000 -d /etc", {}, ":8000/hostname", "box\n"),
        (tool_interpreters.python3, "-u -m http.server 8000 -d /etc", {}, ":8000/hostname", "box\n"),
    ],
)
async def test_the_page(program: Program, arguments: str, env: Mapping[str, str], where: str, answer: str) -> None:
    async with pods() as cluster:
        web = await cluster.pod("web", {"program": program})
        client = await cluster.pod("client")
        web.spawn(["program", *arguments.split()], env=env, stdin=None)
        await until(lambda: cluster.namespaces["web"].listening())
        got = (await client.run(["curl", "-s", f"http://web{where}"])).stdout.decode()
        assert got == answer or re.fullmatch(answer, got), got


async def test_liveness_sickens_after_ten_seconds() -> None:
    async with pods() as cluster:
        web = await cluster.pod("web", {"liveness": agnhost.liveness})
        client = await cluster.pod("client")
        process = web.spawn(["liveness"], stdin=None)
        await until(lambda: cluster.namespaces["web"].listening())
        assert (await client.run(["curl", "-s", "web:8080/healthz"])).stdout == b"ok"
        await client.run(["sleep", "11"])
        assert (await client.run(["curl", "-sf", "web:8080/healthz"])).code == 22
        assert process.status is None


async def test_agnhost_connects_and_runs_a_shell() -> None:
    async with pods() as cluster:
        web = await cluster.pod("web", {"agnhost": agnhost.main})
        web.spawn(["agnhost", "netexec"], stdin=None)
        await until(lambda: cluster.namespaces["web"].listening())
        assert (await web.run(["agnhost", "connect", "web:8080", "--timeout=1s"])).code == 0
        refused = await web.run(["agnhost", "connect", "web:81", "--timeout=1s"])
        assert (refused.code, refused.stderr) == (1, b"REFUSED\n")
        shell = await web.run(["curl", "-s", "localhost:8080/shell?cmd=echo%20hi"])
        assert shell.stdout == b'{"output": "hi\\n"}'
        assert (await web.run(["agnhost", "connect", "web:8081", "--protocol=udp", "--timeout", "1s"])).code == 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("netexec --http-prot=80", "unknown flag: --http-prot"),
        ("netexec -p 80", "unknown shorthand flag: 'p' in -p"),
        ("netexec --http-port", "flag needs an argument: --http-port"),
        (
            "netexec --http-port=web",
            'invalid argument "web" for "--http-port" flag: strconv.ParseInt: parsing "web": invalid syntax',
        ),
        ("pause now", "accepts at most 0 arg(s), received 1"),
        ("connect --timeout=1s", "accepts 1 arg(s), received 0"),
        ("connect web:1 --timeout=soon", 'invalid argument "soon" for "--timeout" flag: time: invalid duration "soon"'),
        ("netexe", 'unknown command "netexe" for "app"'),
    ],
)
async def test_does_agnhost_refuse_what_cobra_refuses(words: str, complaint: str) -> None:
    async with pods() as cluster:
        web = await cluster.pod("web", {"agnhost": agnhost.main})
        said = await web.run(["agnhost", *words.split()])
        assert said.code == 1
        assert said.stderr.decode().splitlines()[0] == f"Error: {complaint}"


async def test_may_agnhosts_flags_for_logs_stand_before_the_command() -> None:
    async with pods() as cluster:
        web = await cluster.pod("web", {"agnhost": agnhost.main})
        said = await web.run(["agnhost", "-v=2", "--alsologtostderr", "entrypoint-tester", "a", "--", "-b"])
        assert said.stdout == b"[agnhost -v=2 --alsologtostderr entrypoint-tester a -- -b]\n"


async def test_httpd_works() -> None:
    async with pods() as cluster:
        page = {"/usr/local/apache2/htdocs/index.html": "<html><body><h1>It works!</h1></body></html>\n"}
        web = await cluster.pod("web", {"httpd-foreground": httpd.main}, page)
        client = await cluster.pod("client")
        out = bytearray()
        process = web.spawn(["httpd-foreground"], stdout=out, stdin=None)
        await until(lambda: cluster.namespaces["web"].listening())
        assert b"It works!" in (await client.run(["wget", "-qO-", "web"])).stdout
        assert b'"GET / HTTP/1.1" 200 45\n' in out
        assert (
            await client.run(["wget", "-qO-", "web/no"])
        ).stderr == b"wget: server returned error: HTTP/1.1 404 Not Found\n"
        process.kill(process.pid, 28)
        await until(lambda: process.status)


async def test_stress_beyond_its_limit_is_killed() -> None:
    async with pods() as cluster:
        box = await cluster.pod("box", {"stress": stress.main}, limits=Limits(memory=100 << 20))
        result = await box.run(["stress", "--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"])
        assert result.code != 0
        fine = await box.run(["stress", "--cpu", "1", "--timeout", "5s"])
        assert (fine.code, b"successful run completed in 5s" in fine.stdout) == (0, True)


async def test_small_programs() -> None:
    async with pods() as cluster:
        programs = {
            "hello": hello_world.main,
            "pause": pause.main,
            "perl": interpreters.perl,
            "python3": interpreters.python,
            "http-echo": http_echo.main,
        }
        box = await cluster.pod("box", programs)
        assert b"Hello from Docker!" in (await box.run(["hello"])).stdout
        pi = (await box.run(["perl", "-Mbignum=bpi", "-wle", "print bpi(2000)"])).stdout
        assert pi.startswith(b"3.14159265358979323846264338327950288")
        assert len(pi) == 2002
        assert (await box.run(["python3", "-c", "print('hi')"])).stdout == b"hi\n"
        assert b"not run by simulated containers" in (await box.run(["python3", "-c", "import os"])).stderr
        assert (await box.run(["http-echo"])).code == 127
        waiting = box.spawn(["pause"])
        await until(lambda: box.machine.own)
        await box.run(["true"])
        waiting.kill(waiting.pid, 15)
        await until(lambda: waiting.status)


class Wire:
    """A connection as the kubelet's probe wants it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.waiting = b""

    def write(self, data: bytes) -> None:
        self.waiting += data

    async def read(self) -> bytes:
        data, self.waiting = self.waiting, b""
        if data:
            await self.connection.write(data)
        return await self.connection.read()

    async def close(self) -> None:
        self.connection.close()


async def test_agnhost_answers_grpc_health_checks() -> None:
    """Asked with the kubelet's own words for it."""
    from minikube_edu.kubelet.probes import grpc_health

    async with pods() as cluster:
        server = await cluster.pod("server", {"agnhost": agnhost.main})
        server.spawn(["agnhost", "grpc-health-checking", "--http-port", "8081"], stdin=None)
        await until(lambda: len(cluster.namespaces["server"].listening()) == 2)
        client = await cluster.pod("client")

        async def status(service: str) -> grpc_health.Health:
            connection = await cluster.namespaces["client"].connect(cluster.namespaces["server"].ips[0], 5000)
            wire = Wire(connection)
            try:
                return await grpc_health.check(wire, "server:5000", service)
            finally:
                connection.close()

        assert (await status("")).status == "SERVING"
        assert (await status("other")).code == 5
        assert (await client.run(["wget", "-qO-", "http://server:8081/make-not-serving"])).code == 0
        assert (await status("")).status == "NOT_SERVING"


@pytest.mark.parametrize(
    ("words", "answer", "code"),
    [
        ("-addr=server:5000", "status: SERVING\n", 0),
        ("", "error: -addr not specified\n", 1),
        ("-addr server:9 -connect-timeout=200ms",
         'timeout: failed to connect service "server:9" within 200ms\n', 2),
        ("--addr=server:5000 -service=x",
         "error: health rpc failed: rpc error: code = NotFound desc = unknown service\n", 3),
        ("-addr=server:5001", 'service unhealthy (responded with "NOT_SERVING")\n', 4),
    ],
)  # fmt: skip
async def test_grpc_health_probe_says_how_a_server_is(words: str, answer: str, code: int) -> None:
    async with pods() as cluster:
        server = await cluster.pod("server", {"agnhost": agnhost.main})
        server.spawn(["agnhost", "grpc-health-checking"], stdin=None)
        server.spawn(["agnhost", "grpc-health-checking", "--port", "5001", "--http-port", "8081"], stdin=None)
        await until(lambda: len(cluster.namespaces["server"].listening()) == 4)
        client = await cluster.pod("client")
        await client.run(["wget", "-qO-", "http://server:8081/make-not-serving"])
        asked = await client.run(["grpc_health_probe", *words.split()])
        assert (asked.stdout + asked.stderr, asked.code) == (answer.encode(), code)
