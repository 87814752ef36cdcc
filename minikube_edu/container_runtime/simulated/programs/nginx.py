"""nginx: the entrypoint of its image, the master and its worker, the command line.

The master reads the configuration and opens the ports, one worker answers; SIGHUP reads anew (and keeps the old
configuration when the new one is wrong), SIGQUIT lets requests end, SIGTERM does not. Where the real one forks a worker
for each CPU, this one forks one. It reads its configuration and the files it serves out of the container, live.

Longer than a file should be: the master, its worker and the command line share one life, and read best together.
"""

from __future__ import annotations

import contextlib
import errno
import signal
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache

from minikube_edu.cni.contract import Connection, Listener
from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response
from minikube_edu.container_runtime.simulated.programs.nginx_config import (
    ConfigurationError,
    Directive,
    Site,
    load,
    sites,
)
from minikube_edu.container_runtime.simulated.programs.nginx_entrypoint import entrypoint
from minikube_edu.container_runtime.simulated.programs.nginx_patterns import at_leisure
from minikube_edu.container_runtime.simulated.programs.nginx_proxy import Upstreams
from minikube_edu.container_runtime.simulated.programs.nginx_site import TITLES, Handling
from minikube_edu.container_runtime.simulated.tools.network.encrypted import accept_encrypted, server_context
from minikube_edu.lib import clock

__all__ = ["entrypoint", "main"]

CONFIG = "/etc/nginx/nginx.conf"
PID_FILE = "/run/nginx.pid"
CACHE = "/var/cache/nginx"
COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
)
SIGNALS = {"stop": signal.SIGTERM, "quit": signal.SIGQUIT, "reload": signal.SIGHUP, "reopen": signal.SIGUSR1}
HELP = """\
Usage: nginx [-?hvVtTq] [-s signal] [-p prefix]
             [-e filename] [-c filename] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -s signal     : send signal to a master process: stop, quit, reopen, reload
  -p prefix     : set prefix path (default: /etc/nginx/)
  -e filename   : set error log file (default: /var/log/nginx/error.log)
  -c filename   : set configuration file (default: /etc/nginx/nginx.conf)
  -g directives : set global directives out of configuration file
"""


def version(process: Process) -> str:
    return process.env.get("NGINX_VERSION", "1.29.3")


async def main(process: Process) -> int:
    options: dict[str, str] = {}
    words = process.argv[1:]
    while words:
        word = words.pop(0)
        if word in ("-c", "-g", "-s", "-p", "-e"):
            if not words:
                return await _say(process, f'nginx: option "{word}" requires parameter', 1)
            options[word] = words.pop(0)
        elif word.startswith("-") and len(word) > 1 and all(letter in "vVtTqh?" for letter in word[1:]):
            options |= {f"-{letter}": "" for letter in word[1:]}
        else:
            return await _say(process, f'nginx: invalid option: "{word.lstrip("-")}"', 1)
    if options.keys() & {"-h", "-?"}:
        return await _say(process, f"nginx version: nginx/{version(process)}\n{HELP}", 0)
    if options.keys() & {"-v", "-V"}:
        return await _say(process, _versions(process, "-V" in options), 0)
    if "-s" in options:
        return await _send_signal(process, options["-s"])
    if options.keys() & {"-t", "-T"}:
        return await _test(process, options)
    master = Master(process, options.get("-c", CONFIG))
    if "daemon off" in options.get("-g", "") or await master.stays():
        process.argv[:] = ["nginx: master process " + " ".join(process.argv)]
        return await master.run()
    process.spawn(["nginx: master process nginx"], program=lambda child: Master(child, master.path).run())
    return 0


async def _say(process: Process, words: str, code: int) -> int:
    await process.stderr.write((words.rstrip("\n") + "\n").encode())
    return code


def _versions(process: Process, long: bool) -> str:
    text = f"nginx version: nginx/{version(process)}"
    if long:
        text += (
            "\nbuilt by gcc 14.2.0 (Debian 14.2.0-19) \nbuilt with OpenSSL 3.5.1 1 Jul 2025\nTLS SNI support enabled\n"
            "configure arguments: --prefix=/etc/nginx --sbin-path=/usr/sbin/nginx --conf-path=/etc/nginx/nginx.conf "
            "--error-log-path=/var/log/nginx/error.log --http-log-path=/var/log/nginx/access.log "
            "--pid-path=/run/nginx.pid "
            "--user=nginx --group=nginx --with-http_ssl_module --with-http_stub_status_module --with-stream"
        )
    return text


