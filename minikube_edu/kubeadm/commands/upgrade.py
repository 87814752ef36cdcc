"""`kubeadm upgrade`: plan, apply, diff; and node, for machines after the first."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import (
    addons,
    api_access,
    cluster_config,
    files,
    klog,
    preflight,
    printing,
    releases,
    static_pods,
)
from minikube_edu.kubeadm import upgrade_health as health
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import flags as config_flags
from minikube_edu.kubeadm.config import loading, validation
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import ADMIN, CONTROL_PLANE, CONTROL_PLANE_LABEL, KUBELET_CONF
from minikube_edu.kubeadm.phases import upgrade_static_pods, workflow
from minikube_edu.kubeadm.phases.upgrade_data import UpgradeData
from minikube_edu.kubeadm.phases.workflow_tables import UPGRADE_APPLY, UPGRADE_NODE
from minikube_edu.lib import packages

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api

Object = dict[str, Any]
Offer = tuple[str, str]  # what it is called, its version
Component = tuple[str, str, str, str]  # name, node, current, target

LINE = "_____________________________________________________________________\n"
SUCCESS = """
[upgrade] SUCCESS! A control plane node of your cluster was upgraded to "{version}".

[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.
"""
MANUAL = """
The table below shows the current state of component configs as understood by this version of kubeadm.
Configs that have a "yes" mark in the "MANUAL UPGRADE REQUIRED" column require manual config upgrade or
resetting to kubeadm defaults before a successful upgrade can be performed. The version to manually
upgrade to is denoted in the "PREFERRED VERSION" column.

API GROUP                 CURRENT VERSION   PREFERRED VERSION   MANUAL UPGRADE REQUIRED
kubeproxy.config.k8s.io   v1alpha1          v1alpha1            no
kubelet.config.k8s.io     v1beta1           v1beta1             no
"""


# -- plan ------------------------------------------------------------------------------------------------------------


async def plan(call: Call) -> None:
    printing.check(call)
    quiet = not printing.is_text(call)
    teller = (
        Call(call.command, call.path, call.flags, call.host, call.environment, io.StringIO(), call.err)
        if quiet
        else call
    )
    api = _connect(call)
    try:
        ignored = config_flags.ignored_errors(call.flags["ignore-preflight-errors"], {})
        teller.say("[preflight] Running pre-flight checks.")
        await preflight.run(preflight.checks_root(call.host), ignored, call.err)
        configuration = await _configuration(teller, api, "upgrade/config")
        if call.flags["print-config"]:
            _print_config(call, configuration)
        await health.check(teller, api, configuration, ignored, dry_run=True)
        current = configuration.version
        teller.say("[upgrade] Fetching available versions to upgrade to")
        teller.say(f"[upgrade/versions] Cluster version: {current.lstrip('v')}")
        teller.say(f"[upgrade/versions] kubeadm version: {releases.version()}")
        offers = _asked_for(teller, call.args[0], current) if call.args else _known(teller, current)
        teller.out.write("\n")
        if not offers:
            return
        found = [(*offer, await _components(api, configuration, current, offer[1])) for offer in offers]
    finally:
        await api.close()
    if quiet:
        body = {"kind": "UpgradePlan", "apiVersion": printing.API}
        upgrades = [{"description": label, "components": _listed(components)} for label, _, components in found]
        states = [
            {"group": "kubeproxy.config.k8s.io", "currentVersion": "v1alpha1", "preferredVersion": "v1alpha1",
             "manualUpgradeRequired": False},
            {"group": "kubelet.config.k8s.io", "currentVersion": "v1beta1", "preferredVersion": "v1beta1",
             "manualUpgradeRequired": False},
        ]  # fmt: skip
        printing.show(call, {**body, "availableUpgrades": upgrades, "configVersions": states})
        return
    for label, target, components in found:
        _print_offer(call, components, label, target)
    call.out.write(f"{MANUAL}{LINE}\n")


def _listed(components: Sequence[Component]) -> list[Object]:
    rows = [{"name": n, "currentVersion": c, "newVersion": t, "nodeName": w} for n, w, c, t in components]
    return [{key: value for key, value in row.items() if value} for row in rows]


def _series(version: str) -> str:
    return f"version in the v{'.'.join(version.lstrip('v').split('.')[:2])} series"


def _known(call: Call, current: str) -> list[Offer]:
    """What this kubeadm knows of: the newest of the cluster's series, and the newest that it could make."""
    stable, now = releases.stable(), health.numbers(current)
    if releases.newest() < health.numbers(packages.RELEASES[0])[:2]:
        series = ".".join(map(str, releases.newest()))
        text = f"remote version is much newer: {packages.RELEASES[0]}; falling back to: stable-{series}"
        klog.info(call.err, "version.go:260", text)
    call.say(f"[upgrade/versions] Target version: {stable}")
    if health.numbers(stable) < now:
        return []
    patch, where = packages.latest(now[:2]) or current, _series(current)
    call.say(f"[upgrade/versions] Latest {where}: {patch}")
    offers = [(where, patch)] if health.numbers(patch) > now else []
    return [*offers, ("stable version", stable)] if health.numbers(stable) > health.numbers(patch) else offers


def _asked_for(call: Call, given: str, current: str) -> list[Offer]:
    """Nothing when what was typed is no version, or none that is newer."""
    where = _series(current)
    try:
        target = f"v{given.lstrip('v')}"
        health.numbers(target)
    except ValueError:
        place = "compute.go:100"
        call.warn(
            place,
            f'[upgrade/versions] WARNING: Couldn\'t parse version stable version: could not parse "{given}" as version',
        )
        call.warn(place, "[upgrade/versions] WARNING: Falling back to current kubeadm version as latest stable version")
        call.warn(
            place, f'[upgrade/versions] WARNING: Couldn\'t parse version {where}: could not parse "{given}" as version'
        )
        return []
    call.say(f"[upgrade/versions] Target version: {target}")
    if health.numbers(target)[:2] >= health.numbers(current)[:2]:
        call.say(f"[upgrade/versions] Latest {where}: {target}")
    return [(where, target)] if health.numbers(target) > health.numbers(current) else []


async def _components(api: Api, configuration: Configuration, current: str, target: str) -> list[Component]:
    """Kubelets first."""
    nodes = await api.list("Node")
    found = [
        (
            "kubelet",
            node["metadata"]["name"],
            (node["status"].get("nodeInfo") or {}).get("kubeletVersion") or "",
            target,
        )
        for node in nodes
    ]
    pods = await api.list("Pod", "kube-system", "tier=control-plane")
    masters = [
        node["metadata"]["name"] for node in nodes if CONTROL_PLANE_LABEL in (node["metadata"].get("labels") or {})
    ]
    for name in CONTROL_PLANE:
        found += [(name, node, _tag(pods, name, node) or current, target) for node in masters]
    found.append(("kube-proxy", "", current.lstrip("v"), target))
    deployments = await api.list("Deployment", "kube-system", "k8s-app=kube-dns")
    dns = (
        deployments[0]["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2]
        if deployments
        else releases.coredns()
    )
    found.append(("CoreDNS", "", dns, addons.coredns_image(configuration).rpartition(":")[2]))
    if health.numbers(target) > health.numbers(releases.version()):
        found.append(("kubeadm", "", releases.version(), target))
    if configuration.external_etcd is None:
        wanted = Configuration(configuration.init, {**configuration.cluster, "kubernetesVersion": target}, {}, {})
        new = static_pods.etcd_image(wanted).rpartition(":")[2]
        found += [("etcd", node, _tag(pods, "etcd", node) or new, new) for node in masters if _tag(pods, "etcd", node)]
    return found


def _tag(pods: Sequence[Object], component: str, node: str) -> str:
    for pod in pods:
        if pod["metadata"]["name"] == f"{component}-{node}":
            return str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2]
    return ""


def _print_offer(call: Call, found: Sequence[Component], label: str, target: str) -> None:
    from minikube_edu.api.output.tabwriter import Style, align

    def table(rows: Sequence[Component]) -> str:
        lines = [("COMPONENT", "NODE", "CURRENT", "TARGET"), *rows]
        return align("".join("\t".join(line) + "\n" for line in lines), Style(10, 3))

    kubelets = sorted((one for one in found if one[0] == "kubelet"), key=lambda one: one[2])
    others = [one for one in found if one[0] not in ("kubelet", "kubeadm")]
    out = ""
    if any(one[2] != one[3] for one in kubelets):
        out += (
            "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade "
            f"apply':\n{table(kubelets)}\n"
        )
    out += f"Upgrade to the latest {label}:\n\n{table(others)}\n"
    out += f"You can now apply the upgrade by executing the following command:\n\n\tkubeadm upgrade apply {target}\n\n"
    if health.numbers(target) > health.numbers(releases.version()):
        out += f"Note: Before you can perform this upgrade, you have to update kubeadm to {target}.\n\n"
    call.out.write(f"{out}{LINE}\n")


# -- apply -----------------------------------------------------------------------------------------------------------


async def apply(call: Call) -> None:
    data = await _prepare_apply(call)
    try:
        await workflow.run(UPGRADE_APPLY, data, call.flags["skip-phases"])
    finally:
        await data.api.close()
    if data.dry_run:
        call.say("[upgrade/successful] Finished dryrunning successfully!")
        return
    call.out.write(SUCCESS.format(version=data.target))


async def phase(call: Call) -> None:
    data = await _prepare_apply(call)
    try:
        await workflow.run(UPGRADE_APPLY, data, only=call.command.phase)
    finally:
        await data.api.close()


async def _prepare_apply(call: Call) -> UpgradeData:
    flags = call.flags
    given: Object = {}
    if flags.get("config"):
        config_flags.refuse_mixed(call)
        given = (loading.load(call, flags["config"]).get("UpgradeConfiguration") or {}).get("apply") or {}
    version = call.args[0] if call.args else given.get("kubernetesVersion") or ""
    if not version and not call.command.phase:
        raise CommandError("missing one or more required arguments. Required arguments: [version]")
    target = _resolved(version or releases.version())
    api = _connect(call)
    configuration = await _configuration(call, api, "upgrade")
    before = configuration.version
    configuration.cluster["kubernetesVersion"] = target
    if flags.get("print-config"):
        _print_config(call, configuration)
    dry_run = bool(flags.get("dry-run") or given.get("dryRun"))
    return UpgradeData(
        call,
        api_access.DryRun(call.out, behind=api) if dry_run else api,
        configuration,
        before,
        ignored=config_flags.ignored_errors(
            flags.get("ignore-preflight-errors") or (),
            {"nodeRegistration": {"ignorePreflightErrors": given.get("ignorePreflightErrors") or []}},
        ),
        dry_run=dry_run,
        force=bool(flags.get("force") or given.get("forceUpgrade")),
        ask=not flags.get("yes"),
        etcd_upgrade=bool(flags.get("etcd-upgrade", True)),
        renew=bool(flags.get("certificate-renewal", True)),
        allow_unstable=bool(flags.get("allow-experimental-upgrades") or flags.get("allow-release-candidate-upgrades")),
        patches_directory=flags.get("patches") or (given.get("patches") or {}).get("directory") or "",
    )


def _resolved(version: str) -> str:
    try:
        return validation.resolved_version(version)
    except CommandError as error:
        if "only supports deploying" in str(error):
            return f"v{version.lstrip('v')}"  # the skew policy says why not
        raise CommandError(f"couldn't parse the version argument: {error}") from None


# -- node ------------------------------------------------------------------------------------------------------------


async def node(call: Call) -> None:
    data = await prepare_node(call)
    try:
        await workflow.run(UPGRADE_NODE, data, call.flags["skip-phases"])
    finally:
        await data.api.close()
    if data.dry_run:
        call.say("[upgrade/successful] Finished dryrunning successfully!")
        return
    call.say("[upgrade] The configuration for this node was successfully updated!")
    call.say("[upgrade] Now you should go ahead and upgrade the kubelet package using your package manager.")


async def prepare_node(call: Call) -> UpgradeData:
    """A worker has no administrator's kubeconfig: its kubelet's does."""
    flags = call.flags
    path = flags.get("kubeconfig") or ADMIN
    if not flags.changed("kubeconfig") and not files.exists(call.host, path):
        path = KUBELET_CONF
    if not files.exists(call.host, path):
        raise CommandError(
            f'couldn\'t create a Kubernetes client from file "{path}": failed to load admin kubeconfig: open '
            f"{path}: no "
            "such file or directory"
        )
    api = api_access.Live(call.host.connect(path))
    call.say("[upgrade] Reading configuration from the cluster...")
    configuration = await _configuration(call, api, "upgrade/config")
    dry_run = bool(flags.get("dry-run"))
    return UpgradeData(
        call,
        api_access.DryRun(call.out, behind=api) if dry_run else api,
        configuration,
        configuration.version,
        ignored=config_flags.ignored_errors(flags.get("ignore-preflight-errors") or (), {}),
        dry_run=dry_run,
        etcd_upgrade=bool(flags.get("etcd-upgrade", True)),
        renew=bool(flags.get("certificate-renewal", True)),
        patches_directory=flags.get("patches") or "",
        node_only=True,
    )


# -- diff ------------------------------------------------------------------------------------------------------------


async def diff(call: Call) -> None:
    """The manifests as they are, against what the version would make of them."""
    import difflib

    api = _connect(call)
    try:
        configuration = await _configuration(call, api, "upgrade/diff")
    finally:
        await api.close()
    version = _resolved(call.args[0]) if call.args else configuration.version
    configuration.cluster["kubernetesVersion"] = version
    data = UpgradeData(call, api, configuration, configuration.version, etcd_upgrade=False)
    for name, pod in upgrade_static_pods.manifests(data).items():
        path = f"/etc/kubernetes/manifests/{name}.yaml"
        old = files.read(call.host, path).decode().splitlines(True)
        new = files.yaml(pod).splitlines(True)
        lines = difflib.unified_diff(old, new, path, "new manifest", n=call.flags["context-lines"])
        call.out.write("".join(lines))


# -- what all need ---------------------------------------------------------------------------------------------------


def _connect(call: Call) -> api_access.Live:
    path = call.flags.get("kubeconfig") or ADMIN
    if not files.exists(call.host, path):
        raise CommandError(
            f'couldn\'t create a Kubernetes client from file "{path}": failed to load admin kubeconfig: open '
            f"{path}: no "
            "such file or directory"
        )
    return api_access.Live(call.host.connect(path))


async def _configuration(call: Call, api: Api, prefix: str) -> Configuration:
    try:
        endpoint = await cluster_config.endpoint_of(api, call.host.machine.hostname)
        return await cluster_config.fetch(call, api, prefix, endpoint=endpoint)
    except ApiError as error:
        if error.not_found:
            call.say(
                f'[{prefix}] In order to upgrade, a ConfigMap called "kubeadm-config" in the kube-system namespace '
                "must "
                "exist."
            )
        raise CommandError(f"[{prefix}] FATAL: {error}") from None


def _print_config(call: Call, configuration: Configuration) -> None:
    call.say("[upgrade/config] Configuration used:")
    call.out.write("".join(f"\t{line}\n" for line in files.yaml(configuration.cluster).splitlines()))
