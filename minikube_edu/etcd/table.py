"""The file: one append-only table of changes, in SQLite.

Every change of a key is one row, and rows are never altered, only added at the end and, by compaction, removed. The
row's id is its revision with its place in the transaction below it, so the table itself is the index by revision and
an append touches the last page alone. `previous` is the id of the row that this one supersedes: following it
backwards is the key's history, and the rows that are named by it are those that compaction may remove. There is no
index by key in the file: that one is kept in memory (index.py), and filled from a scan when the file is opened.
Measured: it would double the cost of a write.

Durability: WAL with synchronous=FULL, a commit returns when the disk has it. A student may look into the file at any
time:

    sqlite3 db "select revision, cast(key as text), version, deleted, length(value) from change"

All methods are plain calls that may raise sqlite3.Error; `explain` turns that into words.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from minikube_edu.etcd.contract import Corrupt, StoreError, Unavailable
from minikube_edu.etcd.index import PLACE_BITS, Head

SCHEMA = """
create table if not exists change (
    id integer primary key,
    key blob not null,
    create_revision integer not null,
    version integer not null,
    lease integer not null,
    previous integer not null,
    value blob,
    revision integer generated always as (id >> 24) virtual,
    deleted integer generated always as (version = 0) virtual
);
create table if not exists lease (id integer primary key, ttl integer not null);
create table if not exists meta (name text primary key, number integer not null) without rowid;
"""
APPLICATION_ID = 0x65746364  # "etcd": what `file` and a second look at a stranger's database go by
FORMAT = 1
MANY = 200  # rows fetched by one statement

Row = tuple[int, bytes, int, int, int, int, bytes | None]


class Table:
    def __init__(self, path: str, fsync: bool = True, max_pages: int = 0) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=64)
        self._execute = self._connection.execute
        try:
            self._prepare(fsync, max_pages)
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self, fsync: bool, max_pages: int) -> None:
        execute = self._execute
        execute("pragma busy_timeout=2000")
        fresh = execute("pragma schema_version").fetchone()[0] == 0
        if not fresh:
            owner, version = self._number("pragma application_id"), self._number("pragma user_version")
            if owner != APPLICATION_ID:
                raise Corrupt(f"{self.path} is a database, but not one of this store: choose another --data-dir")
            if version > FORMAT:
                raise Corrupt(
                    f"{self.path} has format {version}, newer than this program's {FORMAT}: use the newer one"
                )
        execute("pragma journal_mode=wal")
        execute(f"pragma synchronous={'full' if fsync else 'off'}")
        execute("pragma cache_size=-2048")
        if max_pages:
            execute(f"pragma max_page_count={max_pages}")
        if fresh:
            execute("begin immediate")
            for statement in SCHEMA.split(";\n"):
                execute(statement)
            execute(f"pragma application_id={APPLICATION_ID}")
            execute(f"pragma user_version={FORMAT}")
            execute("commit")

    # One group commit

    def begin(self) -> None:
        if not self._connection.in_transaction:
            self._execute("begin immediate")

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._execute("commit")

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._execute("rollback")

    def append(self, head: Head, previous: int, value: bytes | None) -> None:
        key, id, create_revision, version, lease = head
        self._execute(
            "insert into change values (?,?,?,?,?,?,?)", (id, key, create_revision, version, lease, previous, value)
        )

    def append_all(self, rows: Iterable[Row]) -> None:
        self._connection.executemany("insert into change values (?,?,?,?,?,?,?)", rows)

    # Reading

    def value(self, id: int) -> bytes:
        row = self._execute("select value from change where id=?", (id,)).fetchone()
        return row[0] if row else b""

    def values(self, ids: Sequence[int]) -> dict[int, bytes]:
        if len(ids) < 8:
            return {id: self.value(id) for id in ids}
        found: dict[int, bytes] = {}
        for start in range(0, len(ids), MANY):
            some = list(ids[start : start + MANY])
            some += [0] * (MANY - len(some))  # one prepared statement for all
            found.update(self._execute(_VALUES, some).fetchall())
        return found

    def heads(self) -> Iterator[Head]:
        """All rows in order: what the index is built from."""
        rows = self._execute("select key, id, create_revision, version, lease from change order by id")
        return map(Head._make, rows)

    def last_revision(self) -> int:
        return max(1, self._number("select ifnull(max(id), 0) from change") >> PLACE_BITS)

    def past(self, id: int, revision: int) -> Head | None:
        """The key's version at `revision`, given the id of its newest row: back along the chain."""
        limit = (revision + 1) << PLACE_BITS
        while id:
            row = self._execute(
                "select key, id, create_revision, version, lease, previous from change where id=?", (id,)
            ).fetchone()
            if row is None:
                return None
            if id < limit:
                return Head._make(row[:5]) if row[3] else None
            id = row[5]
        return None

    def undone(self, revision: int, low: bytes, high: bytes | None) -> dict[bytes, Head | None]:
        """What changed in the range after `revision`, as it was at it: the first change's predecessor."""
        rows = self._execute(
            "select c.key, p.id, p.create_revision, p.version, p.lease from change c left join change p"
            f" on p.id = c.previous where c.id >= ? and c.key >= ?{' and c.key < ?' if high else ''} order by c.id",
            ((revision + 1) << PLACE_BITS, low, high) if high else ((revision + 1) << PLACE_BITS, low),
        )
        found: dict[bytes, Head | None] = {}
        for key, id, create_revision, version, lease in rows:
            if key not in found:
                found[key] = Head(key, id, create_revision, version, lease) if version else None
        return found

    def changes(self, start: int, low: bytes, high: bytes | None, limit: int) -> list[tuple[Row, Row | None]]:
        """Rows from revision `start` on in the range, each with the one it superseded."""
        rows = self._execute(
            "select c.id, c.key, c.create_revision, c.version, c.lease, c.previous, c.value,"
            " p.id, p.key, p.create_revision, p.version, p.lease, p.previous, p.value"
            " from change c left join change p on p.id = c.previous"
            f" where c.id >= ? and c.key >= ?{' and c.key < ?' if high else ''} order by c.id limit ?",
            (start << PLACE_BITS, low, high, limit) if high else (start << PLACE_BITS, low, limit),
        )
        return [(row[:7], row[7:] if row[7] else None) for row in rows]

    # Forgetting

    def scrub(self, start: int, compacted: int, limit: int) -> int:
        """One step of removing what cannot be read any more: what the rows up to and including revision `compacted`
        superseded, and the deletions before it. Looks at `limit` rows from id `start` on; returns the id to go on from,
        0 when that was all."""
        end = (compacted + 1) << PLACE_BITS
        last = self._number(
            "select ifnull(max(id), 0) from (select id from change where id >= ? and id < ? order by id limit ?)",
            start,
            end,
            limit,
        )
        self._execute(
            "delete from change where id in (select previous from change where id between ? and ? and previous > 0)",
            (start, last),
        )
        self._execute(
            "delete from change where id between ? and ? and id < ? and version = 0",
            (start, last, compacted << PLACE_BITS),
        )
        return last + 1 if last else 0

    # Leases and numbers that outlive the process

    def leases(self) -> list[tuple[int, int]]:
        return self._execute("select id, ttl from lease").fetchall()

    def add_lease(self, id: int, ttl: int) -> None:
        self._execute("insert or replace into lease values (?, ?)", (id, ttl))

    def drop_lease(self, id: int) -> None:
        self._execute("delete from lease where id=?", (id,))

    def get(self, name: str) -> int:
        row = self._execute("select number from meta where name=?", (name,)).fetchone()
        return int(row[0]) if row else 0

    def set(self, name: str, number: int) -> None:
        self._execute("insert or replace into meta values (?, ?)", (name, number))

    def leap(self, revisions: int) -> None:
        """Number on from a revision so much later, with a history that begins there: watchers of before read anew.

        What moves there is the newest value that still counts, written once more.
        """
        newest = self._execute(
            "select id, key, create_revision, version, lease, value from (select *, max(id) from change group by key)"
            " where version > 0 order by id desc limit 1"
        ).fetchone()
        if newest is None:
            return
        id, key, create_revision, version, lease, value = newest
        revision = self.last_revision() + revisions
        self.append(Head(key, revision << PLACE_BITS, create_revision, version + 1, lease), id, value)
        self.set("compact_revision", revision)

    # The file

    def size(self) -> int:
        return self._number("pragma page_count") * self._number("pragma page_size")

    def size_in_use(self) -> int:
        free = self._number("pragma freelist_count")
        return self.size() - free * self._number("pragma page_size")

    def vacuum(self) -> None:
        self._execute("vacuum")
        self._execute("pragma wal_checkpoint(truncate)").fetchall()

    def serialize(self) -> bytes:
        """The whole database as the bytes of a file (of a store in memory; else see snapshot.py)."""
        return self._connection.serialize()

    def close(self) -> None:
        self._connection.close()

    def _number(self, sql: str, *parameters: int) -> int:
        return int(self._execute(sql, parameters).fetchone()[0])


_VALUES = f"select id, value from change where id in ({','.join('?' * MANY)})"

_REASONS = {
    "SQLITE_FULL": "the disk is full: make room, then write again",
    "SQLITE_READONLY": "the file or its directory is read-only: allow writing to it",
    "SQLITE_CANTOPEN": "it cannot be opened: look at the directory and its permissions",
    "SQLITE_CORRUPT": "the file is damaged: restore a snapshot",
    "SQLITE_NOTADB": "the file is damaged, or no database: restore a snapshot",
    "SQLITE_IOERR": "the disk fails or is full: look at the system's log, and make room",
}


def explain(error: sqlite3.Error, path: str) -> StoreError:
    """SQLite's error in the contract's words: what is wrong with which file, and what to do."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Unavailable(f"etcdserver: {os.path.abspath(path)}: another process holds the file: end it first")
    for prefix, reason in _REASONS.items():
        if name.startswith(prefix):
            return Corrupt(f"etcdserver: {os.path.abspath(path)}: {reason} ({name}: {error})")
    return Corrupt(f"etcdserver: {os.path.abspath(path)}: {name or type(error).__name__}: {error}")
