"""`python -m minikube_edu.cloud_controller_manager`, as the image's command."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    from minikube_edu.cloud_controller_manager.flags import parser
    from minikube_edu.cloud_controller_manager.running import run_forever

    sys.exit(run_forever(parser().parse_args(arguments)))


if __name__ == "__main__":
    main()
