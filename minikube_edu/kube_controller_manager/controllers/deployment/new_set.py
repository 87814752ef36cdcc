"""The ReplicaSet of the present template: found among those that there are, or made.

Its name ends with a hash of the template, so that two controllers, or one with an old view, make the same one. When
another object has that name already, the collision count changes the hash. Its revision is one more than the greatest
of the others': rolling back gives an old ReplicaSet a new number, and its history remembers the old one.

The hash is FNV-1a over the template as JSON. The real one hashes Go's dump of its structs: as long, but not equal.
"""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controllers.deployment.rollout import (
    DESIRED,
    HASH,
    MAXIMUM,
    REVISION,
    REVISION_HISTORY,
    Rollout,
    number,
    same_template,
)
from minikube_edu.kube_controller_manager.kinds import DEPLOYMENTS, REPLICA_SETS
from minikube_edu.kube_controller_manager.ownership import controlled_by, reference_to
from minikube_edu.kube_controller_manager.pod_control import namespace_is_going
from minikube_edu.lib.ids import ALPHABET

Object = dict[str, Any]

NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    REVISION_HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
}
HISTORY_CHARACTERS = 2000


async def find(rollout: Rollout) -> None:
    """Bring revisions and annotations of the new ReplicaSet up to date, if there is one."""
    if rollout.new is None:
        return
    revision = next_revision(rollout)
    annotations = with_revision(rollout, rollout.new["metadata"].get("annotations") or {}, revision)
    spec, seconds = rollout.new["spec"], rollout.spec.get("minReadySeconds", 0)
    if annotations != (rollout.new["metadata"].get("annotations") or {}) or spec.get("minReadySeconds", 0) != seconds:
        metadata = {**rollout.new["metadata"], "annotations": annotations}
        body = {**rollout.new, "metadata": metadata, "spec": {**spec, "minReadySeconds": seconds}}
        rollout.new = await rollout.client.update(REPLICA_SETS, body)
    rollout.annotations[REVISION] = annotations[REVISION]
    if rollout.has_deadline and rollout.condition("Progressing") is None:
        message = f'Found new replica set "{rollout.new["metadata"]["name"]}"'
        rollout.set_condition("Progressing", "True", "FoundNewReplicaSet", message)


async def find_or_make(rollout: Rollout) -> None:
    await find(rollout)
    if rollout.new is not None:
        return
    revision = next_revision(rollout)
    wanted = template_set(rollout, revision)
    name, size = wanted["metadata"]["name"], wanted["spec"]["replicas"]
    try:
        rollout.new = await rollout.client.create(REPLICA_SETS, wanted)
    except ApiError as error:
        if error.already_exists:
            rollout.new = await existing(rollout, wanted, error)
        else:
            await tell_failure(rollout, name, error)
            raise
    else:
        if size > 0:
            message = f"Scaled up replica set {name} from 0 to {size}"
            rollout.recorder.event(rollout.original, "Normal", "ScalingReplicaSet", message)
        if rollout.has_deadline:
            text = f'Created new replica set "{name}"'
            rollout.set_condition("Progressing", "True", "NewReplicaSetCreated", text)
    rollout.annotations[REVISION] = str(revision)


async def existing(rollout: Rollout, wanted: Object, error: ApiError) -> Object:
    """Ours, made a moment ago and not seen yet; or a stranger's, and then another name has to be found."""
    metadata = wanted["metadata"]
    found = await rollout.client.get(REPLICA_SETS, metadata["name"], metadata["namespace"])
    if controlled_by(found, rollout.deployment) and same_template(found["spec"]["template"], rollout.spec["template"]):
        return found
    status = rollout.original.get("status") or {}
    status = {**status, "collisionCount": status.get("collisionCount", 0) + 1}
    await rollout.client.update(DEPLOYMENTS, {**rollout.original, "status": status}, subresource="status")
    raise error


async def tell_failure(rollout: Rollout, name: str, error: ApiError) -> None:
    if namespace_is_going(error):
        return
    message = f'Failed to create new replica set "{name}": {error}'
    if rollout.has_deadline:
        rollout.set_condition("Progressing", "False", "ReplicaSetCreateError", message)
        await rollout.save()
    rollout.recorder.event(rollout.original, "Warning", "ReplicaSetCreateError", message)


def template_set(rollout: Rollout, revision: int) -> Object:
    """The new ReplicaSet, with as many replicas as there is room for now."""
    template, selector = rollout.spec["template"], rollout.spec["selector"]
    hashed = template_hash(template, rollout.status.get("collisionCount"))
    labels = {**(template["metadata"].get("labels") or {}), HASH: hashed}
    spec: Object = {
        "replicas": rollout.new_size(0),
        "selector": {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: hashed}},
        "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
    }
    if rollout.spec.get("minReadySeconds"):
        spec["minReadySeconds"] = rollout.spec["minReadySeconds"]
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{rollout.name[: 252 - len(hashed)]}-{hashed}",
            "namespace": rollout.deployment["metadata"]["namespace"],
            "labels": labels,
            "annotations": {**with_revision(rollout, {}, revision), **rollout.size_annotations()},
            "ownerReferences": [reference_to(rollout.deployment, DEPLOYMENTS)],
        },
        "spec": spec,
    }


def next_revision(rollout: Rollout) -> int:
    return max((number(one, REVISION) or 0 for one in rollout.old), default=0) + 1


def with_revision(rollout: Rollout, annotations: dict[str, str], revision: int) -> dict[str, str]:
    """The ReplicaSet's annotations with those of the Deployment and, if it is greater, the new revision."""
    copied = {key: value for key, value in rollout.annotations.items() if key not in NOT_COPIED}
    found = {**annotations, **copied}
    text = annotations.get(REVISION, "")
    before = int(text) if text.isdecimal() else 0
    if before < revision:
        found[REVISION] = str(revision)
        if REVISION in annotations:
            history = annotations.get(REVISION_HISTORY, "")
            past = [*([part for part in history.split(",") if part]), text]
            while len(past) > 1 and len(",".join(past)) > HISTORY_CHARACTERS:
                past.pop(0)
            found[REVISION_HISTORY] = ",".join(past)
    return found


def template_hash(template: Object, collisions: int | None) -> str:
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    return safe(str(fnv1a(data)))


def fnv1a(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def safe(text: str) -> str:
    """In letters that spell no words."""
    return "".join(ALPHABET[ord(character) % len(ALPHABET)] for character in text)
