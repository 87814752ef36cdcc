"""`python -m minikube_edu.container_runtime`: a node's container runtime ("containerd") as a program of its own."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    from minikube_edu.container_runtime.flags import parser

    options = parser().parse_args(arguments)
    from minikube_edu.container_runtime.running import run_forever

    sys.exit(run_forever(options))


if __name__ == "__main__":
    main()