async def _send_signal(process: Process, name: str) -> int:
    if name not in SIGNALS:
        return await _say(process, f'nginx: invalid option: "-s {name}"', 1)
    log = ErrorLog(process)
    await log.write("notice", "signal process started")
    try:
        pid = int(await process.read_file(PID_FILE))
    except FileNotFoundError as error:
        words = f'[error] open() "{PID_FILE}" failed (2: {reason(error)})'
        return await _say(process, f"nginx: {words}", 1)
    except ValueError:
        return await _say(process, f'nginx: [error] invalid PID number "" in "{PID_FILE}"', 1)
    try:
        process.kill(pid, SIGNALS[name])
    except OSError as error:
        return await _say(
            process, f"nginx: [alert] kill({pid}, {SIGNALS[name]:d}) failed ({error.errno}: {reason(error)})", 1
        )
    return 0


async def _test(process: Process, options: dict[str, str]) -> int:
    path = options.get("-c", CONFIG)
    sources: dict[str, str] = {}
    try:
        http, _ = sites(await load(process, path, sources))
        await Upstreams(lambda: (0, 0, 0)).resolve(process, http)
    except ConfigurationError as error:
        await _say(process, f"nginx: [emerg] {error}", 1)
        return await _say(process, f"nginx: configuration file {path} test failed", 1)
    if "-q" not in options:
        await _say(process, f"nginx: the configuration file {path} syntax is ok", 0)
        await _say(process, f"nginx: configuration file {path} test is successful", 0)
    if "-T" in options:
        for name, source in sources.items():
            await process.print(f"# configuration file {name}:\n{source}")
    return 0


@lru_cache(maxsize=4)
def moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y/%m/%d %H:%M:%S")


class ErrorLog:
    """Lines in nginx's form. The image links the log file to stderr."""

    def __init__(self, process: Process, through: Process | None = None) -> None:
        """`through`: who writes, for lines of a process that may have ended already (a worker's last words)."""
        self.process = process
        self.writer = through or process

    async def write(self, level: str, words: str) -> None:
        await self.write_all(level, (words,))

    async def write_all(self, level: str, lines: Iterable[str]) -> None:
        head = f"{moment(int(clock.now()))} [{level}] {self.process.pid}#{self.process.pid}: "
        text = "".join(f"{head}{words}\n" for words in lines)
        await self.writer.stderr.write(text.encode("utf-8", "surrogateescape"))


