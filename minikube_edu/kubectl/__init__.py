"""kubectl: the words that people type, turned into requests, and the answers into what they read.

Its seat is beside the cluster, not in it: it works on any real cluster through `client` alone. `app` finds the command
and parses its flags, `factory` knows which cluster is meant, `builder` turns arguments and files into objects, each file
of `commands` is one verb, `printers` and `describe` write objects down. Output, errors and exit codes are those of the
real kubectl v1.36.3. Only the verb that was typed is imported: half of the time of a `get` is Python's start.
"""  # noqa: E501  # the real text

from minikube_edu.lib.version import KUBERNETES

KUSTOMIZE_VERSION = "v5.8.1"


def version() -> str:
    """Which kubectl this is: on a node the one that its package manager has installed."""
    import os
    from pathlib import Path

    from minikube_edu.lib import node_root

    if not os.environ.get(node_root.VARIABLE):
        return KUBERNETES
    from minikube_edu.lib import packages

    return packages.program(Path(node_root.below(packages.FILE)), "kubectl") or KUBERNETES
