"""Snapshots: the whole store as bytes, and back; and the lock that keeps two processes off one file.

A snapshot is the SQLite file at one moment, followed by its SHA-256, as etcd's is a bbolt file followed by its own: so
`etcdctl snapshot save` accepts it. It is *our* format inside: `etcdctl snapshot restore` and `status` cannot read it,
and ours cannot read etcd's. `restore` here is the way back (`python -m minikube_edu.etcd snapshot restore FILE
--data-dir DIR`).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from typing import IO

from minikube_edu.etcd.contract import Corrupt, Unavailable
from minikube_edu.etcd.limits import SNAPSHOT_CHUNK
from minikube_edu.etcd.table import Table, explain

DIGEST = 32


class Snapshot(AsyncIterator[bytes]):
    """An iterator over the bytes; `remaining` is how many follow the chunk that was handed out last."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        self.remaining = 0

    def __aiter__(self) -> Snapshot:
        return self

    async def __anext__(self) -> bytes:
        if self._file is None:
            self._file = await self._take()
        if self.remaining <= 0:
            self._file.close()
            raise StopAsyncIteration
        chunk = self._file.read(SNAPSHOT_CHUNK)
        if chunk:
            self._digest.update(chunk)
        else:
            chunk = self._digest.digest()
        self.remaining -= len(chunk)
        return chunk

    async def _take(self) -> IO[bytes]:
        if self._table.path == ":memory:":
            file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed at the end of the iteration)
            file.write(self._table.serialize())
        else:
            # A reader of its own beside the writer: WAL gives it the state of this moment, and the loop goes on.
            file = await asyncio.to_thread(_copy, self._table.path)
        self.remaining = file.seek(0, os.SEEK_END) + DIGEST
        file.seek(0)
        return file

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()


def _copy(path: str) -> IO[bytes]:
    """The state of this moment in a nameless file."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(path)), prefix="snapshot-") as directory:
        copy = os.path.join(directory, "db")
        connection = sqlite3.connect(path)
        try:
            connection.execute("vacuum into ?", (copy,))
        except sqlite3.Error as error:
            raise explain(error, path) from error
        finally:
            connection.close()
        return open(copy, "rb")


def restore(snapshot: str, path: str, *, check: bool = True, leap: int = 0) -> None:
    """Make the file of a store from a snapshot. Refuses a damaged snapshot, and to overwrite. Not `check`: the file is
    a store's own, without a checksum. `leap`: so many revisions are left out."""
    if os.path.exists(path):
        raise Corrupt(f"{path} exists: choose another --data-dir, or move it away")
    with open(snapshot, "rb") as file:
        content = file.read()
    body, digest = content[:-DIGEST], content[-DIGEST:]
    if not check:
        body = content[: len(content) // 512 * 512]
    elif len(content) % 512 != DIGEST or hashlib.sha256(body).digest() != digest:
        raise Corrupt(f"{snapshot}: the checksum does not match: the snapshot is damaged, or not one")
    os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o700, exist_ok=True)
    with open(path + ".part", "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)
    try:
        table = Table(path)  # a look inside: is it ours?
        try:
            if leap:
                table.leap(leap)
        finally:
            table.close()
    except sqlite3.Error as error:
        raise explain(error, path) from error


class Lock:
    """One process a file. The lock goes with the process, however it ends; the lock file stays and means nothing."""

    def __init__(self, path: str) -> None:
        self._descriptor = -1
        if path == ":memory:":
            return
        try:
            import fcntl  # not on Windows; SQLite's own locks have to do there
        except ImportError:
            return
        try:
            self._descriptor = os.open(path + ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Corrupt(f"etcdserver: {os.path.abspath(path)}: {error.strerror}: look at the directory") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.release()
            raise Unavailable(f"etcdserver: {os.path.abspath(path)}: another process holds it: end it first") from error

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
