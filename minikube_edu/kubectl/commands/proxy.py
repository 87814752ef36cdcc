"""`kubectl proxy`: the API server at a local port, without TLS, as whoever runs this."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Unreachable
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.web.incoming import IncomingBody
from minikube_edu.lib.web.messages import BodyWriter, Request, Response, Streaming

HOP = frozenset((b"connection", b"transfer-encoding", b"content-length", b"keep-alive", b"upgrade", b"te", b"trailer"))


class Proxy:
    def __init__(self, call: Call) -> None:
        flags = call.flags
        self.caller = call.factory.client.sender.caller
        self.sender = call.factory.client.sender
        self.prefix = "/" + flags["api-prefix"].strip("/")
        self.static_prefix, self.static = "/" + flags["www-prefix"].strip("/"), flags["www"]
        self.hosts = [re.compile(one) for one in flags["accept-hosts"].split(",")]
        self.accepted = [re.compile(one) for one in flags["accept-paths"].split(",")]
        self.rejected = [re.compile(one) for one in flags["reject-paths"].split(",") if one]
        self.methods = [re.compile(one) for one in flags["reject-methods"].split(",") if one]
        self.filtering = not flags["disable-filter"]

    async def handle(self, request: Request) -> Response | Streaming:
        host = (request.header(b"host") or b"").decode().rpartition(":")[0] or (request.header(b"host") or b"").decode()
        if self.filtering and not self._allowed(request, host):
            return Response(403, b"Forbidden", b"text/plain; charset=utf-8")
        if self.static and request.path.startswith(self.static_prefix.rstrip("/") + "/"):
            return self._file(request.path[len(self.static_prefix.rstrip("/")) + 1 :])
        if not request.path.startswith(self.prefix):
            return Response(404, b"404 page not found\n", b"text/plain; charset=utf-8")
        path = "/" + request.path[len(self.prefix) :].lstrip("/")
        target = path + (f"?{request.query}" if request.query else "")
        headers = [
            pair for pair in request.headers if pair[0] not in HOP and pair[0] not in (b"host", b"authorization")
        ]
        headers += await self._credentials()
        try:
            body = await self.caller.stream(request.method, target, headers, request.body)
        except (Unreachable, OSError, ApiError) as error:
            return Response(502, f"{error}\n".encode(), b"text/plain; charset=utf-8")
        return _passed_on(body)

    async def _credentials(self) -> list[tuple[bytes, bytes]]:
        """Who asks: the token or the names of somebody else; a certificate needs no header."""
        own = await self.sender._headers(b"*/*", b"")
        return [pair for pair in own if pair[0] == b"authorization" or pair[0].startswith(b"impersonate")]

    def _allowed(self, request: Request, host: str) -> bool:
        return (
            any(one.search(host) for one in self.hosts)
            and any(one.search(request.path) for one in self.accepted)
            and not any(one.search(request.path) for one in self.rejected)
            and not any(one.search(request.method) for one in self.methods)
        )

    def _file(self, name: str) -> Response:
        root = Path(self.static).resolve()
        path = (root / name).resolve()
        if path.is_dir():
            path = path / "index.html"
        if root not in (path, *path.parents) or not path.is_file():
            return Response(404, b"404 page not found\n", b"text/plain; charset=utf-8")
        import mimetypes

        return Response(200, path.read_bytes(), (mimetypes.guess_type(path.name)[0] or "text/plain").encode())


def _passed_on(body: IncomingBody) -> Streaming:
    async def copy(writer: BodyWriter) -> None:
        writer.on_close(body.close)
        while piece := await body.next():
            writer.write(piece)
            await writer.drained()
        writer.end()

    kept = [pair for pair in body.headers if pair[0] not in HOP and pair[0] != b"content-type"]
    return Streaming(copy, body.header(b"content-type") or b"", body.status, kept)


async def run(call: Call) -> None:
    from minikube_edu.lib.web.server import serve

    flags = call.flags
    if not -1 < flags["port"] < 65536:
        raise CommandError(f"listen tcp: address {flags['port']}: invalid port")
    for name in ("accept-hosts", "accept-paths", "reject-paths", "reject-methods"):
        for pattern in flags[name].split(","):
            try:
                re.compile(pattern)
            except re.error as error:
                raise CommandError(f"error parsing regexp: {error}: `{pattern}`") from None
    unix = flags["unix-socket"] or None
    try:
        server = await serve(Proxy(call).handle, flags["address"], flags["port"], unix=unix, name="proxy")
        call.say(f"Starting to serve on {unix or flags['address'] + ':' + str(server.port)}")
    except OSError as error:
        why = {13: "permission denied", 98: "address already in use"}.get(
            error.errno or 0, os.strerror(error.errno or 0)
        )
        raise CommandError(f"listen tcp {flags['address']}:{flags['port']}: bind: {why}") from None
    call.out.flush()
    try:
        await asyncio.Event().wait()
    finally:
        await server.close()


COMMAND = Command(
    "proxy",
    run,
    use="[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]",
    long="Creates a proxy server or application-level gateway between localhost and the Kubernetes API server. It "
    "ends when it is interrupted.",
    examples="# To proxy all of the Kubernetes API and nothing else\nkubectl proxy --api-prefix=/",
    flags=(
        Flag(
            "accept-hosts",
            default=r"^localhost$,^127\.0\.0\.1$,^\[::1\]$",
            help="Regular expressions for hosts that the proxy should accept.",
        ),
        Flag("accept-paths", default="^.*", help="Regular expressions for paths that the proxy should accept."),
        Flag("address", default="127.0.0.1", help="The IP address on which to serve on."),
        Flag("api-prefix", default="/", help="Prefix to serve the proxied API under."),
        Flag(
            "append-server-path",
            "bool",
            help="If true, enables automatic path appending of the kube context server path to each request.",
        ),
        Flag("disable-filter", "bool", help="Filter no requests. This is dangerous."),
        Flag("keepalive", "duration", default="0s", help="The keep-alive period for an active network connection."),
        Flag(
            "port",
            "int",
            short="p",
            default=8001,
            help="The port on which to run the proxy. Set to 0 to pick a random port.",
        ),
        Flag("reject-methods", default="^$", help="Regular expressions for HTTP methods that the proxy should reject."),
        Flag(
            "reject-paths",
            default="^/api/.*/pods/.*/exec,^/api/.*/pods/.*/attach",
            help="Regular expressions for paths that the proxy should reject.",
        ),
        Flag("unix-socket", short="u", help="Unix socket on which to run the proxy."),
        Flag("www", short="w", help="Also serve static files from the given directory under the specified prefix."),
        Flag("www-prefix", short="P", default="/static/", help="Prefix to serve static files under."),
    ),
)
