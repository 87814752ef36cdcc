"""curl: its options, its exit codes, what -v tells, what -w writes. HTTP, HTTPS and telnet.

Trust: `--cacert`, or the image's /etc/ssl/certs/ca-certificates.crt, in the container's own files; never the host's.

Long, because a transfer passes through it in one piece: options, connection, request, answer, report.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import errno
import re
import ssl
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct, field

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.network.curl_options import FLAGS, VALUES, WITHOUT
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, is_address
from minikube_edu.container_runtime.simulated.tools.network.encrypted import (
    EncryptedConnection,
    client_context,
    encrypt,
    present,
)
from minikube_edu.container_runtime.simulated.tools.network.http_talk import (
    Answer,
    EmptyReply,
    Exchange,
    NotHttp,
    Url,
    parse_url,
)
from minikube_edu.lib import clock

VERSION = "8.14.1"
REDIRECTS = (301, 302, 303, 307, 308)
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


class Trouble(Exception):
    """`curl: (CODE) words`"""

    def __init__(self, code: int, words: str, again: bool = False) -> None:
        super().__init__(words)
        self.code, self.words, self.again = code, words, again


class Settings(Struct):
    on: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)

    def last(self, name: str, default: str = "") -> str:
        return self.values.get(name, [default])[-1]

    def seconds(self, name: str) -> float | None:
        try:
            return float(self.values[name][-1]) if name in self.values else None
        except ValueError:
            raise Trouble(2, f"option {name}: expected a proper numerical parameter") from None


def read_options(argv: list[str]) -> Settings:
    settings = Settings()
    words = list(argv)
    while words:
        word = words.pop(0)
        if word == "--":
            settings.urls += words
            break
        if word.startswith("--"):
            _long(word[2:], words, settings)
        elif word.startswith("-") and len(word) > 1:
            _short(word, words, settings)
        else:
            settings.urls.append(word)
    return settings


def _long(word: str, words: list[str], settings: Settings) -> None:
    name, equals, value = word.partition("=")
    if name == "url":
        settings.urls.append(value if equals else words.pop(0))
    elif name in VALUES.values():
        if not equals and not words:
            raise Trouble(2, f"option --{name}: requires parameter")
        settings.values.setdefault(name, []).append(value if equals else words.pop(0))
    elif name in FLAGS.values() or name in WITHOUT:
        settings.on.add("show-headers" if name == "include" else name)
    elif name.startswith("no-") and name[3:] in FLAGS.values():
        settings.on.discard(name[3:])
    else:
        raise Trouble(2, f"option --{word}: is unknown")


def _short(word: str, words: list[str], settings: Settings) -> None:
    for index, letter in enumerate(word[1:], 1):
        if letter in VALUES:
            value = word[index + 1 :]
            if not value:
                if not words:
                    raise Trouble(2, f"option -{letter}: requires parameter")
                value = words.pop(0)
            settings.values.setdefault(VALUES[letter], []).append(value)
            return
        if letter not in FLAGS:
            raise Trouble(2, f"option -{letter}: is unknown")
        settings.on.add(FLAGS[letter])


async def curl(process: Process) -> int:
    try:
        settings = read_options(process.argv[1:])
    except Trouble as trouble:
        words = f"curl: {trouble.words}\ncurl: try 'curl --help' or 'curl --manual' for more information\n"
        await process.stderr.write(words.encode())
        return trouble.code
    if "version" in settings.on:
        await process.print(
            f"curl {VERSION} (x86_64-pc-linux-gnu) libcurl/{VERSION} OpenSSL/3.5.1 zlib/1.3.1\n"
            "Release-Date: 2025-06-04\n"
            "Protocols: http https telnet\nFeatures: HSTS HTTPS-proxy IPv6 Largefile SSL threadsafe"
        )
        return 0
    if "help" in settings.on:
        await process.print(HELP)
        return 0
    if not settings.urls:
        await process.stderr.write(b"curl: (2) no URL specified\n")
        await process.stderr.write(b"curl: try 'curl --help' or 'curl --manual' for more information\n")
        return 2
    code = 0
    outputs = settings.values.get("output", [])
    for index, url in enumerate(_expanded(settings.urls)):
        output = outputs[index] if index < len(outputs) else ""
        code = await Transfer(process, settings, url, output).run()
        if code and "fail-early" in settings.on:
            break
    return code


HELP = """\
Usage: curl [options...] <url>
 -d, --data <data>          HTTP POST data
 -f, --fail                 Fail fast with no output on HTTP errors
 -h, --help <subject>       Get help for commands
 -i, --show-headers         Show response headers in output
 -o, --output <file>        Write to file instead of stdout
 -O, --remote-name          Write output to file named as remote file
 -s, --silent               Silent mode
 -T, --upload-file <file>   Transfer local FILE to destination
 -u, --user <user:password> Server user and password
 -A, --user-agent <name>    Send User-Agent <name> to server
 -v, --verbose              Make the operation more talkative
 -V, --version              Show version number and quit"""


def _expanded(urls: list[str]) -> list[str]:
    """`{a,b}` and `[1-3]` of curl's globbing."""
    result: list[str] = []
    for url in urls:
        if braces := re.search(r"\{([^{}]*,[^{}]*)\}", url):
            result += _expanded([url.replace(braces[0], word, 1) for word in braces[1].split(",")])
        elif numbers := re.search(r"\[(\d+)-(\d+)\]", url):
            first, last = int(numbers[1]), min(int(numbers[2]), int(numbers[1]) + 9999)
            result += _expanded([url.replace(numbers[0], str(n), 1) for n in range(first, last + 1)])
        else:
            result.append(url)
    return result


