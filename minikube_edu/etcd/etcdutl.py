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
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.node_root import below
from minikube_edu.lib.pflag import Flag, FlagError, HelpWanted, Values, parse, without_flags

USAGE = """Usage:
  etcdutl snapshot restore <filename> --data-dir {output dir} [flags]
  etcdutl snapshot status <filename> [-w simple|table|json|fields]
  etcdutl version
"""
FORMS = ("simple", "table", "json", "fields")
GLOBAL = (Flag("write-out", short="w", default="simple"),)
FLAGS = {  # of each command; cobra knows the command before it reads them
    "": GLOBAL,
    "version": GLOBAL,
    "snapshot": GLOBAL,
    "snapshot status": GLOBAL,
    "snapshot restore": (
        *GLOBAL,
        *(Flag("data-dir"), Flag("wal-dir"), Flag("name", default="default")),
        Flag("initial-cluster", default="default=http://localhost:2380"),
        Flag("initial-cluster-token", default="etcd-cluster"),
        Flag("initial-advertise-peer-urls", default="http://localhost:2380"),
        *(Flag("skip-hash-check", "bool"), Flag("bump-revision", "uint64"), Flag("mark-compacted", "bool")),
    ),
}
UNSUPPORTED_FORM = 4  # exit code


class UsageError(Exception):
    """Of the command line; `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def main(words: Sequence[str]) -> int:
    try:
        command = named(words)
        given = parse(FLAGS[command], words)
        if given["write-out"] not in FORMS:
            raise UsageError("unsupported output format", UNSUPPORTED_FORM)
        if command == "version":
            print(f"etcdutl version: {ETCD_VERSION}\nAPI version: {CLUSTER_VERSION.rpartition('.')[0]}")
        elif command == "snapshot restore":
            restore(one_file(given.args, "restore"), given)
        elif command == "snapshot status":
            print(status(one_file(given.args, "status"), given["write-out"]))
        else:
            print(USAGE, end="")
    except HelpWanted:
        print(USAGE, end="")
    except (StoreError, OSError, UsageError, FlagError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return error.code if isinstance(error, UsageError) else 1
    return 0


def named(words: Sequence[str]) -> str:
    """The command that is meant: a key of FLAGS."""
    known = {flag.name: flag for flags in FLAGS.values() for flag in flags}
    short = {flag.short: flag for flag in known.values() if flag.short}
    names = [word for _, word in without_flags(known, short, words)]
    if not names or names[0] == "help":
        return ""
    if names[0] not in FLAGS:
        raise UsageError(f"unknown command {quote(names[0])} for \"etcdutl\"\nRun 'etcdutl --help' for usage.")
    pair = " ".join(names[:2])
    return pair if pair in FLAGS else names[0]


def one_file(names: Sequence[str], verb: str) -> str:
    if len(names) != 3:
        raise UsageError(f"snapshot {verb} requires exactly one argument")
    return names[2]


def restore(file: str, flags: Values) -> None:
    from minikube_edu.etcd.snapshot import restore as restored

    if bool(flags["bump-revision"]) != flags["mark-compacted"]:
        raise UsageError("--mark-compacted required if --revision-bump > 0")
    told = flags["data-dir"] or f"{flags['name']}.etcd"
    place = below(told)
    if os.path.exists(place) and (not os.path.isdir(place) or os.listdir(place)):
        raise UsageError(f'data-dir "{told}" not empty or could not be read')
    facts = {"path": file, "wal-dir": f"{told}/member/wal", "data-dir": told, "snap-dir": f"{told}/member/snap"}
    log("restoring snapshot", facts)
    database = os.path.join(place, "member", "snap", "db")
    restored(below(file), database, check=not flags["skip-hash-check"], leap=flags["bump-revision"])
    os.chmod(place, 0o700)
    peers = flags["initial-advertise-peer-urls"].split(",")
    membership.settled(place, peers, flags["initial-cluster-token"])  # another cluster from now
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
