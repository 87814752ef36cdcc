"""del: remove a key, or many."""

from __future__ import annotations

import asyncio

from minikube_edu.etcd.contract import Delete, StoreError
from minikube_edu.etcd.etcdctl.go_text import quote
from minikube_edu.etcd.etcdctl.keys import CHOOSE_ONE, TOO_MANY, interval
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags

FLAGS = (
    Flag("prefix", "bool", False, "delete keys with matching prefix"),
    Flag("prev-kv", "bool", False, "return deleted key-value pairs"),
    Flag("from-key", "bool", False, "delete keys that are greater than or equal to the given key"),
    Flag("range", "bool", False, "delete range of keys"),
)
SECOND_THOUGHTS = 2.0  # seconds to interrupt the deletion of a range


async def run(session: Session, flags: Flags, words: list[bytes]) -> None:
    request = request_of(flags, words)
    if len(words) > 1 and not flags["range"]:
        session.warn(
            f"Warning: Keys between {quote(words[0])} and {quote(words[1])} will be deleted. Please interrupt the "
            "command within next 2 seconds to cancel. You can provide `--range` flag to avoid the delay."
        )
        await asyncio.sleep(SECOND_THOUGHTS)
    try:
        result = await (await session.store()).delete(request)
    except StoreError as error:
        raise failed(error) from None
    session.form.delete(result, await session.header(result.revision))


def request_of(flags: Flags, words: list[bytes]) -> Delete:
    """What the command line asks for; a transaction asks in the same words."""
    if not 0 < len(words) < 3:
        raise Exit(BAD_ARGUMENTS, "del command needs one argument as key and an optional argument as range_end")
    if flags["prefix"] and flags["from-key"]:
        raise Exit(BAD_ARGUMENTS, CHOOSE_ONE)
    if len(words) > 1 and (flags["prefix"] or flags["from-key"]):
        raise Exit(BAD_ARGUMENTS, TOO_MANY)
    key, end = interval(flags, words)
    return Delete(key, end, flags["prev-kv"])
