"""mysql, mysqladmin and mysqldump: their options, their tables, their words when the server is not there."""

from __future__ import annotations

import errno
from typing import Any

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.sql_core import statements
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

WARNING = "[Warning] Using a password on the command line interface can be insecure."
TAKES = {
    "host": "h",
    "user": "u",
    "port": "P",
    "execute": "e",
    "database": "D",
    "protocol": "protocol",
    "socket": "S",
    "connect-timeout": "timeout",
    "connect_timeout": "timeout",
    "default-character-set": "charset",
}


class Options:
    def __init__(self, process: Process) -> None:
        self.host, self.user, self.port, self.execute, self.database = "", "root", 3306, "", ""
        self.password: str | None = process.env.get("MYSQL_PWD")
        self.on: set[str] = set()
        self.operands: list[str] = []
        self.asks = False
        self.shown = False  # the password stood on the command line
        words = list(process.argv[1:])
        while words:
            self._one(words.pop(0), words)

    def _one(self, word: str, words: list[str]) -> None:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name == "password":
                self.password, self.shown, self.asks = value, bool(equals), not equals
            elif name in TAKES:
                self._set(TAKES[name], value if equals else (words.pop(0) if words else ""))
            else:
                self.on.add(name)
        elif word.startswith("-p"):
            self.password, self.asks = word[2:], not word[2:]
            self.shown = bool(word[2:])
        elif word.startswith("-") and len(word) > 1 and word[1] in "huPeDS":
            self._set(word[1], word[2:] or (words.pop(0) if words else ""))
        elif word.startswith("-") and len(word) > 1:
            self.on |= set(word[1:])
        else:
            self.operands.append(word)

    def _set(self, name: str, value: str) -> None:
        if name == "h":
            self.host = value
        elif name == "u":
            self.user = value
        elif name == "P":
            self.port = int(value) if value.isdigit() else 3306
        elif name == "e":
            self.execute = value
        elif name == "D":
            self.database = value


class Unreachable(Exception):
    """`ERROR 2003 (HY000): words`"""


class Link:
    """A connection to the server."""

    def __init__(self, process: Process, options: Options) -> None:
        self.process = process
        self.options = options
        self.connection: Connection | None = None
        self.packets: Packets | None = None
        self.hello: dict[str, Any] = {}

    async def open(self) -> None:
        host = self.options.host or "127.0.0.1"
        try:
            ips = await addresses(self.process, "127.0.0.1" if host == "localhost" else host)
            self.connection = await connect_any(self.process, ips, self.options.port)
        except NameNotFound:
            raise Unreachable(f"2005 (HY000): Unknown MySQL server host '{host}' (-2)") from None
        except OSError as error:
            if self.options.host in ("", "localhost"):
                socket = "/var/run/mysqld/mysqld.sock"
                words = f"Can't connect to local MySQL server through socket '{socket}' (2)"
                raise Unreachable(f"2002 (HY000): {words}") from None
            number = error.errno or errno.ECONNREFUSED
            where = f"'{host}:{self.options.port}' ({number})"
            raise Unreachable(f"2003 (HY000): Can't connect to MySQL server on {where}") from None
        self.packets = Packets(self.connection)
        try:
            await self.packets.raw()  # the greeting
            database = self.options.database
            await self.packets.send(
                {"user": self.options.user, "password": self.options.password or "", "database": database}
            )
            self.hello = await self.packets.receive()
        except (EOFError, ValueError, OSError):
            raise Unreachable(
                "2013 (HY000): Lost connection to MySQL server at 'reading initial communication packet'"
            ) from None
        if refused := self.hello.get("error"):
            raise Unreachable(str(refused))

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        assert self.packets is not None
        try:
            await self.packets.send(message)
            return await self.packets.receive()
        except (EOFError, OSError):
            raise Unreachable("2013 (HY000): Lost connection to MySQL server during query") from None

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()


