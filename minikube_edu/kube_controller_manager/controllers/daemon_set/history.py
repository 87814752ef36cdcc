"""The templates that a DaemonSet had: one ControllerRevision each, the present one with the highest number."""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import MERGE_PATCH, Client
from minikube_edu.kube_controller_manager import revisions
from minikube_edu.kube_controller_manager.controllers.daemon_set.daemons import HASH
from minikube_edu.kube_controller_manager.kinds import CONTROLLER_REVISIONS, DAEMON_SETS, PODS

Object = dict[str, Any]


async def present(client: Client, daemon_set: Object, past: list[Object], pods: list[Object]) -> Object:
    """The revision of the present template; `past` is from old to new."""
    data = revisions.data_of(daemon_set)
    same = [one for one in past if one.get("data") == data]
    if not same:
        collisions = (daemon_set.get("status") or {}).get("collisionCount", 0)
        number = revisions.next_number(past)
        return await revisions.create(client, daemon_set, DAEMON_SETS, number, collisions, HASH)
    kept = same[-1]
    for double in same[:-1]:
        await _merge(client, kept, double, pods)
    if kept is not past[-1]:
        kept = await revisions.renumber(client, kept, revisions.next_number(past))
    return kept


async def _merge(client: Client, kept: Object, double: Object, pods: list[Object]) -> None:
    """Two revisions with one template: the pods of one are given to the other."""
    mine, other = hash_of(kept), hash_of(double)
    metadata = double["metadata"]
    await asyncio.gather(
        *(
            client.patch(
                PODS,
                pod["metadata"]["name"],
                {"metadata": {"labels": {HASH: mine}}},
                pod["metadata"]["namespace"],
                kind=MERGE_PATCH,
            )
            for pod in pods
            if (pod["metadata"].get("labels") or {}).get(HASH) == other
        )
    )
    try:
        await client.delete(CONTROLLER_REVISIONS, metadata["name"], metadata["namespace"])
    except ApiError as error:
        if error.code != 404:
            raise


def hash_of(revision: Object) -> str:
    return str((revision["metadata"].get("labels") or {}).get(HASH) or "")


async def clean_up(client: Client, daemon_set: Object, past: list[Object], now: Object, pods: list[Object]) -> None:
    used = {(pod["metadata"].get("labels") or {}).get(HASH) for pod in pods} | {hash_of(now)}
    live = {one["metadata"]["name"] for one in past if hash_of(one) in used}
    await revisions.truncate(client, past, live, daemon_set["spec"].get("revisionHistoryLimit", 10))
