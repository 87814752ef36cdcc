"""MySQL's SQL on SQLite: SHOW, USE, DESCRIBE, users, AUTO_INCREMENT and the like; and its numbered errors."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.programs.identity import hostname, now
from minikube_edu.container_runtime.simulated.programs.sql_core import Answer, Tables
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.programs.mysql import Server

SYSTEM = ("information_schema", "mysql", "performance_schema", "sys")
NAME = r"[`\"']?([\w$-]+)[`\"']?"


class Refusal(Exception):
    """`1064 (42000): words`"""


class Session:
    """One client's: its database, and its statements."""

    def __init__(self, server: Server, user: str, host: str, database: str = "") -> None:
        self.server = server
        self.user, self.host, self.database = user, host, database

    async def run(self, sql: str) -> Answer:
        sql = sql.strip().rstrip(";").strip()
        for pattern, method in SPECIAL[:USERS]:
            if found := re.fullmatch(pattern, sql, re.I | re.S):
                return await self._special(method, found)
        own, (database, sql) = self.database, self.unqualified(sql)
        self.database = database
        try:
            for pattern, method in SPECIAL[USERS:]:
                if found := re.fullmatch(pattern, sql, re.I | re.S):
                    return await self._special(method, found)
            return await self.ordinary(sql)
        finally:
            self.database = own

    async def _special(self, method: str, found: re.Match[str]) -> Answer:
        answer = await getattr(self, method)(*found.groups())
        assert isinstance(answer, Answer)
        return answer

    def unqualified(self, sql: str) -> tuple[str, str]:
        """The database that a statement names (`shop.t`), and the statement without it."""
        database = self.database
        for name in self.server.shelf.databases:
            qualified = rf"[`]?\b{re.escape(name)}\b[`]?\s*\.\s*(?=[\w`])"
            if re.search(qualified, sql):
                database, sql = name, re.sub(qualified, "", sql)
        return database, sql

    def tables(self, name: str = "") -> Tables:
        name = name or self.database
        if not name:
            raise Refusal("1046 (3D000): No database selected")
        if name not in self.server.shelf.databases:
            raise Refusal(f"1049 (42000): Unknown database '{name}'")
        return self.server.shelf.databases[name]

    # -- databases ---------------------------------------------------------------------------------------------------

    async def show_databases(self, *like: str | None) -> Answer:
        wanted = next((one for one in like if one is not None), "%")
        pattern = re.escape(wanted).replace("%", ".*").replace("_", ".")
        names = sorted(one for one in {*self.server.shelf.databases, *SYSTEM} if re.fullmatch(pattern, one, re.I))
        return Answer(["Database"], [[name] for name in names])

    async def use(self, name: str) -> Answer:
        if name not in self.server.shelf.databases and name not in SYSTEM:
            raise Refusal(f"1049 (42000): Unknown database '{name}'")
        self.database = name
        return Answer(words="Database changed")

    async def create_database(self, unless: str | None, name: str) -> Answer:
        if name in self.server.shelf.databases:
            if unless:
                return Answer(affected=1, words="1 warning")
            raise Refusal(f"1007 (HY000): Can't create database '{name}'; database exists")
        await self.server.shelf.create(name)
        return Answer(affected=1)

    async def drop_database(self, unless: str | None, name: str) -> Answer:
        if name not in self.server.shelf.databases:
            if unless:
                return Answer()
            raise Refusal(f"1008 (HY000): Can't drop database '{name}'; database doesn't exist")
        await self.server.shelf.drop(name)
        self.database = "" if self.database == name else self.database
        return Answer()

    # -- tables ------------------------------------------------------------------------------------------------------

    async def show_tables(self, name: str | None, like: str | None) -> Answer:
        where = name or self.database
        names = await self.tables(where).names()
        if like is not None:
            pattern = re.escape(like).replace("%", ".*").replace("_", ".")
            names = [one for one in names if re.fullmatch(pattern, one, re.I)]
        return Answer([f"Tables_in_{where}"], [[one] for one in names])

    async def _columns(self, name: str) -> list[list[object]]:
        rows = (await self.tables().answer(f'PRAGMA table_info("{name}")')).rows
        if not rows:
            raise Refusal(f"1146 (42S02): Table '{self.database}.{name}' doesn't exist")
        return rows

    async def describe(self, name: str) -> Answer:
        rows = []
        made = (await self.tables().answer(f"SELECT sql FROM sqlite_master WHERE name='{name}'")).rows
        auto = "AUTOINCREMENT" in str(made[0][0]).upper() if made else False
        for _, column, kind, required, default, key in await self._columns(name):
            kind = {"integer": "int"}.get(str(kind).lower(), str(kind).lower() or "text")
            extra = "auto_increment" if key and auto else ""
            shown = str(default).strip("'") if default is not None else None
            rows.append([column, kind, "NO" if required or key else "YES", "PRI" if key else "", shown, extra])
        return Answer(["Field", "Type", "Null", "Key", "Default", "Extra"], rows)

    async def show_create(self, name: str) -> Answer:
        await self._columns(name)
        made = (await self.tables().answer(f"SELECT sql FROM sqlite_master WHERE name='{name}'")).rows
        return Answer(["Table", "Create Table"], [[name, str(made[0][0]) + " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4"]])

    # -- users, variables, state -------------------------------------------------------------------------------------

    async def create_user(self, user: str, password: str | None) -> Answer:
        if user in self.server.users:
            raise Refusal(f"1396 (HY000): Operation CREATE USER failed for '{user}'@'%'")
        await self.server.set_user(user, password or "")
        return Answer()

    async def alter_user(self, user: str, password: str) -> Answer:
        if user not in self.server.users:
            raise Refusal(f"1396 (HY000): Operation ALTER USER failed for '{user}'@'%'")
        await self.server.set_user(user, password)
        return Answer()

    async def drop_user(self, user: str) -> Answer:
        if user not in self.server.users:
            raise Refusal(f"1396 (HY000): Operation DROP USER failed for '{user}'@'%'")
        await self.server.set_user(user, None)
        return Answer()

    async def nothing(self) -> Answer:
        return Answer()

    async def show_variables(self, like: str | None) -> Answer:
        known = {
            "hostname": hostname(self.server.process),
            "port": "3306",
            "version": self.server.version,
            "datadir": "/var/lib/mysql/",
            "max_connections": "151",
            "server_id": "1",
            "read_only": "OFF",
        }
        pattern = re.escape(like or "%").replace("%", ".*").replace("_", ".")
        return Answer(
            ["Variable_name", "Value"], [[n, v] for n, v in sorted(known.items()) if re.fullmatch(pattern, n)]
        )

    async def show_status(self) -> Answer:
        rows = [["Threads_connected", str(len(self.server.tasks))], ["Uptime", "60"]]
        return Answer(["Variable_name", "Value"], rows)

    async def show_processes(self) -> Answer:
        row = [8, self.user, self.host, self.database or None, "Query", 0, "init", "SHOW PROCESSLIST"]
        return Answer(["Id", "User", "Host", "db", "Command", "Time", "State", "Info"], [row])

    async def show_grants(self) -> Answer:
        return Answer([f"Grants for {self.user}@%"], [[f"GRANT ALL PRIVILEGES ON *.* TO `{self.user}`@`%`"]])

    # -- everything else is SQLite's ---------------------------------------------------------------------------------

    async def ordinary(self, sql: str) -> Answer:
        database = self.database
        verb = sql.split(None, 1)[0].upper() if sql else ""
        if not database and verb in ("SELECT", "DO") and not re.search(r"\bFROM\b", sql, re.I):
            tables = self.server.shelf.databases["mysql"]
        else:
            tables = self.tables(database)
        translated = self.translate(sql)
        try:
            answer = await tables.answer(translated)
        except sqlite3.Error as error:
            raise self.refusal(error, sql, database) from None
        except sqlite3.Warning:
            raise Refusal("1064 (42000): You have an error in your SQL syntax") from None
        if verb == "SELECT" and answer.columns:
            answer.columns = _headings(sql, answer.columns)
        if verb not in ("SELECT", "SHOW", "EXPLAIN") and database:
            await self.server.shelf.save(database)
        return answer

    def translate(self, sql: str) -> str:
        constants = {
            r"\bversion\s*\(\s*\)": f"'{self.server.version}'",
            r"\b(?:database|schema)\s*\(\s*\)": f"'{self.database}'" if self.database else "NULL",
            r"\b(?:current_)?user\s*\(\s*\)": f"'{self.user}@{self.host}'",
            r"\b(?:now|current_timestamp|sysdate)\s*\(\s*\)": f"'{now('%Y-%m-%d %H:%M:%S')}'",
            r"\bcurdate\s*\(\s*\)": f"'{now('%Y-%m-%d')}'",
            r"\bunix_timestamp\s*\(\s*\)": str(int(clock.now())),
            r"\brand\s*\(\s*\)": "(abs(random()) / 9223372036854775807.0)",
            r"@@(?:global\.|session\.)?hostname\b": f"'{hostname(self.server.process)}'",
            r"@@(?:global\.|session\.)?server_id\b": "1",
            r"@@(?:global\.|session\.)?version\b": f"'{self.server.version}'",
            r"@@(?:global\.|session\.)?port\b": "3306",
        }
        pieces = re.split(r"('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\")", sql)
        for index, piece in enumerate(pieces):
            if index % 2:
                inner = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "'": "''"}.get(m[1], m[1]), piece[1:-1])
                quoted = inner if piece[0] == "'" else inner.replace("'", "''")
                pieces[index] = f"'{quoted}'"
                continue
            for pattern, constant in constants.items():
                piece = re.sub(pattern, lambda _, value=constant: value, piece, flags=re.I)
            pieces[index] = piece
        text = "".join(pieces)
        text = re.sub(r"\bINSERT\s+IGNORE\b", "INSERT OR IGNORE", text, flags=re.I)
        text = re.sub(r"^TRUNCATE\s+(?:TABLE\s+)?", "DELETE FROM ", text, flags=re.I)
        text = re.sub(r"\bCONCAT\s*\(([^()]*)\)", lambda m: "(" + " || ".join(m[1].split(",")) + ")", text, flags=re.I)
        return self.definition(text) if re.match(r"CREATE\s+TABLE\b", text, re.I) else text

    @staticmethod
    def definition(text: str) -> str:
        """CREATE TABLE: SQLite knows AUTOINCREMENT on an INTEGER PRIMARY KEY alone."""
        text = re.sub(
            r"\)\s*(?:ENGINE|DEFAULT|CHARSET|CHARACTER|COLLATE|AUTO_INCREMENT|COMMENT)\b.*$",
            ")",
            text,
            flags=re.I | re.S,
        )
        text = re.sub(
            r"\b(?:UNSIGNED|ON UPDATE CURRENT_TIMESTAMP(?:\(\))?|CHARACTER SET \w+|COLLATE \w+)", "", text, flags=re.I
        )
        text = re.sub(r"\bENUM\s*\([^)]*\)", "VARCHAR(255)", text, flags=re.I)
        text = re.sub(r",\s*(?:KEY|INDEX)\s+[`\w]*\s*\([^)]*\)", "", text, flags=re.I)
        auto = re.search(
            r"[`\"]?(\w+)[`\"]?\s+(?:BIG|SMALL|TINY|MEDIUM)?INT(?:EGER)?(?:\(\d+\))?([^,]*?)\bAUTO_INCREMENT\b([^,]*)",
            text,
            re.I,
        )
        if auto:
            text = re.sub(
                rf",\s*(?:CONSTRAINT\s+\w+\s+)?PRIMARY\s+KEY\s*\(\s*[`\"]?{auto[1]}[`\"]?\s*\)", "", text, flags=re.I
            )
            closing = ")" * max(0, auto[0].count(")") - auto[0].count("("))
            text = text.replace(auto[0], f"{auto[1]} INTEGER PRIMARY KEY AUTOINCREMENT{closing}", 1)
        return text

    def refusal(self, error: sqlite3.Error, sql: str, database: str) -> Refusal:
        words = str(error)
        if found := re.match(r"no such table: (?:main\.)?(.+)", words):
            return Refusal(f"1146 (42S02): Table '{database}.{found[1]}' doesn't exist")
        if found := re.search(r"no such column: (.+)|has no column named (.+)", words):
            return Refusal(f"1054 (42S22): Unknown column '{found[1] or found[2]}' in 'field list'")
        if found := re.match(r"table [`\"]?(\w+)[`\"]? already exists", words):
            return Refusal(f"1050 (42S01): Table '{found[1]}' already exists")
        if found := re.match(r"UNIQUE constraint failed: (.+)", words):
            return Refusal(f"1062 (23000): Duplicate entry for key '{found[1].split(',')[0]}'")
        if found := re.match(r"NOT NULL constraint failed: \w+\.(\w+)", words):
            return Refusal(f"1048 (23000): Column '{found[1]}' cannot be null")
        if "values for" in words or "columns but" in words:
            return Refusal("1136 (21S01): Column count doesn't match value count at row 1")
        if "interrupted" in words:
            return Refusal("3024 (HY000): Query execution was interrupted, maximum statement execution time exceeded")
        if words.startswith(("not authorized", "authoriz")):
            return Refusal(
                "1227 (42000): Access denied; you need (at least one of) the FILE privilege(s) for this operation"
            )
        near = re.match(r'near "(.*)": syntax error', words)
        place = sql[sql.find(near[1]) :] if near and near[1] in sql else ""
        return Refusal(
            "1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your MySQL "
            f"server version for the right syntax to use near '{place[:80]}' at line 1"
        )


