"""How endpoints are put into slices: as few writes as possible, not as few slices.

A slice that must change anyway (an endpoint in it went or became another) is filled up first. What is left goes into
one slice that has room for all of it, the fullest such; else into new slices. Slices that lost all they had are reused
for what would be new ones, and only then deleted.
"""

from __future__ import annotations

from msgspec import Struct, field

from minikube_edu.kube_controller_manager.controller import Object

Objects = list[Object]
MOST = 100


class Writes(Struct):
    create: Objects = field(default_factory=list)
    update: Objects = field(default_factory=list)
    delete: Objects = field(default_factory=list)

    def reuse(self) -> None:
        """What is to be made takes the place of what is to be deleted."""
        while self.create and self.delete:
            gone, made = self.delete.pop(0), self.create.pop()
            kept = {
                k: gone["metadata"][k]
                for k in ("name", "generateName", "uid", "resourceVersion")
                if k in gone["metadata"]
            }
            self.update.append({**made, "metadata": {**made["metadata"], **kept}})


def identity(endpoint: Object) -> tuple[str, ...]:
    about = endpoint.get("targetRef") or {}
    return (*endpoint["addresses"], "|", about.get("namespace", ""), about.get("name", ""))


def fill(existing: Objects, desired: Objects, blank: Object, writes: Writes, most: int = MOST) -> None:
    """For one set of ports and one address type: `existing` slices of it, the endpoints that ought to be, and `blank`,
    the slice as it would be made, without endpoints."""
    missing = {identity(endpoint): endpoint for endpoint in desired}
    untouched: Objects = []
    changed: Objects = []
    for slice_ in existing:
        kept, same = [], True
        for endpoint in slice_.get("endpoints") or []:
            now = missing.pop(identity(endpoint), None)
            if now is None:
                same = False
                continue
            same = same and now == endpoint
            kept.append(now)
        if not kept:
            writes.delete.append(slice_)
        elif same and dressed_as(slice_, blank):
            untouched.append(slice_)
        else:
            changed.append(_with(slice_, blank, kept))
    rest = list(missing.values())
    for slice_ in sorted(changed, key=lambda one: -len(one["endpoints"])):
        room = most - len(slice_["endpoints"])
        slice_["endpoints"] += rest[:room]
        rest = rest[room:]
    while rest:
        fitting = [one for one in untouched if len(one["endpoints"]) + len(rest) <= most] if len(rest) < most else []
        if fitting:
            best = max(fitting, key=lambda one: len(one["endpoints"]))
            changed.append(_with(best, blank, [*best["endpoints"], *rest]))
            rest = []
        else:
            writes.create.append({**blank, "endpoints": rest[:most]})
            rest = rest[most:]
    writes.update += changed


def dressed_as(slice_: Object, blank: Object) -> bool:
    """The same labels and owner."""
    mine, wanted = slice_["metadata"], blank["metadata"]
    return bool(
        mine.get("labels") == wanted["labels"]
        and [o["uid"] for o in mine.get("ownerReferences", [])] == [o["uid"] for o in wanted["ownerReferences"]]
    )


def _with(slice_: Object, blank: Object, endpoints: Objects) -> Object:
    metadata = {
        **slice_["metadata"],
        "labels": blank["metadata"]["labels"],
        "ownerReferences": blank["metadata"]["ownerReferences"],
    }
    return {**slice_, "metadata": metadata, "endpoints": endpoints}
