"""MongoDB: entrypoint, mongod, and mongosh with a small working core.

The shell understands `show dbs`, `use NAME`, `show collections` and `db.COLLECTION.METHOD({...})` with documents in
JSON or as JavaScript has them. It speaks `sql_wire`'s packets to the server, which keeps its documents below /data/db.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
from typing import Any

import orjson

from minikube_edu.cni.contract import Connection, Listener, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.kernel.baton import in_turns
from minikube_edu.container_runtime.simulated.programs.identity import now, tag
from minikube_edu.container_runtime.simulated.programs.mongo_documents import Database, Unsupported, literal, shown
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

AT_ONCE = 10_000  # characters that are read without a pause
FILE = "/data/db/minikube-edu.json"


def version(process: Process) -> str:
    found = re.match(r"\d+\.\d+(\.\d+)?", process.env.get("MONGO_VERSION", "") or tag(process))
    return found[0] if found else "8.2.1"


async def entrypoint(process: Process) -> int:
    words = process.argv[1:]
    if not words or words[0].startswith("-"):
        words = ["mongod", *words]
    return await process.exec(words)


class Server:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.databases: dict[str, Database] = {}
        self.user = process.env.get("MONGO_INITDB_ROOT_USERNAME", "")
        self.password = process.env.get("MONGO_INITDB_ROOT_PASSWORD", "")
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def log(self, component: str, number: int, words: str, **attributes: object) -> None:
        entry: dict[str, object] = {
            "t": {"$date": now("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+00:00"},
            "s": "I",
            "c": component,
            "id": number,
            "ctx": "initandlisten",
            "msg": words,
        }
        if attributes:
            entry["attr"] = attributes
        await self.process.print(json.dumps(entry, separators=(",", ":")))

    async def run(self) -> int:
        host = self.process.container.hostname
        await self.log(
            "CONTROL", 4615611, "MongoDB starting", pid=self.process.pid, port=27017, dbPath="/data/db", host=host
        )
        await self.log("CONTROL", 23403, "Build Info", buildInfo={"version": version(self.process)})
        try:
            listener = self.process.network.listen(27017)
        except OSError as error:
            await self.log("CONTROL", 20568, "Error setting up listener", error=reason(error))
            return 48
        await self.load()
        await self.log("NETWORK", 23015, "Listening on", address="0.0.0.0")
        await self.log("NETWORK", 23016, "Waiting for connections", port=27017, ssl="off")
        for number in (signal.SIGTERM, signal.SIGINT):
            self.process.on_signal(number, self._signalled)
        accepting = self.process.thread(self._accept(listener))
        try:
            code = await self.ended
            await self.log("CONTROL", 23377, "Received signal", signal=15, error="Terminated")
            await self.log("CONTROL", 23138, "Shutting down", exitCode=0)
            return code
        finally:
            listener.close()
            for task in [accepting, *self.tasks]:
                task.cancel()

    def _signalled(self, number: int) -> None:
        if not self.ended.done():
            self.ended.set_result(0)

    async def load(self) -> None:
        try:
            kept = orjson.loads(await self.process.read_file(FILE))
        except (OSError, ValueError):
            return
        self.databases = {name: Database(collections) for name, collections in kept.items()}

    async def save(self) -> None:
        try:
            content = orjson.dumps({name: one.collections for name, one in self.databases.items()})
            await self.process.write_file(FILE, content)
        except OSError:
            return  # an image without /data/db: in memory only

    async def _accept(self, listener: Listener) -> None:
        while True:
            connection = await listener.accept()
            task = self.process.thread(self._talk(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _talk(self, connection: Connection) -> None:
        packets = Packets(connection)
        try:
            hello = await packets.receive()
            given = (str(hello.get("user", "")), str(hello.get("password", "")))
            if given != ("", "") and given != (self.user, self.password):
                await packets.send({"error": "MongoServerError: Authentication failed."})
                return
            known = not self.user or given == (self.user, self.password)
            await packets.send({"ok": True, "version": version(self.process)})
            while True:
                message = await packets.receive()
                await self.process.breathe()
                try:
                    if not known and message.get("do") != "ping":
                        raise Unsupported("MongoServerError: Command requires authentication")
                    await packets.send({"result": await self._perform(message)})
                except Unsupported as refusal:
                    await packets.send({"error": str(refusal)})
        except (OSError, EOFError, ValueError):
            pass
        finally:
            connection.close()

    async def _perform(self, message: dict[str, Any]) -> object:
        what = message.get("do")
        if what == "ping":
            return {"ok": 1}
        if what == "databases":
            names = sorted({"admin", "config", "local", *(n for n, one in self.databases.items() if one.collections)})
            return [[name, "40.00 KiB"] for name in names]
        database = self.databases.setdefault(str(message.get("database")), Database({}))
        if what == "collections":
            return sorted(database.collections)
        if what == "drop":
            self.databases.pop(str(message.get("database")), None)
            await self.save()
            return {"ok": 1, "dropped": message.get("database")}
        name, method = str(message.get("collection")), str(message.get("method"))
        arguments = list(message.get("arguments", []))
        result = await in_turns(lambda: database.call(name, method, arguments))
        if method not in ("find", "findOne", "countDocuments", "distinct"):
            await self.save()
        return result


async def server(process: Process) -> int:
    if "--version" in process.argv:
        await process.print(f"db version v{version(process)}")
        return 0
    return await Server(process).run()


CALL = re.compile(
    r"db\.(?:getCollection\([\"']([^\"']+)[\"']\)|([\w$]+(?:\.[\w$]+)*?))\.(\w+)\((.*)\)((?:\.\w+\([^)]*\))*)", re.S
)


class Shell:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.host, self.port, self.database = "127.0.0.1", 27017, "test"
        self.user = self.password = ""
        self.evals: list[str] = []
        self.quiet = False
        self.connection: Connection | None = None
        self.packets: Packets | None = None

    def read_options(self) -> None:
        words = list(self.process.argv[1:])
        while words:
            word = words.pop(0)
            name, equals, value = word.partition("=")
            if name in (
                "--host",
                "-u",
                "--username",
                "-p",
                "--password",
                "--port",
                "--eval",
                "--authenticationDatabase",
            ):
                value = value if equals else (words.pop(0) if words else "")
                if name == "--host":
                    self._place(value)
                elif name in ("-u", "--username"):
                    self.user = value
                elif name in ("-p", "--password"):
                    self.password = value
                elif name == "--port" and value.isdigit():
                    self.port = int(value)
                elif name == "--eval":
                    self.evals.append(value)
            elif word == "--quiet":
                self.quiet = True
            elif not word.startswith("-"):
                self._place(word) if "://" in word or ":" in word or "/" in word else setattr(self, "database", word)

    def _place(self, text: str) -> None:
        rest = text.partition("://")[2] or text
        credentials, at, place = rest.rpartition("@")
        if at:
            self.user, _, self.password = credentials.partition(":")
        host, _, database = place.partition("/")
        self.host, _, port = host.partition(":")
        self.port = int(port) if port.isdigit() else self.port
        self.database = database.partition("?")[0] or self.database

    async def ask(self, **message: object) -> Any:
        assert self.packets is not None
        await self.packets.send({"database": self.database, **message})
        reply = await self.packets.receive()
        if refused := reply.get("error"):
            raise Unsupported(str(refused))
        return reply.get("result")

    async def evaluate(self, line: str) -> str:
        line = line.strip().rstrip(";")
        if line in ("show dbs", "show databases"):
            return "\n".join(f"{name:<8}{size}" for name, size in await self.ask(do="databases"))
        if line in ("show collections", "show tables"):
            return "\n".join(await self.ask(do="collections"))
        if found := re.fullmatch(r"use\s+([\w-]+)", line):
            self.database = found[1]
            return f"switched to db {found[1]}"
        if line in ("db", "db.getName()"):
            return self.database
        if line in ("db.version()", "version()"):
            return self.version
        if line == "db.dropDatabase()":
            return shown(await self.ask(do="drop"))
        if re.fullmatch(
            r"db\.(?:adminCommand|runCommand)\(\s*(?:\{\s*['\"]?(?:ping|hello)['\"]?.*\}|['\"]ping['\"])\s*\)(?:\.ok)?",
            line,
        ):
            return "1" if line.endswith(".ok") else shown(await self.ask(do="ping"))
        found = CALL.fullmatch(line)
        if found is None:
            if re.fullmatch(r"[\d\s+*/().-]+", line):
                raise Unsupported("JavaScript is not run by simulated containers")
            name = re.match(r"\w+", line)
            raise Unsupported(f"ReferenceError: {name[0] if name else line} is not defined")
        given = f"[{found[4]}]"
        arguments = literal(given) if len(given) < AT_ONCE else await in_turns(lambda: literal(given))
        collection = found[1] or found[2]
        result = await self.ask(do="call", collection=collection, method=found[3], arguments=arguments)
        for verb, amount in re.findall(r"\.(\w+)\(([^)]*)\)", found[5] or ""):
            if isinstance(result, list) and verb == "limit" and amount.isdigit():
                result = result[: int(amount)]
            elif isinstance(result, list) and verb in ("count", "size"):
                result = len(result)
        return await in_turns(lambda: shown(result))

    version = ""

    async def run(self) -> int:
        self.read_options()
        place = f"mongodb://{self.host}:{self.port}/?directConnection=true&serverSelectionTimeoutMS=2000"
        try:
            self.connection = await connect_any(self.process, await addresses(self.process, self.host), self.port, 2)
        except (NameNotFound, OSError) as error:
            why = (
                f"getaddrinfo ENOTFOUND {self.host}"
                if isinstance(error, NameNotFound)
                else (f"connect ECONNREFUSED {self.host}:{self.port}")
            )
            await self.process.stderr.write(f"MongoNetworkError: {why}\n".encode())
            return 1
        self.packets = Packets(self.connection)
        try:
            await self.packets.send({"user": self.user, "password": self.password})
            hello = await self.packets.receive()
            if refused := hello.get("error"):
                await self.process.stderr.write(f"{refused}\n".encode())
                return 1
            self.version = str(hello.get("version"))
            if self.evals:
                return await self._all(self.evals)
            if not self.quiet and self.process.stdin.is_terminal():
                await self.process.print(
                    f"Connecting to:\t\t{place}\nUsing MongoDB:\t\t{self.version}\nUsing Mongosh:\t\t2.5.8\n"
                )
            return await self._interact()
        except (EOFError, OSError):
            await self.process.stderr.write(b"MongoNetworkError: connection closed\n")
            return 1
        finally:
            self.connection.close()

    async def _all(self, lines: list[str]) -> int:
        for text in lines:
            for line in [part for part in re.split(r";\s*(?![^{}]*\})", text) if part.strip()]:
                try:
                    if result := await self.evaluate(line):
                        await self.process.print(result)
                except Unsupported as refusal:
                    await self.process.stderr.write(f"{refusal}\n".encode())
                    return 1
        return 0

    async def _interact(self) -> int:
        terminal, buffer = self.process.stdin.is_terminal(), ""
        while True:
            if terminal:
                await self.process.print(f"{self.database}> ", end="")
            while "\n" not in buffer:
                data = await self.process.stdin.read()
                if not data:
                    break
                buffer += data.decode("utf-8", "surrogateescape")
            if not buffer:
                return 0
            line, _, buffer = buffer.partition("\n")
            if line.strip() in ("exit", "quit", "quit()", "exit()", ".exit"):
                return 0
            if line.strip():
                await self._all([line])


async def shell(process: Process) -> int:
    if "--version" in process.argv:
        await process.print("2.5.8")
        return 0
    return await Shell(process).run()
