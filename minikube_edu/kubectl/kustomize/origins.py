"""`buildMetadata`: where a resource comes from and what changed it on the way, as annotations; who built it, a label.

Only the outermost kustomization is asked; when it wants any of it, all below keeps the book. Paths are those from the
folder that is built. `Origins.resource`, `generated` and `changed` write into the resources' own books, `tell` makes
annotations of them in the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from minikube_edu.kubectl import KUSTOMIZE_VERSION
from minikube_edu.kubectl.kustomize.resource import Resource

Object = dict[str, Any]

ORIGIN = "config.kubernetes.io/origin"
TRANSFORMATIONS = "alpha.config.kubernetes.io/transformations"
MANAGED_BY = "app.kubernetes.io/managed-by"
BUILDER = f"kustomize-{KUSTOMIZE_VERSION}"


class Origins:
    """Of one kustomization: `folder` is the way to it, `file` the name of its file."""

    def __init__(self, folder: str, file: str) -> None:
        self.folder = folder
        self.file = file

    def resource(self, resource: Resource, path: str) -> None:
        resource.origin = {"path": os.path.normpath(os.path.join(self.folder, path))}

    def below(self, path: str, file: str) -> Origins:
        return Origins(os.path.normpath(os.path.join(self.folder, path)), file)

    def generated(self, resource: Resource, kind: str) -> None:
        resource.origin = self._builtin(kind)

    def changed(self, resources: Iterable[Resource], kind: str) -> None:
        """All of them: a transformer is told for each that it has seen."""
        self.noted(resources, self._builtin(kind))

    def plugin(self, config: Object, path: str) -> Object:
        metadata = config.get("metadata") or {}
        by = {"apiVersion": config.get("apiVersion"), "kind": config.get("kind")}
        by |= {key: metadata[key] for key in ("name", "namespace") if metadata.get(key)}
        return {"configuredIn": os.path.normpath(os.path.join(self.folder, path or self.file)), "configuredBy": by}

    @staticmethod
    def noted(resources: Iterable[Resource], note: Object) -> None:
        for one in resources:
            if one.origin is None:
                one.origin = note
            else:
                one.transformations.append(note)

    def _builtin(self, kind: str) -> Object:
        where = os.path.normpath(os.path.join(self.folder, self.file))
        return {"configuredIn": where, "configuredBy": {"apiVersion": "builtin", "kind": kind}}


def tell(resources: Iterable[Resource], wanted: Sequence[str]) -> None:
    for one in resources:
        if "originAnnotations" in wanted and one.origin is not None:
            _annotate(one, ORIGIN, _text(one.origin, ""))
        if "transformerAnnotations" in wanted and one.transformations:
            _annotate(one, TRANSFORMATIONS, "".join(f"- {_text(note, '  ').lstrip()}" for note in one.transformations))
        if "managedByLabel" in wanted:
            one.metadata["labels"] = {**(one.metadata.get("labels") or {}), MANAGED_BY: BUILDER}


def _annotate(one: Resource, name: str, text: str) -> None:
    one.metadata["annotations"] = {**(one.metadata.get("annotations") or {}), name: text}


def _text(note: Object, indent: str) -> str:
    """In the order of its fields, which is not the alphabet's."""
    from minikube_edu.kubectl.printers import yaml_out

    lines = ""
    for key, value in note.items():
        if isinstance(value, dict):
            lines += f"{indent}{key}:\n{_text(value, indent + '  ')}"
        else:
            lines += indent + yaml_out.encode({key: value})
    return lines
