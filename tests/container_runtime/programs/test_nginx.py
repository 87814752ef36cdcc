"""Does nginx serve, log, complain, reload and end as nginx?"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from minikube_edu.container_runtime.simulated.programs import nginx, nginx_patterns
from minikube_edu.lib import pki
from tests.container_runtime.pods import Cluster, pods, until
from tests.container_runtime.world import World

CONF = """
user nginx;
events { worker_connections 1024; }
http {
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    include /etc/nginx/conf.d/*.conf;
}
"""
SITE = """
server {
    listen       80;
    listen  [::]:80;
    server_name  localhost;
    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }
    error_page 500 502 503 504 /50x.html;
    location = /50x.html { root /usr/share/nginx/html; }
}
"""
PAGE = "<h1>Welcome to nginx!</h1>\n"


class Served:
    def __init__(self, cluster: Cluster, web: World, client: World, arguments: list[str]) -> None:
        self.cluster = cluster
        self.web = web
        self.client = client
        self.out, self.err = bytearray(), bytearray()
        self.process = web.spawn(["nginx", *arguments], stdout=self.out, stderr=self.err, stdin=None)

    async def ready(self) -> None:
        await until(lambda: b"start worker process " in self.err or self.process.status)

    async def get(self, target: str = "/", *options: str) -> str:
        result = await self.client.run(["curl", "-s", *options, f"http://web{target}"])
        return result.stdout.decode()


@asynccontextmanager
async def serving(
    site: str = SITE, files: Mapping[str, Any] | None = None, arguments: tuple[str, ...] = ("-g", "daemon off;")
) -> AsyncIterator[Served]:
    async with pods() as cluster:
        own = {
            "/etc/nginx/nginx.conf": CONF,
            "/etc/nginx/conf.d/default.conf": site,
            "/usr/share/nginx/html/index.html": PAGE,
            "/usr/share/nginx/html/50x.html": "oops\n",
            "/usr/share/nginx/html/docs/": Entry(),
            "/var/log/nginx/": Entry(),
            "/run/": Entry(),
            **(files or {}),
        }
        web = await cluster.pod("web", {"nginx": nginx.main, "entrypoint": nginx.entrypoint}, own, busybox=False)
        served = Served(cluster, web, await cluster.pod("client"), list(arguments))
        await served.ready()
        yield served


async def test_the_welcome_page_is_served_and_logged() -> None:
    async with serving() as served:
        assert await served.get() == PAGE
        log = served.web.read("/var/log/nginx/access.log").decode()
        client = served.cluster.ip("client")
        assert re.fullmatch(
            re.escape(client)
            + r' - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET / HTTP/1.1" 200 27 "-" "curl/8.14.1"\n',
            log,
        )
        head = await served.get("/", "-I")
        assert head.startswith("HTTP/1.1 200 OK\r\nServer: nginx/1.29.3\r\nDate: ")
        assert "Content-Type: text/html\r\nContent-Length: 27\r\nConnection: keep-alive\r\nLast-Modified: " in head


async def test_a_changed_page_shows_at_once() -> None:
    async with serving() as served:
        await served.web.run(["cp", "/etc/hostname", "/usr/share/nginx/html/index.html"])
        assert await served.get() == "box\n"


async def test_what_is_not_there_and_what_may_not_be_listed() -> None:
    async with serving() as served:
        body = await served.get("/nothing")
        assert body == (
            "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n"
            "<center><h1>404 Not Found</h1></center>\r\n"
            "<hr><center>nginx/1.29.3</center>\r\n</body>\r\n</html>\r\n"
        )
        assert b'open() "/usr/share/nginx/html/nothing" failed (2: No such file or directory), client: ' in served.err
        assert "301 Moved Permanently" in await served.get("/docs")
        assert "403 Forbidden" in await served.get("/docs/")
        assert b'directory index of "/usr/share/nginx/html/docs/" is forbidden' in served.err
        assert "405 Not Allowed" in await served.get("/", "-d", "x=1")


async def test_a_request_without_a_host_gets_the_servers_name() -> None:
    site = 'server { listen 80; server_name shop; location / { return 200 "$scheme $host.\\n"; } }'
    async with serving(site) as served:
        asked = await served.client.run(["nc", "web", "80"], stdin=b"GET / HTTP/1.0\r\n\r\n")
        assert asked.stdout.endswith(b"\r\n\r\nhttp shop.\n")


async def test_locations_redirects_status_and_proxy() -> None:
    site = """
    upstream backend { server 127.0.0.1:8081; }
    server {
        listen 80; root /usr/share/nginx/html;
        location = /exact { return 200 "exact $request_method $host\\n"; }
        location /old { return 301 /new; }
        location ~ \\.php$ { return 403; }
        location /api/ { proxy_pass http://backend/v1/; proxy_set_header X-Real-IP $remote_addr; }
        location /dead/ { proxy_pass http://127.0.0.1:9; }
        location /status { stub_status; }
        location /list/ { autoindex on; }
        location /app { try_files $uri /index.html; }
        error_page 404 = /index.html;
    }
    server { listen 8081; location / { return 200 "backend $request_uri $http_x_real_ip\\n"; } }
    server { listen 80; server_name other.example; return 200 "other\\n"; }
    """
    async with serving(site, {"/usr/share/nginx/html/list/a.txt": "a"}) as served:
        assert await served.get("/exact") == "exact GET web\n"
        assert (await served.get("/old", "-i")).count("Location: http://web/new\r\n") == 1
        assert "403 Forbidden" in await served.get("/x.php")
        assert await served.get("/api/items?q=1") == f"backend /v1/items?q=1 {served.cluster.ip('client')}\n"
        assert "502 Bad Gateway" in await served.get("/dead/")
        assert b"connect() failed (111: Connection refused) while connecting to upstream" in served.err
        assert "Active connections: " in await served.get("/status")
        assert '<a href="a.txt">a.txt</a>' in await served.get("/list/")
        assert await served.get("/app/deep") == PAGE
        assert await served.get("/nothing") == PAGE
        assert await served.get("/", "-H", "Host: other.example") == "other\n"


async def test_the_start_says_what_the_real_one_says() -> None:
    async with serving() as served:
        text = served.err.decode()
        for words in (
            'using the "epoll" event method',
            "nginx/1.29.3",
            "start worker processes",
            "start worker process ",
        ):
            assert re.search(rf"\d{{4}}/\d\d/\d\d \d\d:\d\d:\d\d \[notice\] \d+#\d+: {re.escape(words)}", text)


@pytest.mark.parametrize(("order", "signal"), [("quit", "SIGQUIT"), ("stop", "SIGTERM")])
async def test_it_ends_when_told(order: str, signal: str) -> None:
    async with serving() as served:
        assert (await served.web.run(["nginx", "-s", order])).code == 0
        await until(lambda: served.process.status)
        assert served.process.status is not None
        assert served.process.status.code == 0
        assert f"({signal}) received" in served.err.decode()
        result = await served.client.run(["curl", "-s", "http://web"])
        assert result.code == 7


async def test_a_reload_takes_the_new_configuration_and_keeps_the_old_when_it_is_wrong() -> None:
    async with serving() as served:
        await served.web.run(["tee", "/etc/nginx/conf.d/default.conf"], stdin=b'server { return 200 "new\\n"; }')
        await served.web.run(["nginx", "-s", "reload"])
        await until(lambda: served.err.count(b"start worker process ") == 2)
        assert await served.get() == "new\n"
        await served.web.run(["tee", "/etc/nginx/conf.d/default.conf"], stdin=b"server { retrn 200; }")
        test = await served.web.run(["nginx", "-t"])
        assert test.code == 1
        assert b'nginx: [emerg] unknown directive "retrn" in /etc/nginx/conf.d/default.conf:1' in test.stderr
        await served.web.run(["nginx", "-s", "reload"])
        await until(lambda: b"retrn" in served.err)
        assert await served.get() == "new\n"


async def test_wrong_configurations_end_it() -> None:
    async with serving("server { location / { proxy_pass http://nowhere; } }") as served:
        assert served.process.status is not None
        assert served.process.status.code == 1
        assert b'[emerg] host not found in upstream "nowhere" in /etc/nginx/conf.d/default.conf:1' in served.err


async def test_two_servers_cannot_have_one_port() -> None:
    async with serving() as served:
        second = await served.web.run(["nginx", "-g", "daemon off;"])
        assert second.code == 1
        assert b"bind() to 0.0.0.0:80 failed (98: Address already in use)" in second.stderr
        assert b"still could not bind()" in second.stderr


async def test_its_command_line() -> None:
    async with serving() as served:
        version = await served.web.run(["nginx", "-v"], env={"NGINX_VERSION": "1.25.0"})
        assert version.stderr == b"nginx version: nginx/1.25.0\n"
        test = await served.web.run(["nginx", "-T"])
        assert b"syntax is ok" in test.stderr
        assert b"# configuration file /etc/nginx/conf.d/default.conf:" in test.stdout
        assert (await served.web.run(["nginx", "-Z"])).stderr == b'nginx: invalid option: "Z"\n'


async def test_the_entrypoint_prepares_and_says_so() -> None:
    files = {
        "/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh": Entry(b"#!/bin/sh\n", 0o755),
        "/docker-entrypoint.d/20-envsubst-on-templates.sh": Entry(b"#!/bin/sh\n", 0o755),
        "/docker-entrypoint.d/50-off.sh": Entry(b"#!/bin/sh\n", 0o644),
        "/etc/nginx/templates/site.conf.template": "server { listen 8080; return 200 '${WORD} $uri'; }",
    }
    async with serving(files=files) as served:
        result = await served.web.run(["entrypoint", "nginx", "-v"], env={"WORD": "hi"})
        lines = result.stdout.decode().splitlines()
        assert (
            lines[0]
            == "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration"
        )
        assert "/docker-entrypoint.sh: Ignoring /docker-entrypoint.d/50-off.sh, not executable" in lines
        assert lines[-1] == "/docker-entrypoint.sh: Configuration complete; ready for start up"
        assert served.web.read("/etc/nginx/conf.d/site.conf") == b"server { listen 8080; return 200 'hi $uri'; }"


async def test_https_is_verified_with_the_certificates_of_the_container() -> None:
    ca = pki.make_ca("ca")
    pair = pki.make_certificate(ca, "web", usages=["server"], dns=["web"])
    files = {"/etc/tls/web.crt": pair.certificate, "/etc/tls/web.key": pair.key}
    site = """
    server {
        listen 443 ssl; listen 80; server_name web;
        ssl_certificate /etc/tls/web.crt; ssl_certificate_key /etc/tls/web.key;
        return 200 "safe\\n";
    }
    """
    async with serving(site, files) as served:
        client = await served.cluster.pod("verifier", files={"/ca.crt": ca.certificate})
        good = await client.run(["curl", "-s", "--cacert", "/ca.crt", "https://web"])
        assert (good.stdout, good.code) == (b"safe\n", 0)
        assert (await client.run(["curl", "-sk", "https://web"])).stdout == b"safe\n"
        assert (await client.run(["wget", "-qO-", "https://web"])).stdout == b"safe\n"
        unknown = await client.run(["curl", "-sS", "https://web"])
        assert unknown.code == 60
        assert unknown.stderr.startswith(
            b"curl: (60) SSL certificate problem: unable to get local issuer certificate\n"
        )
        other = await client.run(["curl", "-sS", "--cacert", "/ca.crt", f"https://{served.cluster.ip('web')}"])
        assert other.code == 60
        assert await served.get() == "safe\n"


async def test_a_missing_certificate_ends_it() -> None:
    async with serving("server { listen 443 ssl; ssl_certificate /no.crt; ssl_certificate_key /no.key; }") as served:
        assert b'[emerg] cannot load certificate "/no.crt"' in served.err


async def test_openssl_shows_the_servers_certificate() -> None:
    pair = pki.make_certificate(pki.make_ca("the-ca"), "web", usages=["server"], dns=["web"])
    site = "server { listen 443 ssl; ssl_certificate /a.crt; ssl_certificate_key /a.key; return 200; }"
    async with serving(site, {"/a.crt": pair.certificate, "/a.key": pair.key}) as served:
        shown = (await served.client.run(["openssl", "s_client", "-connect", "web:443"])).stdout.decode()
        assert shown.startswith("CONNECTED(00000003)\n")
        assert "subject=CN=web\nissuer=CN=the-ca\n" in shown


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [
        (r"^/(.*)\.html$", "/a.html", ["/a.html", "a"]),
        (r"(a*)*b", "a" * 3000, None),  # Perl's way: longer than the universe lasts
        (r"(a*)*b", "a" * 3000 + "b", ["a" * 3000 + "b", "a" * 3000]),
        (r"^/(\d+)+/(?<rest>x+)+$", "/" + "1" * 50 + "/xx", ["/" + "1" * 50 + "/xx", "1" * 50, "xx"]),
        (r"(?!x)(a+)+b", "a" * 50, None),  # given up
        (r"(.*)(.*)(.*)(.*)z", "y" * 3000, None),
    ],
)
def test_patterns_come_to_an_end(pattern: str, text: str, groups: list[str] | None) -> None:
    found = nginx_patterns.search(pattern, text)
    assert (found and found.groups) == groups
