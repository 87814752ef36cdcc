"""sqlite3: SQLite's command line, on a file of the container or in memory.

The statements are really SQLite's, of the library that Python brings (`sql_core` says what is refused); the file is a
real database file. Dot-commands: those that people type. What rows look like is in `sqlite_modes`.
"""

from __future__ import annotations

import re
import shlex
import sqlite3
from collections.abc import AsyncGenerator
from contextlib import aclosing

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.sql_core import Tables
from minikube_edu.container_runtime.simulated.programs.sqlite_modes import MODES, Looks, quoted, shown

VERSION = "3.46.1 2024-08-13 09:16:08"
SOURCE = "c9c2ab54ba1f5f46360f1b4f35d849cd3f080e6fc2b6c60e91b16c63f69a1e33"
ORDER = "ORDER BY type = 'table' DESC, rowid"
HELP = """\
.databases               List names and files of attached databases
.dump ?TABLE?            Render database content as SQL
.exit ?CODE?             Exit this program with return-code CODE
.headers on|off          Turn display of headers on or off
.help                    Show help text
.import FILE TABLE       Import data from FILE into TABLE
.indexes ?TABLE?         Show names of indexes
.mode MODE ?TABLE?       Set output mode
.nullvalue STRING        Use STRING in place of NULL values
.open ?FILE?             Close existing database and reopen FILE
.print STRING...         Print literal STRING
.quit                    Exit this program
.read FILE               Read input from FILE
.save FILE               Write the database into FILE
.schema ?TABLE?          Show the CREATE statements
.separator COL           Change the column separator
.tables ?TABLE?          List names of tables
"""


class Leave(Exception):
    def __init__(self, code: int = 0) -> None:
        super().__init__(code)
        self.code = code


