"""Patches: strategic ones (a piece of a resource) and JSON ones (a list of operations), from files or in line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.kubectl.kustomize import manifests, merging
from minikube_edu.kubectl.kustomize.resource import Resource, Resources
from minikube_edu.kubectl.printers import yaml_out
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.jsonpatch import PatchDecodeError, PatchError, apply_json_patch, decode_operations

Object = dict[str, Any]
Read = Callable[[str], bytes]


def apply(found: Resources, entry: Object, read: Read) -> None:
    """One entry of `patches`."""
    text, path = str(entry.get("patch") or "").strip(), entry.get("path") or ""
    if bool(text) == bool(path):
        what = "patch and path can't be set at the same time" if text else "must specify one of patch and path in"
        raise _misconfigured(entry, f"{what}\n{yaml_out.encode(entry)}")
    shown = f"[patch: {quote(text)}]" if text else f"[path: {quote(path)}]"
    if path:
        try:
            text = read(path).decode()
        except ValueError as error:
            raise _misconfigured(entry, f"failed to get the patch file from path({path}): {error}") from None
    target, options = entry.get("target"), entry.get("options") or {}
    try:
        values = manifests.documents(text)
        listed = len(values) == 1 and isinstance(values[0], list)
        patches = [] if listed else [Resource(value) for value in values] if target else manifests.resources(text)
    except ValueError:
        raise _misconfigured(entry, f"unable to parse SM or JSON patch from {shown}") from None
    if listed:
        _operations(found, values[0], target, shown)
        return
    if target is None:
        for patch in patches:
            try:
                chosen = found.only(patch.id)
            except ValueError as error:
                raise ValueError(f"no resource matches strategic merge patch {quote(str(patch.id))}: {error}") from None
            _merge(found, chosen, patch.object, options)
        return
    if len(patches) > 1:
        why = "Multiple Strategic-Merge Patches in one `patches` entry is not allowed to set `patches.target` field"
        raise ValueError(f"{why}: {shown}")
    for chosen in select(found, target):
        _merge(found, chosen, patches[0].object, options)


def _misconfigured(entry: Object, why: str) -> ValueError:
    config = f"`\n{yaml_out.encode(entry)}`"
    return ValueError(f"trouble configuring builtin PatchTransformer with config: {config}: {why}")


def strategic(found: Resources, entry: str, read: Read) -> None:
    """One entry of the old `patchesStrategicMerge`: a path, or the patch itself."""
    try:
        patches = manifests.resources(entry)
    except ValueError:
        patches = manifests.resources(read(entry).decode())
    for patch in patches:
        _merge(found, found.only(patch.id), patch.object, {})


def json6902(found: Resources, entry: Object, read: Read) -> None:
    """One entry of the old `patchesJson6902`; its target is one resource."""
    text = entry.get("patch") or read(entry.get("path") or "").decode()
    values = manifests.documents(text)
    operations = values[0] if values and isinstance(values[0], list) else []
    _operations(found, operations, entry.get("target"), "")


def _merge(found: Resources, chosen: Resource, patch: Object, options: Object) -> None:
    name, namespace, kind = chosen.name, chosen.metadata.get("namespace"), chosen.kind
    version = chosen.object.get("apiVersion")
    if options.get("allowNameChange") or options.get("allowKindChange"):
        chosen.remember()
    merged = merging.merge(chosen.object, patch)
    if merged is None:
        found.items.remove(chosen)
        return
    chosen.object = merged
    merged["apiVersion"] = version
    if not options.get("allowKindChange"):
        merged["kind"] = kind
    if not options.get("allowNameChange"):
        chosen.name = name
    chosen.metadata.pop("namespace", None)
    if namespace is not None:
        chosen.metadata["namespace"] = namespace


def _operations(found: Resources, operations: Any, target: Object | None, shown: str) -> None:
    if target is None:
        raise ValueError(f"must specify a target for JSON patch {shown}")
    for chosen in select(found, target):
        chosen.remember()
        try:
            chosen.object = apply_json_patch(chosen.object, decode_operations(operations))
        except (PatchError, PatchDecodeError) as error:
            raise ValueError(str(error)) from None


def select(found: Resources, target: Object) -> list[Resource]:
    """What a target means: names and types are expressions for the whole word; "" is any."""
    patterns = {name: _pattern(target.get(name)) for name in ("group", "version", "kind", "name", "namespace")}
    labels = label_selectors.parse(target.get("labelSelector") or "")
    annotations = label_selectors.parse(target.get("annotationSelector") or "")
    chosen = []
    for one in found.items:
        now, first = one.id, one.original_id
        spaces = (now.effective_namespace, first.effective_namespace)
        fits = all(_fits(patterns[name], getattr(now, name)) for name in ("group", "version", "kind"))
        fits = fits and any(_fits(patterns["name"], known.name) for known in (now, first))
        fits = fits and any(_fits(patterns["namespace"], space) for space in spaces)
        fits = (
            fits
            and labels.matches(one.metadata.get("labels") or {})
            and annotations.matches(one.metadata.get("annotations") or {})
        )
        if fits:
            chosen.append(one)
    return chosen


def _pattern(text: str | None) -> re.Pattern[str] | None:
    return re.compile(text) if text else None


def _fits(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is None or pattern.fullmatch(text) is not None
