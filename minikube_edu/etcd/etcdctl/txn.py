"""txn: conditions, what to do when all hold, what to do otherwise; three paragraphs of standard input.

    mod("key1") > "0"

    put key1 "overwritten"

    put key1 "created"

Each paragraph ends with an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from minikube_edu.etcd.contract import Compare, Operation, Result, StoreError, Target, Txn
from minikube_edu.etcd.etcdctl import delete, get, put
from minikube_edu.etcd.etcdctl.go_text import quote, unquote
from minikube_edu.etcd.etcdctl.go_text import words as split
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, INVALID_INPUT, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags, UsageError, integer, parse

FLAGS = (Flag("interactive", "bool", False, "Input transaction in interactive mode", "i"),)
TARGETS = {
    "ver": Target.VERSION,
    "version": Target.VERSION,
    "c": Target.CREATE,
    "create": Target.CREATE,
    "m": Target.MOD,
    "mod": Target.MOD,
    "val": Target.VALUE,
    "value": Target.VALUE,
    "lease": Target.LEASE,
}
RESULTS = {b"=": Result.EQUAL, b"!=": Result.NOT_EQUAL, b">": Result.GREATER, b"<": Result.LESS}
_QUOTED = rb'("(?:[^"\\]|\\.)*"|`[^`]*`)'
_COMPARISON = re.compile(_QUOTED + rb"(?:\)(?:\s+(\S+)\s+" + _QUOTED + rb"?)?)?")


async def run(session: Session, flags: Flags, words: list[bytes]) -> None:
    if words:
        raise Exit(BAD_ARGUMENTS, "txn command does not accept argument")
    prompt = session.say if flags["interactive"] else lambda _: None
    prompt("compares:")
    compare = list(map(comparison, _paragraph(session)))
    prompt("success requests (get, put, del):")
    success = list(map(operation, _paragraph(session)))
    prompt("failure requests (get, put, del):")
    failure = list(map(operation, _paragraph(session)))
    try:
        result = await (await session.store()).txn(Txn(compare, success, failure))
    except StoreError as error:
        raise failed(error) from None
    session.form.txn(result, await session.header(result.revision))


def _paragraph(session: Session) -> Iterator[bytes]:
    """Line by line, so that a mistake is told as soon as it is typed."""
    while True:
        line = session.given.readline()
        if not line.endswith(b"\n"):
            raise Exit(INVALID_INPUT, "EOF")
        if not line.strip():
            return
        yield line.strip()


def comparison(line: bytes) -> Compare:
    """`mod("key") > "0"`"""
    shown = line.decode("utf-8", "surrogateescape")
    target = shown.partition("(")[0]
    if target == shown:
        raise Exit(INVALID_INPUT, f"malformed comparison: {shown}")
    found = _COMPARISON.match(line.partition(b"(")[2])
    parts = [part or b"" for part in (found.groups() if found else ())] or [b"", b"", b""]
    try:
        key, value = (unquote(part) if part else b"" for part in (parts[0], parts[2]))
    except ValueError:
        key, value, parts = b"", b"", [b"", b"", b""]
    if not all(parts):
        got = f"{target}({quote(key)}) {parts[1].decode(errors='surrogateescape')} {quote(value)}"
        raise Exit(INVALID_INPUT, f"malformed comparison: {shown}; got {got}")
    if target not in TARGETS:
        raise Exit(INVALID_INPUT, f"malformed comparison: {shown} (unknown target {target})")
    if parts[1] not in RESULTS:  # the real one panics
        raise Exit(INVALID_INPUT, f"malformed comparison: {shown} (unknown result op)")
    if TARGETS[target] is Target.VALUE:
        return Compare(key, Target.VALUE, RESULTS[parts[1]], value=value)
    try:
        number = integer(value.decode(errors="surrogateescape"), 16 if target == "lease" else 10)
    except ValueError:
        raise Exit(INVALID_INPUT, f"invalid txn compare request: {shown}") from None
    return Compare(key, TARGETS[target], RESULTS[parts[1]], number)


def operation(line: bytes) -> Operation:
    """`put key value`, `get key`, `del key`, with their flags."""
    shown = line.decode("utf-8", "surrogateescape")
    try:
        verb, *rest = [word.decode("utf-8", "surrogateescape") for word in split(line)] or [""]
    except ValueError as error:
        raise Exit(INVALID_INPUT, str(error)) from None
    if not rest:
        raise Exit(INVALID_INPUT, f"invalid txn compare request: {shown}")
    try:
        if verb == "put":
            flags, given = parse(rest, put.FLAGS)
            return put.request_of(flags, _bytes(given), None)
        if verb == "get":
            flags, given = parse(rest, get.FLAGS)
            return get.request_of(flags, _bytes(given))
        if verb == "del":
            flags, given = parse(rest, delete.FLAGS)
            return delete.request_of(flags, _bytes(given))
    except UsageError:
        pass
    raise Exit(INVALID_INPUT, f"invalid txn request: {shown}")


def _bytes(words: list[str]) -> list[bytes]:
    return [word.encode("utf-8", "surrogateescape") for word in words]
