"""watch: events as they happen, from an earlier revision on if asked for; `-- COMMAND` runs a command for each."""

from __future__ import annotations

import asyncio
import os

from minikube_edu.etcd.contract import Compacted, Event, StoreError, WatchBatch, WatchRequest
from minikube_edu.etcd.etcdctl.go_text import quote
from minikube_edu.etcd.etcdctl.go_text import words as split
from minikube_edu.etcd.etcdctl.keys import prefix_end
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, ERROR, INTERRUPTED, INVALID_INPUT, Exit, Session
from minikube_edu.etcd.etcdctl.words import Flag, Flags, UsageError, parse

FLAGS = (
    Flag("interactive", "bool", False, "Interactive mode", "i"),
    Flag("prefix", "bool", False, "Watch on a prefix if prefix is set"),
    Flag("rev", "int", 0, "Revision to start watching"),
    Flag("prev-kv", "bool", False, "get the previous key-value pair before the event happens"),
    Flag("progress-notify", "bool", False, "get periodic watch progress notification from server"),
)
COMMAND = "--"  # command_line.py leaves this word in, so that the command can be told from keys

Batches = asyncio.Queue[WatchBatch]


async def run(session: Session, flags: Flags, words: list[bytes]) -> None:
    if flags["interactive"]:
        await _interactive(session)
    keys, command = _separate(words)
    if not keys:
        raise Exit(BAD_ARGUMENTS, "bad number of arguments")
    request = request_of(flags, keys)
    await _follow(session, request, command)
    raise Exit(INTERRUPTED, "watch is canceled by the server")


def _separate(words: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """(keys, command)"""
    if COMMAND.encode() not in words:
        return words, []
    at = words.index(COMMAND.encode())
    if at == len(words) - 1:
        raise Exit(BAD_ARGUMENTS, "bad number of arguments (found separator --, but no commands)")
    return words[:at], words[at + 1 :]


def request_of(flags: Flags, keys: list[bytes]) -> WatchRequest:
    if len(keys) == 2 and flags["prefix"]:
        raise Exit(BAD_ARGUMENTS, "`range_end` and `--prefix` are mutually exclusive")
    key, end = keys[0], keys[1] if len(keys) == 2 else b""
    if flags["prefix"]:
        key, end = key or b"\0", prefix_end(key) if key else b"\0"
    return WatchRequest(
        key or b"\0",
        end,
        start_revision=max(0, flags["rev"]),
        previous=flags["prev-kv"],
        progress_notify=flags["progress-notify"],
    )


async def _follow(session: Session, request: WatchRequest, command: list[bytes]) -> None:
    """Print until the store ends the watch."""
    batches: Batches = asyncio.Queue()
    store = await session.store()
    base = await session.header()
    try:
        await store.watch(request, batches.put_nowait)
    except StoreError as error:
        batches.put_nowait(WatchBatch(base.revision, (), error))
    while True:
        batch = await batches.get()
        if batch.error is not None:
            session.warn(f"watch was canceled ({batch.error})")
            if not isinstance(batch.error, Compacted):
                return
        elif not batch.events:
            session.say(f"progress notify: {batch.revision}")
        session.form.watch(batch, type(base)(base.cluster_id, base.member_id, batch.revision, base.raft_term))
        session.out.flush()
        if batch.error is not None:
            return
        for event in batch.events if command else ():
            await _execute(session, command, event, batch.revision)


async def _execute(session: Session, command: list[bytes], event: Event, revision: int) -> None:
    environment = {
        **os.environ,
        "ETCD_WATCH_REVISION": str(revision),
        "ETCD_WATCH_EVENT_TYPE": f'"{event.kind.name}"',
        "ETCD_WATCH_KEY": quote(event.kv.key),
        "ETCD_WATCH_VALUE": quote(event.kv.value),
    }
    shown = " ".join(word.decode("utf-8", "surrogateescape") for word in command)
    try:
        process = await asyncio.create_subprocess_exec(*map(os.fsdecode, command), env=environment)
    except OSError as error:
        raise Exit(ERROR, f'command "[{shown}]" error ({error.strerror})') from None
    if await process.wait():
        raise Exit(ERROR, f'command "[{shown}]" error (exit status {process.returncode})')


async def _interactive(session: Session) -> None:
    """Lines `watch [flags] key`, each one more watch, until the end of input."""
    following: set[asyncio.Task[None]] = set()
    while True:
        line = await asyncio.to_thread(session.given.readline)
        shown = line.decode("utf-8", "surrogateescape").removesuffix("\n")
        if not line.endswith(b"\n"):
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            raise Exit(INVALID_INPUT, "error reading watch request line: EOF")
        words = split(line)
        if not words:
            session.warn(f"Invalid command: {shown} (watch and progress supported)")
        elif words[0] != b"watch":
            session.warn(f"Invalid command {shown} (only support watch)")
        elif len(words) < 2:
            session.warn(f"Invalid command {shown} (command type or key is not provided)")
        else:
            following.add(asyncio.create_task(_one_line(session, words[1:]), name="etcdctl watch"))


async def _one_line(session: Session, words: list[bytes]) -> None:
    try:
        flags, keys = parse([word.decode("utf-8", "surrogateescape") for word in words], FLAGS)
        request = request_of(flags, [key.encode("utf-8", "surrogateescape") for key in keys])
    except (UsageError, Exit) as error:
        session.warn(f"Invalid command ({error})")
        return
    await _follow(session, request, [])
