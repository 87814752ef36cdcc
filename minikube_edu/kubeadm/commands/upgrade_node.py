"""`kubeadm upgrade node phase …`: the phases of a node's upgrade, one by one."""

from __future__ import annotations

from minikube_edu.kubeadm.command import Call
from minikube_edu.kubeadm.commands.upgrade import prepare_node
from minikube_edu.kubeadm.phases import workflow
from minikube_edu.kubeadm.phases.workflow_tables import UPGRADE_NODE


async def phase(call: Call) -> None:
    data = await prepare_node(call)
    try:
        await workflow.run(UPGRADE_NODE, data, only=call.command.phase)
    finally:
        await data.api.close()
