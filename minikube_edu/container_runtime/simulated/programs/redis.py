"""Redis: the server and its command line, as the image has them.

The commands are in `redis_commands`, the wire (RESP) in `redis_wire`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import shlex
import signal

from minikube_edu.cni.contract import Connection, Listener, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.kernel.baton import in_turns
from minikube_edu.container_runtime.simulated.programs.identity import now
from minikube_edu.container_runtime.simulated.programs.redis_commands import Client, Store, plain
from minikube_edu.container_runtime.simulated.programs.redis_wire import Failure, ResponseReader, packed, shown
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any
from minikube_edu.lib import clock

DUMP = "dump.rdb"


def version(process: Process) -> str:
    return process.env.get("REDIS_VERSION", "8.2.3")


async def entrypoint(process: Process) -> int:
    """docker-entrypoint.sh: options and configuration files are redis-server's."""
    words = process.argv[1:]
    if not words or words[0].startswith("-") or words[0].endswith(".conf"):
        words = ["redis-server", *words]
    return await process.exec(words)


class Server:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.store = Store(process.pid, version(process))
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def log(self, words: str, mark: str = "*", role: str = "M") -> None:
        moment = now("%d %b %Y %H:%M:%S.%f")[:-3]
        await self.process.print(f"{self.process.pid}:{role} {moment} {mark} {words}")

    async def configure(self) -> str:
        """The configuration file, then the command line; returns a complaint or nothing."""
        words = self.process.argv[1:]
        lines: list[str] = []
        if words and not words[0].startswith("--"):
            path = words.pop(0)
            try:
                lines = (await self.process.read_file(path)).decode("utf-8", "replace").splitlines()
            except OSError as error:
                return f"Fatal error, can't open config file '{path}': {reason(error)}"
        settings = [shlex.split(line) for line in lines if line.strip() and not line.lstrip().startswith("#")]
        current: list[str] = []
        for word in words:
            if word.startswith("--") and len(word) > 2:
                current = [word[2:]]
                settings.append(current)
            else:
                current.append(word)
        for setting in settings:
            name, values = setting[0].lower(), setting[1:]
            if not values and name not in ("save",):
                head = f"\n*** FATAL CONFIG FILE ERROR (Redis {version(self.process)}) ***\n"
                return f"{head}Reading the configuration file\n>>> '{name}'\nwrong number of arguments"
            self.store.config[name] = plain(name, " ".join(values))
        return ""

    async def run(self) -> int:
        await self.log("oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo", role="C")
        if complaint := await self.configure():
            await self.process.stderr.write((complaint + "\n").encode())
            return 1
        what = f"Redis version={version(self.process)}, bits=64, commit=00000000, modified=0, pid={self.process.pid}"
        await self.log(f"{what}, just started", role="C")
        if len(self.process.argv) == 1:
            await self.log("Warning: no config file specified, using the default config. In order to specify a config "
                           "file use redis-server /path/to/redis.conf", "#", "C")  # fmt: skip
        else:
            await self.log("Configuration loaded", role="C")
        port = int(self.store.config["port"]) if self.store.config["port"].isdigit() else 6379
        try:
            listener = self.process.network.listen(port)
        except OSError as error:
            await self.log(
                f"Warning: Could not create server TCP listening socket *:{port}: bind: {reason(error)}", "#"
            )
            await self.log("Failed listening on port 6379 (tcp), aborting.", "#")
            return 1
        await self.log(f"Running mode=standalone, port={port}.")
        await self.log("Server initialized")
        if await self.load():
            await self.log("DB loaded from disk: 0.000 seconds")
        await self.log("Ready to accept connections tcp")
        for number in (signal.SIGTERM, signal.SIGINT):
            self.process.on_signal(number, self._signalled)
        self.store.save = self.save
        self.store.shut_down = lambda: self._end(0)
        accepting = self.process.thread(self._accept(listener))
        try:
            code = await self.ended
            await self.log("User requested shutdown...")
            await self.save()
            await self.log("DB saved on disk")
            await self.log("Redis is now ready to exit, bye bye...", "#")
            return code
        finally:
            listener.close()
            for task in [accepting, *self.tasks]:
                task.cancel()

    def _signalled(self, number: int) -> None:
        self._end(0)

    def _end(self, code: int) -> None:
        if not self.ended.done():
            self.ended.set_result(code)

    async def _accept(self, listener: Listener) -> None:
        while True:
            connection = await listener.accept()
            task = self.process.thread(self._talk(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _talk(self, connection: Connection) -> None:
        client = Client(self.store, connection)
        self.store.clients.add(client)
        reader = ResponseReader(connection)
        try:
            while (words := await reader.command()) is not None:
                if not words:
                    continue
                await self.process.breathe()
                await client.serve(words)
                if client.closing:
                    break
        except (OSError, ValueError):
            pass
        finally:
            self.store.clients.discard(client)
            client.unsubscribe_all()
            connection.close()

    # -- the dump ----------------------------------------------------------------------------------------------------

    def path(self) -> str:
        folder = self.store.config["dir"].rstrip("/") or self.process.cwd.rstrip("/")
        return f"{folder}/{self.store.config['dbfilename']}"

    async def save(self) -> None:
        """Our own format: JSON after the real one's magic word."""
        with contextlib.suppress(OSError):
            await self.process.write_file(self.path(), b"REDIS0012" + json.dumps(self.store.dump()).encode())

    async def load(self) -> bool:
        try:
            data = await self.process.read_file(self.path())
            self.store.load(json.loads(data.removeprefix(b"REDIS0012")))
        except (OSError, ValueError, KeyError):
            return False
        return True


async def server(process: Process) -> int:
    if process.argv[1:2] in (["-v"], ["--version"]):
        await process.print(f"Redis server v={version(process)} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0")
        return 0
    return await Server(process).run()


class CommandLine:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.host, self.port, self.database = "127.0.0.1", 6379, 0
        self.password = process.env.get("REDISCLI_AUTH", "")
        self.user = ""
        self.repeat, self.interval = 1, 0.0
        self.raw = not process.stdout.is_terminal()
        self.words: list[str] = []
        self.connection: Connection | None = None
        self.reader: ResponseReader | None = None
        self.from_stdin = False

    def read_options(self) -> str:
        words = list(self.process.argv[1:])
        while words:
            word = words.pop(0)
            if word in ("-h", "-p", "-n", "-a", "-r", "-i", "-u", "--pass", "--user") and words:
                value = words.pop(0)
                if word == "-h":
                    self.host = value
                elif word == "-p":
                    self.port = int(value) if value.isdigit() else 0
                elif word == "-n":
                    self.database = int(value) if value.isdigit() else 0
                elif word in ("-a", "--pass"):
                    self.password = value
                elif word == "--user":
                    self.user = value
                elif word == "-r":
                    self.repeat = int(value)
                elif word == "-i":
                    self.interval = float(value)
                elif word == "-u":
                    self._uri(value)
            elif word == "--raw":
                self.raw = True
            elif word == "--no-raw":
                self.raw = False
            elif word == "-x":
                self.from_stdin = True
            elif word in ("--no-auth-warning", "-3", "-2", "-c", "--tls", "--insecure", "--csv"):
                continue
            elif word in ("-v", "--version"):
                return f"redis-cli {version(self.process)}"
            elif word.startswith("-") and not word[1:].isdigit():
                return f"Unrecognized option or bad number of args for: '{word}'"
            else:
                self.words = [word, *words]
                break
        return ""

    def _uri(self, text: str) -> None:
        rest = text.partition("://")[2]
        credentials, at, place = rest.rpartition("@")
        if at:
            self.user, _, self.password = credentials.rpartition(":")
        host, _, database = place.partition("/")
        self.host, _, port = host.partition(":")
        self.port = int(port) if port.isdigit() else 6379
        self.database = int(database) if database.isdigit() else 0

    async def connect(self) -> str:
        """A complaint, or nothing."""
        try:
            self.connection = await connect_any(self.process, await addresses(self.process, self.host), self.port)
        except NameNotFound:
            return f"Could not connect to Redis at {self.host}:{self.port}: Name or service not known"
        except OSError as error:
            words = "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)
            return f"Could not connect to Redis at {self.host}:{self.port}: {words}"
        self.reader = ResponseReader(self.connection)
        if self.password:
            reply = await self.ask(["AUTH", *([self.user] if self.user else []), self.password])
            if isinstance(reply, Failure):
                await self.process.stderr.write(f"AUTH failed: {reply.words}\n".encode())
        if self.database:
            await self.ask(["SELECT", str(self.database)])
        return ""

    async def ask(self, words: list[str]) -> object:
        assert self.connection is not None
        assert self.reader is not None
        await self.connection.write(packed(words))
        return await self.reader.response()

    async def one(self, words: list[str], raw: bool) -> int:
        try:
            reply = await self.ask(words)
            text = await in_turns(lambda: shown(reply, raw)) if isinstance(reply, list) else shown(reply, raw)
            await self.process.print(text + "\n" * (raw and isinstance(reply, Failure)))
            if words[0].lower() in ("subscribe", "psubscribe", "monitor"):
                assert self.reader is not None
                while True:
                    await self.process.print(shown(await self.reader.response(), raw))
        except EOFError:
            if words[0].lower() != "shutdown":
                await self.process.stderr.write(b"Error: Server closed the connection\n")
            return 1
        except (ConnectionResetError, BrokenPipeError):
            await self.process.stderr.write(b"Error: Connection reset by peer\n")
            return 1
        return int(isinstance(reply, Failure) and not raw)

    async def run(self) -> int:
        if told := self.read_options():
            if told.startswith("redis-cli "):
                await self.process.print(told)
                return 0
            await self.process.stderr.write((told + "\n").encode())
            return 1
        try:
            if self.words:
                return await self.command()
            return await self.interactive()
        finally:
            if self.connection is not None:
                self.connection.close()

    async def command(self) -> int:
        if complaint := await self.connect():
            await self.process.stderr.write((complaint + "\n").encode())
            return 1
        if self.from_stdin:
            self.words.append(b"".join(await self.process.lines()).decode("utf-8", "surrogateescape"))
        code, count = 0, 0
        while self.repeat < 0 or count < self.repeat:
            code = await self.one(self.words, self.raw)
            count += 1
            if self.interval and count != self.repeat:
                await self.process.sleep(self.interval)
        return code

    async def interactive(self) -> int:
        terminal = self.process.stdin.is_terminal()
        complaint = await self.connect()
        if complaint:
            await self.process.stderr.write((complaint + "\n").encode())
            if not terminal:
                return 1
        buffer = b""
        while True:
            if terminal:
                place = f"{self.host}:{self.port}" + (f"[{self.database}]" if self.database else "")
                await self.process.print(f"{place}> " if self.connection else "not connected> ", end="")
            while b"\n" not in buffer:
                data = await self.process.stdin.read()
                if not data:
                    break
                buffer += data
            if not buffer:
                return 0
            line, _, buffer = buffer.partition(b"\n")
            try:
                words = shlex.split(line.decode("utf-8", "surrogateescape"))
            except ValueError:
                await self.process.print("Invalid argument(s)")
                continue
            if not words:
                continue
            if words[0].lower() in ("quit", "exit"):
                return 0
            if self.connection is None and (complaint := await self.connect()):
                await self.process.stderr.write((complaint + "\n").encode())
                continue
            await self.one(words, self.raw and not terminal)
            if words[0].lower() == "select" and len(words) > 1 and words[1].isdigit():
                self.database = int(words[1])


async def cli(process: Process) -> int:
    if process.name == "redis-benchmark":
        return await benchmark(process)
    return await CommandLine(process).run()


async def benchmark(process: Process) -> int:
    """-h HOST -p PORT -n REQUESTS -q: SET and GET, really sent."""
    line = CommandLine(process)
    words = process.argv[1:]
    count = 1000
    for index, word in enumerate(words[:-1]):
        if word == "-h":
            line.host = words[index + 1]
        elif word == "-p" and words[index + 1].isdigit():
            line.port = int(words[index + 1])
        elif word == "-n" and words[index + 1].isdigit():
            count = min(int(words[index + 1]), 10_000)
    if complaint := await line.connect():
        await process.stderr.write((complaint + "\n").encode())
        return 1
    assert line.connection is not None
    try:
        for name, command in (("SET", ["SET", "key:__rand_int__", "xxx"]), ("GET", ["GET", "key:__rand_int__"])):
            began = clock.monotonic()
            for _ in range(count):
                await line.ask(command)
                await process.breathe()
            spent = max(clock.monotonic() - began, 1e-6)
            await process.print(f"{name}: {count / spent:.2f} requests per second, p50=0.103 msec")
    finally:
        line.connection.close()
    return 0


__all__ = ["cli", "entrypoint", "server"]
