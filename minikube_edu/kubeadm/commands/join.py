"""`kubeadm join`: this machine becomes a node of a cluster that is there already; and its phases one by one."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.kubeadm import machine
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.commands.init import dry_run_directory
from minikube_edu.kubeadm.config.flags import ignored_errors
from minikube_edu.kubeadm.config.joining import join_configuration
from minikube_edu.kubeadm.constants import ADMIN
from minikube_edu.kubeadm.phases import workflow
from minikube_edu.kubeadm.phases.join_data import JoinData
from minikube_edu.kubeadm.phases.workflow_tables import JOIN

WORKER_DONE = """
This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.

Run 'kubectl get nodes' on the control-plane to see this node join the cluster.

"""
CONTROL_PLANE_DONE = """
This node has joined the cluster and a new control plane instance was created:

* Certificate signing request was sent to apiserver and approval was received.
* The Kubelet was informed of the new secure connection details.
* Control plane label and taint were applied to the new node.
* The Kubernetes control plane instances scaled up.
{etcd}

To start administering your cluster from this node, you need to run the following as a regular user:

	mkdir -p $HOME/.kube
	sudo cp -i {admin} $HOME/.kube/config
	sudo chown $(id -u):$(id -g) $HOME/.kube/config

Run 'kubectl get nodes' to see this node join the cluster.

"""


async def run(call: Call) -> None:
    data = prepare(call)
    skip = call.flags["skip-phases"] or data.join.get("skipPhases") or ()
    await _run(data, skip=skip)
    if data.control_plane is None:
        call.out.write(WORKER_DONE)
        return
    etcd = f"* It uses the etcd at {','.join(data.etcd_endpoints)}." if data.etcd_endpoints else ""
    call.out.write(CONTROL_PLANE_DONE.format(etcd=etcd, admin=ADMIN))


async def phase(call: Call) -> None:
    await _run(prepare(call), only=call.command.phase)


async def _run(data: JoinData, skip: Sequence[str] = (), only: str = "") -> None:
    try:
        await workflow.run(JOIN, data, skip, only)
    finally:
        await data.close()


def prepare(call: Call) -> JoinData:
    if len(call.args) > 1:
        raise CommandError(f"accepts at most 1 arg(s), received {len(call.args)}")
    if call.flags.get("machine"):
        try:
            call.host.machine = machine.load(call.flags["machine"], call.host.machine)
        except machine.BadDescription as error:
            raise CommandError(str(error)) from None
    join = join_configuration(call)
    ignored = ignored_errors(call.flags.get("ignore-preflight-errors") or (), join)
    dry_run = bool(call.flags.get("dry-run") or join.get("dryRun"))
    patches = call.flags.get("patches") or (join.get("patches") or {}).get("directory") or ""
    data = JoinData(call, join, ignored, dry_run, patches_directory=patches)
    if dry_run:
        data.dry_run_directory = dry_run_directory(call, "kubeadm-join-dryrun", "KUBEADM_JOIN_DRYRUN_DIR")
    return data