class Line:
    """One run of the command."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.looks = Looks()
        self.path = ""
        self.tables = Tables({})
        self.bail = self.failed = self.batch = False
        self.commands: list[str] = []
        self.changed = False

    async def opened(self, path: str) -> None:
        """A file that is not there yet is an empty database."""
        content = b""
        if path not in ("", ":memory:"):
            try:
                content = await self.process.read_file(path)
            except FileNotFoundError:
                self.process.stat(path.rpartition("/")[0] or ("/" if path.startswith("/") else "."))
        self.tables.close()
        self.path, self.tables, self.changed = path, Tables({}, content), False

    async def kept(self, path: str = "") -> None:
        if path or (self.changed and self.path not in ("", ":memory:")):
            await self.process.write_file(path or self.path, self.tables.content())
            self.changed = False

    async def several(self, text: str, line: int = 0) -> None:
        """Statements, until one fails. `line`: of the input; 0 for an argument."""
        waiting, rest, failed = "", text, self.failed
        self.failed = False
        for piece in re.split(r"(?<=;)", text):
            waiting += piece
            if self.failed:
                break
            if sqlite3.complete_statement(waiting):
                await self.run(waiting.strip(), line, rest.strip())
                rest, waiting = rest[len(waiting) :], ""
        if waiting.strip() and not self.failed:
            await self.run(waiting.strip(), line, rest.strip())
        self.failed |= failed

    async def run(self, sql: str, line: int, rest: str) -> None:
        """One statement, and all that stands there behind it, for a complaint."""
        try:
            answer = await self.tables.answer(sql)
        except (sqlite3.Error, sqlite3.Warning) as error:
            await self.refused(rest, error, line)
            return
        self.changed |= not re.match(r"\s*(select|explain|values|with\s.*\bselect)\b", sql, re.I | re.S)
        if not self.tables.connection.in_transaction:
            await self.kept()
        await self.process.stdout.write(
            shown(self.looks, answer.columns, answer.rows).encode("utf-8", "surrogateescape")
        )

    async def refused(self, sql: str, error: Exception, line: int) -> None:
        words = str(error)
        stepping = isinstance(error, sqlite3.IntegrityError)
        if stepping:
            words += " (19)"
        where = (
            f"{'Runtime' if stepping else 'Parse'} error near line {line}: "
            if line
            else f"Error: {'stepping' if stepping else 'in prepare'}, "
        )
        if self.process.stdin.is_terminal() and line:
            where = f"{'Runtime' if stepping else 'Parse'} error: "
        near = re.match(r'near "(.+)": syntax error', words)
        if near and (at := re.search(rf"(?<!\w){re.escape(near[1])}(?!\w)", sql)):
            start = max(0, at.start() - 50)
            piece = re.sub(r"\s", " ", sql[start : start + 78])
            place = at.start() - start
            mark = f"{' ' * place}^--- error here" if place < 25 else f"{' ' * (place - 14)}error here ---^"
            words += f"\n  {piece}\n  {mark}"
        await self.complain(where + words)

    async def complain(self, words: str) -> None:
        self.failed = True
        await self.process.stderr.write((words + "\n").encode("utf-8", "surrogateescape"))
        if self.bail:
            raise Leave(1)

    # -- input -------------------------------------------------------------------------------------------------------

    async def text(self, text: str) -> None:
        """An argument: a dot-command, or statements."""
        if text.startswith("."):
            await self.dot(text)
            return
        await self.several(text)

    async def lines(self, source: AsyncGenerator[str, None], prompts: bool = False) -> None:
        waiting, number, begun = "", 0, 0
        if prompts:
            await self.process.print("sqlite> ", end="")
        async for line in source:
            number += 1
            await self.process.breathe()
            if not waiting.strip() and line.startswith("."):
                await self.dot(line.strip())
            else:
                begun = begun if waiting.strip() else number
                waiting += line + "\n"
                if sqlite3.complete_statement(waiting):
                    await self.several(waiting.strip(), begun)
                    waiting = ""
            if prompts:
                await self.process.print("   ...> " if waiting.strip() else "sqlite> ", end="")
        if waiting.strip():
            await self.several(waiting.strip(), begun)

    async def typed(self) -> AsyncGenerator[str, None]:
        rest = b""
        while data := await self.process.stdin.read():
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "surrogateescape")
        if rest:
            yield rest.decode("utf-8", "surrogateescape")

    # -- dot-commands ------------------------------------------------------------------------------------------------

    async def dot(self, line: str) -> None:
        try:
            words = shlex.split(line[1:])
        except ValueError:
            words = line[1:].split()
        names = [name for name in DOTS if words and name.startswith(words[0])]
        if not names:
            word = words[0] if words else ""
            await self.complain(f'Error: unknown command or invalid arguments:  "{word}". Enter ".help" for help')
            return
        await DOTS[words[0] if words[0] in names else names[0]](self, words[1:])

    async def ask(self, sql: str) -> list[list[str]]:
        return (await self.tables.answer(sql)).rows

    async def show_tables(self, words: list[str]) -> None:
        like = f"AND name LIKE {quoted(words[0])}" if words else ""
        rows = await self.ask(f"SELECT name FROM sqlite_master WHERE type IN ('table','view') "
                              f"AND name NOT LIKE 'sqlite_%' {like} ORDER BY 1")  # fmt: skip
        names = [row[0] for row in rows]
        if names:
            width = max(map(len, names))
            height = -(-len(names) // max(1, 80 // (width + 2)))
            for row in range(height):
                await self.process.print("  ".join(name.ljust(width) for name in names[row::height]))

    async def schema(self, words: list[str]) -> None:
        like = f"AND tbl_name LIKE {quoted(words[0])}" if words else ""
        for (sql,) in await self.ask(f"SELECT sql FROM sqlite_master WHERE sql IS NOT NULL {like} ORDER BY rowid"):
            await self.process.print(f"{sql};")

    async def indexes(self, words: list[str]) -> None:
        like = f"AND tbl_name LIKE {quoted(words[0])}" if words else ""
        for (name,) in await self.ask(f"SELECT name FROM sqlite_master WHERE type='index' {like} ORDER BY 1"):
            await self.process.print(name)

    async def dump(self, words: list[str]) -> None:
        like = f"AND tbl_name LIKE {quoted(words[0])}" if words else ""
        await self.process.print("PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;")
        for kind, name, sql in await self.ask(
            f"SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL {like} {ORDER}"
        ):
            await self.process.print(f"{sql};")
            if kind == "table":
                table = name if re.fullmatch(r"[A-Za-z_]\w*", name) else f'"{name}"'
                for row in await self.ask(f'SELECT * FROM "{name}"'):
                    await self.process.print(f"INSERT INTO {table} VALUES({','.join(map(quoted, row))});")
                    await self.process.breathe()
        await self.process.print("COMMIT;")

    async def leave(self, words: list[str]) -> None:
        raise Leave(int(words[0]) if words and words[0].isdigit() else 0)

    async def headers(self, words: list[str]) -> None:
        self.looks.headers = bool(words) and words[0] in ("on", "yes", "1", "true")

    async def mode(self, words: list[str]) -> None:
        if not words:
            await self.process.print(f"current output mode: {self.looks.mode}")
            return
        names = [name for name in MODES if name.startswith(words[0])]
        if not names:
            await self.complain("Error: mode should be one of: " + " ".join(sorted(MODES)))
            return
        self.looks.mode, self.looks.csv_end = names[0], "\r\n"
        if names[0] in ("column", "table", "box", "markdown"):
            self.looks.headers = True
        if names[0] == "insert":
            self.looks.table = words[1] if len(words) > 1 else "table"

    async def separator(self, words: list[str]) -> None:
        self.looks.separator = words[0].replace("\\t", "\t").replace("\\n", "\n") if words else "|"

    async def null_value(self, words: list[str]) -> None:
        self.looks.null = words[0] if words else ""

    async def databases(self, words: list[str]) -> None:
        await self.process.print(f'main: {self.path if self.path not in ("", ":memory:") else quoted("")} r/w'
                                 .replace("''", '""'))  # fmt: skip

    async def open(self, words: list[str]) -> None:
        await self.opened(next((word for word in words if not word.startswith("-")), ""))

    async def save(self, words: list[str]) -> None:
        await self.kept(words[0] if words else "")

    async def echo(self, words: list[str]) -> None:
        await self.process.print(" ".join(words))

    async def read(self, words: list[str]) -> None:
        try:
            data = await self.process.read_file(words[0] if words else "")
        except OSError:
            await self.complain(f'Error: cannot open "{words[0] if words else ""}"')
            return

        async def lines() -> AsyncGenerator[str, None]:
            for line in data.decode("utf-8", "surrogateescape").splitlines():
                yield line

        async with aclosing(lines()) as source:
            await self.lines(source)

    async def import_(self, words: list[str]) -> None:
        """A table that is not there is made, with the first line's names."""
        import csv

        names = [word for word in words if not word.startswith("-")]
        if len(names) < 2:
            await self.complain("ERROR: missing arguments. Usage:\n.import FILE TABLE")
            return
        try:
            text = (await self.process.read_file(names[0])).decode("utf-8", "surrogateescape")
        except OSError:
            await self.complain(f'Error: cannot open "{names[0]}"')
            return
        comma = "," if "--csv" in words or "-csv" in words or self.looks.mode == "csv" else self.looks.separator
        rows = list(csv.reader(text.splitlines(), delimiter=comma[:1] or "|"))
        skip = int(words[words.index("--skip") + 1]) if "--skip" in words[:-1] else 0
        rows = [row for row in rows[skip:] if row]
        table = '"' + names[1].replace('"', '""') + '"'
        if not await self.ask(f"SELECT 1 FROM sqlite_master WHERE name = {quoted(names[1])}") and rows:
            columns = ", ".join('"' + name.replace('"', '""') + '" ANY' for name in rows.pop(0))
            await self.several(f"CREATE TABLE {table}({columns})")
        for row in rows:
            await self.several(f"INSERT INTO {table} VALUES({','.join(map(quoted, row))})")

    async def help(self, words: list[str]) -> None:
        await self.process.print(HELP, end="")

    async def nothing(self, words: list[str]) -> None:
        """What changes nothing that can be seen here."""


