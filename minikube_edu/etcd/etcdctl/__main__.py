"""`python -m minikube_edu.etcd.etcdctl`: etcdctl as a program, with the real one's flags about where etcd is.

`kubectl exec etcd-… -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert=… get /registry` comes here. Flags may stand
before or behind the command, or in the environment (ETCDCTL_ENDPOINTS), which may name several endpoints. Paths are a
node's, 127.0.0.1 is the node's localhost. An etcd of ours on this node is reached through its private socket, any other
one over gRPC. Who names a server or certificates is examined as at the public port (credentials); without any, the
socket's owner is let in.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence

from minikube_edu.etcd.contract import Store, Unavailable
from minikube_edu.etcd.etcdctl import command_line, credentials
from minikube_edu.etcd.etcdctl.balancer import Dial
from minikube_edu.etcd.etcdctl.credentials import DIALING
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, ERROR, Exit, NoConnection
from minikube_edu.lib import clock, localhost, node_root

DEFAULT = "127.0.0.1:2379"
WHERE = ("endpoints", "cacert", "cert", "key")
SOCKET_PATIENCE = 0.5  # seconds of one attempt: a socket on this machine answers at once, or its server is gone


def divided(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """(flags that say where, all other words). Exit when flag and environment both say it, as the real one's end is."""
    typed, rest = _typed(words)
    told = {name: os.environ.get(f"ETCDCTL_{name.upper()}", "") for name in WHERE}
    for name in WHERE:
        if name in typed and told[name]:
            raise Exit(ERROR, _conflict(f"ETCDCTL_{name.upper()}"))
    return told | typed, rest


def _conflict(variable: str) -> str:
    why = "conflicting environment variable is shadowed by corresponding command-line flag"
    line = {
        "level": "fatal",
        "ts": clock.rfc3339_micro(),
        "caller": "flags/flag.go:85",
        "msg": f"{why} (either unset environment variable or disable flag)",
        "environment-variable": variable,
    }
    return json.dumps(line, separators=(",", ":"))


def _typed(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Whoever gives --endpoints twice means both."""
    found: dict[str, str] = {}
    rest: list[str] = []

    def take(name: str, value: str) -> None:
        found[name] = f"{found[name]},{value}" if name == "endpoints" and name in found else value

    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return found, [*rest, word, *left]
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in WHERE:
            rest.append(word)
        elif equals:
            take(name, value)
        elif left:
            take(name, left.pop(0))
        else:
            rest.append(word)
    return found, rest


def placed(endpoint: str, secure: bool) -> str:
    """An endpoint as it can be dialled: with a scheme, at this node's own localhost."""
    if "://" not in endpoint:
        endpoint = f"{'https' if secure else 'http'}://{endpoint}"
    scheme, _, rest = endpoint.partition("://")
    if scheme.startswith("unix"):
        return f"unix://{node_root.below(rest)}"
    host, colon, port = rest.rpartition(":")
    return f"{scheme}://{localhost.dialing(host)}{colon}{port}" if colon else endpoint


def dialling(where: Mapping[str, str], *, verify: bool = True) -> Dial:
    """The way to an endpoint with these certificates: a private socket where there is one, gRPC everywhere else."""
    files = tuple(node_root.below(where[name]) for name in ("cacert", "cert", "key"))

    async def dial(endpoint: str, patience: float) -> Store:
        from minikube_edu.etcd.private_socket import path_beside

        if not endpoint:
            raise NoConnection(f"{DIALING}dial tcp: missing address")
        url = placed(endpoint, bool(where["cacert"] or where["cert"]))
        path = url.removeprefix("unix://") if url.startswith("unix://") else path_beside(url)
        if path and (url.startswith("unix://") or os.path.exists(path)):
            store = await _over_socket(path, min(patience, SOCKET_PATIENCE))
            if any(where.values()):
                await credentials.admit(store, url, files, verify=verify)
            return store
        return await _over_grpc(url, files, patience)

    return dial


async def _over_socket(path: str, patience: float) -> Store:
    from minikube_edu.etcd.socket_driver import SocketStore

    try:
        return await SocketStore.open(path, exclusive=False, patience=patience)
    except Unavailable as error:
        raise NoConnection(f"{DIALING}dial unix {path}: connect: {str(error).rpartition(': ')[2]}") from None


async def _over_grpc(url: str, files: Sequence[str], patience: float) -> Store:
    from minikube_edu.etcd.grpc_driver import GrpcStore

    await credentials.reach(url, patience)
    cafile, certfile, keyfile = (file or None for file in files)
    try:
        return await GrpcStore.open([url], cafile=cafile, certfile=certfile, keyfile=keyfile, patience=patience)
    except Unavailable as error:
        raise NoConnection(f"error reading server preface: {error}") from None


def main(words: Sequence[str] | None = None) -> int:
    try:
        where, rest = divided(sys.argv[1:] if words is None else words)
    except Exit as end:
        print(end, file=sys.stderr)
        return end.code
    if complaint := credentials.complaint(where["cacert"], where["cert"], where["key"]):
        print(f"Error: {complaint}", file=sys.stderr)
        return BAD_ARGUMENTS
    dial = dialling(where, verify="--insecure-skip-tls-verify" not in rest)
    return command_line.main(rest, dial, (where["endpoints"] or DEFAULT).split(","))


if __name__ == "__main__":
    raise SystemExit(main())
