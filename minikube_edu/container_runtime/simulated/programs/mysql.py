"""MySQL and MariaDB: the image's entrypoint, the server, and its clients (mysql, mysqladmin, mysqldump).

Data lies in /var/lib/mysql, so that a volume keeps it. The dialect is in `mysql_dialect`.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping

from minikube_edu.cni.contract import Connection, Listener
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.identity import now
from minikube_edu.container_runtime.simulated.programs.mysql_client import admin, client, dump
from minikube_edu.container_runtime.simulated.programs.mysql_dialect import Refusal, Session
from minikube_edu.container_runtime.simulated.programs.sql_core import Shelf, statements
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets, greeting
from minikube_edu.lib import ids

FOLDER = "/var/lib/mysql"
SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
__all__ = ["admin", "client", "dump", "entrypoint", "server"]


def is_maria(process: Process) -> bool:
    return "MARIADB_VERSION" in process.env or "mariadb" in process.container.image


def version(process: Process) -> str:
    if is_maria(process):
        return process.env.get("MARIADB_VERSION", "11.8.3").removeprefix("1:").partition("+")[0] + "-MariaDB"
    return process.env.get("MYSQL_VERSION", "9.5.0").partition("-")[0]


def setting(env: Mapping[str, str], name: str) -> str:
    return env.get(f"MYSQL_{name}") or env.get(f"MARIADB_{name}") or ""


async def note(process: Process, words: str, level: str = "Note") -> None:
    shown = f"{now('%Y-%m-%d %H:%M:%S+00:00')} [{level}] [Entrypoint]: {words}"
    target = process.stderr if level == "ERROR" else process.stdout
    await target.write((shown + "\n").encode())


async def entrypoint(process: Process) -> int:
    words = process.argv[1:]
    server_name = "mariadbd" if is_maria(process) else "mysqld"
    if not words or words[0].startswith("-"):
        words = [server_name, *words]
    if words[0] not in ("mysqld", "mariadbd"):
        return await process.exec(words)
    title = "MariaDB" if is_maria(process) else "MySQL"
    await note(process, f"Entrypoint script for {title} Server {version(process)}-1.el9 started.")
    try:
        fresh = not any(name.endswith(".sqlite") for name in process.listdir(FOLDER))
    except OSError:
        fresh = True
    options = ("ROOT_PASSWORD", "ALLOW_EMPTY_PASSWORD", "RANDOM_ROOT_PASSWORD", "ALLOW_EMPTY_ROOT_PASSWORD")
    files = [await _from_file(process, name) for name in ("ROOT_PASSWORD", "PASSWORD", "USER", "DATABASE")]
    if fresh and not any(setting(process.env, name) for name in options) and not files[0]:
        names = [f"MYSQL_{name}" for name in options[:3]]
        if is_maria(process):
            names = ["MARIADB_ROOT_PASSWORD", "MARIADB_ROOT_PASSWORD_HASH", "MARIADB_ALLOW_EMPTY_ROOT_PASSWORD",
                     "MARIADB_RANDOM_ROOT_PASSWORD"]  # fmt: skip
        listed = "".join(f"\n    - {name}" for name in names)
        told = "Database is uninitialized and password option is not specified\n    You need to specify one of "
        await note(process, f"{told}the following as an environment variable:{listed}", "ERROR")
        return 1
    if fresh:
        await note(process, "Initializing database files")
        await note(process, "Database files initialized")
    return await process.exec(words)


async def _from_file(process: Process, name: str) -> str:
    """MYSQL_ROOT_PASSWORD_FILE and its like: docker secrets."""
    for prefix in ("MYSQL_", "MARIADB_"):
        if path := process.env.get(f"{prefix}{name}_FILE"):
            with contextlib.suppress(OSError):
                value = (await process.read_file(path)).decode("utf-8", "replace").rstrip("\n")
                process.env[f"{prefix}{name}"] = value
                return value
    return ""


class Server:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.version = version(process)
        self.users: dict[str, str] = {}
        self.shelf = Shelf(process, FOLDER, {})
        self.tasks: set[asyncio.Task[None]] = set()
        self.connections = 0
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def log(self, words: str, code: str = "MY-010931") -> None:
        stamp = now("%Y-%m-%dT%H:%M:%S.%fZ")
        await self.process.stderr.write(f"{stamp} 0 [System] [{code}] [Server] {words}\n".encode())

    async def run(self) -> int:
        path = f"/usr/sbin/{self.process.name}"
        port = 3306
        for word in self.process.argv[1:]:
            if word.startswith("--port=") and word[7:].isdigit():
                port = int(word[7:])
        await self.log(
            f"{path} ({self.process.name} {self.version}) starting as process {self.process.pid}", "MY-010116"
        )
        try:
            listener = self.process.network.listen(port)
        except OSError as error:
            stamp = now("%Y-%m-%dT%H:%M:%S.%fZ")
            words = f"Can't start server: Bind on TCP/IP port: {reason(error)}"
            await self.process.stderr.write(f"{stamp} 0 [ERROR] [MY-010262] [Server] {words}\n".encode())
            return 1
        if not await self.shelf.load():
            await self.first_start()
        self.users = await self._users()
        ready = f"{path}: ready for connections. Version: '{self.version}'  socket: '/var/run/mysqld/mysqld.sock'"
        await self.log(f"{ready}  port: {port}  MySQL Community Server - GPL.")
        for number in (signal.SIGTERM, signal.SIGINT):
            self.process.on_signal(number, self.end)
        accepting = self.process.thread(self._accept(listener))
        try:
            code = await self.ended
            await self.log(f"{path}: Shutdown complete (mysqld {self.version})", "MY-010910")
            return code
        finally:
            listener.close()
            for task in [accepting, *self.tasks]:
                task.cancel()
            self.shelf.close()

    def end(self, number: int = signal.SIGTERM) -> None:
        if not self.ended.done():
            self.ended.set_result(0)

    async def first_start(self) -> None:
        env = self.process.env
        await self.shelf.create("mysql")
        tables = self.shelf.databases["mysql"]
        tables.run("CREATE TABLE user (Host TEXT, User TEXT PRIMARY KEY, authentication_string TEXT)")
        password = setting(env, "ROOT_PASSWORD")
        if not password and setting(env, "RANDOM_ROOT_PASSWORD"):
            password = ids.suffix(24)
            await note(self.process, f"GENERATED ROOT PASSWORD: {password}")
        tables.run(f"INSERT INTO user VALUES ('%', 'root', '{_escaped(password)}')")
        if (user := setting(env, "USER")) and setting(env, "PASSWORD"):
            secret = _escaped(setting(env, "PASSWORD"))
            tables.run(f"INSERT OR REPLACE INTO user VALUES ('%', '{_escaped(user)}', '{secret}')")
        await self.shelf.save("mysql")
        if name := setting(env, "DATABASE"):
            await self.shelf.create(name)
        self.users = await self._users()
        await self._scripts()

    async def _scripts(self) -> None:
        """/docker-entrypoint-initdb.d/*.sql"""
        folder = "/docker-entrypoint-initdb.d"
        try:
            names = sorted(self.process.listdir(folder))
        except OSError:
            return
        session = Session(self, "root", "localhost", setting(self.process.env, "DATABASE"))
        for name in names:
            if not name.endswith(".sql"):
                continue
            await note(self.process, f"/usr/local/bin/docker-entrypoint.sh: running {folder}/{name}")
            text = (await self.process.read_file(f"{folder}/{name}")).decode("utf-8", "replace")
            whole, rest = statements(text)
            for sql in [*whole, rest]:
                try:
                    if sql.strip():
                        await session.run(sql)
                except Refusal as refusal:
                    await self.process.stderr.write(f"ERROR {refusal}\n".encode())

    async def _users(self) -> dict[str, str]:
        rows = self.shelf.databases["mysql"].run("SELECT User, authentication_string FROM user").rows
        return {str(user): str(password) for user, password in rows}

    async def set_user(self, user: str, password: str | None) -> None:
        """None: drop."""
        tables = self.shelf.databases["mysql"]
        tables.run(f"DELETE FROM user WHERE User='{_escaped(user)}'")
        if password is not None:
            tables.run(f"INSERT INTO user VALUES ('%', '{_escaped(user)}', '{_escaped(password)}')")
        await self.shelf.save("mysql")
        self.users = await self._users()

    async def _accept(self, listener: Listener) -> None:
        while True:
            connection = await listener.accept()
            task = self.process.thread(self._talk(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _talk(self, connection: Connection) -> None:
        packets = Packets(connection)
        self.connections += 1
        try:
            await connection.write(greeting(self.version))
            hello = await packets.receive()
            session = await self._admit(packets, hello, connection.peer.ip)
            while session is not None:
                message = await packets.receive()
                if message.get("shutdown"):
                    await packets.send({"ok": True})
                    self.end()
                    return
                await self.process.breathe()
                try:
                    answer = await session.run(str(message.get("sql", "")))
                    await packets.send({"columns": answer.columns, "rows": answer.rows, "affected": answer.affected,
                                        "words": answer.words, "database": session.database})  # fmt: skip
                except Refusal as refusal:
                    await packets.send({"error": str(refusal)})
        except (OSError, EOFError, ValueError):
            pass
        finally:
            connection.close()

    async def _admit(self, packets: Packets, hello: Mapping[str, object], ip: str) -> Session | None:
        user, password = str(hello.get("user", "root")), str(hello.get("password", ""))
        host = "localhost" if ip in ("127.0.0.1", "::1") else ip
        if self.users.get(user) != password:
            using = "YES" if password else "NO"
            words = f"Access denied for user '{user}'@'{host}' (using password: {using})"
            await packets.send({"error": f"1045 (28000): {words}"})
            return None
        database = str(hello.get("database") or "")
        if database and database not in self.shelf.databases and database not in SYSTEM:
            await packets.send({"error": f"1049 (42000): Unknown database '{database}'"})
            return None
        await packets.send({"ok": True, "version": self.version, "id": self.connections + 7})
        return Session(self, user, host, database)


def _escaped(text: str) -> str:
    return text.replace("'", "''")


async def server(process: Process) -> int:
    if process.argv[1:2] in (["--version"], ["-V"]):
        words = f"Ver {version(process)} for Linux on x86_64 (MySQL Community Server - GPL)"
        await process.print(f"/usr/sbin/{process.name}  {words}")
        return 0
    return await Server(process).run()
