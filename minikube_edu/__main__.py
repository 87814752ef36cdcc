"""`python -m minikube_edu` and the command `minikube-edu`."""

from __future__ import annotations


def main() -> None:
    from minikube_edu.cli import app

    app()


if __name__ == "__main__":
    main()
