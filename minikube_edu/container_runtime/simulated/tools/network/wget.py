"""wget, busybox's and GNU's: the same requests, other words.

Long, because there are two of them: what they share, and a class for what each one says.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, is_address
from minikube_edu.container_runtime.simulated.tools.network.encrypted import client_context, encrypt
from minikube_edu.container_runtime.simulated.tools.network.http_talk import (
    Answer,
    EmptyReply,
    Exchange,
    NotHttp,
    Url,
    parse_url,
)
from minikube_edu.lib import clock

SHORT = "cqSO:o:P:t:T:U:Y:nvdbN46i:e:"
LONG = {
    "continue": "c", "quiet": "q", "server-response": "S", "output-document:": "O", "output-file:": "o",
    "directory-prefix:": "P", "timeout:": "T", "tries:": "t", "user-agent:": "U", "spider": "spider",
    "header:": "header", "post-data:": "post", "post-file:": "post-file", "no-check-certificate": "insecure",
    "ca-certificate:": "ca", "verbose": "v", "no-verbose": "nv", "method:": "method", "body-data:": "body",
    "proxy:": "Y", "connect-timeout:": "T", "read-timeout:": "T", "dns-timeout:": "T", "user:": "user",
    "password:": "password", "content-on-error": "on-error", "max-redirect:": "max", "waitretry:": "waitretry",
    "retry-connrefused": "retry", "show-progress": "show", "no-proxy": "no-proxy", "no-verbose-progress": "x",
    "http-user:": "user", "http-password:": "password", "progress:": "progress", "inet4-only": "4",
    "no-cache": "no-cache",
    "load-cookies:": "cookies", "save-headers": "save-headers", "trust-server-names": "trust", "wait:": "wait",
    "no-hsts": "no-hsts", "no-clobber": "nc", "limit-rate:": "rate", "random-wait": "x", "recursive": "r",
}  # fmt: skip
REDIRECTS = (301, 302, 303, 307, 308)
USAGE = (
    "wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n"
    "\t[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL..."
)


@program(USAGE, failure=1)
async def wget(process: Process) -> int:
    argv = [{"-nv": "--no-verbose", "-nc": "--no-clobber"}.get(word, word) for word in process.argv[1:]]
    arguments = parse(process, SHORT, LONG, argv=argv)
    if not arguments.operands:
        if is_busybox(process):
            raise Complaint("", usage=True)
        await process.stderr.write(b"wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\n")
        await process.stderr.write(b"Try `wget --help' for more options.\n")
        return 1
    worst = 0
    for text in arguments.operands:
        fetch = (BusyboxFetch if is_busybox(process) else GnuFetch)(process, arguments, text)
        try:
            code = await fetch.run()
        finally:
            fetch.close()
        worst = worst or code
    return worst


class Failure(Exception):
    """Words for the user, and the exit code that GNU's has."""

    def __init__(self, words: str, code: int = 4) -> None:
        super().__init__(words)
        self.words, self.code = words, code


