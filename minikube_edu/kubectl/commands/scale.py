"""`kubectl scale`: another number of replicas, through the scale subresource."""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.waiting import Deadline

Object = dict[str, Any]


async def run(call: Call) -> None:
    flags = call.flags
    if flags["replicas"] < 0:
        raise CommandError("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    if flags["current-replicas"] < -1:
        raise CommandError("The --current-replicas must specify an integer of -1 or greater")
    dry = printing.dry_run(call)
    show = printing.shower(call, "scaled", dry)
    infos, errors = await Builder(call).arguments(call.args, all_of_type=flags["all"]).infos()
    if flags["resource-version"] and len(infos) > 1:
        raise CommandError("cannot use --resource-version with multiple resources")
    if not infos:
        raise_all(errors)
        raise CommandError("no objects passed to scale")
    for info in infos:
        if dry != "client":
            await _scale(call, info, dry)
        if info.mapping.resource.group in ("apps", ""):
            info.object = {**info.object, "spec": {**(info.object.get("spec") or {}), "replicas": flags["replicas"]}}
        show(info.object)
    raise_all(errors)


async def _scale(call: Call, info: Info, dry: str) -> None:
    flags = call.flags
    replicas, expected = flags["replicas"], flags["current-replicas"]
    if expected >= 0 or flags["resource-version"]:
        await _update(call, info, dry)
    else:
        body: Object = {"spec": {"replicas": replicas}}
        await call.factory.send(
            "PATCH", info.path("scale"), body, content_type=MERGE_PATCH, dryRun="All" if dry == "server" else ""
        )
    if flags["timeout"] not in ("0s", "0") and dry == "none":
        await _wait(call, info, replicas)


async def _update(call: Call, info: Info, dry: str) -> None:
    flags = call.flags
    for _ in range(10):
        scale = await call.factory.send("GET", info.path("scale"))
        current = (scale.get("spec") or {}).get("replicas") or 0
        if flags["current-replicas"] >= 0 and current != flags["current-replicas"]:
            raise CommandError(f"Expected replicas to be {flags['current-replicas']}, was {current}")
        version = scale["metadata"].get("resourceVersion")
        if flags["resource-version"] and version != flags["resource-version"]:
            raise CommandError(f"Expected resource version to be {flags['resource-version']}, was {version}")
        scale["spec"] = {**(scale.get("spec") or {}), "replicas": flags["replicas"]}
        try:
            await call.factory.send("PUT", info.path("scale"), scale, dryRun="All" if dry == "server" else "")
            return
        except ApiError as error:
            if not error.conflict or flags["resource-version"]:
                raise


async def _wait(call: Call, info: Info, replicas: int) -> None:
    from minikube_edu.api import durations

    deadline = Deadline(durations.seconds(call.flags["timeout"]))
    while True:
        scale = await call.factory.send("GET", info.path("scale"))
        if ((scale.get("status") or {}).get("replicas") or 0) == replicas:
            return
        if deadline.left <= 0:
            raise CommandError(f"timed out waiting for {info.typed_name} to be synced")
        await asyncio.sleep(0.1)


COMMAND = Command(
    "scale",
    run,
    use="[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f FILENAME | TYPE NAME)",
    long="Set a new size for a deployment, replica set, replication controller, or stateful set.",
    examples="""# Scale a replica set named 'foo' to 3
kubectl scale --replicas=3 rs/foo

# Scale a resource identified by type and name specified in "foo.yaml" to 3
kubectl scale --replicas=3 -f foo.yaml

# If the deployment named mysql's current size is 2, scale mysql to 3
kubectl scale --current-replicas=2 --replicas=3 deployment/mysql

# Scale multiple replication controllers
kubectl scale --replicas=5 rc/example1 rc/example2 rc/example3

# Scale stateful set named 'web' to 3
kubectl scale --replicas=3 statefulset/web""",
    required=("replicas",),
    flags=(
        *groups.filename("of what to scale."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SELECTOR,
        *groups.ALL,
        *groups.RECORD,
        Flag(
            "current-replicas", "int", default=-1, help="Scale only if the current size is this; -1 for no condition."
        ),
        Flag("replicas", "int", help="The new desired number of replicas. Required."),
        Flag("resource-version", help="Scale only if this is the object's version."),
        Flag("timeout", "duration", default="0s", help="How long to wait for the scaling; zero to not wait."),
    ),
)
