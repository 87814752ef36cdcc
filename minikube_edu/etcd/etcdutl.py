"""etcdutl: what is done to an etcd's files while it does not run. `snapshot restore` and `snapshot status`, `version`.

    etcdutl snapshot restore /tmp/backup.db --data-dir /var/lib/etcd-from-backup

The other half of `etcdctl snapshot save`; tutorials for etcd 3.5 and before type `etcdctl snapshot restore`, and mean
this. Flags about members are accepted: this is a cluster of one. Paths are a node's. The real one reads bbolt files,
this one those of our own store (snapshot.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence

from minikube_edu.etcd import membership
from minikube_edu.etcd.contract import Corrupt, StoreError
from minikube_edu.etcd.limits import CLUSTER_VERSION, ETCD_VERSION
from minikube_edu.lib import clock
from minikube_edu.lib.node_root import below

USAGE = """Usage:
  etcdutl snapshot restore <filename> --data-dir {output dir} [flags]
  etcdutl snapshot status <filename> [-w simple|table|json|fields]
  etcdutl version
"""
VALUED = (
    *("data-dir", "wal-dir", "name", "initial-cluster", "initial-cluster-token", "initial-advertise-peer-urls"),
    *("bump-revision", "write-out", "w"),
)
SWITCHES = ("skip-hash-check", "mark-compacted")


class UsageError(Exception):
    """Of the command line."""


def main(words: Sequence[str]) -> int:
    try:
        flags, names = divided(words)
        if names[:1] == ["version"]:
            print(f"etcdutl version: {ETCD_VERSION}\nAPI version: {CLUSTER_VERSION.rpartition('.')[0]}")
        elif names[:2] == ["snapshot", "restore"]:
            restore(one_file(names, "restore"), flags)
        elif names[:2] == ["snapshot", "status"]:
            print(status(one_file(names, "status"), flags.get("write-out") or flags.get("w") or "simple"))
        else:
            print(USAGE, end="")
    except (StoreError, OSError, UsageError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


def divided(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    flags, names, left = {}, [], list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            names.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name in SWITCHES:
            flags[name] = value or "true"
        elif name not in VALUED:
            raise UsageError(f"unknown flag: {word.partition('=')[0]}")
        elif not equals and not left:
            raise UsageError(f"flag needs an argument: {word}")
        else:
            flags[name] = value if equals else left.pop(0)
    return flags, names


def one_file(names: Sequence[str], verb: str) -> str:
    if len(names) != 3:
        raise UsageError(f"snapshot {verb} requires exactly one argument")
    return names[2]


def restore(file: str, flags: dict[str, str]) -> None:
    from minikube_edu.etcd.snapshot import restore as restored

    bump = flags.get("bump-revision", "0")
    if not bump.isdigit():
        why = f'strconv.ParseUint: parsing "{bump}": invalid syntax'
        raise UsageError(f'invalid argument "{bump}" for "--bump-revision" flag: {why}')
    if bool(int(bump)) != (flags.get("mark-compacted") == "true"):
        raise UsageError("--mark-compacted required if --revision-bump > 0")
    name = flags.get("name") or "default"
    told = flags.get("data-dir") or f"{name}.etcd"
    place = below(told)
    if os.path.exists(place) and (not os.path.isdir(place) or os.listdir(place)):
        raise UsageError(f'data-dir "{told}" not empty or could not be read')
    facts = {"path": file, "wal-dir": f"{told}/member/wal", "data-dir": told, "snap-dir": f"{told}/member/snap"}
    log("restoring snapshot", facts)
    check = flags.get("skip-hash-check") != "true"
    restored(below(file), os.path.join(place, "member", "snap", "db"), check=check, leap=int(bump))
    os.chmod(place, 0o700)
    peers = (flags.get("initial-advertise-peer-urls") or "http://localhost:2380").split(",")
    membership.settled(place, peers, flags.get("initial-cluster-token") or "etcd-cluster")  # another cluster from now
    log("restored snapshot", facts)


def log(message: str, facts: dict[str, str]) -> None:
    line = {"level": "info", "ts": clock.rfc3339_micro(), "caller": "snapshot/v3_snapshot.go:265", "msg": message}
    print(json.dumps({**line, **facts}, separators=(",", ":")), file=sys.stderr)


def status(file: str, form: str) -> str:
    """Hash, revision, keys and size. A snapshot is looked into as a copy: opening it would change it."""
    import sqlite3
    import tempfile

    from minikube_edu.etcd import inspection
    from minikube_edu.etcd.snapshot import restore as restored

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "db")
        restored(below(file), path)
        try:
            found = inspection.anatomy(path)
        except sqlite3.Error as error:
            raise Corrupt(f"{file}: {error}") from None
    with open(below(file), "rb") as opened:
        short = hashlib.sha256(opened.read()).hexdigest()[:8]
    row = [short, str(found.revision), str(found.keys), size_text(found.size), CLUSTER_VERSION]
    if form == "json":
        told = {"hash": int(short, 16), "revision": found.revision, "totalKey": found.keys, "totalSize": found.size}
        return json.dumps({**told, "version": CLUSTER_VERSION}, separators=(",", ":"))
    if form == "fields":
        names = ("Hash", "Revision", "Keys", "Size", "Version")
        values = (int(short, 16), found.revision, found.keys, found.size, CLUSTER_VERSION)
        return "\n".join(f'"{name}" : {value}' for name, value in zip(names, values, strict=True))
    if form == "table":
        return table(["HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "VERSION"], row)
    return ", ".join(row)


def table(head: list[str], row: list[str]) -> str:
    widths = [max(len(a), len(b)) for a, b in zip(head, row, strict=True)]
    line = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    top = "|" + "|".join(f" {text:^{width}} " for text, width in zip(head, widths, strict=True)) + "|"
    below_it = "|" + "|".join(f" {text:>{width}} " for text, width in zip(row, widths, strict=True)) + "|"
    return "\n".join([line, top, line, below_it, line])


def size_text(size: int) -> str:
    """`2.1 MB`, as dustin's humanize writes it."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
