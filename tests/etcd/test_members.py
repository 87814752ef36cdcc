"""Who a member is, and whether etcdctl's certificates would let it in at the public port."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from minikube_edu.etcd import etcdutl, membership
from minikube_edu.etcd.contract import Member, Put, Store
from minikube_edu.etcd.etcdctl import command_line, credentials
from minikube_edu.etcd.etcdctl.session import NoConnection
from minikube_edu.etcd.opening import open_store
from tests.etcd.certificates import certificates

URL = "https://127.0.0.1:2379"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two authorities that know nothing of each other."""
    ours, others = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("others")
    certificates(ours)
    certificates(others)
    return ours, others


def member(folder: Path) -> Member:
    return Member("m", (), (URL,), str(folder / "server.crt"), str(folder / "server.key"), str(folder / "ca.crt"))


def files(ca: Path | None, own: Path | None) -> tuple[str, str, str]:
    shown = (str(own / "client.crt"), str(own / "client.key")) if own else ("", "")
    return str(ca / "ca.crt") if ca else "", *shown


def test_ids_are_those_that_the_real_one_makes() -> None:
    assert [f"{id:x}" for id in membership.ids(["http://localhost:2380"], "etcd-cluster")] == [
        "8e9e05c52164694d",
        "cdf818194e3a8c32",
    ]
    assert f"{membership.ids(['http://127.0.0.1:32380'], 'etcd-cluster')[0]:x}" == "628170c800dbcee"


async def test_a_restored_snapshot_is_another_member_of_another_cluster(tmp_path: Path) -> None:
    old = tmp_path / "old"
    (old / "member").mkdir(parents=True)
    before = membership.settled(str(old), ["https://10.0.0.1:2380"], "etcd-cluster")
    assert membership.settled(str(old), ["https://10.9.9.9:2380"], "x") == before, "ids stay the data's"
    store = await open_store(str(tmp_path / "db"))
    await store.put(Put(b"k", b"v"))
    (tmp_path / "snapshot").write_bytes(b"".join([chunk async for chunk in store.snapshot()]))
    await store.close()
    assert etcdutl.main(["snapshot", "restore", str(tmp_path / "snapshot"), "--data-dir", str(tmp_path / "new")]) == 0
    after = membership.settled(str(tmp_path / "new"), ["https://10.0.0.1:2380"], "etcd-cluster")
    assert f"{after[0]:x}" == "8e9e05c52164694d"
    assert after != before


def test_the_right_certificates_let_in(folders: tuple[Path, Path]) -> None:
    ours, _ = folders
    credentials.examine(member(ours), URL, files(ours, ours), verify=True)
    credentials.examine(member(ours), URL, files(None, ours), verify=False)


@pytest.mark.parametrize(
    ("ca", "own", "url", "why"),
    [
        (None, 0, URL, "authentication handshake failed: tls: failed to verify certificate: x509: certificate signed"),
        (1, 0, URL, "authentication handshake failed: tls: failed to verify certificate: x509: certificate signed"),
        (0, None, URL, "error reading server preface: remote error: tls: certificate required"),
        (0, 1, URL, "error reading server preface: remote error: tls: unknown certificate authority"),
        (0, 0, "https://127.0.0.2:2379", "x509: certificate is not valid for 127.0.0.2"),
        (0, 0, "http://127.0.0.1:2379", "error reading server preface: EOF"),
    ],
)
def test_wrong_ones_are_refused_with_the_reason(
    folders: tuple[Path, Path], ca: int | None, own: int | None, url: str, why: str
) -> None:
    used = files(None if ca is None else folders[ca], None if own is None else folders[own])
    with pytest.raises(NoConnection, match=why):
        credentials.examine(member(folders[0]), url, used, verify=True)


def test_files_that_cannot_be_used_are_said_before_anybody_is_asked(folders: tuple[Path, Path]) -> None:
    ours, others = folders
    ca, crt, key = files(ours, ours)
    assert credentials.complaint(ca, crt, key) == ""
    assert credentials.complaint("/nope", "", "") == "open /nope: no such file or directory"
    assert credentials.complaint(ca, crt, "") == f"KeyFile and CertFile must both be present[key: , cert: {crt}]"
    wrong = files(None, others)[2]
    assert credentials.complaint(ca, crt, wrong) == "tls: private key does not match public key"
    assert credentials.complaint(key, "", "") == "x509: malformed tbs certificate"


async def test_who_is_not_let_in_hears_of_it_when_the_time_is_up() -> None:
    async def refuse(endpoint: str, patience: float) -> Store:
        raise NoConnection("error reading server preface: EOF")

    out, err = io.BytesIO(), io.BytesIO()
    words = ["member", "list", "--command-timeout=50ms"]
    assert await command_line.run(words, refuse, ["http://127.0.0.1:2379"], io.BytesIO(), out, err) == 1
    said = err.getvalue().decode().splitlines()
    assert '"msg":"retrying of unary invoker failed"' in said[0]
    assert '"method":"/etcdserverpb.Cluster/MemberList"' in said[0]
    assert "error reading server preface: EOF" in said[0]
    assert said[1:] == ["Error: context deadline exceeded"]
