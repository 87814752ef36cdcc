"""`python -m minikube_edu.etcd.etcdctl`: etcdctl as a program, with the real one's flags about where etcd is.

`kubectl exec etcd-… -- etcdctl --endpoints=https://127.0.0.1:2379 --cacert=… get /registry` comes here. Flags may stand
before or behind the command, or in the environment (ETCDCTL_ENDPOINTS). Paths are a node's, 127.0.0.1 is the node's
localhost. An etcd of ours on this node is reached through its private socket, any other one over gRPC. Who names
a server or certificates is examined as at the public port (credentials); without any, the socket's owner is let in.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from minikube_edu.etcd.contract import Store
from minikube_edu.etcd.etcdctl import command_line, credentials
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS
from minikube_edu.lib import localhost, node_root

DEFAULT = "127.0.0.1:2379"
WHERE = ("endpoints", "cacert", "cert", "key")
PATIENCE = 2.0  # seconds: --dial-timeout


def divided(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """(flags that say where, all other words)"""
    found = {name: os.environ.get(f"ETCDCTL_{name.upper()}", "") for name in WHERE}
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            return found, [*rest, word, *left]
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or name not in WHERE:
            rest.append(word)
        elif equals:
            found[name] = value
        elif left:
            found[name] = left.pop(0)
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


def main(words: Sequence[str] | None = None) -> int:
    where, rest = divided(sys.argv[1:] if words is None else words)
    endpoint = (where["endpoints"] or DEFAULT).split(",")[0]

    files = tuple(node_root.below(where[name]) for name in ("cacert", "cert", "key"))
    if complaint := credentials.complaint(where["cacert"], where["cert"], where["key"]):
        print(f"Error: {complaint}", file=sys.stderr)
        return BAD_ARGUMENTS

    async def open_store() -> Store:
        from minikube_edu.etcd.private_socket import path_beside

        url = placed(endpoint, bool(where["cacert"] or where["cert"]))
        path = url.removeprefix("unix://") if url.startswith("unix://") else path_beside(url)
        if path and (url.startswith("unix://") or os.path.exists(path)):
            from minikube_edu.etcd.socket_driver import SocketStore

            store = await SocketStore.open(path, exclusive=False, patience=PATIENCE)
            if any(where.values()):
                await credentials.admit(store, url, files, verify="--insecure-skip-tls-verify" not in rest)
            return store
        from minikube_edu.etcd.grpc_driver import GrpcStore

        await credentials.reach(url)
        cafile, certfile, keyfile = (file or None for file in files)
        return await GrpcStore.open([url], cafile=cafile, certfile=certfile, keyfile=keyfile, patience=PATIENCE)

    return command_line.main(rest, open_store, endpoint)


if __name__ == "__main__":
    raise SystemExit(main())
