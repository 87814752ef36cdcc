"""`python -m minikube_edu.cluster.machine --root NODE --socket-fd N`: one node's machine, in the foreground."""

from __future__ import annotations

import argparse
import gc
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.cluster.machine.preload import Preload


def main() -> None:
    parser = argparse.ArgumentParser("machine", description=__doc__)
    parser.add_argument("--root", required=True, type=Path, help="the node's directory")
    parser.add_argument("--socket-fd", type=int, help="a listening Unix socket that was inherited")
    parser.add_argument("--socket", type=Path, help="or the path of one to make")
    options = parser.parse_args()
    if options.socket_fd is not None:
        listener = socket.socket(fileno=options.socket_fd)
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        options.socket.unlink(missing_ok=True)
        listener.bind(str(options.socket))
        os.chmod(options.socket, 0o600)
        listener.listen(64)
    serve(options.root, listener)


def serve(root: Path, listener: socket.socket, preload: Preload | None = None) -> None:
    """Be the machine, until it was shut down."""
    os.umask(0o022)
    gc.disable()  # the machine makes next to nothing; its children collect again
    from minikube_edu.cluster.machine.offspring import name_process
    from minikube_edu.cluster.machine.zygote import Machine

    name_process("machine", ("minikube-edu", "machine", str(root)))
    own = ("MINIKUBE_EDU_", "PYTHON", "PATH", "HOME", "LANG", "LC_", "TZ", "VIRTUAL_ENV", "TMPDIR", "USER")
    environment = {name: value for name, value in os.environ.items() if name.startswith(own)}
    Machine(root, listener, environment, preload).run()


if __name__ == "__main__":
    main()