class Fetch:
    """One URL, with its redirects."""

    def __init__(self, process: Process, arguments: Arguments, text: str) -> None:
        self.process = process
        self.arguments = arguments
        self.text = text
        self.quiet = arguments.has("q")
        self.spider = arguments.has("spider")
        self.busybox = is_busybox(process)
        self.timeout = float(arguments.last("T") or 900)
        self.connection: Connection | None = None
        self.file: OpenFile | None = None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
        if self.file is not None:
            self.file.release()

    async def tell(self, words: str, end: str = "\n") -> None:
        if not self.quiet:
            await self.process.stderr.write((words + end).encode("utf-8", "surrogateescape"))

    # -- what is sent ------------------------------------------------------------------------------------------------

    async def request_body(self) -> bytes | None:
        if (path := self.arguments.last("post-file")) is not None:
            return await self.process.read_file(path)
        for name in ("post", "body"):
            if (data := self.arguments.last(name)) is not None:
                return data.encode("utf-8", "surrogateescape")
        return None

    def method(self, body: bytes | None) -> str:
        if wanted := self.arguments.last("method"):
            return wanted.upper()
        return "POST" if body is not None else "HEAD" if self.spider and not self.busybox else "GET"

    def headers(self, url: Url, body: bytes | None) -> list[tuple[str, str]]:
        headers = [("Host", url.authority), ("User-Agent", self.arguments.last("U") or self.agent)]
        if not self.busybox:
            headers += [("Accept", "*/*"), ("Accept-Encoding", "identity")]
        user = self.arguments.last("user") or url.user
        if user:
            password = self.arguments.last("password") or url.password
            headers.append(("Authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()))
        headers.append(("Connection", "close" if self.busybox else "Keep-Alive"))
        for extra in self.arguments.all("header"):
            name, _, value = extra.partition(":")
            headers = [one for one in headers if one[0].lower() != name.strip().lower()]
            headers.append((name.strip(), value.strip()))
        if body is not None:
            headers.append(("Content-Length", str(len(body))))
            if not any(name.lower() == "content-type" for name, _ in headers):
                headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        return headers

    @property
    def agent(self) -> str:
        return "Wget" if self.busybox else "Wget/1.24.5"

    async def converse(self, url: Url) -> tuple[Exchange, Answer, str]:
        if self.connection is not None:
            self.connection.close()
        self.connection = await self.reach(url)
        exchange = Exchange(self.connection)
        body = await self.request_body()
        method = self.method(body)
        try:
            async with asyncio.timeout(self.timeout):
                await exchange.send(method, url.target, self.headers(url, body), body or b"")
                await self.sent()
                return exchange, await exchange.answer(), method
        except TimeoutError:
            raise self.slow() from None
        except EmptyReply:
            raise Failure(self.no_answer) from None
        except NotHttp as error:
            raise Failure(f"bad response from server: {error.data[:40]!r}") from None

    no_answer = "error getting response"

    async def sent(self) -> None:
        pass

    def slow(self) -> Failure:
        return Failure("download timed out")

    async def reach(self, url: Url) -> Connection:
        raise NotImplementedError

    async def secure(self, connection: Connection, url: Url) -> Connection:
        if url.scheme != "https":
            return connection
        verify = not self.busybox and not self.arguments.has("insecure")
        authorities = b""
        if verify and (path := self.arguments.last("ca")):
            authorities = await self.process.read_file(path)
        try:
            return await encrypt(connection, client_context(verify, authorities), url.host)
        except ssl.SSLCertVerificationError as error:
            raise Failure(
                f"ERROR: cannot verify {url.host}'s certificate: {error.verify_message}\n"
                f"To connect to {url.host} insecurely, use `--no-check-certificate'.",
                5,
            ) from None
        except ssl.SSLError as error:
            raise Failure(f"error: TLS error: {error.reason}", 5) from None

    async def pieces(self, exchange: Exchange, answer: Answer, method: str) -> AsyncIterator[bytes]:
        stream = exchange.body(answer, method)
        while True:
            try:
                async with asyncio.timeout(self.timeout):
                    piece = await anext(stream, b"")
            except TimeoutError:
                raise self.slow() from None
            except EOFError:
                raise Failure("connection closed prematurely") from None
            if not piece:
                return
            yield piece

    # -- where it goes -----------------------------------------------------------------------------------------------

    def target(self, url: Url) -> str:
        if (named := self.arguments.last("O")) is not None:
            return named
        name = url.target.partition("?")[0].rpartition("/")[2] or "index.html"
        folder = self.arguments.last("P")
        return f"{folder.rstrip('/')}/{name}" if folder else name

    async def run(self) -> int:
        raise NotImplementedError

    def redirected(self, url: Url, answer: Answer) -> str | None:
        to = answer.get("location")
        if answer.status not in REDIRECTS or not to:
            return None
        if to.startswith("/"):
            return f"{url.scheme}://{url.authority}{to}"
        return to if "://" in to else f"{url.scheme}://{url.authority}/{to}"


class BusyboxFetch(Fetch):
    async def run(self) -> int:
        try:
            return await self.follow()
        except Failure as failure:
            await self.process.complain(failure.words)
            return 1

    async def follow(self) -> int:
        url = self.parse(self.text)
        for _ in range(11):
            exchange, answer, method = await self.converse(url)
            if self.arguments.has("S"):
                for line in answer.raw.decode("latin-1").strip().splitlines():
                    await self.process.stderr.write(f"  {line}\n".encode())
            if to := self.redirected(url, answer):
                url = self.parse(to)
                continue
            if answer.status not in (200, 201, 202, 203, 204, 206):
                raise Failure(f"server returned error: {answer.line}")
            if self.spider:
                await self.tell("remote file exists")
                return 0
            await self.save(url, exchange, answer, method)
            return 0
        raise Failure("too many redirections")

    def parse(self, text: str) -> Url:
        try:
            url = parse_url(text)
        except ValueError:
            raise Failure(f"bad address '{text}'") from None
        if url.scheme not in ("http", "https"):
            raise Failure(f"not an http or ftp url: {text}")
        return url

    async def reach(self, url: Url) -> Connection:
        try:
            ips = await addresses(self.process, url.host, self.timeout)
        except NameNotFound:
            raise Failure(f"bad address '{url.authority}'") from None
        await self.tell(f"Connecting to {url.written or url.authority} ({_shown(ips[0], url.port)})")
        try:
            connection = await self.process.network.connect(ips[0], url.port, self.timeout)
        except OSError as error:
            if error.errno == errno.ETIMEDOUT and self.arguments.has("T"):
                raise self.slow() from None
            raise Failure(f"can't connect to remote host ({ips[0]}): {_reason(error)}") from None
        if url.scheme == "https":
            await self.tell("wget: note: TLS certificate validation not implemented")
        return await self.secure(connection, url)

    async def save(self, url: Url, exchange: Exchange, answer: Answer, method: str) -> None:
        path = self.target(url)
        standard = path == "-"
        if standard:
            await self.tell("writing to stdout")
        else:
            if self.arguments.last("O") is None and self._exists(path) and not self.arguments.has("c"):
                raise Failure(f"can't open '{path}': File exists")
            try:
                self.file = self.process.open(path, "w")
            except OSError as error:
                raise Failure(f"can't open '{path}': {reason(error)}") from None
            await self.tell(f"saving to '{path}'")
        total = 0
        async for piece in self.pieces(exchange, answer, method):
            total += len(piece)
            await (self.file or self.process.stdout).write(piece)
        name = path[:20]
        await self.tell(f"{name:<20} 100% |{'*' * 32}| {_size(total):>5}  0:00:00 ETA")
        await self.tell("written to stdout" if standard else f"'{path}' saved")

    def _exists(self, path: str) -> bool:
        try:
            self.process.stat(path)
        except OSError:
            return False
        return True


class GnuFetch(Fetch):
    """Talks about every step, on stderr."""

    async def tell(self, words: str, end: str = "\n") -> None:
        if not self.quiet and not self.arguments.has("nv"):
            await self.process.stderr.write((words + end).encode("utf-8", "surrogateescape"))

    async def run(self) -> int:
        tries = int(self.arguments.last("t") or 20) or 10**6
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self.follow(attempt)
            except Failure as failure:
                await self.tell(failure.words)
                return failure.code
            except Again as again:
                await self.tell(again.words)
                if attempt >= tries:
                    await self.tell("Giving up.\n")
                    return 4
                await self.tell("Retrying.\n")
                await self.process.sleep(min(attempt, 10))

    async def follow(self, attempt: int) -> int:
        try:
            url = parse_url(self.text)
        except ValueError:
            await self.process.stderr.write(f"{self.text}: Invalid host name.\n".encode())
            return 1
        if url.scheme not in ("http", "https"):
            await self.process.stderr.write(f"{self.text}: Unsupported scheme ‘{url.scheme}’.\n".encode())
            return 1
        for _ in range(21):
            shown = f"{url.scheme}://{url.authority}{url.target}"
            if self.spider:
                await self.tell("Spider mode enabled. Check if remote file exists.")
            head = f"--{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d %H:%M:%S}--"
            await self.tell(f"{head}  {f'(try:{attempt:2d})  ' if attempt > 1 else ''}{shown}")
            exchange, answer, method = await self.converse(url)
            await self.tell(f"{answer.status} {answer.reason}")
            if self.arguments.has("S"):
                for line in answer.raw.decode("latin-1").strip().splitlines():
                    await self.process.stderr.write(f"  {line}\n".encode())
            if to := self.redirected(url, answer):
                await self.tell(f"Location: {to} [following]")
                url = parse_url(to)
                continue
            return await self.finish(url, exchange, answer, method)
        await self.tell("20 redirections exceeded.")
        return 8

    async def finish(self, url: Url, exchange: Exchange, answer: Answer, method: str) -> int:
        now = f"{datetime.fromtimestamp(clock.now(), UTC):%Y-%m-%d %H:%M:%S}"
        if answer.status >= 400:
            if self.spider:
                await self.tell("Remote file does not exist -- broken link!!!\n")
            elif self.arguments.has("nv") and not self.quiet:
                await self.process.stderr.write(
                    f"{self.text}:\n{now} ERROR {answer.status}: {answer.reason}.\n".encode()
                )
            else:
                await self.tell(f"{now} ERROR {answer.status}: {answer.reason or '(no description)'}.\n")
            if not self.arguments.has("on-error"):
                return 8
        length, kind = answer.get("content-length"), answer.get("content-type").partition(";")[0]
        amount = f"{length}{_rounded(int(length))}" if length.isdigit() else "unspecified"
        await self.tell(f"Length: {amount}{f' [{kind}]' if kind else ''}")
        if self.spider:
            links = " and could contain further links,\nbut recursion is disabled -- not retrieving.\n"
            await self.tell("Remote file exists" + (links if "html" in kind else ".\n"))
            return 0
        path = self.target(url)
        if path != "-":
            if self.arguments.last("O") is None:
                path = self._unused(path)
            try:
                self.file = self.process.open(path, "a" if self.arguments.has("c") else "w")
            except OSError as error:
                await self.process.stderr.write(f"{path}: {reason(error)}\n".encode())
                return 3
        shown = "‘STDOUT’" if path == "-" else f"‘{path}’"
        await self.tell(f"Saving to: {shown}\n")
        total = 0
        async for piece in self.pieces(exchange, answer, method):
            total += len(piece)
            await (self.file or self.process.stdout).write(piece)
        label = (path if path != "-" else "-")[:20]
        await self.tell(f"\r{label:<20}{'100%[' + '=' * 19 + '>]':>25} {_size(total):>7}  --.-KB/s    in 0s      \n")
        of = f"{total}/{length}" if length.isdigit() else str(total)
        if path == "-":
            await self.tell(f"{now} (10.5 MB/s) - written to stdout [{of}]\n")
        elif self.arguments.has("nv") and not self.quiet:
            await self.process.stderr.write(f'{now} URL:{self.text} [{of}] -> "{path}" [1]\n'.encode())
        else:
            await self.tell(f"{now} (10.5 MB/s) - {shown} saved [{of}]\n")
        return 8 if answer.status >= 400 else 0

    def _unused(self, path: str) -> str:
        candidate, number = path, 0
        while not self.arguments.has("c"):
            try:
                self.process.stat(candidate)
            except OSError:
                break
            number += 1
            candidate = f"{path}.{number}"
        return candidate

    async def reach(self, url: Url) -> Connection:
        if is_address(url.host):
            ips = [url.host]
        else:
            await self.tell(f"Resolving {url.host} ({url.host})... ", end="")
            try:
                ips = await addresses(self.process, url.host, self.timeout)
            except NameNotFound as error:
                why = (
                    "Temporary failure in name resolution" if error.kind != "NXDOMAIN" else "Name or service not known"
                )
                await self.tell(f"failed: {why}.")
                raise Failure(f"wget: unable to resolve host address ‘{url.host}’") from None
            await self.tell(", ".join(ips))
        shown = f"{url.host}:{url.port}" if is_address(url.host) else f"{url.host} ({url.host})|{ips[0]}|:{url.port}"
        await self.tell(f"Connecting to {shown}... ", end="")
        try:
            connection = await self.process.network.connect(ips[0], url.port, self.timeout)
        except OSError as error:
            if error.errno == errno.ETIMEDOUT:
                raise Again("failed: Connection timed out.") from None
            if error.errno == errno.ECONNREFUSED and self.arguments.has("retry"):
                raise Again(f"failed: {_reason(error)}.") from None
            raise Failure(f"failed: {_reason(error)}.") from None
        await self.tell("connected.")
        return await self.secure(connection, url)

    no_answer = "No data received."

    async def sent(self) -> None:
        await self.tell("HTTP request sent, awaiting response... ", end="")

    def slow(self) -> Failure:
        raise Again("Read error (Connection timed out) in headers.")


class Again(Exception):
    """What is worth another try."""

    def __init__(self, words: str) -> None:
        self.words = words


def _reason(error: OSError) -> str:
    return "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)


def _shown(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _size(size: int) -> str:
    if size < 1024 * 10:
        return str(size)
    return f"{size / 1024:.1f}k" if size < 1 << 20 else f"{size / (1 << 20):.1f}M"


def _rounded(size: int) -> str:
    return "" if size < 1024 else f" ({size / 1024:.1f}K)" if size < 1 << 20 else f" ({size / (1 << 20):.1f}M)"
