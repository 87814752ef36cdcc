"""The file itself: its names, its fields, what is deprecated in it, what is wrong with it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

from minikube_edu.api.wire import yaml_form
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
COMPONENT = "Component"
_FIX = "Run 'kustomize edit fix' to update your Kustomization automatically."
_DEPRECATED = {
    "bases": f"# Warning: 'bases' is deprecated. Please use 'resources' instead. {_FIX}",
    "commonLabels": f"# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. {_FIX}",
    "imageTags": f"# Warning: 'imageTags' is deprecated. Please use 'images' instead. {_FIX}",
    "patchesJson6902": f"# Warning: 'patchesJson6902' is deprecated. Please use 'patches' instead. {_FIX}",
    "patchesStrategicMerge": f"# Warning: 'patchesStrategicMerge' is deprecated. Please use 'patches' instead. {_FIX}",
    "vars": f"# Warning: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] {_FIX}",
}
# field -> the Go type of its value, as an error names it
_LIST, _MAP, _TEXT = "[]", "map", "string"
_FIELDS = {
    **dict.fromkeys(("apiVersion", "kind", "namePrefix", "nameSuffix", "namespace"), _TEXT),
    **dict.fromkeys(("metadata", "openapi", "commonLabels", "commonAnnotations", "generatorOptions"), _MAP),
    **dict.fromkeys(("helmGlobals", "sortOptions"), _MAP),
    **dict.fromkeys(
        ("resources", "components", "crds", "bases", "labels", "patches", "patchesStrategicMerge", "patchesJson6902",
         "images", "imageTags", "replacements", "replicas", "vars", "configMapGenerator", "secretGenerator",
         "helmCharts", "helmChartInflationGenerator", "configurations", "generators", "transformers", "validators",
         "buildMetadata"),
        _LIST,
    ),
}  # fmt: skip


def find(folder: str) -> str:
    """The path of the one kustomization file in a folder."""
    found = [os.path.join(folder, name) for name in NAMES if os.path.isfile(os.path.join(folder, name))]
    if not found:
        names = ", ".join(f"'{name}'" for name in NAMES[:-1])
        raise ValueError(f"unable to find one of {names} or '{NAMES[-1]}' in directory '{folder}'")
    if len(found) > 1:
        raise ValueError(f"Found multiple kustomization files under: {folder}\n")
    return found[0]


def load(folder: str, warn: Callable[[str], None]) -> Object:
    """The file's fields, the old ones renamed."""
    with open(find(folder), "rb") as file:
        raw = file.read()
    try:
        fields = yaml_form.parse(raw) or {}
    except yaml_form.YamlError as error:
        raise ValueError(f"invalid Kustomization: {error}") from None
    _check(fields)
    for name, words in _DEPRECATED.items():
        if fields.get(name) is not None:
            warn(words)
    fields = {key: value for key, value in fields.items() if value is not None}
    given_fields = set(fields)
    kind = fields.setdefault("kind", "Kustomization")
    wanted = f"kustomize.config.k8s.io/v1{'alpha1' if kind == COMPONENT else 'beta1'}"
    given = fields.setdefault("apiVersion", wanted)
    fields["resources"] = [*(fields.get("resources") or ()), *(fields.pop("bases", None) or ())]
    fields["images"] = [*(fields.get("images") or ()), *(fields.pop("imageTags", None) or ())]
    if not given_fields - {"apiVersion", "kind"}:
        raise ValueError("kustomization.yaml is empty")
    wrong = [] if kind in ("Kustomization", COMPONENT) else [f"kind should be Kustomization or {COMPONENT}"]
    wrong += [] if given == wanted else [f"apiVersion for {kind} should be {wanted}"]
    if wrong:
        raise ValueError(f"Failed to read kustomization file under {folder}:\n" + "\n".join(wrong))
    return fields


def _check(fields: Any) -> None:
    if not isinstance(fields, dict):
        shown = "array" if isinstance(fields, list) else "string"
        message = f"json: cannot unmarshal {shown} into Go value of type types.Kustomization"
        raise ValueError(f"invalid Kustomization: {message}")
    for name, value in sorted(fields.items()):  # as JSON, keys are in order
        if name not in _FIELDS:
            raise ValueError(f"invalid Kustomization: json: unknown field {quote(name)}")
        wanted = {_LIST: list, _MAP: dict, _TEXT: str}[_FIELDS[name]]
        if value is not None and not isinstance(value, wanted):
            kinds = {list: "array", dict: "object", str: "string", bool: "bool"}
            shown = kinds.get(type(value), "number")
            go = {_LIST: "[]string", _MAP: "map[string]string", _TEXT: "string"}[_FIELDS[name]]
            message = f"json: cannot unmarshal {shown} into Go struct field Kustomization.{name} of type {go}"
            raise ValueError(f"invalid Kustomization: {message}")
    for where, pairs in _maps(fields):
        wrong = next((value for _, value in sorted(pairs.items()) if not isinstance(value, str | None)), None)
        if wrong is not None:
            shown = "bool" if isinstance(wrong, bool) else "number" if isinstance(wrong, int | float) else "object"
            message = f"json: cannot unmarshal {shown} into Go struct field {where} of type string"
            raise ValueError(f"invalid Kustomization: {message}")


def _maps(fields: Object) -> Iterator[tuple[str, Object]]:
    """Maps of texts in fields, and what Go calls the place."""
    for name in ("commonAnnotations", "commonLabels"):
        yield f"Kustomization.{name}", fields.get(name) or {}
    for name in ("configMapGenerator", "secretGenerator"):
        for entry in fields.get(name) or ():
            for inner in ("annotations", "labels"):
                options = (entry.get("options") if isinstance(entry, dict) else None) or {}
                yield f"GeneratorOptions.{name}.GeneratorArgs.options.{inner}", options.get(inner) or {}
    for inner in ("annotations", "labels"):
        options = fields.get("generatorOptions") or {}
        yield f"GeneratorOptions.generatorOptions.{inner}", options.get(inner) or {}
    for entry in fields.get("labels") or ():
        yield "Label.labels.pairs", (entry.get("pairs") if isinstance(entry, dict) else None) or {}
