"""etcdutl's command line: what it refuses is said in cobra's and pflag's words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minikube_edu.etcd import etcdutl
from minikube_edu.etcd.contract import Put
from minikube_edu.etcd.opening import open_store


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("snapshot restore f --data", "unknown flag: --data"),
        ("snapshot restore f --data-dir", "flag needs an argument: --data-dir"),
        ("snapshot restore f -d x", "unknown shorthand flag: 'd' in -d"),
        ("snapshot status f --data-dir=x", "unknown flag: --data-dir"),
        ("snapshot restore", "snapshot restore requires exactly one argument"),
        ("snapshot status a b", "snapshot status requires exactly one argument"),
        (
            "snapshot restore f --bump-revision=-1",
            'invalid argument "-1" for "--bump-revision" flag: strconv.ParseUint: parsing "-1": invalid syntax',
        ),
        (
            "snapshot restore f --mark-compacted=maybe",
            'invalid argument "maybe" for "--mark-compacted" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
        ("snapshots", 'unknown command "snapshots" for "etcdutl"'),
    ],
)
def test_is_a_mistake_refused_in_the_words_of_the_real_one(
    words: str, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert etcdutl.main(words.split()) == 1
    assert capsys.readouterr().err.splitlines()[0] == f"Error: {complaint}"


@pytest.mark.parametrize("words", ["", "help", "--help", "snapshot", "snapshot restore -h"])
def test_is_help_no_mistake(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert etcdutl.main(words.split()) == 0
    assert "etcdutl snapshot restore <filename>" in capsys.readouterr().out


async def test_may_flags_stand_anywhere_and_in_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = await open_store(str(tmp_path / "db"))
    await store.put(Put(b"k", b"v"))
    file = tmp_path / "file"
    file.write_bytes(b"".join([chunk async for chunk in store.snapshot()]))
    await store.close()
    told = []
    for words in (["-w", "json", "snapshot", "status", str(file)], ["snapshot", "status", str(file), "-wjson"]):
        assert etcdutl.main(words) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["totalKey"] == 1
    assert etcdutl.main(["snapshot", "status", str(file), "--write-out=yaml"]) == 4
    assert capsys.readouterr().err == "Error: unsupported output format\n"
    words = ["--skip-hash-check=false", str(file), "--data-dir", str(tmp_path / "new")]
    assert etcdutl.main(["snapshot", "restore", *words]) == 0
    assert (tmp_path / "new/member/snap/db").exists()
