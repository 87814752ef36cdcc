"""What nginx answers: the server by name, the location by path, then a file, a redirect, a proxied answer or an error.

Answers carry the real headers and the real pages; what goes wrong is put in the error log in nginx's words.

Longer than a file should be: the phases of one request are one class, in the order in which nginx runs them.
"""

from __future__ import annotations

import errno
import html as markup
import re
import stat as modes
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.http_serving import REASONS, Request, Response, http_date
from minikube_edu.container_runtime.simulated.programs.nginx_config import Directive, Location, Site
from minikube_edu.container_runtime.simulated.programs.nginx_patterns import at_leisure, search
from minikube_edu.container_runtime.simulated.programs.nginx_proxy import Upstreams, proxy
from minikube_edu.lib import clock

TITLES = REASONS | {
    413: "Request Entity Too Large", 414: "Request-URI Too Large", 416: "Requested Range Not Satisfiable",
    503: "Service Temporarily Unavailable", 504: "Gateway Time-out", 400: "Bad Request", 302: "Found",
    405: "Not Allowed", 401: "401 Authorization Required"[4:], 431: "Request Header Or Cookie Too Large",
    408: "Request Time-out",
}  # fmt: skip
TYPES = {
    "html": "text/html", "htm": "text/html", "css": "text/css", "xml": "text/xml", "gif": "image/gif",
    "jpeg": "image/jpeg", "jpg": "image/jpeg", "js": "application/javascript", "txt": "text/plain", "png": "image/png",
    "svg": "image/svg+xml", "ico": "image/x-icon", "webp": "image/webp", "json": "application/json",
    "pdf": "application/pdf", "zip": "application/zip", "woff": "font/woff", "woff2": "font/woff2",
}  # fmt: skip
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
ErrorLog = Callable[[str, str], Awaitable[None]]


