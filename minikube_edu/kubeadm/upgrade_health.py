"""Is a cluster fit to be upgraded? And from which version to which may one go?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import constants, files, images, preflight, releases
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.lib import clock, ids

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.command import Call

Object = dict[str, Any]
JOB_SECONDS = 15.0


async def check(call: Call, api: Api, configuration: Configuration, ignored: frozenset[str], dry_run: bool) -> None:
    call.say("[upgrade] Running cluster health checks")
    checks = [
        preflight.Check("CreateJob", lambda: _job(api, configuration, dry_run)),
        preflight.Check("ControlPlaneNodesReady", lambda: _nodes(api)),
        preflight.Check("StaticPodManifest", lambda: _manifests(call)),
    ]
    try:
        await preflight.run(checks, ignored, call.err)
    except CommandError as error:
        raise CommandError(f"[upgrade/health] FATAL: {error}") from None


async def _job(api: Api, configuration: Configuration, dry_run: bool) -> preflight.Found:
    """A pod is scheduled, runs and ends: the whole machinery works."""
    if dry_run:
        return [], []
    name = f"upgrade-health-check-{ids.suffix()}"
    try:
        await api.create(_health_job(name, images.pause(configuration)))
    except ApiError as error:
        return [], [f'could not create Job "{name}" in the namespace "kube-system": {error}']
    end = clock.monotonic() + JOB_SECONDS
    while clock.monotonic() < end:
        job = await api.get("Job", name, "kube-system")
        for condition in (job.get("status") or {}).get("conditions") or ():
            if condition["type"] == "Complete" and condition["status"] == "True":
                return [], []
        await asyncio.sleep(0.05)
    return [], [f'Job "{name}" in the namespace "kube-system" did not complete in 15s: no condition of type Complete']


def _health_job(name: str, image: str) -> Object:
    pod = {
        "containers": [{"args": ["-v"], "image": image, "name": name}],
        "restartPolicy": "Never",
        "securityContext": {"runAsGroup": 999, "runAsNonRoot": True, "runAsUser": 999},
        "tolerations": [{"effect": "NoSchedule", "key": constants.CONTROL_PLANE_LABEL}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"backoffLimit": 0, "template": {"spec": pod}, "ttlSecondsAfterFinished": 15},
    }


async def _nodes(api: Api) -> preflight.Found:
    nodes = await api.list("Node", "", constants.CONTROL_PLANE_LABEL)
    sick = []
    for node in nodes:
        conditions = {one["type"]: one["status"] for one in (node.get("status") or {}).get("conditions") or ()}
        if conditions.get("Ready") != "True":
            sick.append(node["metadata"]["name"])
    return [], [f"there are NotReady control-planes in the cluster: [{' '.join(sick)}]"] if sick else []


def _manifests(call: Call) -> preflight.Found:
    paths = [f"{constants.MANIFESTS}/{name}.yaml" for name in constants.CONTROL_PLANE]
    missing = [path for path in paths if not files.exists(call.host, path)]
    return [], [f"manifest files not found: [{' '.join(missing)}]"] if missing else []


# -- versions --------------------------------------------------------------------------------------------------------


def numbers(version: str) -> tuple[int, int, int]:
    plain = version.lstrip("v").partition("-")[0].partition("+")[0]
    major, minor, patch = plain.split(".")
    return int(major), int(minor), int(patch)


def skew_problems(cluster: str, target: str, *, allow_unstable: bool) -> list[str]:
    """Why one may not go from one version to the other; each may be overruled by --force."""
    found = []
    (_, cluster_minor, _), (_, target_minor, _) = numbers(cluster), numbers(target)
    own = releases.newest()[1]
    if (1, target_minor) < releases.oldest():
        oldest = ".".join(map(str, releases.oldest())) + ".0"
        found.append(
            f'Specified version to upgrade to "{target}" is equal to or lower than the minimum supported version '
            f'"v{oldest}". Please specify a higher version to upgrade to'
        )
    if target_minor > own:
        found.append(
            f'Specified version to upgrade to "{target}" is at least one minor release higher than the kubeadm '
            f"minor release ({target_minor} > {own}). Such an upgrade is not supported"
        )
    elif numbers(target) > numbers(releases.version()):
        found.append(
            f'Specified version to upgrade to "{target}" is higher than the kubeadm version "{releases.version()}". '
            "Upgrade kubeadm first using the tool you used to install kubeadm"
        )
    if target_minor > cluster_minor + 1:
        found.append(
            f'Specified version to upgrade to "{target}" is too high; kubeadm can upgrade only 1 minor version at a '
            "time"
        )
    if target_minor < cluster_minor - 1:
        found.append(
            f'Specified version to downgrade to "{target}" is too low; kubeadm can downgrade only 1 minor version '
            "at a time"
        )
    if "-" in target and not allow_unstable:
        found.append(
            f'Specified version to upgrade to "{target}" is an unstable version and such upgrades weren\'t allowed '
            "via setting the --allow-*-upgrades flags"
        )
    return found
