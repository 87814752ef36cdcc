"""put: a value for a key, from the command line or standard input."""

from __future__ import annotations

from typing import BinaryIO

from minikube_edu.etcd.contract import Put, StoreError
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags, integer

FLAGS = (
    Flag("lease", "string", "0", "lease ID (in hexadecimal) to attach to the key"),
    Flag("prev-kv", "bool", False, "return the previous key-value pair before modification"),
    Flag("ignore-value", "bool", False, "updates the key using its current value"),
    Flag("ignore-lease", "bool", False, "updates the key using its current lease"),
)
ARGUMENTS = "put command needs 1 argument and input from stdin or 2 arguments"


async def run(session: Session, flags: Flags, words: list[bytes]) -> None:
    request = request_of(flags, words, session.given)
    try:
        result = await (await session.store()).put(request)
    except StoreError as error:
        raise failed(error) from None
    session.form.put(result, await session.header(result.revision))


def request_of(flags: Flags, words: list[bytes], given: BinaryIO | None) -> Put:
    """What the command line asks for. In a transaction nothing is `given`: its lines are standard input."""
    if not words:
        raise Exit(BAD_ARGUMENTS, ARGUMENTS)
    value = b""
    if flags["ignore-value"]:
        if len(words) > 1:
            raise Exit(BAD_ARGUMENTS, "put command needs only 1 argument when 'ignore-value' is set")
    elif len(words) > 1:
        value = words[1]
    else:
        value = given.read() if given is not None else b""
        if not value:
            raise Exit(BAD_ARGUMENTS, ARGUMENTS)
    try:
        lease = integer(flags["lease"], 16)
    except ValueError as error:
        raise Exit(BAD_ARGUMENTS, f"bad lease ID ({error}), expecting ID in Hex") from None
    return Put(words[0], value, lease, flags["prev-kv"], flags["ignore-value"], flags["ignore-lease"])
