"""Whatever happens to a workload: does it end as it is specified, with no pod too many, too few, or orphaned?"""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.in_process import until
from tests.kube_controller_manager.cluster import APPS, CORE, Cluster, Object, cluster, template, workload

CONTROLLERS = [
    "deployment-controller",
    "replicaset-controller",
    "statefulset-controller",
    "garbage-collector-controller",
]


async def disturb(it: Cluster, path: str, chance: random.Random) -> tuple[int, str]:
    """Scaling, new templates, deaths and strange labels, at any time; answers with what is specified in the end."""
    replicas, image = 3, "i:1"
    for _ in range(12):
        match chance.choice(["scale", "roll", "kill", "relabel", "fail", "wait"]):
            case "scale":
                replicas = chance.randint(0, 6)
                await it.api.patch(path, {"spec": {"replicas": replicas}})
            case "roll":
                image = f"i:{chance.randint(1, 3)}"
                await it.api.patch(path, {"spec": {"template": template(image)}})
            case "wait":
                await asyncio.sleep(chance.uniform(0, 0.05))
            case what:
                pods = await it.pods()
                if not pods:
                    continue
                pod = f"{CORE}/pods/{chance.choice(pods)['metadata']['name']}"
                if what == "kill":
                    await it.api.delete(pod)
                elif what == "fail":
                    await it.api.patch(pod + "/status", {"status": {"phase": "Failed"}})
                else:
                    await it.api.patch(pod, {"metadata": {"labels": {"app": "stolen"}}})
    return replicas, image


async def settled(it: Cluster, replicas: int, image: str) -> bool:
    pods = await it.pods(everything=True)
    whole = [pod for pod in pods if pod["status"]["phase"] != "Failed"]  # finished ones are neither counted nor let go
    mine = [pod for pod in whole if pod["metadata"]["labels"]["app"] == "web"]
    if len(mine) != replicas or any("deletionTimestamp" in pod["metadata"] for pod in mine):
        return False
    stolen: list[Object] = [pod for pod in whole if pod["metadata"]["labels"]["app"] == "stolen"]
    return (
        all(pod["spec"]["containers"][0]["image"] == image for pod in mine)
        and all(pod["status"]["phase"] == "Running" for pod in mine)
        and all(pod["metadata"].get("ownerReferences") for pod in mine)
        and not any(pod["metadata"].get("ownerReferences") for pod in stolen)
    )


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("plural", "more"), [("deployments", {}), ("statefulsets", {"serviceName": "db"})])
async def test_does_a_workload_end_as_it_is_specified_whatever_happens_to_it(
    plural: str, more: Object, seed: int
) -> None:
    async with cluster(CONTROLLERS) as it:
        path = f"{APPS}/{plural}/web"
        await it.api.create(f"{APPS}/{plural}", "web", spec=workload(3, **more))
        replicas, image = await disturb(it, path, random.Random(f"{plural} {seed}"))
        if plural == "statefulsets":
            # A stolen pod keeps its name: its successor can only come when it is gone, as in life.
            for pod in await it.pods():
                if pod["metadata"]["labels"]["app"] == "stolen":
                    await it.api.delete(f"{CORE}/pods/{pod['metadata']['name']}")
        await until(lambda: settled(it, replicas, image), 10)
        await it.status(path, replicas=replicas, updatedReplicas=replicas, availableReplicas=replicas)
