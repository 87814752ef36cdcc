"""A look into the store's file, from outside and while it is in use: what etcd would hide, a learner may see.

Reading goes through sqlite-utils, on a connection of its own that can only read; the store's own path never imports it
(0.17 s). The real etcd's file can be looked into with bbolt, when etcd is down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from msgspec import Struct


class Anatomy(Struct, frozen=True):
    """What the file is made of."""

    path: str
    size: int  # bytes, without the write-ahead log
    log_size: int  # of the write-ahead log
    schema: str
    rows: dict[str, int]  # by table
    revision: int
    keys: int  # that are there now
    superseded: int  # rows that compaction may remove


class Line(Struct, frozen=True):
    """One change of a key."""

    revision: int
    key: str
    version: int  # 0: deleted
    size: int


def _open(path: str) -> Any:
    import sqlite3

    from sqlite_utils import Database

    return Database(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def anatomy(path: str) -> Anatomy:
    """Raises FileNotFoundError when there is no store."""
    file = Path(path)
    size = file.stat().st_size
    log = Path(path + "-wal")
    database = _open(path)
    try:
        rows = {name: database[name].count for name in database.table_names()}
        found = next(
            database.query(
                "select coalesce(max(revision), 0) as revision,"
                " coalesce(sum(id in (select previous from change)), 0) as superseded,"
                " coalesce(sum(not deleted and id not in (select previous from change)), 0) as keys from change"
            )
        )
        return Anatomy(
            path,
            size,
            log.stat().st_size if log.exists() else 0,
            database.schema,
            rows,
            found["revision"],
            found["keys"],
            found["superseded"],
        )
    finally:
        database.conn.close()


def latest(path: str, count: int) -> list[Line]:
    """The newest changes, the newest first."""
    database = _open(path)
    try:
        query = "select revision, key, version, coalesce(length(value), 0) as size from change order by id desc limit ?"
        return [
            Line(row["revision"], bytes(row["key"]).decode(errors="replace"), row["version"], row["size"])
            for row in database.query(query, [count])
        ]
    finally:
        database.conn.close()
