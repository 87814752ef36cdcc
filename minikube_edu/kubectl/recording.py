"""--record, deprecated and still typed: the command line becomes the annotation that `rollout history` shows."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call

CAUSE = "kubernetes.io/change-cause"


def typed(call: Call) -> str:
    """`kubectl set image deployment/web nginx=nginx:1.27 --record=true`: words first, then flags as they were given."""
    words = [call.path, *call.args]
    for name in sorted(call.flags.given):
        words += [f"--{name}={text}" for text in call.flags.given[name]]
    return " ".join(words)
