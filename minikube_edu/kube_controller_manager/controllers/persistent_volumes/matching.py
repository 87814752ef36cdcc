"""Which volume suits a claim: the smallest that is large enough and has all that the claim asks for."""

from __future__ import annotations

from collections.abc import Iterable

from minikube_edu.api import label_selectors, quantity
from minikube_edu.api.quantity import Quantity
from minikube_edu.kube_controller_manager.controller import Object

BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def annotation(obj: Object, name: str) -> str:
    return str(obj["metadata"].get("annotations", {}).get(name, ""))


def class_of(obj: Object) -> str:
    """Of a claim or a volume."""
    return annotation(obj, BETA_CLASS) or str(obj["spec"].get("storageClassName") or "")


def asked(claim: Object) -> Quantity:
    return quantity.parse(claim["spec"].get("resources", {}).get("requests", {}).get("storage", "0"))


def size(volume: Object) -> Quantity:
    return quantity.parse(volume["spec"].get("capacity", {}).get("storage", "0"))


def is_bound_to(volume: Object, claim: Object) -> bool:
    """The volume names the claim; without a uid it was its user who named it."""
    ref, metadata = volume["spec"].get("claimRef"), claim["metadata"]
    if not ref or (ref.get("namespace"), ref.get("name")) != (metadata["namespace"], metadata["name"]):
        return False
    return ref.get("uid") in (None, "", metadata["uid"])


def mode(obj: Object) -> str:
    return str(obj["spec"].get("volumeMode", "Filesystem"))


def misfit(volume: Object, claim: Object) -> str:
    """Why the volume that the claim names cannot be its; empty when it can."""
    if size(volume) < asked(claim):
        return "requested PV is too small"
    if class_of(volume) != class_of(claim):
        return "storageClassName does not match"
    if mode(volume) != mode(claim):
        return "incompatible volumeMode"
    if not set(claim["spec"].get("accessModes", [])) <= set(volume["spec"].get("accessModes", [])):
        return "incompatible accessMode"
    return ""


def best(claim: Object, volumes: Iterable[Object], delayed: bool) -> Object | None:
    """A volume that names the claim wins. `delayed`: nothing else is chosen before the scheduler has chosen a node."""
    selector = claim["spec"].get("selector")
    matcher = label_selectors.from_object(selector) if selector else label_selectors.everything()
    wanted, modes = asked(claim), set(claim["spec"].get("accessModes", []))
    found: Object | None = None
    for volume in volumes:
        spec = volume["spec"]
        if "deletionTimestamp" in volume["metadata"] or mode(volume) != mode(claim) or size(volume) < wanted:
            continue
        if not modes <= set(spec.get("accessModes", [])):
            continue
        if is_bound_to(volume, claim):
            return volume
        if delayed or spec.get("claimRef") or volume.get("status", {}).get("phase") != "Available":
            continue
        if class_of(volume) != class_of(claim) or not matcher.matches(volume["metadata"].get("labels", {})):
            continue
        if (spec.get("volumeAttributesClassName") or "") != (claim["spec"].get("volumeAttributesClassName") or ""):
            continue
        if found is None or (len(spec["accessModes"]), size(volume)) < (len(found["spec"]["accessModes"]), size(found)):
            found = volume
    return found


def default_class(classes: Iterable[Object]) -> Object | None:
    """The newest of those that are marked as default; of equals, the first by name."""
    marked = [one for one in classes if any(annotation(one, name) == "true" for name in DEFAULT_CLASS)]
    marked.sort(key=lambda one: str(one["metadata"]["name"]))
    marked.sort(key=lambda one: str(one["metadata"]["creationTimestamp"]), reverse=True)
    return marked[0] if marked else None
