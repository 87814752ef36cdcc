"""A control plane's static pods, one by one: the new manifest takes the old one's place, and the kubelet does the rest.

The old manifests are kept aside; when a component does not come back in time, all are put back.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files, static_pods
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.commands.certs import entries, external, pem_of, replace
from minikube_edu.kubeadm.constants import MANIFESTS, TEMPORARY
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.upgrade_data import UpgradeData

HASH = "kubernetes.io/config.hash"
# component -> the certificates that it uses, renewed with it
RENEWED = {
    "etcd": ("etcd-server", "etcd-peer", "etcd-healthcheck-client"),
    "kube-apiserver": ("apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client"),
    "kube-controller-manager": ("controller-manager.conf",),
    "kube-scheduler": ("scheduler.conf",),
}


def manifests(data: UpgradeData) -> dict[str, dict[str, Any]]:
    """component -> pod, as the new version wants it; etcd first, where its own changes."""
    configuration, machine = data.configuration, data.host.machine
    pods: dict[str, dict[str, Any]] = {}
    if configuration.external_etcd is None and data.etcd_upgrade and files.exists(data.host, f"{MANIFESTS}/etcd.yaml"):
        pods["etcd"] = static_pods.etcd(configuration)
    pods["kube-apiserver"] = static_pods.api_server(configuration, machine)
    _keep_etcd_servers(data, pods["kube-apiserver"])
    pods["kube-controller-manager"] = static_pods.controller_manager(configuration, machine)
    pods["kube-scheduler"] = static_pods.scheduler(configuration, machine)
    return {name: data.patches().apply(name, pod) for name, pod in pods.items()}


def _keep_etcd_servers(data: UpgradeData, pod: dict[str, Any]) -> None:
    """A control plane that uses another one's embedded store goes on with it."""
    path, flag = f"{MANIFESTS}/kube-apiserver.yaml", "--etcd-servers="
    if not files.exists(data.host, path) or files.exists(data.host, f"{MANIFESTS}/etcd.yaml"):
        return
    old = files.parse_yaml(files.read(data.host, path))["spec"]["containers"][0]["command"]
    kept = next((word for word in old if word.startswith(flag)), "")
    command = pod["spec"]["containers"][0]["command"]
    command[:] = [kept if kept and word.startswith(flag) else word for word in command]


async def run(data: UpgradeData) -> None:
    pods = manifests(data)
    new = temporary(data, "kubeadm-upgraded-manifests")
    data.say(f'[upgrade/staticpods] Writing new Static Pod manifests to "{new}"')
    for name, pod in pods.items():
        files.write(data.host, f"{new}/{name}.yaml", files.yaml(pod))
    backup = temporary(data, "kubeadm-backup-manifests")
    done: list[str] = []
    try:
        for name in pods:
            done.append(name)
            await _component(data, name, new, backup)
    except CommandError:
        _put_back(data, done, backup)
        raise


def temporary(data: UpgradeData, prefix: str) -> str:
    parent = data.host.path(TEMPORARY)
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return f"{TEMPORARY}/{os.path.basename(tempfile.mkdtemp(prefix=prefix, dir=parent))}"


async def _component(data: UpgradeData, name: str, new: str, backup: str) -> None:
    path = f"{MANIFESTS}/{name}.yaml"
    data.say(f'[upgrade/staticpods] Preparing for "{name}" upgrade')
    same = files.exists(data.host, path) and files.read(data.host, path) == files.read(data.host, f"{new}/{name}.yaml")
    if same:
        data.say(f"[upgrade/staticpods] Current and new manifests of {name} are equal, skipping upgrade")
        return
    before = await _hash(data, name)
    if data.renew:
        _renew(data, name)
    data.say(
        f'[upgrade/staticpods] Moving new manifest to "{path}" and backing up old manifest to "{backup}/{name}.yaml"'
    )
    files.write(data.host, f"{backup}/{name}.yaml", files.read(data.host, path))
    files.write(data.host, path, files.read(data.host, f"{new}/{name}.yaml"))
    patience = data.configuration.timeout("upgradeManifests")
    data.say("[upgrade/staticpods] Waiting for the kubelet to restart the component")
    data.say("[upgrade/staticpods] This can take up to 5m0s")
    await _restarted(data, name, before, patience)
    data.say(f'[upgrade/staticpods] Component "{name}" upgraded successfully!')


def _renew(data: UpgradeData, component: str) -> None:
    configuration = data.configuration
    for entry in entries(configuration):
        if entry.name not in RENEWED[component]:
            continue
        if external(data.call, configuration, entry.ca):
            data.say(f"[upgrade/staticpods] External CA detected, {entry.name} certificate can't be renewed")
            continue
        old = pem_of(data.call, configuration, entry)
        if old is not None:
            data.say(f"[upgrade/staticpods] Renewing {entry.name} certificate")
            replace(data.call, configuration, entry, old)


async def _hash(data: UpgradeData, component: str) -> str:
    """Of the manifest that runs, as the mirror pod says it."""
    pod = await data.api.get("Pod", f"{component}-{data.configuration.node_name}", "kube-system")
    return str((pod["metadata"].get("annotations") or {}).get(HASH) or "")


async def _restarted(data: UpgradeData, component: str, before: str, patience: float) -> None:
    """The mirror pod is of the new manifest, and runs."""
    end, pause, complaint = clock.monotonic() + patience, 0.02, ""
    while clock.monotonic() < end:
        try:
            pod = await data.api.get("Pod", f"{component}-{data.configuration.node_name}", "kube-system")
            changed = (pod["metadata"].get("annotations") or {}).get(HASH) != before
            if changed and (pod.get("status") or {}).get("phase") == "Running":
                return
            complaint = (
                f"static Pod hash for component {component} on Node {data.configuration.node_name} did not change"
            )
        except (ApiError, OSError) as error:  # the API server itself is being replaced
            complaint = str(error)
        await asyncio.sleep(pause)
        pause = min(pause * 1.2, 0.5)
    raise CommandError(
        "couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors "
        f"faced: {complaint} after {patience:.0f}s: timed out waiting for the condition"
    )


def _put_back(data: UpgradeData, names: list[str], backup: str) -> None:
    for name in names:
        if files.exists(data.host, f"{backup}/{name}.yaml"):
            files.write(data.host, f"{MANIFESTS}/{name}.yaml", files.read(data.host, f"{backup}/{name}.yaml"))
