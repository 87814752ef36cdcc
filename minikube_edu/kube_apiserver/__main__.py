"""`python -m minikube_edu.kube_apiserver`: the API server alone, with the real one's flags."""

from __future__ import annotations

import sys

from minikube_edu.lib import node_root


def main(arguments: list[str] | None = None) -> None:
    from minikube_edu.kube_apiserver.flags import parser

    options = node_root.place(parser().parse_args(arguments))
    from minikube_edu.kube_apiserver.running import run_forever

    sys.exit(run_forever(options))


if __name__ == "__main__":
    main()