def boxed(columns: list[str], rows: list[list[Any]]) -> str:
    """+----+ around everything; numbers to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    right = [
        all(isinstance(row[i], (int, float)) or row[i] is None for row in rows) and bool(rows)
        for i in range(len(columns))
    ]
    line = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    body = []
    for row in cells:
        padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(row, widths, right, strict=True)]
        body.append(f"| {' | '.join(padded)} |")
    head = "| " + " | ".join(name.ljust(width) for name, width in zip(columns, widths, strict=True)) + " |"
    return "\n".join([line, head, line, *body, *([line] if body else [])])


def upright(columns: list[str], rows: list[list[Any]]) -> str:
    r"""\G: a line for each column."""
    width = max((len(name) for name in columns), default=0)
    lines = []
    for number, row in enumerate(rows, 1):
        lines.append(f"*************************** {number}. row ***************************")
        lines += [f"{name:>{width}}: {_cell(value)}" for name, value in zip(columns, row, strict=True)]
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value)


async def client(process: Process) -> int:
    options = Options(process)
    if options.on & {"V", "version"}:
        await process.print(f"{process.name}  Ver 9.5.0 for Linux on x86_64 (MySQL Community Server - GPL)")
        return 0
    if options.operands and not options.database:
        options.database = options.operands[0]
    if options.shown and "mariadb" not in process.name:
        await process.stderr.write(f"{process.name}: {WARNING}\n".encode())
    if options.asks:
        await process.print("Enter password: ", end="")
        options.password = (await process.stdin.read()).decode("utf-8", "replace").partition("\n")[0]
        await process.print("")
    link = Link(process, options)
    try:
        await link.open()
        shell = Shell(process, options, link)
        if options.execute:
            whole, rest = statements(options.execute)
            return await shell.all([*whole, rest])
        return await shell.read()
    except Unreachable as error:
        await process.stderr.write(f"ERROR {error}\n".encode())
        return 1
    finally:
        link.close()


class Shell:
    def __init__(self, process: Process, options: Options, link: Link) -> None:
        self.process = process
        self.options = options
        self.link = link
        self.interactive = process.stdin.is_terminal() and not options.execute
        on = options.on
        self.table = (process.stdout.is_terminal() or bool(on & {"t", "table"})) and not on & {
            "B",
            "batch",
            "s",
            "silent",
        }
        self.headings = not on & {"N", "skip-column-names"}

    async def all(self, sqls: list[str]) -> int:
        for sql in sqls:
            if sql.strip() and not await self.one(sql):
                return 1
        return 0

    async def one(self, sql: str) -> bool:
        flip = sql.endswith("\\G")
        answer = await self.link.ask({"sql": sql.removesuffix("\\G")})
        if error := answer.get("error"):
            where = "" if self.interactive else " at line 1"
            number, _, words = str(error).partition(": ")
            await self.process.stderr.write(f"ERROR {number}{where}: {words}\n".encode())
            return self.interactive
        columns, rows = answer["columns"], answer["rows"]
        if columns:
            await self.show(columns, rows, flip)
        if self.interactive:
            await self.process.print(self._summary(answer) + "\n")
        return True

    async def show(self, columns: list[str], rows: list[list[Any]], flip: bool) -> None:
        if not rows:
            return
        if flip:
            await self.process.print(upright(columns, rows))
        elif self.table:
            await self.process.print(boxed(columns, rows))
        else:
            lines = [columns] if self.headings else []
            for line in [*lines, *rows]:
                await self.process.print(
                    "\t".join(_cell(value).replace("\n", "\\n").replace("\t", "\\t") for value in line)
                )

    @staticmethod
    def _summary(answer: dict[str, Any]) -> str:
        if answer["words"] == "Database changed":
            return "Database changed"
        if answer["columns"]:
            count = len(answer["rows"])
            return f"{count} row{'s' * (count != 1)} in set (0.00 sec)" if count else "Empty set (0.00 sec)"
        count = answer["affected"]
        return f"Query OK, {count} row{'s' * (count != 1)} affected (0.01 sec)"

    async def read(self) -> int:
        if self.interactive:
            await self.process.print(
                "Welcome to the MySQL monitor.  Commands end with ; or \\g.\n"
                f"Your MySQL connection id is {self.link.hello.get('id', 8)}\n"
                f"Server version: {self.link.hello.get('version')} MySQL Community Server - GPL\n\n"
                "Type 'help;' or '\\h' for help. Type '\\c' to clear the current input statement.\n"
            )
        pending = ""
        while True:
            if self.interactive:
                await self.process.print("    -> " if pending.strip() else "mysql> ", end="")
            data = await self.process.stdin.read()
            if not data:
                break
            pending += data.decode("utf-8", "surrogateescape")
            word = pending.strip().rstrip(";").lower()
            if word in ("exit", "quit", "\\q"):
                await self.process.print("Bye")
                return 0
            if self.interactive and word in ("help", "\\h", "?"):
                await self.process.print("List of all client commands:\nexit  (\\q) Exit mysql. Same as quit.\n")
                pending = ""
                continue
            if self.interactive and word.startswith("use ") and "\n" in pending:
                pending = pending.rstrip("\n") + ";"
            whole, pending = statements(pending)
            if await self.all(whole):
                return 1
        if self.interactive:
            await self.process.print("Bye")
        return await self.all([pending])


async def admin(process: Process) -> int:
    """mysqladmin ping | status | version | create | drop | shutdown."""
    options = Options(process)
    command = options.operands[0] if options.operands else "ping"
    link = Link(process, options)
    try:
        await link.open()
    except Unreachable as error:
        denied = str(error).startswith("1045")
        if command == "ping" and denied:
            await process.print("mysqld is alive")
            return 0
        words = str(error).partition(": ")[2]
        await process.stderr.write(
            f"{process.name}: connect to server at '{options.host or 'localhost'}' failed\n".encode()
        )
        await process.stderr.write(f"error: '{words}'\n".encode())
        if not denied:
            await process.stderr.write(b"Check that mysqld is running and that the socket exists!\n")
        return 1
    try:
        if command == "ping":
            await process.print("mysqld is alive")
        elif command == "status":
            await process.print("Uptime: 60  Threads: 2  Questions: 10  Slow queries: 0  Opens: 130  Open tables: 49")
        elif command == "version":
            await process.print(
                f"{process.name}  Ver 9.5.0 for Linux on x86_64\nServer version\t\t{link.hello.get('version')}"
            )
        elif command in ("create", "drop") and len(options.operands) > 1:
            answer = await link.ask({"sql": f"{command} database `{options.operands[1]}`"})
            if refused := answer.get("error"):
                await process.stderr.write(f"{process.name}: {refused}\n".encode())
                return 1
        elif command == "shutdown":
            await link.ask({"shutdown": True})
        else:
            await process.stderr.write(f"{process.name}: Unknown command: '{command}'\n".encode())
            return 1
        return 0
    finally:
        link.close()


async def dump(process: Process) -> int:
    """mysqldump DATABASE [TABLE…], --all-databases, --databases."""
    options = Options(process)
    link = Link(process, options)
    try:
        await link.open()
        names = options.operands[:1]
        if options.on & {"all-databases", "A"}:
            found = await link.ask({"sql": "show databases"})
            hidden = ("information_schema", "performance_schema", "sys", "mysql")
            names = [row[0] for row in found["rows"] if row[0] not in hidden]
        elif options.on & {"databases", "B"}:
            names = options.operands
        several = bool(options.on & {"all-databases", "A", "databases", "B"})
        if not names:
            await process.stderr.write(b"Usage: mysqldump [OPTIONS] database [tables]\n")
            return 1
        await process.print(
            "-- MySQL dump 10.13  Distrib 9.5.0, for Linux (x86_64)\n--\n"
            f"-- Host: {options.host or 'localhost'}    Database: {names[0]}"
        )
        for name in names:
            answer = await link.ask({"sql": f"use `{name}`"})
            if refused := answer.get("error"):
                number, _, words = str(refused).partition(" (")
                what = words.partition(": ")[2]
                await process.stderr.write(
                    f"mysqldump: Got error: {number}: {what} when selecting the database\n".encode()
                )
                return 2
            if several:
                await process.print(f"\nCREATE DATABASE IF NOT EXISTS `{name}`;\nUSE `{name}`;")
            await _dump_tables(process, link, [] if several else options.operands[1:])
        await process.print("\n-- Dump completed")
        return 0
    except Unreachable as error:
        await process.stderr.write(
            f"mysqldump: Got error: {str(error).replace(' (HY000)', '')} when trying to connect\n".encode()
        )
        return 2
    finally:
        link.close()


async def _dump_tables(process: Process, link: Link, wanted: list[str]) -> None:
    for (table,) in (await link.ask({"sql": "show tables"}))["rows"]:
        if wanted and table not in wanted:
            continue
        made = await link.ask({"sql": f"show create table `{table}`"})
        await process.print(f"\nDROP TABLE IF EXISTS `{table}`;\n{made['rows'][0][1]};")
        rows = (await link.ask({"sql": f"select * from `{table}`"}))["rows"]
        if rows:
            values = ",".join("(" + ",".join(_literal(value) for value in row) + ")" for row in rows)
            await process.print(f"INSERT INTO `{table}` VALUES {values};")


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
