"""The phases of `upgrade apply` and `upgrade node`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.kubeadm import files, objects, preflight, releases, upgrade_health
from minikube_edu.kubeadm.api_access import all_of, create_or_update
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.constants import KUBELET
from minikube_edu.kubeadm.phases import addon, bootstrap_token, kubelet_start, upgrade_static_pods, upload_config
from minikube_edu.kubeadm.phases.preflight import pull_images
from minikube_edu.lib import durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.upgrade_data import UpgradeData


async def check(data: UpgradeData) -> None:
    call = data.call
    call.say(
        "[upgrade/preflight] Running preflight checks"
        if not data.node_only
        else "[upgrade/preflight] Running pre-flight checks"
    )
    await preflight.run(preflight.checks_root(call.host), data.ignored, call.err)
    await preflight.run(preflight.checks_upgrade(call.host), data.ignored, call.err)
    if data.node_only:
        if not data.is_control_plane:
            call.say("[upgrade/preflight] Skipping prepull. Not a control plane node.")
            return
    else:
        await upgrade_health.check(call, data.api, data.configuration, data.ignored, data.dry_run)
        _check_versions(data)
        if data.ask and not data.force and not data.dry_run:
            _confirm(data)
    if data.dry_run:
        call.say("[upgrade/preflight] Would pull the required images (like 'kubeadm config images pull')")
        return
    call.say("[upgrade/preflight] Pulling images required for setting up a Kubernetes cluster")
    call.say("[upgrade/preflight] This might take a minute or two, depending on the speed of your internet connection")
    call.say("[upgrade/preflight] You can also perform this action beforehand using 'kubeadm config images pull'")
    await pull_images(call, data.configuration, data.ignored)


def _check_versions(data: UpgradeData) -> None:
    data.say(f'[upgrade/preflight] You have chosen to upgrade the cluster version to "{data.target}"')
    data.say(f"[upgrade/versions] Cluster version: {data.cluster_version}")
    data.say(f"[upgrade/versions] kubeadm version: {releases.version()}")
    problems = upgrade_health.skew_problems(data.cluster_version, data.target, allow_unstable=data.allow_unstable)
    if not problems:
        return
    if not data.force:
        listed = "".join(f"\n\t- {one}" for one in problems)
        raise CommandError(
            "the version argument is invalid due to these errors:\n" + listed + "\n\n"
            "Can be bypassed if you pass the --force flag"
        )
    data.say(
        "[upgrade/versions] Found 1 potential version compatibility errors but skipping since the --force flag is set: "
    )
    for one in problems:
        data.say(f"\t- {one}")


def _confirm(data: UpgradeData) -> None:
    data.call.out.write("[upgrade] Are you sure you want to proceed? [y/N]: ")
    data.call.out.flush()
    if data.call.stdin.readline().strip().lower() != "y":
        raise CommandError("won't proceed; the user didn't answer (Y|y) in order to continue")


async def control_plane(data: UpgradeData) -> None:
    if data.node_only and not data.is_control_plane:
        data.say("[upgrade/control-plane] Skipping phase. Not a control plane node.")
        return
    if data.dry_run:
        data.say(f'[dryrun] Would upgrade your static Pod-hosted control plane to version "{data.target}"')
        return
    patience = durations.from_seconds(data.configuration.timeout("upgradeManifests"))
    if data.node_only:
        data.say(
            "[upgrade/control-plane] Upgrading your Static Pod-hosted control plane instance to version "
            f'"{data.target}"...'
        )
    else:
        data.say(
            f'[upgrade/control-plane] Upgrading your static Pod-hosted control plane to version "{data.target}" '
            f"(timeout: {patience})..."
        )
    await upgrade_static_pods.run(data)
    data.say("[upgrade/control-plane] The control plane instance for this node was successfully upgraded!")


async def upload_kubeadm(data: UpgradeData) -> None:
    data.say(
        '[upload-config] Storing the configuration used in ConfigMap "kubeadm-config" in the "kube-system" Namespace'
    )
    await upload_config.store_kubeadm(data.api, data.configuration)


async def upload_kubelet(data: UpgradeData) -> None:
    data.say(
        '[kubelet] Creating a ConfigMap "kubelet-config" in namespace kube-system with the configuration for the '
        "kubelets in the cluster"
    )
    await upload_config.store_kubelet(data.api, data.configuration)


async def kubelet_config(data: UpgradeData) -> None:
    """This machine's kubelet reads it when it is restarted, by hand, in its new version."""
    directory = KUBELET
    registration = data.configuration.init["nodeRegistration"]
    path = f"{directory}/instance-config.yaml"
    if files.exists(data.host, path):
        instance = files.parse_yaml(files.read(data.host, path))
    else:
        instance = kubelet_start.instance_configuration(registration)
    if data.dry_run:
        data.say(f'[dryrun] Would write the kubelet configuration to "{directory}/config.yaml"')
    else:
        backup = upgrade_static_pods.temporary(data, "kubeadm-kubelet-config")
        data.say(f"[upgrade] Backing up kubelet config file to {backup}/config.yaml")
        if files.exists(data.host, f"{directory}/config.yaml"):
            files.write(data.host, f"{backup}/config.yaml", files.read(data.host, f"{directory}/config.yaml"))
        kubelet_start.write_config(data.call, directory, data.configuration.kubelet, instance, data.patches())
    data.say("[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!")


async def bootstrap_tokens(data: UpgradeData) -> None:
    data.say("[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules")
    for said, bodies in bootstrap_token.rules():
        data.say(said)
        await all_of(*(create_or_update(data.api, body) for body in bodies))
    await all_of(*(create_or_update(data.api, body) for body in objects.read_cluster_info()))


async def coredns(data: UpgradeData) -> None:
    if data.node_only and not data.is_control_plane:
        data.say("[upgrade/addon] Skipping the addon/coredns phase. Not a control plane node.")
        return
    await addon.apply_coredns(data.call, data.api, data.configuration, data.patches())


async def kube_proxy(data: UpgradeData) -> None:
    if data.node_only and not data.is_control_plane:
        data.say("[upgrade/addon] Skipping the addon/kube-proxy phase. Not a control plane node.")
        return
    await addon.apply_kube_proxy(data.call, data.api, data.configuration)


async def post_upgrade(data: UpgradeData) -> None:
    data.call.info(1, "postupgrade.go:60", "[upgrade/post] nothing is left to be done after this upgrade")
