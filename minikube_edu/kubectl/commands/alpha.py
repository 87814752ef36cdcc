"""`kubectl alpha`: there is nothing in it in this version."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command


def run(call: Call) -> None:
    call.warn("No alpha commands are available in this version of kubectl")


COMMAND = Command(
    "alpha",
    run,
    long="These commands correspond to alpha features that are not enabled in Kubernetes clusters by default.",
)
