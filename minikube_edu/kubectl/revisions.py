"""The revisions of a workload: replica sets of a deployment, controller revisions of daemon and stateful sets."""

from __future__ import annotations

import copy
from typing import Any

from msgspec import Struct

from minikube_edu.api import label_selectors
from minikube_edu.client.rest import JSON_PATCH, STRATEGIC_PATCH, Resource
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.last_applied import ANNOTATION
from minikube_edu.kubectl.recording import CAUSE

Object = dict[str, Any]

REPLICA_SETS = Resource("apps", "v1", "replicasets", kind="ReplicaSet")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", kind="ControllerRevision")
REVISION = "deployment.kubernetes.io/revision"
HASH = "pod-template-hash"
KEPT = (
    ANNOTATION,
    REVISION,
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
)


class Revision(Struct):
    number: int
    object: Object  # a ReplicaSet; or the workload as it was
    source: Object  # a ReplicaSet or a ControllerRevision

    @property
    def cause(self) -> str:
        return str((self.source["metadata"].get("annotations") or {}).get(CAUSE) or "")

    def template(self) -> Object:
        found: Object = copy.deepcopy(self.object["spec"]["template"])
        if self.cause:
            metadata = found.setdefault("metadata", {})
            metadata["annotations"] = {**(metadata.get("annotations") or {}), CAUSE: self.cause}
        return found


async def of(info: Info) -> dict[int, Revision]:
    kind, obj = info.mapping.resource.kind, info.object
    if info.mapping.resource.group != "apps" or kind not in ("Deployment", "DaemonSet", "StatefulSet"):
        group = info.mapping.resource.group
        raise CommandError(f'error retrieving history for "{kind}", no visitor method exists for {{{group} {kind}}}')
    resource = REPLICA_SETS if kind == "Deployment" else CONTROLLER_REVISIONS
    selector = str(label_selectors.from_object(obj["spec"].get("selector")))
    listed = await info.factory.send("GET", resource.path(info.namespace), labelSelector=selector)
    found: dict[int, Revision] = {}
    for item in listed.get("items") or ():
        item = {"apiVersion": "apps/v1", "kind": resource.kind, **item}
        owners = item["metadata"].get("ownerReferences") or ()
        if not any(owner.get("controller") and owner.get("uid") == obj["metadata"]["uid"] for owner in owners):
            continue
        if kind == "Deployment":
            text = (item["metadata"].get("annotations") or {}).get(REVISION) or ""
            if text.isdigit():
                found[int(text)] = Revision(int(text), item, item)
        else:
            number = int(item.get("revision") or 0)
            found[number] = Revision(number, _applied(info, item), item)
    return found


def _applied(info: Info, revision: Object) -> Object:
    from minikube_edu.kubectl.three_way import patched

    return patched(info.mapping.resource, info.object, revision.get("data") or {}, STRATEGIC_PATCH)


def template_text(template: Object) -> str:
    """As `describe` shows it, but with its tabs: nobody lays this one out."""
    from minikube_edu.kubectl.describe.page import Page
    from minikube_edu.kubectl.describe.pods import template as show

    page = Page()
    show(page, template)
    return "".join(page._parts)  # its tabs are kept


async def restore(info: Info, wanted: int, dry: str, manager: str = "") -> str:
    """Back to a revision; 0 is the last but one. What was done."""
    kind = info.mapping.resource.kind
    if kind not in ("Deployment", "DaemonSet", "StatefulSet"):
        group = info.mapping.resource.group
        raise CommandError(f"no rollbacker has been implemented for {{{group} {kind}}}")
    if wanted < 0:
        raise CommandError(f"unable to find specified revision {wanted} in history")
    found = await of(info)
    numbers = sorted(found)
    if wanted == 0:
        if len(numbers) < 2:
            if kind == "Deployment":
                raise CommandError(f'no rollout history found for deployment "{info.name}"')
            raise CommandError("no last revision to roll back to")
        chosen = found[numbers[-2]]
    elif wanted in found:
        chosen = found[wanted]
    else:
        raise CommandError(f"unable to find specified revision {wanted} in history")
    if dry == "client":
        text = template_text(chosen.object["spec"]["template"])
        return text if kind == "Deployment" else f"will roll back to {text}"
    if kind == "Deployment" and info.object["spec"].get("paused"):
        raise CommandError(
            "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"
        )
    if _plain(chosen.object["spec"]["template"]) == _plain(info.object["spec"]["template"]):
        return f"skipped rollback (current template already matches revision {wanted})"
    body, content = _patch(info, chosen)
    await info.factory.send(
        "PATCH", info.path(), body, content_type=content, dryRun="All" if dry == "server" else "", fieldManager=manager
    )
    return "rolled back"


def _plain(template: Object) -> Object:
    metadata = dict(template.get("metadata") or {})
    metadata["labels"] = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH}
    return {**template, "metadata": {key: value for key, value in metadata.items() if value}}


def _patch(info: Info, chosen: Revision) -> tuple[Any, str]:
    if info.mapping.resource.kind != "Deployment":
        return chosen.source.get("data") or {}, STRATEGIC_PATCH
    mine = info.object["metadata"].get("annotations") or {}
    theirs = chosen.source["metadata"].get("annotations") or {}
    annotations = {key: mine[key] for key in KEPT if key in mine}
    annotations |= {key: value for key, value in theirs.items() if key not in KEPT}
    return [
        {"op": "replace", "path": "/spec/template", "value": _plain(chosen.object["spec"]["template"])},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ], JSON_PATCH
