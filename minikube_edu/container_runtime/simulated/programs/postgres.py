"""PostgreSQL: entrypoint, server, psql, pg_isready, createdb, pg_dump; SQL on SQLite, data below PGDATA.

Between our client and our server passes `sql_wire`'s protocol, not PostgreSQL's own.
"""

from __future__ import annotations

import asyncio
import errno
import re
import signal
import sqlite3
from collections.abc import Mapping
from typing import Any

from minikube_edu.cni.contract import Connection, Listener, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.identity import now, tag
from minikube_edu.container_runtime.simulated.programs.psql import client, dump
from minikube_edu.container_runtime.simulated.programs.sql_core import Answer, Shelf, statements
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

__all__ = ["client", "createdb", "dump", "entrypoint", "ready", "server"]

NEEDS = """\
Error: Database is uninitialized and superuser password is not specified.
       You must specify POSTGRES_PASSWORD to a non-empty value for the
       superuser. For example, "-e POSTGRES_PASSWORD=password" on "docker run".

       You may also use "POSTGRES_HOST_AUTH_METHOD=trust" to allow all
       connections without a password. This is *not* recommended.

       See PostgreSQL documentation about "trust":
       https://www.postgresql.org/docs/current/auth-trust.html
"""


def version(process: Process) -> str:
    found = process.env.get("PG_VERSION", "").partition("-")[0]
    if not found:
        number = re.match(r"\d+(\.\d+)?", tag(process))
        found = number[0] if number else "18.1"
    return found if "." in found else f"{found}.1"


def folder(process: Process) -> str:
    return process.env.get("PGDATA", "/var/lib/postgresql/data")


async def entrypoint(process: Process) -> int:
    words = process.argv[1:]
    if not words or words[0].startswith("-"):
        words = ["postgres", *words]
    if words[0] != "postgres":
        return await process.exec(words)
    for name in ("PASSWORD", "USER", "DB"):
        if path := process.env.get(f"POSTGRES_{name}_FILE"):
            process.env[f"POSTGRES_{name}"] = (await process.read_file(path)).decode("utf-8", "replace").rstrip("\n")
    place = folder(process)
    try:
        fresh = "PG_VERSION" not in process.listdir(place)
    except OSError:
        fresh = True
    if not fresh:
        await process.print("\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n")
    elif not process.env.get("POSTGRES_PASSWORD") and process.env.get("POSTGRES_HOST_AUTH_METHOD") != "trust":
        await process.stderr.write(NEEDS.encode())
        return 1
    else:
        user = process.env.get("POSTGRES_USER", "postgres")
        await process.print(
            'The files belonging to this database system will be owned by user "postgres".\n'
            "This user must also own the server process.\n\n"
            f"fixing permissions on existing directory {place} ... ok\ncreating subdirectories ... ok\n"
            f"running bootstrap script ... ok\nsyncing data to disk ... ok\n\nSuccess. (superuser {user})\n\n"
            "PostgreSQL init process complete; ready for start up.\n"
        )
    return await process.exec(words)