class Master:
    def __init__(self, process: Process, path: str) -> None:
        self.process = process
        self.path = path
        self.log = ErrorLog(process)
        self.http = Directive("http", [], path, 0, [])
        self.sites: list[Site] = []
        self.upstreams = Upstreams(self.counts)
        self.logs: dict[str, OpenFile] = {}
        self.contexts: dict[int, ssl.SSLContext] = {}  # by port
        self.server: HttpServer | None = None
        self.signals: list[int] = []

    def counts(self) -> tuple[int, int, int]:
        server = self.server
        return (server.active, server.accepted, server.requests) if server else (0, 0, 0)

    async def stays(self) -> bool:
        """`daemon off` in the file itself."""
        try:
            directives = await load(self.process, self.path)
        except ConfigurationError:
            return True  # it will fail in the foreground
        return any(one.name == "daemon" and one.args == ["off"] for one in directives)

    async def run(self) -> int:
        process = self.process
        try:
            await self.configure()
        except ConfigurationError as error:
            await self.log.write("emerg", str(error))
            return await _say(process, f"nginx: [emerg] {error}", 1)
        for number in SIGNALS.values():
            process.on_signal(number, self.signals.append)
        listeners = await self.bind()
        if listeners is None:
            return 1
        if words := await self.leave_marks():
            await self.log.write("emerg", words)
            return await _say(process, f"nginx: [emerg] {words}", 1)
        lines = (
            'using the "epoll" event method',
            f"nginx/{version(process)}",
            "built by gcc 14.2.0 (Debian 14.2.0-19) ",
            "OS: Linux 6.8.0-49-generic",
            "getrlimit(RLIMIT_NOFILE): 1048576:1048576",
            "start worker processes",
        )
        await self.log.write_all("notice", lines)
        try:
            return await self.watch(await self.start_worker(listeners))
        finally:
            with contextlib.suppress(OSError):
                process.unlink(PID_FILE)

    async def leave_marks(self) -> str:
        """Its pid, and directories for big requests (which need no making here); a complaint when all is read-only."""
        try:
            await self.process.write_file(PID_FILE, f"{self.process.pid}\n".encode())
        except OSError as error:
            if error.errno == errno.EROFS:
                with contextlib.suppress(OSError):
                    if "ro" in self.process.statfs(CACHE).options.split(","):
                        return f'mkdir() "{CACHE}/client_temp" failed (30: Read-only file system)'
                return f'open() "{PID_FILE}" failed (30: Read-only file system)'
        return ""

    async def configure(self) -> None:
        http, found = sites(await load(self.process, self.path))
        upstreams = Upstreams(self.counts)
        await upstreams.resolve(self.process, http)
        self.http, self.sites, self.upstreams = http, found, upstreams
        for file in self.logs.values():
            file.release()
        self.logs = {}
        self.contexts = {port: await self.context(site) for site in found for _, port, _, tls in site.listens if tls}

    async def context(self, site: Site) -> ssl.SSLContext:
        """What `listen … ssl` needs."""
        contents = []
        for name in ("ssl_certificate", "ssl_certificate_key"):
            setting = site.settings.first(name) or self.http.first(name)
            if setting is None:
                words = f'no "{name}" is defined for the "listen ... ssl" directive in {site.settings.where()}'
                raise ConfigurationError(words)
            path = setting.args[0] if setting.args[0].startswith("/") else f"/etc/nginx/{setting.args[0]}"
            try:
                contents.append(await self.process.read_file(path))
            except OSError as error:
                what = "cannot load certificate" + (" key" if name.endswith("key") else "")
                words = f'{what} "{path}": BIO_new_file() failed (SSL: error:80000002:system library::{reason(error)})'
                raise ConfigurationError(words) from None
        try:
            return server_context(contents[0], contents[1])
        except ssl.SSLError as error:
            words = f"SSL_CTX_use_PrivateKey() failed (SSL: error:05800074:x509 certificate routines::{error.reason})"
            raise ConfigurationError(words) from None

    async def secure(self, connection: Connection) -> Connection:
        context = self.contexts.get(connection.local.port)
        return connection if context is None else await accept_encrypted(connection, context)

    async def bind(self) -> list[Listener] | None:
        listeners: list[Listener] = []
        own_six = any(":" in ip for ip in self.process.network.ips)
        wanted = dict.fromkeys((ip, port) for site in self.sites for ip, port, _, _ in site.listens)
        for ip, port in wanted:
            if ":" in ip and not own_six and ip != "::1":
                continue  # dual stack: 0.0.0.0 is all that there is to bind
            for attempt in range(6):
                try:
                    listeners.append(self.process.network.listen(port, ip))
                    break
                except OSError as error:
                    words = f"bind() to {ip}:{port} failed ({error.errno}: {reason(error)})"
                    await self.log.write("emerg", words)
                    await _say(self.process, f"nginx: [emerg] {words}", 1)
                    if attempt == 5:
                        await self.log.write("emerg", "still could not bind()")
                        await _say(self.process, "nginx: [emerg] still could not bind()", 1)
                        for listener in listeners:
                            listener.close()
                        return None
                    await self.process.sleep(0.5)
        return listeners

    async def start_worker(self, listeners: list[Listener]) -> Process:
        worker = self.process.spawn(["nginx: worker process"], program=lambda child: self.work(child, listeners))
        await self.log.write("notice", f"start worker process {worker.pid}")
        return worker

    async def work(self, worker: Process, listeners: list[Listener]) -> int:
        """The worker's whole life."""
        for number in (signal.SIGQUIT, signal.SIGTERM):
            worker.on_signal(number, lambda _: server.stop())
        server = self.server = HttpServer(
            worker,
            lambda request: self.answer(worker, request),
            server_header=f"nginx/{version(worker)}",
            done=self.note,
            failed=self.failed,
            secure=self.secure if self.contexts else None,
        )
        server.graceful = 30.0
        if not listeners:
            while True:
                with contextlib.suppress(InterruptedError):
                    await worker.sleep(1e9)
        return await server.serve(listeners)

    # -- requests ----------------------------------------------------------------------------------------------------

    def site_for(self, request: Request) -> Site:
        port = request.local.port
        host = request.headers.get("host", "").lower()
        host = host if host.startswith("[") else host.partition(":")[0]
        here = [site for site in self.sites if any(one[1] == port for one in site.listens)] or self.sites
        default = next((s for s in here if any(one[1] == port and one[2] for one in s.listens)), here[0])
        best = max(here, key=lambda site: site.answers_to(host))
        return best if best.answers_to(host) else default

    async def answer(self, worker: Process, request: Request) -> Response:
        log = ErrorLog(worker)
        number = self.server.accepted if self.server else 1

        async def complain(level: str, words: str) -> None:
            await log.write(level, f"*{number} {words}")

        site = self.site_for(request)
        handling = Handling(worker, self.http, site, request, complain, version(worker))
        return await handling.answer(self.upstreams)

    def failed(self, status: int) -> Response:
        body = (
            f"<html>\r\n<head><title>{status} {TITLES[status]}</title></head>\r\n<body>\r\n"
            f"<center><h1>{status} {TITLES[status]}</h1></center>\r\n<hr><center>nginx/{version(self.process)}</center>"
            f"\r\n</body>\r\n</html>\r\n"
        )
        return Response(body.encode(), status, "text/html", close=True)

    async def note(self, request: Request, response: Response, sent: int) -> None:
        """The access log, in the form that the configuration names."""
        handling = Handling(
            self.process, self.http, self.site_for(request), request, self.log.write, version(self.process)
        )
        handling.location = await at_leisure(lambda: handling.site.locate(request.path), request.path)
        where = handling.setting("access_log")
        args = where.args if where else ["/var/log/nginx/access.log"]
        if args[:1] == ["off"]:
            return
        handling.set = {"status": str(response.status), "body_bytes_sent": str(sent), "bytes_sent": str(sent + 230)}
        for name in ("http_referer", "http_user_agent", "http_x_forwarded_for", "remote_user"):
            handling.set[name] = handling.variable(name) or "-"
        await self.append(args[0], handling.expand(self.format_named(args[1] if len(args) > 1 else "combined")))

    def format_named(self, name: str) -> str:
        for one in self.http.all("log_format"):
            if one.args[:1] == [name]:
                return "".join(part for part in one.args[1:] if not part.startswith("escape="))
        return COMBINED

    async def append(self, path: str, line: str) -> None:
        if not path.startswith("/"):
            path = f"/etc/nginx/{path}"
        try:
            if path not in self.logs:
                self.logs[path] = self._open_log(path)
            await self.logs[path].write(line.encode("utf-8", "surrogateescape") + b"\n")
        except BrokenPipeError:
            return
        except OSError as error:
            await self.log.write("alert", f'write() to "{path}" failed ({error.errno}: {reason(error)})')

    def _open_log(self, path: str) -> OpenFile:
        with contextlib.suppress(OSError):
            target = self.process.readlink(path)
            if target in ("/dev/stdout", "/dev/stderr"):
                return (self.process.stdout if target.endswith("out") else self.process.stderr).retain()
        if path in ("/dev/stdout", "/dev/stderr"):
            return (self.process.stdout if path.endswith("out") else self.process.stderr).retain()
        return self.process.open(path, "a")

    # -- the master's watch ------------------------------------------------------------------------------------------

    async def watch(self, worker: Process) -> int:
        while True:
            child = None
            if not self.signals:
                with contextlib.suppress(InterruptedError):
                    child, status = await self.process.wait(worker)
            if child is not None:
                await self.log.write("notice", f"signal 17 (SIGCHLD) received from {child.pid}")
                how = f"exited on signal {status.signal}" if status.signal else f"exited with code {status.code}"
                await self.log.write("alert" if status.signal else "notice", f"worker process {child.pid} {how}")
                worker = await self.start_worker(await self.bind() or [])
            while self.signals:
                number = self.signals.pop(0)
                if number == signal.SIGHUP:
                    worker = await self.reload(worker)
                elif number in (signal.SIGQUIT, signal.SIGTERM):
                    return await self.end(worker, number)

    async def reload(self, worker: Process) -> Process:
        await self.log.write("notice", "signal 1 (SIGHUP) received, reconfiguring")
        await self.log.write("notice", "reconfiguring")
        try:
            await self.configure()
        except ConfigurationError as error:
            await self.log.write("emerg", str(error))
            return worker
        await self.log.write("notice", "start worker processes")
        if self.server is not None:
            self.server.stop()
        fresh = await self.start_worker(await self.bind() or [])
        await ErrorLog(worker, self.process).write("notice", "gracefully shutting down")
        with contextlib.suppress(OSError, InterruptedError):
            self.process.kill(worker.pid, signal.SIGQUIT)
            await self.process.wait(worker)
        return fresh

    async def end(self, worker: Process, number: int) -> int:
        name = signal.Signals(number).name
        ending = "shutting down" if number == signal.SIGQUIT else "exiting"
        await self.log.write("notice", f"signal {number} ({name}) received, {ending}")
        if number == signal.SIGQUIT:
            await ErrorLog(worker, self.process).write("notice", "gracefully shutting down")
        elif self.server is not None:
            self.server.graceful = 0.0
        with contextlib.suppress(OSError):
            self.process.kill(worker.pid, number)
        await ErrorLog(worker, self.process).write("notice", "exiting")
        await ErrorLog(worker, self.process).write("notice", "exit")
        while True:
            try:
                await self.process.wait(worker)
                break
            except InterruptedError:
                continue
            except ChildProcessError:
                break
        await self.log.write("notice", f"signal 17 (SIGCHLD) received from {worker.pid}")
        await self.log.write("notice", f"worker process {worker.pid} exited with code 0")
        await self.log.write("notice", "exit")
        return 0
