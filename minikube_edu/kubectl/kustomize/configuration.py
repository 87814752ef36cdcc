"""`configurations:` of a kustomization: more places where names, labels, images and the like are, mostly for custom
resources. They hold for the kustomization that names them and for all above it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct, field

from minikube_edu.kubectl.kustomize import manifests
from minikube_edu.kubectl.kustomize.default_specs import Names
from minikube_edu.kubectl.kustomize.field_paths import Spec

Object = dict[str, Any]
KINDS = ("namespace", "commonLabels", "commonAnnotations", "images", "replicas", "varReference")


class Configuration(Struct):
    specs: dict[str, list[Spec]] = field(default_factory=lambda: {name: [] for name in KINDS})
    names: list[Names] = field(default_factory=list)

    def add(self, other: Configuration) -> None:
        for name in KINDS:
            self.specs[name] = [*self.specs[name], *other.specs[name]]
        self.names = [*self.names, *other.names]


def spec(found: Object) -> Spec:
    kind, group, version = (str(found.get(name) or "") for name in ("kind", "group", "version"))
    return Spec(str(found.get("path") or ""), kind, group, version, bool(found.get("create")))


def load(paths: list[str], read: Callable[[str], bytes]) -> Configuration:
    found = Configuration()
    for path in paths:
        for document in manifests.documents(read(path).decode()):
            if not isinstance(document, dict):
                raise ValueError(f"invalid transformer configuration in {path}")
            for name in KINDS:
                found.specs[name] += [spec(entry) for entry in document.get(name) or ()]
            for entry in document.get("nameReference") or ():
                kind, group, version = (str(entry.get(name) or "") for name in ("kind", "group", "version"))
                places = [spec(one) for one in entry.get("fieldSpecs") or ()]
                found.names.append(Names(kind, group, version, places))
    return found
