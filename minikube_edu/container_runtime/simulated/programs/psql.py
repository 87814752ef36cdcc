r"""psql and pg_dump: their options, aligned tables, and the backslash commands \l \dt \d \c \du \conninfo \x \q."""

from __future__ import annotations

import errno
from typing import Any
from urllib.parse import urlsplit

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.sql_core import statements
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

TABLES = "SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%' ORDER BY name"


class Unreachable(Exception):
    """`psql: error: words`"""


class Psql:
    def __init__(self, process: Process) -> None:
        env = process.env
        self.process = process
        self.host = env.get("PGHOST", "")
        self.port = int(env.get("PGPORT", "5432"))
        self.user = env.get("PGUSER", "") or ("root" if process.user.uid == 0 else "postgres")
        self.database = env.get("PGDATABASE", "")
        self.password = env.get("PGPASSWORD", "")
        self.on: set[str] = set()
        self.commands: list[str] = []
        self.files: list[str] = []
        self.expanded = False
        self.connection: Connection | None = None
        self.packets: Packets | None = None
        self.version = ""

    def read_options(self) -> None:
        long = {
            "host": "h",
            "port": "p",
            "username": "U",
            "dbname": "d",
            "command": "c",
            "file": "f",
            "list": "l",
            "tuples-only": "t",
            "no-align": "A",
            "quiet": "q",
            "version": "V",
            "expanded": "x",
            "set": "v",
        }
        words = list(self.process.argv[1:])
        operands: list[str] = []
        while words:
            word = words.pop(0)
            if word.startswith("--"):
                name, equals, value = word[2:].partition("=")
                letter = long.get(name, "")
                if letter in ("h", "p", "U", "d", "c", "f", "v") and letter:
                    self._set(letter, value if equals else (words.pop(0) if words else ""))
                else:
                    self.on.add(letter or name)
            elif word.startswith("-") and len(word) > 1:
                for index, letter in enumerate(word[1:], 1):
                    if letter in "hpUdcfvFPRTn":
                        self._set(letter, word[index + 1 :] or (words.pop(0) if words else ""))
                        break
                    self.on.add(letter)
            else:
                operands.append(word)
        if operands:
            self._set("d", operands[0])
        if len(operands) > 1:
            self.user = operands[1]
        self.database = self.database or self.user
        self.expanded = "x" in self.on

    def _set(self, letter: str, value: str) -> None:
        if letter == "h":
            self.host = value
        elif letter == "p":
            self.port = int(value) if value.isdigit() else 5432
        elif letter == "U":
            self.user = value
        elif letter == "d" and value.startswith(("postgres://", "postgresql://")):
            parts = urlsplit(value)
            self.host, self.port = parts.hostname or "", parts.port or 5432
            self.user, self.password = parts.username or self.user, parts.password or ""
            self.database = parts.path.lstrip("/") or self.user
        elif letter == "d":
            self.database = value
        elif letter == "c":
            self.commands.append(value)
        elif letter == "f":
            self.files.append(value)

    async def open(self) -> None:
        try:
            ips = await addresses(self.process, self.host or "127.0.0.1")
            self.connection = await connect_any(self.process, ips, self.port)
        except NameNotFound:
            raise Unreachable(
                f'could not translate host name "{self.host}" to address: Name or service not known'
            ) from None
        except OSError as error:
            why = "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)
            if not self.host:
                socket = f"/var/run/postgresql/.s.PGSQL.{self.port}"
                hint = "\n\tIs the server running locally and accepting connections on that socket?"
                raise Unreachable(
                    f'connection to server on socket "{socket}" failed: No such file or directory{hint}'
                ) from None
            place = f'"{self.host}" ({ips[0]}), port {self.port}'
            hint = "\n\tIs the server running on that host and accepting TCP/IP connections?"
            raise Unreachable(f"connection to server at {place} failed: {why}{hint}") from None
        self.packets = Packets(self.connection)
        place = (
            f'at "{self.host}" ({ips[0]}), port {self.port}'
            if self.host
            else 'on socket "/var/run/postgresql/.s.PGSQL.5432"'
        )
        try:
            await self.packets.send({"user": self.user, "password": self.password, "database": self.database})
            hello = await self.packets.receive()
        except (EOFError, OSError, ValueError):
            raise Unreachable(
                f"connection to server {place} failed: server closed the connection unexpectedly"
            ) from None
        if refused := hello.get("error"):
            without = "" if self.password or "password" not in str(refused) else "fe_sendauth: no password supplied"
            raise Unreachable(f"connection to server {place} failed: {without or refused}")
        self.version = str(hello.get("version"))

    async def ask(self, sql: str) -> dict[str, Any]:
        assert self.packets is not None
        await self.packets.send({"sql": sql})
        return await self.packets.receive()

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    # -- output ------------------------------------------------------------------------------------------------------

    def table(self, columns: list[str], rows: list[list[Any]], title: str = "") -> str:
        cells = [["" if value is None else str(value) for value in row] for row in rows]
        if "A" in self.on:
            lines = [] if "t" in self.on else ["|".join(columns)]
            counted = [] if "t" in self.on else [_count(rows)]
            return "\n".join([*lines, *("|".join(row) for row in cells), *counted])
        if self.expanded:
            width = max(map(len, columns), default=0)
            parts = []
            for number, row in enumerate(cells, 1):
                parts.append(f"-[ RECORD {number} ]" + "-" * max(1, width - 8))
                parts += [f"{name:<{width}} | {value}" for name, value in zip(columns, row, strict=True)]
            return "\n".join(parts) + "\n"
        widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
        right = [
            bool(rows) and all(isinstance(row[i], (int, float)) for row in rows if row[i] is not None)
            for i in range(len(columns))
        ]
        body = []
        for row in cells:
            padded = [v.rjust(w) if r else v.ljust(w) for v, w, r in zip(row, widths, right, strict=True)]
            body.append(" " + " | ".join(padded).rstrip())
        if "t" in self.on:
            return "\n".join(body) + "\n"
        head = " " + " | ".join(_centred(name, width) for name, width in zip(columns, widths, strict=True))
        line = "-" + "-+-".join("-" * width for width in widths) + "-"
        titled = [title.center(len(line)).rstrip()] if title else []
        return "\n".join([*titled, head + " ", line, *body, _count(rows), ""])

    async def one(self, sql: str) -> bool:
        if sql.startswith("\\"):
            return await self.backslash(sql)
        answer = await self.ask(sql)
        if refused := answer.get("error"):
            await self.process.stderr.write((str(refused) + "\n").encode())
            return False
        if answer["columns"]:
            await self.process.print(self.table(answer["columns"], answer["rows"]))
        elif "q" not in self.on:
            await self.process.print(answer["tag"])
        return True

    async def backslash(self, words: str) -> bool:
        parts = words.rstrip(";").split()
        command, rest = parts[0], parts[1:]
        say = self.process.print
        if command in ("\\l", "\\list"):
            found = await self.ask("LIST DATABASES")
            rows = [[*row, "UTF8", "libc", "en_US.utf8", "en_US.utf8"] for row in found["rows"]]
            await say(
                self.table(
                    ["Name", "Owner", "Encoding", "Locale Provider", "Collate", "Ctype"], rows, "List of databases"
                )
            )
        elif command == "\\dt" or (command == "\\d" and not rest):
            names = [row[0] for row in (await self.ask(TABLES))["rows"]]
            if not names:
                await self.process.stderr.write(
                    b"Did not find any relations.\n" if command == "\\d" else b"Did not find any tables.\n"
                )
                return True
            rows = [["public", name, "table", self.user] for name in names]
            await say(
                self.table(
                    ["Schema", "Name", "Type", "Owner"],
                    rows,
                    "List of relations" if command == "\\d" else "List of tables",
                )
            )
        elif command == "\\d":
            columns = (await self.ask(f'PRAGMA table_info("{rest[0]}")'))["rows"]
            if not columns:
                await self.process.stderr.write(f'Did not find any relation named "{rest[0]}".\n'.encode())
                return True
            rows = [
                [row[1], str(row[2]).lower(), "", "not null" if row[3] or row[5] else "", row[4]] for row in columns
            ]
            shown = self.table(
                ["Column", "Type", "Collation", "Nullable", "Default"], rows, f'Table "public.{rest[0]}"'
            )
            await say(shown.replace(_count(rows) + "\n", ""))
        elif command in ("\\c", "\\connect"):
            return await self.reconnect(rest[0] if rest else self.database)
        elif command == "\\du":
            attributes = "Superuser, Create role, Create DB, Replication, Bypass RLS"
            await say(
                self.table(["Role name", "Attributes"], [[self.user, attributes]], "List of roles").replace(
                    "(1 row)\n", ""
                )
            )
        elif command == "\\conninfo":
            await say(f'You are connected to database "{self.database}" as user "{self.user}" at port "{self.port}".')
        elif command == "\\x":
            self.expanded = not self.expanded
            await say(f"Expanded display is {'on' if self.expanded else 'off'}.")
        elif command not in ("\\q", "\\timing", "\\pset", "\\set", "\\echo"):
            await self.process.stderr.write(f"invalid command {command}\nTry \\? for help.\n".encode())
            return False
        return True

    async def reconnect(self, database: str) -> bool:
        before, self.database = self.database, database
        old, packets = self.connection, self.packets
        try:
            await self.open()
        except Unreachable as error:
            await self.process.stderr.write(f"{error}\nPrevious connection kept\n".encode())
            self.database, self.connection, self.packets = before, old, packets
            return False
        if old is not None:
            old.close()
        await self.process.print(f'You are now connected to database "{database}" as user "{self.user}".')
        return True

    # -- the ways in -------------------------------------------------------------------------------------------------

    async def run(self) -> int:
        await self.open()
        if "l" in self.on:
            self.commands.insert(0, "\\l")
        if self.commands or self.files:
            good = True
            for path in self.files:
                whole, rest = statements((await self.process.read_file(path)).decode("utf-8", "replace"))
                for sql in [*whole, *([rest] if rest.strip() else [])]:
                    await self.one(sql)
            for command in self.commands:
                whole, rest = ([command], "") if command.startswith("\\") else statements(command)
                for sql in [*whole, *([rest.strip()] if rest.strip() else [])]:
                    good = await self.one(sql) and good
            return 0 if good else 1
        return await self.interact()

    async def interact(self) -> int:
        terminal = self.process.stdin.is_terminal()
        if terminal and "q" not in self.on:
            await self.process.print(
                f'psql ({self.version} (Debian {self.version}-1.pgdg13+1))\nType "help" for help.\n'
            )
        pending, buffer = "", ""
        while True:
            if terminal:
                mark = "-" if pending.strip() else "="
                await self.process.print(f"{self.database}{mark}# ", end="")
            while "\n" not in buffer:
                data = await self.process.stdin.read()
                if not data:
                    break
                buffer += data.decode("utf-8", "surrogateescape")
            if not buffer:
                break
            line, _, buffer = buffer.partition("\n")
            if not pending.strip() and line.strip() in ("\\q", "quit", "exit"):
                return 0
            if line.strip().startswith("\\"):
                await self.one(line.strip())
                continue
            whole, pending = statements(pending + line + "\n")
            for sql in whole:
                await self.one(sql)
        if pending.strip():
            await self.one(pending.strip())
        return 0


