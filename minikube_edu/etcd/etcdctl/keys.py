"""Which keys a command line means: one, a range, a prefix, or all from a key on."""

from __future__ import annotations

from minikube_edu.etcd.etcdctl.words import Flags

CHOOSE_ONE = "`--prefix` and `--from-key` cannot be set at the same time, choose one"
TOO_MANY = "too many arguments, only accept one argument when `--prefix` or `--from-key` is set"


def interval(flags: Flags, words: list[bytes]) -> tuple[bytes, bytes]:
    """(key, range_end) of a request. An empty key with --prefix or --from-key means everything."""
    key = words[0]
    if flags.get("from-key") or (flags["prefix"] and not key):
        return key or b"\0", b"\0"
    if flags["prefix"]:
        return key, prefix_end(key)
    return key, words[1] if len(words) > 1 else b""


def prefix_end(prefix: bytes) -> bytes:
    """The first key after all that begin with `prefix`."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes((head[-1] + 1,)) if head else b"\0"