class Server:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.shelf = Shelf(process, folder(process), {})
        self.user = process.env.get("POSTGRES_USER", "postgres")
        self.trust = process.env.get("POSTGRES_HOST_AUTH_METHOD") == "trust"
        self.password = process.env.get("POSTGRES_PASSWORD", "")
        self.tasks: set[asyncio.Task[None]] = set()
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def log(self, words: str, level: str = "LOG") -> None:
        stamp = now("%Y-%m-%d %H:%M:%S.%f")[:-3]
        await self.process.stderr.write(f"{stamp} UTC [{self.process.pid}] {level}:  {words}\n".encode())

    async def run(self) -> int:
        process = self.process
        title = f"PostgreSQL {version(process)} (Debian {version(process)}-1.pgdg13+1) on x86_64-pc-linux-gnu"
        await self.log(f"starting {title}, compiled by gcc (Debian 14.2.0-19) 14.2.0, 64-bit")
        try:
            listener = process.network.listen(5432)
        except OSError as error:
            await self.log(f'could not bind IPv4 address "0.0.0.0": {reason(error)}')
            await self.log("could not create any TCP/IP sockets", "FATAL")
            return 1
        await self.log('listening on IPv4 address "0.0.0.0", port 5432')
        await self.log('listening on Unix socket "/var/run/postgresql/.s.PGSQL.5432"')
        if not await self.shelf.load():
            await self._initialize()
        await self.log("database system is ready to accept connections")
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            process.on_signal(number, self._signalled)
        accepting = self.process.thread(self._accept(listener))
        try:
            ending = await self.ended
            kind = {signal.SIGTERM: "smart", signal.SIGQUIT: "immediate"}.get(signal.Signals(ending), "fast")
            await self.log(f"received {kind} shutdown request")
            await self.log("database system is shut down")
            return 0
        finally:
            listener.close()
            for task in [accepting, *self.tasks]:
                task.cancel()
            self.shelf.close()

    def _signalled(self, number: int) -> None:
        if not self.ended.done():
            self.ended.set_result(number)

    async def _initialize(self) -> None:
        place = folder(self.process)
        for part in [place[:end] for end in range(1, len(place) + 1) if end == len(place) or place[end] == "/"]:
            try:
                self.process.mkdir(part)
            except OSError:
                continue
        await self.process.write_file(f"{place}/PG_VERSION", f"{version(self.process).partition('.')[0]}\n".encode())
        for name in dict.fromkeys(["postgres", self.process.env.get("POSTGRES_DB") or self.user]):
            await self.shelf.create(name)
        scripts = "/docker-entrypoint-initdb.d"
        try:
            names = sorted(name for name in self.process.listdir(scripts) if name.endswith(".sql"))
        except OSError:
            return
        session = Session(self, self.process.env.get("POSTGRES_DB") or self.user)
        for name in names:
            whole, rest = statements((await self.process.read_file(f"{scripts}/{name}")).decode("utf-8", "replace"))
            for sql in [*whole, rest]:
                if sql.strip():
                    try:
                        await session.run(sql)
                    except Refusal as refusal:
                        await self.log(str(refusal).removeprefix("ERROR:  "), "ERROR")

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
            if hello.get("probe"):
                return
            if refused := self._refused(hello, connection.peer.ip):
                await self.log(refused, "FATAL")
                await packets.send({"error": f"FATAL:  {refused}"})
                return
            await packets.send({"ok": True, "version": version(self.process)})
            session = Session(self, str(hello.get("database")))
            while True:
                message = await packets.receive()
                await self.process.breathe()
                try:
                    answer = await session.run(str(message.get("sql", "")))
                    await packets.send({"columns": answer.columns, "rows": answer.rows, "tag": answer.words})
                except Refusal as refusal:
                    await self.log(str(refusal).removeprefix("ERROR:  "), "ERROR")
                    await packets.send({"error": str(refusal)})
        except (OSError, EOFError, ValueError):
            pass
        finally:
            connection.close()

    def _refused(self, hello: Mapping[str, Any], ip: str) -> str:
        user, database = hello.get("user"), hello.get("database")
        local = ip in ("127.0.0.1", "::1")
        if user != self.user:
            return f'role "{user}" does not exist' if local else f'password authentication failed for user "{user}"'
        if not (local or self.trust) and hello.get("password") != self.password:
            return f'password authentication failed for user "{user}"'
        return "" if database in self.shelf.databases else f'database "{database}" does not exist'


class Refusal(Exception):
    """`ERROR:  words`"""


