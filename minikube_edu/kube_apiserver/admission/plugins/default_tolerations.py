"""DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or cannot be reached, unless it says
otherwise."""

from __future__ import annotations

from minikube_edu.kube_apiserver.admission.chain import Attributes, Plugin

SECONDS = 300
TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


class DefaultTolerationSeconds(Plugin):
    name = "DefaultTolerationSeconds"
    resources = (("", "pods"),)

    def admit(self, attributes: Attributes) -> None:
        if attributes.context.subresource or attributes.obj is None:
            return
        spec = attributes.obj["spec"]
        tolerations = spec.get("tolerations", [])
        missing = [taint for taint in TAINTS if not any(_covers(one, taint) for one in tolerations)]
        if missing:
            spec["tolerations"] = tolerations + [
                {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": SECONDS}
                for taint in missing
            ]


def _covers(toleration: dict[str, object], taint: str) -> bool:
    return toleration.get("key", "") in ("", taint) and toleration.get("effect", "") in ("", "NoExecute")


PLUGIN = DefaultTolerationSeconds