def _centred(name: str, width: int) -> str:
    left = (width - len(name)) // 2
    return " " * left + name + " " * (width - len(name) - left)


def _count(rows: list[list[Any]]) -> str:
    return f"({len(rows)} row{'s' * (len(rows) != 1)})"


async def client(process: Process) -> int:
    psql = Psql(process)
    psql.read_options()
    if "V" in psql.on:
        await process.print("psql (PostgreSQL) 18.1")
        return 0
    try:
        return await psql.run()
    except Unreachable as error:
        await process.stderr.write(f"psql: error: {error}\n".encode())
        return 2
    except EOFError:
        await process.stderr.write(b"server closed the connection unexpectedly\n")
        return 2
    finally:
        psql.close()


async def dump(process: Process) -> int:
    """pg_dump: the tables' definitions and rows, as SQL."""
    psql = Psql(process)
    psql.read_options()
    try:
        await psql.open()
        await process.print(f"--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version {psql.version}\n")
        for (table,) in (await psql.ask(TABLES))["rows"]:
            made = (await psql.ask(f"SELECT sql FROM sqlite_master WHERE name='{table}'"))["rows"]
            await process.print(f"{made[0][0]};\n")
            for row in (await psql.ask(f'SELECT * FROM "{table}"'))["rows"]:
                values = ", ".join(_literal(value) for value in row)
                await process.print(f"INSERT INTO public.{table} VALUES ({values});")
        await process.print("\n--\n-- PostgreSQL database dump complete\n--")
        return 0
    except Unreachable as error:
        await process.stderr.write(f"pg_dump: error: {error}\n".encode())
        return 1
    finally:
        psql.close()


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, (int, float)) else "'" + str(value).replace("'", "''") + "'"
