"""The tables behind the simulated database servers: SQLite in memory, kept in a file of the container.

One SQLite database for each database of the server. An authorizer refuses whatever could leave memory: ATTACH,
extensions, PRAGMAs other than looking at tables. A statement works in slices (`baton`), and one that works too long is
ended: no query holds the others.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.kernel.baton import Baton, abandoned

LOOKS = frozenset(
    {"table_info", "table_xinfo", "table_list", "index_list", "index_info", "foreign_key_list", "page_count"}
)
NAMES = "SELECT name FROM sqlite_master WHERE type IN ('table','view') AND name NOT LIKE 'sqlite_%' ORDER BY name"
LARGEST_VALUE = 4 << 20
MOST_PAGES = 8192  # of 4 KiB
STEP = 2000  # instructions between two looks at the clock
MOST_STEPS = 20_000  # of these: some seconds
MOST_ROWS = 20_000


class Answer(Struct):
    columns: list[str] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)
    affected: int = 0
    words: str = ""  # psql's tag (INSERT 0 1), mysql's extra line


def _authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH):
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_PRAGMA and (first or "").lower() not in LOOKS:
        return sqlite3.SQLITE_DENY
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in (
        "load_extension",
        "readfile",
        "writefile",
        "edit",
    ):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


Functions = dict[str, tuple[int, Callable[..., Any]]]


class Tables:
    """One database."""

    def __init__(self, functions: Functions, content: bytes = b"") -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        if content:
            self.connection.deserialize(content)
        self.connection.execute(f"PRAGMA max_page_count={MOST_PAGES}")
        self.connection.execute("PRAGMA foreign_keys=ON")
        self.connection.execute("PRAGMA temp_store=MEMORY")
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        for name, (arguments, function) in functions.items():
            self.connection.create_function(name, arguments, function)
        self.connection.set_authorizer(_authorize)
        self._steps = 0
        self.one_at_a_time = asyncio.Lock()  # held while a statement works in slices
        self._working: Baton[Answer] | None = None
        self.connection.set_progress_handler(self._step, STEP)

    def _step(self) -> int:
        self._steps += 1
        return int(self._steps > MOST_STEPS or abandoned())

    def run(self, sql: str) -> Answer:
        """sqlite3.Error when it cannot. For what is done in a moment."""
        if self._working is not None:
            raise sqlite3.OperationalError("database is locked")
        return self._run(sql)

    def _run(self, sql: str) -> Answer:
        self._steps = 0
        before = self.connection.total_changes
        cursor = self.connection.execute(sql)
        try:
            if cursor.description is not None:
                rows = [list(row) for row in cursor.fetchmany(MOST_ROWS)]
                return Answer(
                    [column[0] for column in cursor.description], rows, self.connection.total_changes - before
                )
            return Answer(affected=self.connection.total_changes - before)
        finally:
            cursor.close()

    async def answer(self, sql: str) -> Answer:
        """The same for what may take long: others have their turn in between."""
        async with self.one_at_a_time:
            self._working = Baton(lambda: self._run(sql))
            try:
                return await self._working.finished()
            finally:
                self._working = None

    async def names(self) -> list[str]:
        rows = (await self.answer(NAMES)).rows
        return [str(row[0]) for row in rows]

    def content(self) -> bytes:
        """The file's bytes; none of a database without a table."""
        try:
            return bytes(self.connection.serialize())
        except sqlite3.OperationalError:
            if self.run(NAMES).rows:
                raise
            return b""

    def close(self) -> None:
        if self._working is not None:
            self._working.drop()
        self.connection.close()


class Shelf:
    """All databases of a server, in a folder of the container: FOLDER/NAME.sqlite."""

    def __init__(self, process: Process, folder: str, functions: Functions) -> None:
        self.process = process
        self.folder = folder.rstrip("/")
        self.functions = functions
        self.databases: dict[str, Tables] = {}

    async def load(self) -> bool:
        """Whether there was something: a volume that was used before."""
        try:
            names = [name for name in self.process.listdir(self.folder) if name.endswith(".sqlite")]
        except OSError:
            names = []
        for name in names:
            content = await self.process.read_file(f"{self.folder}/{name}")
            self.databases[name.removesuffix(".sqlite")] = Tables(self.functions, content)
        return bool(names)

    async def create(self, name: str) -> None:
        self.databases[name] = Tables(self.functions)
        await self.save(name)

    async def drop(self, name: str) -> None:
        self.databases.pop(name).close()
        try:
            self.process.unlink(f"{self.folder}/{name}.sqlite")
        except OSError:
            pass

    async def save(self, name: str) -> None:
        tables = self.databases[name]
        async with tables.one_at_a_time:
            content = tables.content()
        await self.process.write_file(f"{self.folder}/{name}.sqlite", content, 0o640)

    def close(self) -> None:
        for tables in self.databases.values():
            tables.close()


def statements(text: str) -> tuple[list[str], str]:
    """Whole statements, and what is left of an unfinished one. Quotes and comments are respected."""
    found: list[str] = []
    current, at, quote = "", 0, ""
    while at < len(text):
        letter = text[at]
        if quote:
            current += letter
            if letter == "\\" and quote != "`" and at + 1 < len(text):
                current += text[at + 1]
                at += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"`":
            quote = letter
            current += letter
        elif text.startswith("--", at) or (letter == "#" and not current.strip()):
            end = text.find("\n", at)
            at = len(text) if end < 0 else end
            current += " "
            continue
        elif text.startswith("/*", at):
            end = text.find("*/", at)
            at = len(text) if end < 0 else end + 2
            continue
        elif letter == ";" or text.startswith(("\\G", "\\g"), at):
            upright = text.startswith("\\G", at)
            if current.strip():
                found.append(current.strip() + ("\\G" if upright else ""))
            current = ""
            at += letter == "\\"
        else:
            current += letter
        at += 1
    return found, current