def _headings(sql: str, columns: list[str]) -> list[str]:
    """A column without a name is headed by its expression, as it was written."""
    found = re.match(r"SELECT\s+(.*?)(?:\s+FROM\b.*)?$", sql, re.I | re.S)
    written = [one.strip() for one in found[1].split(",")] if found else []
    if len(written) != len(columns):
        return columns
    return [
        w if re.search(r"[(@']|^\d", w) and not re.search(r"\bAS\b", w, re.I) else c
        for w, c in zip(written, columns, strict=True)
    ]


SPECIAL = [
    (r"""SHOW\s+(?:DATABASES|SCHEMAS)(?:\s+LIKE\s+(?:'([^']*)'|"([^"]*)"))?""", "show_databases"),
    (rf"USE\s+{NAME}", "use"),
    (rf"CREATE\s+(?:DATABASE|SCHEMA)\s+(IF\s+NOT\s+EXISTS\s+)?{NAME}(?:\s+.*)?", "create_database"),
    (rf"DROP\s+(?:DATABASE|SCHEMA)\s+(IF\s+EXISTS\s+)?{NAME}", "drop_database"),
    (
        rf"CREATE\s+USER\s+(?:IF\s+NOT\s+EXISTS\s+)?{NAME}(?:@\S+)?"
        r"(?:\s+IDENTIFIED\s+(?:WITH\s+\S+\s+)?BY\s+'([^']*)')?",
        "create_user",
    ),
    (rf"ALTER\s+USER\s+{NAME}(?:@\S+)?\s+IDENTIFIED\s+(?:WITH\s+\S+\s+)?BY\s+'([^']*)'", "alter_user"),
    (rf"DROP\s+USER\s+(?:IF\s+EXISTS\s+)?{NAME}(?:@\S+)?", "drop_user"),
    (r"(?:GRANT|REVOKE|FLUSH|SET|START\s+TRANSACTION|BEGIN|COMMIT|ROLLBACK|LOCK|UNLOCK|ANALYZE)\b.*", "nothing"),
    (r"SHOW\s+(?:GLOBAL\s+|SESSION\s+)?VARIABLES(?:\s+LIKE\s+'([^']*)')?(?:\s+WHERE.*)?", "show_variables"),
    (r"SHOW\s+(?:GLOBAL\s+)?STATUS.*", "show_status"),
    (r"SHOW\s+(?:FULL\s+)?PROCESSLIST", "show_processes"),
    (r"SHOW\s+GRANTS.*", "show_grants"),
    (rf"SHOW\s+(?:FULL\s+)?TABLES(?:\s+(?:FROM|IN)\s+{NAME})?(?:\s+LIKE\s+'([^']*)')?", "show_tables"),
    # these may name a table of another database
    (rf"(?:DESCRIBE|DESC|EXPLAIN|SHOW\s+COLUMNS\s+FROM|SHOW\s+FIELDS\s+FROM)\s+{NAME}", "describe"),
    (rf"SHOW\s+CREATE\s+TABLE\s+{NAME}", "show_create"),
]
USERS = 13  # those before are about the server, not about a table
