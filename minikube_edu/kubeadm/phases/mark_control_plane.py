"""A label and a taint make a node a control plane: ordinary pods stay away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm.api_access import Api, patiently
from minikube_edu.kubeadm.constants import CONTROL_PLANE_LABEL, EXCLUDE_LABEL
from minikube_edu.kubeadm.phases.kubelet_start import taint_text

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.phases.init_data import InitData

Object = dict[str, Any]


async def init(data: InitData) -> None:
    registration = data.configuration.init["nodeRegistration"]
    await mark(data.call, await data.api(), registration["name"], registration.get("taints") or [])


async def mark(call: Call, api: Api, node: str, taints: list[Object]) -> None:
    labels = [CONTROL_PLANE_LABEL, EXCLUDE_LABEL]
    call.say(
        f"[mark-control-plane] Marking the node {node} as control-plane by adding the labels: [{' '.join(labels)}]"
    )
    if taints:
        shown = " ".join(map(taint_text, taints))
        call.say(f"[mark-control-plane] Marking the node {node} as control-plane by adding the taints [{shown}]")

    async def once() -> None:
        # The kubelet registers the node, and labels it with its hostname; until then there is nothing to mark.
        there = await api.get("Node", node)
        if "kubernetes.io/hostname" not in (there["metadata"].get("labels") or {}):
            raise NotYet(f'node "{node}" has no hostname label yet')
        found = (there.get("spec") or {}).get("taints") or []
        keep = [one for one in found if not any(_same(one, taint) for taint in taints)]
        patch: Object = {"metadata": {"labels": dict.fromkeys(labels, "")}}
        if taints:
            patch["spec"] = {"taints": [*keep, *taints]}
        await api.patch("Node", node, patch)

    async def patient() -> None:
        try:
            await once()
        except ApiError as error:
            if not error.not_found:
                raise
            raise NotYet(str(error)) from None

    await patiently(api, patient)


class NotYet(OSError):
    """Ask again."""


def _same(one: Object, other: Object) -> bool:
    return one.get("key") == other.get("key") and one.get("effect") == other.get("effect")
