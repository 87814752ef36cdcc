"""`--patches DIR`: files that change what kubeadm makes, `TARGET[SUFFIX][+TYPE].yaml|json`.

TARGET is a static pod, `kubeletconfiguration` or `corednsdeployment`; TYPE is strategic, merge or json; files apply in
alphabetical order.
"""

from __future__ import annotations

import os
from typing import Any, TextIO

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

TARGETS = (
    "etcd",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubeletconfiguration",
    "corednsdeployment",
)
TYPES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}


class Patches:
    """The patches of a directory of this host; none without one."""

    def __init__(self, directory: str, out: TextIO) -> None:
        self._out = out
        self._found: list[tuple[str, str, Any]] = []  # target, type, patch
        if directory:
            self._read(directory)

    def _read(self, directory: str) -> None:
        try:
            names = sorted(os.listdir(directory))
        except OSError:
            raise CommandError(
                f"could not list patch files for path {quote(directory)}: open {directory}: no such file or directory"
            ) from None
        ignored = []
        for name in names:
            path = os.path.join(directory, name)
            stem, extension = os.path.splitext(name)
            if os.path.isdir(path):
                continue
            if extension not in (".yaml", ".json"):
                ignored.append(name)
                continue
            plain, _, kind = stem.partition("+")
            target = next((one for one in TARGETS if plain.startswith(one)), "")
            if not target:
                raise CommandError(f"unknown target in {quote(name)}, must be one of [{' '.join(TARGETS)}]")
            if kind and kind not in TYPES:
                raise CommandError(f"unknown patch type {quote(kind)} from {quote(name)}")
            with open(path) as file:
                document = files.parse_yaml(file.read())
            if document is None:
                ignored.append(name)
                continue
            if not self._found:
                self._out.write(f"[patches] Reading patches from path {quote(directory)}\n")
            self._found.append((target, kind or "strategic", document))
        if ignored:
            self._out.write(f"[patches] Ignoring the following invalid or empty patch files: {ignored}\n")

    def apply(self, target: str, body: Object) -> Object:
        for name, kind, patch in self._found:
            if name == target:
                body = _applied(body, kind, patch)
                self._out.write(f'[patches] Applied patch of type "{TYPES[kind]}" to target "{target}"\n')
        return body


def _applied(body: Object, kind: str, patch: Any) -> Object:
    """A strategic patch of a kind that the API does not have merges as a map."""
    from minikube_edu.api import schema
    from minikube_edu.lib import jsonpatch

    group, _, version = body["apiVersion"].rpartition("/")
    of_type = schema.type_of(group, version, body["kind"])

    result: Any
    if kind == "json":
        operations = jsonpatch.decode_operations(patch)
        result = jsonpatch.apply_json_patch(jsonpatch.copy_json(body), operations)
    elif kind == "strategic" and of_type:
        from minikube_edu.api import strategic_merge

        result = strategic_merge.apply(body, patch, of_type)
    else:
        result = jsonpatch.apply_merge_patch(body, patch)
    found: Object = result
    return found