DOTS = {
    "bail": Line.nothing, "changes": Line.nothing, "databases": Line.databases, "dump": Line.dump, "echo": Line.nothing,
    "exit": Line.leave, "headers": Line.headers, "help": Line.help, "import": Line.import_, "indexes": Line.indexes,
    "indices": Line.indexes, "mode": Line.mode, "nullvalue": Line.null_value, "open": Line.open, "print": Line.echo,
    "quit": Line.leave, "read": Line.read, "save": Line.save, "backup": Line.save, "schema": Line.schema,
    "separator": Line.separator, "tables": Line.show_tables, "timeout": Line.nothing, "timer": Line.nothing,
    "width": Line.nothing,
}  # fmt: skip


async def options(line: Line, words: list[str]) -> list[str]:
    operands: list[str] = []
    while words:
        word = words.pop(0)
        name = word.lstrip("-")
        if not word.startswith("-") or word == "-" or operands:
            operands.append(word)
        elif name in MODES:
            line.looks.mode = name
            line.looks.headers |= name in ("column", "table", "box", "markdown")
        elif name in ("header", "noheader"):
            line.looks.headers = name == "header"
        elif name in ("separator", "nullvalue", "cmd", "init") and words:
            value = words.pop(0)
            if name == "separator":
                line.looks.separator = value
            elif name == "nullvalue":
                line.looks.null = value
            else:
                line.commands.append(value if name == "cmd" else f".read {value}")
        elif name == "bail":
            line.bail = True
        elif name in ("batch", "interactive", "readonly", "echo", "safe", "stats"):
            line.batch |= name == "batch"
        elif name in ("version", "help"):
            await line.process.print(
                f"{VERSION} {SOURCE}" if name == "version" else "Usage: sqlite3 [OPTIONS] [FILENAME [SQL]]"
            )
            raise Leave()
        else:
            who = line.process.argv[0]
            await line.process.stderr.write(
                f"{who}: Error: unknown option: {word}\nUse -help for a list of options.\n".encode()
            )
            raise Leave(1)
    return operands


async def sqlite3_(process: Process) -> int:
    line = Line(process)
    try:
        operands = await options(line, list(process.argv[1:]))
        try:
            await line.opened(operands[0] if operands else "")
        except OSError:
            words = "unable to open database file"
            await process.stderr.write(f'Error: unable to open database "{operands[0]}": {words}\n'.encode())
            return 1
        except sqlite3.DatabaseError:
            await process.stderr.write(b"Error: in prepare, file is not a database (26)\n")
            return 26
        for command in [*line.commands, *operands[1:]]:
            await line.text(command)
            if line.failed:
                return 1
        if len(operands) < 2:
            terminal = process.stdin.is_terminal() and not line.batch
            if terminal:
                await process.print(f'SQLite version {VERSION}\nEnter ".help" for usage hints.')
                if line.path in ("", ":memory:"):
                    await process.print("Connected to a transient in-memory database.\n"
                                        'Use ".open FILENAME" to reopen on a persistent database.')  # fmt: skip
            async with aclosing(line.typed()) as source:
                await line.lines(source, terminal)
            if terminal:
                return 0
        return int(line.failed)
    except Leave as leave:
        return leave.code
    finally:
        line.tables.close()
