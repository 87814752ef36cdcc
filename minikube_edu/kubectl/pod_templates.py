"""Where a pod's specification is in an object that makes pods, and patches that change it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.three_way import two_way

Object = dict[str, Any]

KINDS = ("Deployment", "ReplicaSet", "ReplicationController", "DaemonSet", "StatefulSet", "Job")


def pod_spec(obj: Object) -> Object | None:
    """The pod's specification, to be changed in place; None for what has none."""
    kind = obj.get("kind")
    spec: Object = obj.get("spec") or {}
    if kind == "Pod":
        return spec
    if kind == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    elif kind not in KINDS:
        return None
    found: Object | None = (spec.get("template") or {}).get("spec")
    return found


def containers(spec: Object, pattern: str = "*") -> list[Object]:
    """Containers and init containers whose name matches, as shell patterns do."""
    from fnmatch import fnmatchcase

    every = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    return [one for one in every if fnmatchcase(one.get("name") or "", pattern)]


Change = Callable[[Object], None]


class Setter:
    """What the commands of `kubectl set` do with each object: change a copy, patch the difference, print the result."""

    def __init__(self, call: Call, done: str, refused: str, dry: str) -> None:
        self.call, self.dry, self.refused = call, dry, refused
        self.show = printing.shower(call, done, dry)
        self.local = bool(call.flags.get("local")) or dry == "client"

    async def apply(self, info: Info, change: Change, *, prints_same: bool = False) -> bool:
        """True when something was changed (or would be)."""
        after = copy.deepcopy(info.object)
        change(after)
        if self.call.flags.get("record"):
            from minikube_edu.kubectl.recording import CAUSE, typed

            notes = after["metadata"].setdefault("annotations", {})
            notes[CAUSE] = typed(self.call)
        if after == info.object and not prints_same:
            return False
        if self.local:
            self.show(after)
            return True
        patch, kind = two_way(info.mapping.resource, info.object, after)
        try:
            patched = await self.call.factory.send(
                "PATCH",
                info.path(),
                patch,
                content_type=kind,
                dryRun="All" if self.dry == "server" else "",
                fieldManager=self.call.flags["field-manager"],
            )
        except ApiError as error:
            if not self.refused:
                raise
            raise CommandError(f"{self.refused} {error}") from None
        self.show(patched)
        return True


def without_template(info: Info) -> CommandError:
    version, kind = str(info.object.get("apiVersion") or "").rpartition("/")[2], info.object.get("kind")
    return CommandError(
        f"{info.plural_name} the object is not a pod or does not have a pod template: *{version}.{kind}"
    )
