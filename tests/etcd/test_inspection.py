"""What does the store's file show to those who look into it?"""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.etcd.contract import Delete, Put
from minikube_edu.etcd.inspection import anatomy, latest
from minikube_edu.etcd.opening import open_store


async def test_does_the_file_tell_its_keys_while_the_store_is_open(tmp_path: Path) -> None:
    path = str(tmp_path / "db")
    store = await open_store(path, fsync=False)
    try:
        await store.put(Put(b"/registry/pods/default/web", b"{}"))
        await store.put(Put(b"/registry/pods/default/web", b'{"a":1}'))
        await store.put(Put(b"/registry/pods/default/gone", b"{}"))
        await store.delete(Delete(b"/registry/pods/default/gone"))
        found = anatomy(path)
        assert (found.keys, found.revision, found.rows["change"]) == (1, store.revision, 4)
        assert found.superseded == 2
        assert "create table" in found.schema.lower()
        newest = latest(path, 2)
        assert [(line.key, line.version) for line in newest] == [
            ("/registry/pods/default/gone", 0),
            ("/registry/pods/default/gone", 1),
        ]
    finally:
        await store.close()


def test_what_if_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        anatomy(str(tmp_path / "none"))
