"""Does a seat, which sees no mounts, find what a manifest mounts?"""

from __future__ import annotations

import pytest

from minikube_edu.container_runtime.cri import Mount
from minikube_edu.container_runtime.simulated.seats import placed

MOUNTS = [
    Mount("/var/lib/etcd", "/node/var/lib/etcd-from-backup"),
    Mount("/etc/kubernetes/pki", "/node/etc/kubernetes/pki"),
    Mount("/etc/kubernetes/pki/etcd", "/node/elsewhere"),
]


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("--data-dir=/var/lib/etcd", "--data-dir=/node/var/lib/etcd-from-backup"),
        ("--wal=/var/lib/etcd/member/wal", "--wal=/node/var/lib/etcd-from-backup/member/wal"),
        ("--data-dir=/var/lib/etcd-new", "--data-dir=/var/lib/etcd-new"),
        ("--client-ca-file=/etc/kubernetes/pki/ca.crt", "--client-ca-file=/etc/kubernetes/pki/ca.crt"),
        ("--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt", "--etcd-cafile=/node/elsewhere/ca.crt"),
        ("/var/lib/etcd", "/node/var/lib/etcd-from-backup"),
        ("--etcd-servers=https://127.0.0.1:2379", "--etcd-servers=https://127.0.0.1:2379"),
        ("--advertise-address", "--advertise-address"),
    ],
)
def test_does_an_argument_name_what_is_mounted_there(word: str, found: str) -> None:
    assert placed(word, MOUNTS, "/node") == found
