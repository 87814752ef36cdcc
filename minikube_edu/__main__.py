"""`python -m minikube_edu` and the command `minikube-edu`.

kubectl's verbs stand at the top level too: `minikube-edu get pods` is `kubectl get pods` on this cluster. They are
handed on before Typer is imported: an answer comes twice as fast.
"""

from __future__ import annotations

import sys


def main() -> None:
    words = sys.argv[1:]
    if words and not words[0].startswith("-"):
        from minikube_edu.cluster import kubectl_door

        if words[0] == "kubectl" or kubectl_door.is_verb(words[0]):
            kubectl_door.run(words[words[0] == "kubectl" :])
    from minikube_edu.cli import app

    app()


if __name__ == "__main__":
    main()
