"""One kustomization: gather resources, generate, add components, transform; and what is done once, at the end.

A base is made whole before its overlay sees it; a component works on what its parent has gathered so far.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from minikube_edu.kubectl import name_hash
from minikube_edu.kubectl.kustomize import (
    configuration,
    generators,
    kustomization,
    manifests,
    ordering,
    origins,
    patches,
    plugins,
    references,
    replacements,
    transformers,
)
from minikube_edu.kubectl.kustomize.resource import Resources
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Warn = Callable[[str], None]
_LOCAL = "config.kubernetes.io/local-config"


def make(folder: str, warn: Warn) -> list[Object]:
    root = _folder(folder, "")
    target = Target(root, [root], warn)
    build = target.fields.get("buildMetadata") or []
    if build:
        target.origins = origins.Origins("", target.file)
    found = target.gather(Resources())
    for one in found.items:
        if one.needs_hash:
            one.remember()
            one.name = f"{one.name}-{_hash(one.object)}"
    references.follow(found, target.configuration.names)
    references.fill_in(found, target.variables, target.configuration.specs["varReference"])
    kept = [one for one in found.items if _LOCAL not in (one.metadata.get("annotations") or {})]
    for one in kept:
        if one.metadata.get("annotations") == {}:
            del one.metadata["annotations"]
    origins.tell(kept, build)
    return [one.object for one in ordering.arranged(kept, target.fields.get("sortOptions"))]


class Target:
    """`roots` is the way from the first folder to this one: nobody may come back to a folder on it."""

    def __init__(self, root: str, roots: list[str], warn: Warn) -> None:
        self.root = root
        self.roots = roots
        self.warn = warn
        self.fields = kustomization.load(root, warn)
        self.file = os.path.basename(kustomization.find(root))
        self.origins: origins.Origins | None = None  # told when the outermost one wants to know
        self.variables: list[Object] = list(self.fields.get("vars") or ())
        self.configuration = configuration.load(self.fields.get("configurations") or [], self.read)

    def gather(self, found: Resources) -> Resources:
        fields = self.fields
        self._refuse_plugins()
        for path in fields["resources"]:
            try:
                self._resource(found, str(path))
            except ValueError as error:
                raise ValueError(f"accumulating resources: {error}") from None
        common = fields.get("generatorOptions") or {}
        for kind, name in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
            for arguments in fields.get(name) or ():
                try:
                    made = generators.generate(kind, arguments, common, self.read)
                    if self.origins:
                        self.origins.generated(made, f"{kind}Generator")
                    found.absorb(made)
                except ValueError as error:
                    raise ValueError(
                        f"merging from generator: {error}" if str(error).startswith("id ") else str(error)
                    ) from None
        for entry, path in plugins.load(fields.get("generators") or [], self.read):
            origin = self.origins.plugin(entry, path) if self.origins else None
            plugins.generate(found, entry, self.read, origin)
        for path in fields.get("components") or ():
            found = self._component(found, str(path))
        self._transform(found)
        return found

    def _refuse_plugins(self) -> None:
        charts = [*(self.fields.get("helmCharts") or ()), *(self.fields.get("helmChartInflationGenerator") or ())]
        if charts:
            from minikube_edu.kubectl.printers import yaml_out

            shown = f"with config: `\n{yaml_out.encode(charts[0])}`"
            raise ValueError(
                f"trouble configuring builtin HelmChartInflationGenerator {shown}: must specify --enable-helm"
            )

    def _transform(self, found: Resources) -> None:
        fields, more = self.fields, self.configuration.specs

        def note(kind: str, times: int = 1) -> None:
            for _ in range(times if self.origins else 0):
                assert self.origins
                self.origins.changed(found.items, f"{kind}Transformer")

        note("PatchStrategicMerge", bool(fields.get("patchesStrategicMerge")))
        for text in fields.get("patchesStrategicMerge") or ():
            patches.strategic(found, text, self.read)
        for entry in fields.get("patches") or ():
            note("Patch")
            patches.apply(found, entry, self.read)
        if fields.get("namespace"):
            note("Namespace")
            transformers.set_namespace(found, fields["namespace"], more["namespace"])
        if fields.get("namePrefix"):
            note("Prefix")
            transformers.add_affix(found, prefix=fields["namePrefix"])
        if fields.get("nameSuffix"):
            note("Suffix")
            transformers.add_affix(found, suffix=fields["nameSuffix"])
        labels = fields.get("labels") or ()
        note("Label", len(labels) + 1 if labels or fields.get("commonLabels") else 0)
        transformers.add_labels(found, fields, more["commonLabels"])
        if fields.get("commonAnnotations"):
            note("Annotations")
            transformers.add_annotations(found, fields["commonAnnotations"], more["commonAnnotations"])
        for entry in fields.get("patchesJson6902") or ():
            note("PatchJson6902")
            patches.json6902(found, entry, self.read)
        for entry in fields.get("replicas") or ():
            note("ReplicaCount")
            transformers.set_replicas(found, entry, more["replicas"])
        for entry in fields["images"]:
            note("ImageTag")
            transformers.set_image(found, entry, more["images"])
        note("Replacement", bool(fields.get("replacements")))
        for entry in fields.get("replacements") or ():
            for one in self._replacements(entry):
                replacements.apply(found, one)
        for entry, path in plugins.load(fields.get("transformers") or [], self.read):
            if self.origins:
                self.origins.noted(found.items, self.origins.plugin(entry, path))
            plugins.transform(found, entry, self.read)
        plugins.load(fields.get("validators") or [], self.read)

    def _replacements(self, entry: Object) -> list[Object]:
        if not entry.get("path"):
            return [entry]
        values = manifests.documents(self.read(entry["path"]).decode())
        return [one for value in values for one in (value if isinstance(value, list) else [value])]

    # ---------------------------------------------------------------- files and folders

    def read(self, path: str) -> bytes:
        """A file of this kustomization: in its folder or below."""
        if "://" in path:
            raise ValueError(f"remote files are not supported: {path}")
        whole = os.path.normpath(os.path.join(self.root, path))
        real = _real(whole)
        if os.path.isdir(real):
            raise ValueError(f"'{real}' must resolve to a file")
        if os.path.commonpath([self.root, real]) != self.root:
            raise ValueError(f"security; file '{real}' is not in or below '{self.root}'")
        with open(real, "rb") as file:
            return file.read()

    def _resource(self, found: Resources, path: str) -> None:
        """A file of resources, or the folder of another kustomization."""
        try:
            self._file(found, path)
            return
        except ValueError as error:
            why = str(error)
        if "MalformedYAMLError" in why:
            raise ValueError(why)
        try:
            self._folder(found, path)
        except ValueError as error:
            raise ValueError(f"accumulation err='{why}': {error}") from None

    def _file(self, found: Resources, path: str) -> None:
        try:
            items = manifests.resources(self.read(path).decode())
        except ValueError as error:
            where = f" in File: {path}" if str(error).startswith("MalformedYAMLError") else ""
            raise ValueError(f"accumulating resources from '{path}': {error}{where}") from None
        for one in items:
            if self.origins:
                self.origins.resource(one, path)
            try:
                found.append(one)
            except ValueError as error:
                raise ValueError(f"merging resources from '{path}': {error}") from None

    def _folder(self, found: Resources, path: str) -> None:
        below = self._below(path)
        if below.fields["kind"] == kustomization.COMPONENT:
            raise ValueError(f"expected kind != '{kustomization.COMPONENT}' for path '{below.root}'")
        try:
            inner = below.gather(Resources())
        except ValueError as error:
            raise ValueError(f"recursed accumulation of path '{below.root}': {error}") from None
        self.variables = below.variables + self.variables
        self.configuration.add(below.configuration)
        for one in inner.items:
            try:
                found.append(one)
            except ValueError as error:
                raise ValueError(f"recursed merging from path '{below.root}': {error}") from None

    def _below(self, path: str) -> Target:
        if "://" in path or path.startswith("git@"):
            raise ValueError(f"remote bases are not supported: {path}")
        if os.path.isabs(path):
            raise ValueError(f"new root '{path}' cannot be absolute")
        root = _folder(os.path.join(self.root, path), path)
        for visited in self.roots:
            if os.path.commonpath([root, visited]) == root:
                raise ValueError(f"cycle detected: candidate root '{root}' contains visited root '{visited}'")
        try:
            target = Target(root, [*self.roots, root], self.warn)
        except ValueError as error:
            raise ValueError(f"couldn't make target for path '{root}': {error}") from None
        target.origins = self.origins and self.origins.below(path, target.file)
        return target

    def _component(self, found: Resources, path: str) -> Resources:
        try:
            below = self._below(path)
        except ValueError as error:
            raise ValueError(f"accumulating components: loader.New {quote(str(error))}") from None
        kind = below.fields["kind"]
        if kind != kustomization.COMPONENT:
            wrong = f"expected kind '{kustomization.COMPONENT}' for path '{below.root}' but got '{kind}'"
            raise ValueError(f"accumulating components: accumulateDirectory: {quote(wrong)}")
        try:
            found = below.gather(found)
        except ValueError as error:
            wrong = f"recursed accumulation of path '{below.root}': {error}"
            raise ValueError(f"accumulating components: accumulateDirectory: {quote(wrong)}") from None
        self.variables = below.variables + self.variables
        self.configuration.add(below.configuration)
        return found


def _hash(obj: Object) -> str:
    """Of what it holds alone: the real one looks for the name in the wrong place, so that overlays share the hash."""
    return name_hash.of({**obj, "metadata": {"name": ""}})


def _real(path: str) -> str:
    """Links resolved; what is not there is named as the system names it."""
    whole = os.path.normpath(os.path.abspath(path))
    if not os.path.lexists(whole):
        raise ValueError(f"evalsymlink failure on '{path}' : lstat {whole}: no such file or directory")
    return os.path.realpath(whole)


def _folder(path: str, shown: str) -> str:
    """The folder of a kustomization. `shown` is how the file that refers to it wrote it."""
    try:
        real = _real(os.path.normpath(path) if shown else path)
    except ValueError as error:
        raise ValueError(f"must build at directory: not a valid directory: {error}") from None
    if not os.path.isdir(real):
        raise ValueError(f"must build at directory: '{real}': file is not directory")
    return real