class Session:
    def __init__(self, server: Server, database: str) -> None:
        self.server = server
        self.database = database

    async def run(self, sql: str) -> Answer:
        sql = sql.strip().rstrip(";").strip()
        shelf = self.server.shelf
        if found := re.fullmatch(r"CREATE\s+DATABASE\s+\"?(\w+)\"?.*", sql, re.I | re.S):
            if found[1] in shelf.databases:
                raise Refusal(f'ERROR:  database "{found[1]}" already exists')
            await shelf.create(found[1])
            return Answer(words="CREATE DATABASE")
        if found := re.fullmatch(r"DROP\s+DATABASE\s+(IF\s+EXISTS\s+)?\"?(\w+)\"?", sql, re.I):
            if found[2] in shelf.databases and found[2] != self.database:
                await shelf.drop(found[2])
            elif found[2] == self.database:
                raise Refusal("ERROR:  cannot drop the currently open database")
            elif not found[1]:
                raise Refusal(f'ERROR:  database "{found[2]}" does not exist')
            return Answer(words="DROP DATABASE")
        if sql.upper() == "LIST DATABASES":  # psql's \l
            return Answer(
                ["Name", "Owner"],
                [[name, self.server.user] for name in sorted({*shelf.databases, "template0", "template1"})],
            )
        if re.match(
            r"(SET|GRANT|REVOKE|ALTER\s+(USER|ROLE|DATABASE)|CREATE\s+(USER|ROLE|EXTENSION|SCHEMA)|VACUUM)\b", sql, re.I
        ):
            return Answer(
                words=" ".join(sql.upper().split()[: 2 if sql.upper().startswith(("ALTER", "CREATE")) else 1])
            )
        return await self.ordinary(sql)

    async def ordinary(self, sql: str) -> Answer:
        try:
            answer = await self.server.shelf.databases[self.database].answer(self.translate(sql))
        except KeyError:
            raise Refusal(f'FATAL:  database "{self.database}" does not exist') from None
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise Refusal(_words(error)) from None
        words = sql.upper().split()
        verb = words[0] if words else ""
        if answer.columns:
            answer.words = (
                f"SELECT {len(answer.rows)}"
                if verb in ("SELECT", "WITH", "VALUES", "SHOW")
                else f"{verb} {len(answer.rows)}"
            )
        else:
            counts = {"INSERT": f"INSERT 0 {answer.affected}", "UPDATE": f"UPDATE {answer.affected}",
                      "DELETE": f"DELETE {answer.affected}", "TRUNCATE": "TRUNCATE TABLE"}  # fmt: skip
            answer.words = counts.get(verb, " ".join(words[:2]) if verb in ("CREATE", "DROP", "ALTER") else verb)
        if verb not in ("SELECT", "SHOW"):
            await self.server.shelf.save(self.database)
        return answer

    def translate(self, sql: str) -> str:
        server = self.server
        title = f"PostgreSQL {version(server.process)} (Debian) on x86_64-pc-linux-gnu, compiled by gcc, 64-bit"
        for pattern, constant in (
            (r"\bversion\s*\(\s*\)", f"'{title}' AS version"),
            (r"\bnow\s*\(\s*\)", f"'{now('%Y-%m-%d %H:%M:%S.%f+00')}'"),
            (r"\bcurrent_database\s*\(\s*\)", f"'{self.database}' AS current_database"),
            (r"\bcurrent_user\b", f"'{server.user}' AS current_user"),
            (r"^TRUNCATE\s+(?:TABLE\s+)?", "DELETE FROM "),
            (r"\b(?:BIG|SMALL)?SERIAL\s+PRIMARY\s+KEY", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            (r"\bpublic\.", ""),
            (r"::\w+(\(\d+\))?", ""),
            (r"\bILIKE\b", "LIKE"),
            (
                r"\bINT(?:EGER)?\s+GENERATED\s+\w+(?:\s+BY\s+DEFAULT)?\s+AS\s+IDENTITY\s+PRIMARY\s+KEY",
                "INTEGER PRIMARY KEY",
            ),
        ):
            sql = re.sub(pattern, constant.replace("\\", r"\\"), sql, flags=re.I)
        if found := re.fullmatch(
            r"\s*SELECT\s+(?:(\d+)\s+FROM\s+)?.*generate_series\((\d+),\s*(\d+)\).*", sql, re.I | re.S
        ):
            step = f"SELECT generate_series+1 FROM g WHERE generate_series<{found[3]}"
            return f"WITH RECURSIVE g(generate_series) AS (SELECT {found[2]} UNION ALL {step}) SELECT * FROM g"
        return sql


def _words(error: Exception) -> str:
    text = str(error)
    for pattern, words in (
        (r"no such table: (.+)", 'relation "{0}" does not exist'),
        (r"no such column: (.+)", 'column "{0}" does not exist'),
        (r"table (\w+) has no column named (.+)", 'column "{1}" of relation "{0}" does not exist'),
        (r"table [\"]?(\w+)[\"]? already exists", 'relation "{0}" already exists'),
        (r"UNIQUE constraint failed: (\w+)\.(\w+)", 'duplicate key value violates unique constraint "{0}_{1}_key"'),
        (
            r"NOT NULL constraint failed: (\w+)\.(\w+)",
            'null value in column "{1}" of relation "{0}" violates not-null constraint',
        ),
        (r"no such function: (\w+)", "function {0}() does not exist"),
        (r"near \"(.*)\": syntax error", 'syntax error at or near "{0}"'),
        (r"incomplete input()", "syntax error at end of input{0}"),
        (r"not authorized()", "permission denied{0}"),
        (r"interrupted()", "canceling statement due to statement timeout{0}"),
    ):
        if found := re.search(pattern, text):
            return "ERROR:  " + words.format(*found.groups())
    return f"ERROR:  {text}"


async def server(process: Process) -> int:
    if process.argv[1:2] in (["--version"], ["-V"]):
        await process.print(f"postgres (PostgreSQL) {version(process)}")
        return 0
    if (
        process.user.uid == 0
        and "POSTGRES_PASSWORD" not in process.env
        and "POSTGRES_HOST_AUTH_METHOD" not in process.env
    ):
        await process.stderr.write(b'"root" execution of the PostgreSQL server is not permitted.\n')
        return 1
    return await Server(process).run()


async def ready(process: Process) -> int:
    """pg_isready: 0 accepts, 2 no answer."""
    host, port = process.env.get("PGHOST", ""), 5432
    words = process.argv[1:]
    for index, word in enumerate(words):
        if word in ("-h", "-p") and index + 1 < len(words):
            if word == "-h":
                host = words[index + 1]
            elif words[index + 1].isdigit():
                port = int(words[index + 1])
    shown = f"{host or '/var/run/postgresql'}:{port}"
    try:
        connection = await connect_any(process, await addresses(process, host or "127.0.0.1"), port, 3)
        await Packets(connection).send({"probe": True})
        connection.close()
    except (NameNotFound, OSError) as error:
        if error.errno not in (None, errno.ECONNREFUSED, errno.ETIMEDOUT, errno.EHOSTUNREACH):
            raise
        if "-q" not in words:
            await process.print(f"{shown} - no response")
        return 2
    if "-q" not in words:
        await process.print(f"{shown} - accepting connections")
    return 0


async def createdb(process: Process) -> int:
    operands = [word for word in process.argv[1:] if not word.startswith("-")]
    verb = "DROP" if process.name == "dropdb" else "CREATE"
    name = operands[-1] if operands else "postgres"
    return await process.exec(["psql", "-q", "-d", "postgres", *process.argv[1:-1], "-c", f'{verb} DATABASE "{name}"'])
