"""kubectl, on this cluster unless the user names another."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from minikube_edu.cluster.layout import Layout


def is_verb(word: str) -> bool:
    """kubectl's verbs stand at the top level of our command too."""
    from minikube_edu.kubectl.command_table import COMMANDS

    return any(word == entry.name or word in entry.aliases for entry in COMMANDS)


def run(words: Sequence[str]) -> NoReturn:
    if not os.environ.get("KUBECONFIG"):
        layout = Layout()
        if layout.kubeconfig.exists():
            os.environ["KUBECONFIG"] = str(layout.kubeconfig)
    sys.argv = ["kubectl", *words]
    from minikube_edu.kubectl.app import main

    main()
    raise SystemExit(0)
