"""httpd, the Apache server of its image: files of /usr/local/apache2/htdocs, its log and its pages."""

from __future__ import annotations

import errno
import html as markup
import signal
import stat as modes

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, http_date
from minikube_edu.container_runtime.simulated.programs.identity import address, now
from minikube_edu.container_runtime.simulated.programs.nginx_site import TYPES

ROOT = "/usr/local/apache2/htdocs"
CONFIG = "/usr/local/apache2/conf/httpd.conf"
TITLES = {403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 301: "Moved Permanently"}
WORDS = {
    403: "You don't have permission to access this resource.",
    404: "The requested URL was not found on this server.",
    405: "The requested method is not allowed for this URL.",
}


class Apache:
    def __init__(self, process: Process, root: str, version: str) -> None:
        self.process = process
        self.root = root
        self.version = version

    async def log(self, module: str, words: str) -> None:
        moment = now("%a %b %d %H:%M:%S.%f %Y")
        line = f"[{moment}] [{module}] [pid {self.process.pid}:tid {self.process.pid}] {words}\n"
        await self.process.stderr.write(line.encode("utf-8", "surrogateescape"))

    def page(self, status: int, extra: str = "") -> Response:
        body = (
            '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n<html><head>\n'
            f"<title>{status} {TITLES[status]}</title>\n</head><body>\n<h1>{TITLES[status]}</h1>\n"
            f"<p>{extra or WORDS[status]}</p>\n</body></html>\n"
        )
        return Response(body.encode(), status, "text/html; charset=iso-8859-1")

    async def answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD", "POST", "OPTIONS"):
            return self.page(405)
        path = self.root + request.path
        if ".." in request.path.split("/"):
            return self.page(403)
        try:
            found = self.process.stat(path)
            if modes.S_ISDIR(found.mode):
                if not request.path.endswith("/"):
                    to = f"http://{request.host}{request.path}/"
                    response = self.page(301, f'The document has moved <a href="{to}">here</a>.')
                    response.headers.append(("Location", to))
                    return response
                return await self.directory(path, request)
            return await self.file(path)
        except OSError as error:
            return self.page(403 if error.errno == errno.EACCES else 404)

    async def directory(self, path: str, request: Request) -> Response:
        try:
            return await self.file(f"{path}index.html")
        except FileNotFoundError:
            pass
        names = sorted(name for name in self.process.listdir(path) if not name.startswith("."))
        entries = "".join(f'<li><a href="{markup.escape(name)}"> {markup.escape(name)}</a></li>\n' for name in names)
        title = f"Index of {markup.escape(request.path)}"
        head = '<!DOCTYPE HTML PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd">\n'
        head += f"<html>\n <head>\n  <title>{title}</title>\n </head>\n"
        body = f"{head} <body>\n<h1>{title}</h1>\n<ul>{entries}</ul>\n</body></html>\n"
        return Response(body.encode(), 200, "text/html;charset=ISO-8859-1")

    async def file(self, path: str) -> Response:
        data = await self.process.read_file(path)
        changed = self.process.stat(path).mtime
        tag = f'"{len(data):x}-{int(changed * 1e6):x}"'
        headers = [("Last-Modified", http_date(changed)), ("ETag", tag), ("Accept-Ranges", "bytes")]
        return Response(data, 200, TYPES.get(path.rpartition(".")[2].lower(), ""), headers)

    async def note(self, request: Request, response: Response, sent: int) -> None:
        moment = now("[%d/%b/%Y:%H:%M:%S +0000]")
        line = f'{request.peer.ip} - - {moment} "{request.method} {request.target} {request.version}" {response.status}'
        await self.process.print(f"{line} {sent or '-'}")


async def _setting(process: Process, name: str, default: str) -> str:
    try:
        lines = (await process.read_file(CONFIG)).decode("utf-8", "replace").splitlines()
    except OSError:
        return default
    return next((line.split(None, 1)[1].strip().strip('"') for line in lines if line.split()[:1] == [name]), default)


async def main(process: Process) -> int:
    version = process.env.get("HTTPD_VERSION", "2.4.65")
    if "-v" in process.argv:
        await process.print(f"Server version: Apache/{version} (Unix)\nServer built:   Jul 23 2025 12:00:00")
        return 0
    if "-t" in process.argv:
        await process.stderr.write(b"Syntax OK\n")
        return 0
    root = (await _setting(process, "DocumentRoot", ROOT)).rstrip("/")
    port = (await _setting(process, "Listen", "80")).rpartition(":")[2]
    apache = Apache(process, root, version)
    ip = address(process)
    if await _setting(process, "ServerName", "") == "":
        for _ in range(2):
            words = (
                "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using "
                f"{ip}. Set the 'ServerName' directive globally to suppress this message\n"
            )
            await process.stderr.write(words.encode())
    server = HttpServer(process, apache.answer, server_header=f"Apache/{version} (Unix)", done=apache.note)
    try:
        listener = process.network.listen(int(port) if port.isdigit() else 80)
    except OSError:
        words = f"(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:{port}\n"
        await process.stderr.write(
            f"{words}no listening sockets available, shutting down\nAH00015: Unable to open logs\n".encode()
        )
        return 1
    await apache.log("mpm_event:notice", f"AH00489: Apache/{version} (Unix) configured -- resuming normal operations")
    await apache.log("core:notice", "AH00094: Command line: 'httpd -D FOREGROUND'")
    ended: list[int] = []

    def end(number: int) -> None:
        ended.append(number)
        server.graceful = 30.0 if number == signal.SIGWINCH else 0.0
        server.stop(0)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGWINCH):
        process.on_signal(number, end)
    code = await server.serve([listener])
    if ended and ended[0] == signal.SIGTERM:
        await apache.log("mpm_event:notice", "AH00491: caught SIGTERM, shutting down")
    elif ended:
        await apache.log("mpm_event:notice", "AH00492: caught SIGWINCH, shutting down gracefully")
    return code