class Handling:
    """One request on its way through a configuration."""

    def __init__(
        self, process: Process, http: Directive, site: Site, request: Request, log: ErrorLog, numbers: str
    ) -> None:
        self.process = process
        self.http = http
        self.site = site
        self.request = request
        self.log = log
        self.version = numbers
        self.uri = request.path or "/"
        self.args = request.query_string
        self.location: Location | None = None
        self.set: dict[str, str] = {}
        self.groups: list[str] = []
        self.redirects = 0

    # -- settings, the innermost first -------------------------------------------------------------------------------

    def setting(self, name: str) -> Directive | None:
        levels = [self.location.settings] if self.location else []
        for level in [*levels, self.site.settings, self.http]:
            if found := level.first(name):
                return found
        return None

    def value(self, name: str, default: str = "") -> str:
        found = self.setting(name)
        return self.expand(found.args[0]) if found and found.args else default

    def expand(self, text: str) -> str:
        if "$" not in text:
            return text
        return VARIABLE.sub(lambda match: self.variable(match[1] or match[2]), text)

    def variable(self, name: str) -> str:
        request = self.request
        if name in self.set:
            return self.set[name]
        if name.isdigit():
            return self.groups[int(name)] if int(name) < len(self.groups) else ""
        host = request.headers.get("host", "").rpartition(":")[0] or request.headers.get("host", "")
        if name.startswith("http_"):
            return request.headers.get(name[5:].replace("_", "-"), "")
        if name.startswith("arg_"):
            return request.query.get(name[4:], "")
        forwarded = request.headers.get("x-forwarded-for")
        server_name = self.site.names[0] if self.site.names else ""
        return {
            "host": host.lower() or server_name,
            "hostname": self.process.container.hostname,
            "uri": self.uri,
            "document_uri": self.uri,
            "request_uri": request.target,
            "args": self.args,
            "query_string": self.args,
            "is_args": "?" if self.args else "",
            "remote_addr": request.peer.ip,
            "remote_port": str(request.peer.port),
            "remote_user": "",
            "server_addr": request.local.ip,
            "server_port": str(request.local.port),
            "server_name": server_name,
            "server_protocol": request.version,
            "scheme": "https"
            if any(tls and port == request.local.port for _, port, _, tls in self.site.listens)
            else "http",
            "request_method": request.method,
            "request": f"{request.method} {request.target} {request.version}",
            "request_length": str(len(request.body) + 100),
            "request_time": "0.000",
            "content_type": request.headers.get("content-type", ""),
            "nginx_version": self.version,
            "pid": str(self.process.pid),
            "msec": f"{clock.now():.3f}",
            "time_local": datetime.fromtimestamp(clock.now(), UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "time_iso8601": datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "proxy_add_x_forwarded_for": f"{forwarded}, {request.peer.ip}" if forwarded else request.peer.ip,
            "document_root": self.value("root", "/etc/nginx/html") if name == "document_root" else "",
            "request_filename": self.file_for(self.uri) if name == "request_filename" else "",
        }.get(name, "")

    async def complain(self, words: str) -> None:
        name = self.site.names[0] if self.site.names else ""
        await self.log(
            "error",
            f'{words}, client: {self.request.peer.ip}, server: {name}, request: "{self.variable("request")}", '
            f'host: "{self.request.headers.get("host", "")}"',
        )

    # -- the answer --------------------------------------------------------------------------------------------------

    async def answer(self, upstreams: Upstreams) -> Response:
        self.upstreams = upstreams
        response = await self.rewrite(self.site.settings) or await self.within()
        response = await self.paged(response)
        for directive in self.headers_to_add():
            always = directive.args[2:] == ["always"]
            if len(directive.args) > 1 and (
                always or response.status in (200, 201, 204, 206, 301, 302, 303, 304, 307, 308)
            ):
                response.headers.append((directive.args[0], self.expand(directive.args[1])))
        return response

    def headers_to_add(self) -> list[Directive]:
        levels = [self.location.settings] if self.location else []
        return next(
            (found for level in [*levels, self.site.settings, self.http] if (found := level.all("add_header"))), []
        )

    async def within(self) -> Response:
        """Find the location, and do what it says."""
        self.location = await at_leisure(lambda: self.site.locate(self.uri), self.uri)
        if self.location is None:
            return await self.serve_file()
        if self.location.modifier in ("~", "~*"):
            here = self.location
            found = await at_leisure(lambda: search(here.pattern, self.uri, here.modifier == "~*"), self.uri)
            if found:
                self.groups = found.groups
                self.set.update(found.named)
        return await self.here()

    async def here(self) -> Response:
        assert self.location is not None
        settings = self.location.settings
        if forbidden := self.access(settings):
            await self.complain("access forbidden by rule")
            return forbidden
        if early := await self.rewrite(settings):
            return early
        if settings.first("stub_status"):
            return self.status_page()
        if passing := settings.first("proxy_pass"):
            return await proxy(self, passing, self.upstreams)
        if settings.first("fastcgi_pass"):
            await self.complain("connect() failed (111: Connection refused) while connecting to upstream")
            return self.page(502)
        if trying := self.setting("try_files"):
            return await self.try_files(trying.args)
        return await self.serve_file()

    def access(self, settings: Directive) -> Response | None:
        for rule in settings.block or []:
            if rule.name in ("allow", "deny") and rule.args and _covers(rule.args[0], self.request.peer.ip):
                return self.page(403) if rule.name == "deny" else None
        return None

    async def rewrite(self, settings: Directive) -> Response | None:
        """`set`, `rewrite`, `if` and `return`, in their order."""
        for one in settings.block or []:
            if one.name == "set" and len(one.args) == 2:
                self.set[one.args[0].lstrip("$")] = self.expand(one.args[1])
            elif one.name == "return":
                return self.returned(one)
            elif one.name == "rewrite" and len(one.args) >= 2:
                if redirected := await self.rewritten(one):
                    return redirected
            elif one.name == "if" and await self.condition(one.args) and (early := await self.rewrite(one)):
                return early
        return None

    async def rewritten(self, one: Directive) -> Response | None:
        found = await at_leisure(lambda: search(one.args[0], self.uri), self.uri)
        if not found:
            return None
        self.groups = found.groups
        to, flag = self.expand(one.args[1]), one.args[2] if len(one.args) > 2 else ""
        if flag in ("permanent", "redirect") or to.startswith(("http://", "https://")):
            return self.redirect(301 if flag == "permanent" else 302, to)
        self.uri, _, query = to.partition("?")
        self.args = query or self.args
        return None

    async def condition(self, args: list[str]) -> bool:
        words = " ".join(args).strip().removeprefix("(").removesuffix(")").strip().split(None, 2)
        left = self.expand(words[0]) if words else ""
        if len(words) < 3:
            return left not in ("", "0")
        operator, right = words[1], words[2]
        if operator in ("=", "!="):
            return (left == self.expand(right)) == (operator == "=")
        found = await at_leisure(lambda: search(right, left, "*" in operator), left)
        return (found is not None) != operator.startswith("!")

    def returned(self, one: Directive) -> Response:
        words = [self.expand(word) for word in one.args]
        if not words:
            return self.page(500)
        if not words[0].isdigit():
            return self.redirect(302, words[0])
        status = int(words[0])
        if status == 444:
            return Response(hang_up=True)
        if len(words) == 1:
            return self.page(status)
        if status in (301, 302, 303, 307, 308):
            return self.redirect(status, words[1])
        kind = self.value("default_type", "text/plain")
        return Response(words[1].encode("utf-8", "surrogateescape"), status, kind, reason=TITLES.get(status, ""))

    def redirect(self, status: int, to: str) -> Response:
        if to.startswith("/"):
            to = f"http://{self.request.headers.get('host', self.request.local.ip)}{to}"
        response = self.page(status)
        response.headers.append(("Location", to))
        return response

    def page(self, status: int) -> Response:
        title = f"{status} {TITLES.get(status, '')}".rstrip()
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
            f"<hr><center>{self.banner()}</center>\r\n</body>\r\n</html>\r\n"
        )
        return Response(body.encode(), status, "text/html", reason=TITLES.get(status, ""))

    def banner(self) -> str:
        return "nginx" if self.value("server_tokens") == "off" else f"nginx/{self.version}"

    async def paged(self, response: Response) -> Response:
        """error_page: an error's answer in place of nginx's own."""
        if response.status < 300 or self.redirects > 5 or response.headers:
            return response
        levels = [self.location.settings] if self.location else []
        for level in [*levels, self.site.settings, self.http]:
            for one in level.all("error_page"):
                codes = [word for word in one.args[:-1] if word.isdigit()]
                if str(response.status) not in codes:
                    continue
                changed = next((word[1:] for word in one.args[:-1] if word.startswith("=")), None)
                return await self.error_answer(self.expand(one.args[-1]), response.status, changed)
        return response

    async def error_answer(self, to: str, status: int, changed: str | None) -> Response:
        if to.startswith(("http://", "https://")):
            return self.redirect(302, to)
        self.redirects += 10  # an error page's own error is shown as it is
        self.request.method = "GET" if self.request.method != "HEAD" else "HEAD"
        if to.startswith("@"):
            self.location = self.site.named(to)
            inner = await self.here() if self.location else self.page(404)
        else:
            self.uri = to
            inner = await self.within()
        if changed != "":
            inner.status = int(changed) if changed else (status if inner.status == 200 else inner.status)
            inner.reason = TITLES.get(inner.status, "")
        return inner

    def status_page(self) -> Response:
        counts = self.upstreams.counts()
        words = (
            f"Active connections: {counts[0]} \nserver accepts handled requests\n"
            f" {counts[1]} {counts[1]} {counts[2]} \n"
            f"Reading: 0 Writing: 1 Waiting: {max(0, counts[0] - 1)} \n"
        )
        return Response(words.encode(), 200, "text/plain")

    # -- files -------------------------------------------------------------------------------------------------------

    def file_for(self, uri: str) -> str:
        alias = self.location.settings.first("alias") if self.location else None
        if alias and alias.args and self.location and self.location.modifier in ("", "^~", "="):
            return self.expand(alias.args[0]) + uri[len(self.location.pattern) :]
        return self.value("root", "/etc/nginx/html").rstrip("/") + uri

    async def try_files(self, args: list[str]) -> Response:
        for word in args[:-1]:
            candidate = self.expand(word)
            try:
                found = self.process.stat(self.file_for(candidate).rstrip("/"))
            except OSError:
                continue
            if modes.S_ISDIR(found.mode) == candidate.endswith("/"):
                self.uri = candidate
                return await self.serve_file()
        last = self.expand(args[-1])
        if last.startswith("="):
            return self.page(int(last[1:]))
        self.redirects += 1
        if self.redirects > 10:
            await self.complain("rewrite or internal redirection cycle while internally redirecting to " + f'"{last}"')
            return self.page(500)
        if last.startswith("@"):
            self.location = self.site.named(last)
            return await self.here() if self.location else self.page(500)
        self.uri, _, query = last.partition("?")
        self.args = query or self.args
        return await self.within()

    async def serve_file(self) -> Response:
        if self.request.method not in ("GET", "HEAD"):
            return self.page(405)
        if "\0" in self.uri or ".." in self.uri.split("/"):
            return self.page(400)
        path = self.file_for(self.uri)
        try:
            if self.uri.endswith("/"):
                return await self.directory(path)
            found = self.process.stat(path)
            if modes.S_ISDIR(found.mode):
                return self.redirect(301, quote(self.uri) + "/" + (f"?{self.args}" if self.args else ""))
            return self.file(path, await self.process.read_file(path), found.mtime)
        except OSError as error:
            await self.complain(f'open() "{path}" failed ({error.errno}: {reason(error)})')
            return self.page(403 if error.errno in (errno.EACCES, errno.EPERM) else 404)

    async def directory(self, path: str) -> Response:
        index = self.setting("index")
        for name in index.args if index else ["index.html"]:
            candidate = self.expand(name)
            whole = candidate if candidate.startswith("/") else path + candidate
            try:
                found = self.process.stat(whole)
                if not modes.S_ISDIR(found.mode):
                    return self.file(whole, await self.process.read_file(whole), found.mtime)
            except FileNotFoundError:
                continue
        if not modes.S_ISDIR(self.process.stat(path).mode):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if self.value("autoindex") == "on":
            return await self.listing(path)
        await self.complain(f'directory index of "{path}" is forbidden')
        return self.page(403)

    def file(self, path: str, data: bytes, changed: float) -> Response:
        kind = self.type_of(path)
        tag = f'"{int(changed):x}-{len(data):x}"'
        headers = [("Last-Modified", http_date(changed)), ("ETag", tag)]
        asked = self.request.headers
        if asked.get("if-none-match") == tag or ("if-none-match" not in asked and _unchanged(asked, changed)):
            return Response(b"", 304, "", headers)
        if wanted := re.fullmatch(r"bytes=(\d*)-(\d*)", asked.get("range", "")):
            size = len(data)
            first = int(wanted[1]) if wanted[1] else max(0, size - int(wanted[2] or 0))
            last = min(int(wanted[2]), size - 1) if wanted[1] and wanted[2] else size - 1
            if first >= size or first > last:
                return self.page(416)
            return Response(
                data[first : last + 1], 206, kind, [*headers, ("Content-Range", f"bytes {first}-{last}/{size}")]
            )
        return Response(data, 200, kind, [*headers, ("Accept-Ranges", "bytes")])

    def type_of(self, path: str) -> str:
        extension = path.rpartition("/")[2].rpartition(".")[2].lower() if "." in path.rpartition("/")[2] else ""
        types = self.setting("types")
        for line in types.block or [] if types else []:
            if extension in line.args:
                return self.with_charset(line.name)
        kind = TYPES.get(extension) or self.value("default_type", "text/plain")
        return self.with_charset(kind)

    def with_charset(self, kind: str) -> str:
        charset = self.value("charset")
        return f"{kind}; charset={charset}" if charset and charset != "off" and kind.startswith("text/") else kind

    async def listing(self, path: str) -> Response:
        rows = []
        for name in sorted(self.process.listdir(path)):
            if name.startswith("."):
                continue
            found = self.process.stat(path + name)
            folder = modes.S_ISDIR(found.mode)
            shown = name + "/" * folder
            when = datetime.fromtimestamp(found.mtime, UTC).strftime("%d-%b-%Y %H:%M")
            label = shown if len(shown) <= 50 else shown[:47] + "..>"
            size = "-" if folder else str(found.size)
            row = f'<a href="{quote(shown)}">{markup.escape(label)}</a>{" " * (51 - len(label))}{when}{size:>20}'
            rows.append((not folder, row))
        lines = "".join(f"{row}\r\n" for _, row in sorted(rows, key=lambda one: one[0]))
        title = f"Index of {markup.escape(self.uri)}"
        body = (
            f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<h1>{title}</h1><hr>"
            f'<pre><a href="../">../</a>\r\n{lines}</pre><hr></body>\r\n</html>\r\n'
        )
        return Response(body.encode(), 200, "text/html")


def _covers(rule: str, ip: str) -> bool:
    import ipaddress

    if rule == "all":
        return True
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return False


def _unchanged(asked: dict[str, str], changed: float) -> bool:
    try:
        return parsedate_to_datetime(asked.get("if-modified-since", "")).timestamp() >= int(changed)
    except (ValueError, TypeError):
        return False