class Transfer:
    """One URL, with its redirects and retries."""

    def __init__(self, process: Process, settings: Settings, text: str, output: str) -> None:
        self.process = process
        self.settings = settings
        self.on = settings.on
        self.text = text
        self.output = output
        self.began = clock.monotonic()
        self.connection: Connection | None = None
        self.file: OpenFile | None = None
        self.answer: Answer | None = None
        self.written = 0
        self.redirects = 0
        self.uploaded = 0
        self.ip = ""
        self.times: dict[str, float] = {}
        self.final = text

    async def run(self) -> int:
        retries = int(self.settings.last("retry", "0") or 0)
        pause = 1.0
        attempt = 0
        while True:
            code, words, again = 0, "", False
            try:
                await self.attempt()
            except Trouble as trouble:
                code, words = trouble.code, trouble.words
                again = trouble.again or (code == 7 and "retry-connrefused" in self.on) or "retry-all-errors" in self.on
            finally:
                self.close()
            if not again or attempt >= retries:
                break
            attempt += 1
            delay = self.settings.seconds("retry-delay") or pause
            if "silent" not in self.on or "show-error" in self.on:
                left = retries - attempt + 1
                said = f"Warning: Problem: {_problem(code)}. Will retry in {delay:g} seconds. {left} retries left.\n"
                await self.process.stderr.write(said.replace("1 seconds", "1 second").encode())
            await self.process.sleep(delay)
            pause = min(pause * 2, 600)
        if code and words and ("silent" not in self.on or "show-error" in self.on):
            await self.process.stderr.write(f"curl: ({code}) {words}\n".encode())
        await self.write_out(code, words)
        return code

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None
        if self.file is not None:
            self.file.release()
            self.file = None

    async def verbose(self, words: str, mark: str = "*") -> None:
        if "verbose" in self.on:
            await self.process.stderr.write(f"{mark} {words}\n".encode("utf-8", "surrogateescape"))

    async def attempt(self) -> None:
        limit = self.settings.seconds("max-time")
        try:
            async with asyncio.timeout(limit):
                await self.follow()
        except TimeoutError as error:
            if limit is None or error.errno is not None:
                raise Trouble(56, "Recv failure: Connection timed out") from None
            milliseconds = round((clock.monotonic() - self.began) * 1000)
            what = f"{self.written} bytes received" if self.answer else "0 bytes received"
            words = f"Operation timed out after {milliseconds} milliseconds with {what}"
            if "connect" not in self.times:
                words = f"Connection timed out after {milliseconds} milliseconds"
            raise Trouble(28, words, again=True) from None
        except (ConnectionResetError, BrokenPipeError):
            raise Trouble(56, "Recv failure: Connection reset by peer") from None

    async def follow(self) -> None:
        url = self.parse(self.text)
        method, body = await self.request()
        while True:
            if url.scheme == "telnet":
                return await self.telnet(url)
            if url.scheme not in ("http", "https"):
                raise Trouble(1, f'Protocol "{url.scheme}" not supported')
            to = await self.exchange(url, method, body)
            if to is None:
                return None
            self.redirects += 1
            if self.redirects > int(self.settings.last("max-redirs", "50")):
                raise Trouble(47, f"Maximum ({self.settings.last('max-redirs', '50')}) redirects followed")
            assert self.answer is not None
            if self.answer.status in (301, 302, 303) and method == "POST" and not self.settings.last("request"):
                method, body = "GET", None
            await self.verbose(f"Issue another request to this URL: '{to}'")
            url = self.parse(to)
            self.final = to

    def parse(self, text: str) -> Url:
        try:
            return parse_url(text)
        except ValueError as error:
            port = "port" in str(error).lower()
            raise Trouble(3, "URL rejected: Port number was not a decimal number between 0 and 65535" if port else
                          "URL rejected: No host part in the URL") from None  # fmt: skip

    # -- the request -------------------------------------------------------------------------------------------------

    async def request(self) -> tuple[str, bytes | None]:
        body: bytes | None = None
        kinds = ("data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "json")
        values = [(kind, value) for kind in kinds for value in self.settings.values.get(kind, [])]
        pieces = [await self.data(kind, value) for kind, value in values]
        if pieces:
            body = (b"" if "json" in self.settings.values else b"&").join(pieces)
        forms = self.settings.values.get("form", [])
        if forms:
            body = await self.multipart(forms)
        method = "POST" if body is not None else "GET"
        if path := self.settings.last("upload-file"):
            method = "PUT"
            body = b"".join(await self.process.lines()) if path == "-" else await self.local(path)
        if "get" in self.on and body is not None:
            self.text += ("&" if "?" in self.text else "?") + body.decode("utf-8", "surrogateescape")
            method, body = "GET", None
        if "head" in self.on:
            method = "HEAD"
        return self.settings.last("request") or method, body

    async def data(self, name: str, value: str) -> bytes:
        if name == "data-raw":
            return value.encode("utf-8", "surrogateescape")
        if name == "data-urlencode":
            key, equals, rest = value.partition("=")
            return f"{key}={quote(rest, safe='')}".lstrip("=").encode() if equals else quote(value, safe="").encode()
        if value.startswith("@"):
            content = b"".join(await self.process.lines()) if value == "@-" else await self.local(value[1:])
            return content if name in ("data-binary", "json") else content.replace(b"\n", b"").replace(b"\r", b"")
        return value.encode("utf-8", "surrogateescape")

    async def local(self, path: str) -> bytes:
        try:
            return await self.process.read_file(path)
        except OSError:
            raise Trouble(26, f"Failed to open {path}") from None

    BOUNDARY = "------------------------d74496d66958873e"

    async def multipart(self, forms: list[str]) -> bytes:
        body = b""
        for form in forms:
            name, _, value = form.partition("=")
            head = f'--{self.BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
            content = value.encode()
            if value.startswith("@"):
                path = value[1:].partition(";")[0]
                content = await self.local(path)
                head += f'; filename="{path.rpartition("/")[2]}"\r\nContent-Type: application/octet-stream'
            body += f"{head}\r\n\r\n".encode() + content + b"\r\n"
        return body + f"--{self.BOUNDARY}--\r\n".encode()

    def headers(self, url: Url, body: bytes | None) -> list[tuple[str, str]]:
        headers = [("Host", url.authority)]
        user = self.settings.last("user") or (f"{url.user}:{url.password}" if url.user else "")
        if user:
            user = user if ":" in user else f"{user}:"
            headers.append(("Authorization", "Basic " + base64.b64encode(user.encode()).decode()))
        headers.append(("User-Agent", self.settings.last("user-agent", f"curl/{VERSION}")))
        headers.append(("Accept", "*/*"))
        if token := self.settings.last("oauth2-bearer"):
            headers.append(("Authorization", f"Bearer {token}"))
        if referer := self.settings.last("referer"):
            headers.append(("Referer", referer))
        if "compressed" in self.on:
            headers.append(("Accept-Encoding", "identity"))
        if cookies := [one for one in self.settings.values.get("cookie", []) if "=" in one]:
            headers.append(("Cookie", "; ".join(cookies)))
        if wanted := self.settings.last("range"):
            headers.append(("Range", f"bytes={wanted}"))
        if body is not None:
            headers.append(("Content-Length", str(len(body))))
            if self.settings.values.get("form"):
                headers.append(("Content-Type", f"multipart/form-data; boundary={self.BOUNDARY}"))
            elif "json" in self.settings.values:
                headers += [("Content-Type", "application/json"), ("Accept", "application/json")]
            elif "upload-file" not in self.settings.values:
                headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        for text in self.settings.values.get("header", []):
            name, colon, value = text.partition(":")
            if not colon and text.endswith(";"):
                name = text[:-1]
            lowered = name.strip().lower()
            headers = [one for one in headers if one[0].lower() != lowered]
            if value.strip() or not colon:
                entry = (name.strip(), value.strip())
                headers.insert(0, entry) if lowered == "host" else headers.append(entry)
        return [(name, value) for name, value in headers if value or name != "User-Agent"]

    # -- the connection ----------------------------------------------------------------------------------------------

    async def connect(self, url: Url) -> Connection:
        host, port = url.host, url.port
        for rule in self.settings.values.get("resolve", []):
            name, _, rest = rule.lstrip("+").partition(":")
            wanted, _, pinned = rest.partition(":")
            if name in (host, "*") and wanted == str(port):
                host = pinned.strip("[]").split(",")[0]
                await self.verbose(f"Added {name}:{wanted}:{pinned} to DNS cache")
        for rule in self.settings.values.get("connect-to", []):
            parts = rule.split(":")
            if len(parts) == 4 and parts[0] in ("", url.host) and parts[1] in ("", str(port)):
                host, port = parts[2] or host, int(parts[3] or port)
        limit = self.settings.seconds("connect-timeout")
        ips = await self.look_up(host, limit)
        if not is_address(host):
            await self.verbose(f"Host {host}:{port} was resolved.")
            six = ", ".join(ip for ip in ips if ":" in ip)
            four = ", ".join(ip for ip in ips if ":" not in ip)
            await self.verbose(f"IPv6: {six or '(none)'}")
            await self.verbose(f"IPv4: {four or '(none)'}")
        self.times["namelookup"] = clock.monotonic() - self.began
        connection = await self.dial(url.host, ips, port, limit)
        self.times["connect"] = clock.monotonic() - self.began
        if url.scheme == "https":
            connection = await self.secure(connection, url.host)
            self.times["appconnect"] = clock.monotonic() - self.began
        await self.verbose(f"Connected to {url.host} ({self.ip}) port {port}")
        return connection

    async def look_up(self, host: str, limit: float | None) -> list[str]:
        try:
            ips = await addresses(self.process, host, limit)
        except NameNotFound as error:
            if error.kind == "TIMEOUT" and limit is not None:
                raise Trouble(28, f"Resolving timed out after {round(limit * 1000)} milliseconds", again=True) from None
            await self.verbose(f"Could not resolve host: {host}")
            raise Trouble(6, f"Could not resolve host: {host}") from None
        if "ipv4" in self.on:
            ips = [ip for ip in ips if ":" not in ip]
        if not ips:
            raise Trouble(6, f"Could not resolve host: {host}")
        return ips

    async def dial(self, host: str, ips: list[str], port: int, limit: float | None) -> Connection:
        for ip in ips:
            self.ip = ip
            await self.verbose(f"  Trying {f'[{ip}]' if ':' in ip else ip}:{port}...")
            try:
                return await self.process.network.connect(ip, port, limit)
            except OSError as error:
                failure = error
                await self.verbose(f"connect to {ip} port {port} from {self._own()} port 0 failed: {_reason(error)}")
        spent = round((clock.monotonic() - self.began) * 1000)
        if failure.errno == errno.ETIMEDOUT and limit is not None:
            raise Trouble(
                28, f"Failed to connect to {host} port {port} after {spent} ms: Timeout was reached", again=True
            )
        await self.verbose(f"Failed to connect to {host} port {port} after {spent} ms: Could not connect to server")
        raise Trouble(
            28 if failure.errno == errno.ETIMEDOUT else 7,
            f"Failed to connect to {host} port {port} after {spent} ms: Could not connect to server",
            again=failure.errno == errno.ETIMEDOUT,
        )

    def _own(self) -> str:
        ips = self.process.network.ips
        return ips[0] if ips else "127.0.0.1"

    async def secure(self, connection: Connection, host: str) -> EncryptedConnection:
        verify = "insecure" not in self.on
        authorities = b""
        if verify:
            authorities = await self.authorities(self.settings.last("cacert"))
        try:
            context = client_context(verify, authorities)
            if path := self.settings.last("cert"):
                certificate = await self.local(path.partition(":")[0])
                key = self.settings.last("key")
                present(context, certificate, await self.local(key) if key else b"")
        except ssl.SSLError as error:
            raise Trouble(58, f"could not load PEM client certificate, OpenSSL error {error.reason}") from None
        await self.verbose("TLSv1.3 (OUT), TLS handshake, Client hello (1):")
        try:
            encrypted = await encrypt(connection, context, host)
        except ssl.SSLCertVerificationError as error:
            words = f"SSL certificate problem: {error.verify_message}"
            if "mismatch" in error.verify_message or "IP address" in error.verify_message:
                words = f"SSL: no alternative certificate subject name matches target host name '{host}'"
            raise Trouble(60, f"{words}\n{MORE}") from None
        except ssl.SSLError as error:
            plain = error.reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
            what = (
                "wrong version number"
                if plain
                else (error.reason or "unexpected eof while reading").lower().replace("_", " ")
            )
            raise Trouble(35, f"TLS connect error: error:0A00010B:SSL routines::{what}") from None
        cipher = encrypted.tls.cipher()
        await self.verbose(f"SSL connection using {encrypted.tls.version()} / {cipher[0] if cipher else ''}")
        return encrypted

    async def authorities(self, path: str) -> bytes:
        if path:
            try:
                return await self.process.read_file(path)
            except OSError:
                raise Trouble(77, f"error adding trust anchors from file: {path}") from None
        for candidate in (
            self.process.env.get("SSL_CERT_FILE", ""),
            self.process.env.get("CURL_CA_BUNDLE", ""),
            AUTHORITIES,
        ):
            if candidate:
                try:
                    return await self.process.read_file(candidate)
                except OSError:
                    continue
        return b""

    # -- the answer --------------------------------------------------------------------------------------------------

    async def exchange(self, url: Url, method: str, body: bytes | None) -> str | None:
        """Returns where to go on."""
        self.close()
        self.connection = await self.connect(url)
        exchange = Exchange(self.connection)
        sent = await exchange.send(method, url.target, self.headers(url, body), body or b"")
        self.uploaded = len(body or b"")
        for line in sent.decode("utf-8", "surrogateescape").split("\r\n\r\n")[0].split("\r\n"):
            await self.verbose(line, ">")
        await self.verbose("", ">")
        if body:
            await self.verbose(f"upload completely sent off: {len(body)} bytes")
        else:
            await self.verbose("Request completely sent off")
        try:
            answer = self.answer = await exchange.answer()
        except EmptyReply:
            await self.verbose("Empty reply from server")
            raise Trouble(52, "Empty reply from server") from None
        except NotHttp:
            raise Trouble(1, "Received HTTP/0.9 when not allowed") from None
        self.times["starttransfer"] = clock.monotonic() - self.began
        for line in answer.raw.decode("latin-1").rstrip("\r\n").split("\r\n"):
            await self.verbose(line, "<")
        await self.verbose("", "<")
        to = self.redirection(url, answer)
        await self.receive(url, exchange, answer, method, discard=to is not None)
        if answer.status in (408, 429, 500, 502, 503, 504) and int(self.settings.last("retry", "0") or 0):
            raise Trouble(
                22 if "fail" in self.on else 0, f"The requested URL returned error: {answer.status}", again=True
            )
        return to

    def redirection(self, url: Url, answer: Answer) -> str | None:
        to = answer.get("location")
        if "location" not in self.on or answer.status not in REDIRECTS or not to:
            return None
        if "://" in to:
            return to
        if to.startswith("/"):
            return f"{url.scheme}://{url.authority}{to}"
        return f"{url.scheme}://{url.authority}{url.target.partition('?')[0].rpartition('/')[0]}/{to}"

    async def receive(self, url: Url, exchange: Exchange, answer: Answer, method: str, discard: bool) -> None:
        failing = answer.status >= 400 and self.on & {"fail", "fail-with-body"}
        if answer.status >= 400 and "fail" in self.on:
            raise Trouble(22, f"The requested URL returned error: {answer.status}")
        if "show-headers" in self.on or "head" in self.on:
            await self.write(url, answer.raw)
        if path := self.settings.last("dump-header"):
            if path == "-":
                await self.process.stdout.write(answer.raw)
            else:
                await self.process.write_file(path, answer.raw, append=self.redirects > 0)
        try:
            async for piece in exchange.body(answer, method):
                if not discard:
                    self.written += len(piece)
                    await self.write(url, piece)
        except EOFError:
            left = int(answer.get("content-length") or 0) - self.written
            raise Trouble(18, f"end of response with {left} bytes missing") from None
        await self.write(url, b"")
        await self.progress()
        host = url.host
        await self.verbose(f"Connection #{self.redirects} to host {host} left intact" if exchange.reusable else
                           "shutting down connection #0")  # fmt: skip
        if failing:
            raise Trouble(22, f"The requested URL returned error: {answer.status}")

    async def progress(self) -> None:
        """The meter: only where output does not go to the terminal or pipe itself."""
        silent = self.on & {"silent", "no-progress-meter"}
        if silent or (not self.output and "remote-name" not in self.on) or self.output == "-":
            return
        size = _short_size(self.written)
        head = "  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
        head += "                                 Dload  Upload   Total   Spent    Left  Speed\n"
        rates = "--:--:-- --:--:-- --:--:--"
        line = f"\r100 {size:>5}  100 {size:>5}    0     0  {size:>5}      0 {rates} {size:>5}\n"
        await self.process.stderr.write((head + line).encode())

    async def write(self, url: Url, data: bytes) -> None:
        path = self.output
        if not path and "remote-name" in self.on:
            path = url.target.partition("?")[0].rpartition("/")[2]
            if not path:
                raise Trouble(23, "Remote filename has no length")
        if folder := self.settings.last("output-dir"):
            path = f"{folder.rstrip('/')}/{path}"
        try:
            if path and path != "-":
                if self.file is None:
                    if "create-dirs" in self.on:
                        await self._make_folders(path)
                    self.file = self.process.open(path, "w")
                if data:
                    await self.file.write(data)
            elif data:
                await self.process.stdout.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            warning = f"Warning: Failed to open the file {path}: {reason(error)}\n"
            await self.process.stderr.write(warning.encode())
            raise Trouble(23, f"client returned ERROR on write, {len(data)} bytes") from None

    async def _make_folders(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for index in range(1, len(parts) + 1):
            folder = "/".join(parts[:index])
            if folder:
                try:
                    self.process.mkdir(folder)
                except FileExistsError:
                    continue

    async def telnet(self, url: Url) -> None:
        connection = self.connection = await self.connect(url)

        async def up() -> None:
            with contextlib.suppress(OSError):
                while data := await self.process.stdin.read():
                    await connection.write(data)
                connection.end()

        sending = self.process.thread(up())
        try:
            while data := await connection.read():
                await self.write(url, data)
        finally:
            sending.cancel()

    async def write_out(self, code: int, words: str) -> None:
        form = self.settings.last("write-out")
        if not form:
            return
        if form.startswith("@"):
            form = (await self.local(form[1:])).decode()
        await self.process.print(_formatted(form, self.facts(code, words)), end="")

    def facts(self, code: int, words: str) -> dict[str, str]:
        answer = self.answer
        total = clock.monotonic() - self.began
        times = {f"time_{name}": f"{value:.6f}" for name, value in self.times.items()}
        local = self.connection.local if self.connection else None
        zero = dict.fromkeys(("time_namelookup", "time_connect", "time_appconnect", "time_starttransfer"), "0.000000")
        return {
            **zero, **times,
            "time_pretransfer": times.get("time_connect", "0.000000"), "time_redirect": "0.000000",
            "time_total": f"{total:.6f}", "http_code": f"{answer.status if answer else 0:03d}",
            "response_code": f"{answer.status if answer else 0:03d}", "size_download": str(self.written),
            "size_upload": str(self.uploaded), "size_header": str(len(answer.raw) if answer else 0),
            "content_type": answer.get("content-type") if answer else "", "num_redirects": str(self.redirects),
            "remote_ip": self.ip, "local_ip": local.ip if local else self._own(), "url_effective": self.final,
            "url": self.text, "method": self.settings.last("request") or "GET", "exitcode": str(code),
            "errormsg": words, "http_version": (answer.version if answer else "0").removeprefix("HTTP/"),
            "num_connects": "1", "scheme": self.final.partition("://")[0] if "://" in self.final else "http",
            "speed_download": str(int(self.written / total) if total else 0),
            "redirect_url": answer.get("location") if answer else "",
            "remote_port": str(self._port()),
        }  # fmt: skip

    def _port(self) -> int:
        try:
            return parse_url(self.final).port
        except ValueError:
            return 0


MORE = """\
More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the webpage mentioned above."""


def _formatted(form: str, facts: Mapping[str, str]) -> str:
    text = re.sub(r"%\{(\w+)\}", lambda match: facts.get(match[1], ""), form)
    return re.sub(
        r"\\([ntr\\])", lambda match: {"n": "\n", "t": "\t", "r": "\r", "\\": "\\"}[match[1]], text.replace("%%", "%")
    )


def _reason(error: OSError) -> str:
    return "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)


def _problem(code: int) -> str:
    return {28: "timeout", 7: "connection refused", 6: "no host", 22: "HTTP error"}.get(code, "(retrying all errors)")


def _short_size(size: int) -> str:
    return str(size) if size < 100000 else f"{size // 1024}k"
