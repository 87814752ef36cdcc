"""`generators:` and `transformers:` of a kustomization, when they are kustomize's own (`apiVersion: builtin`): the same
work as that of the fields, with each option and place named. Plugins from elsewhere are refused, as kubectl does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minikube_edu.kubectl.kustomize import configuration, generators, manifests, patches, replacements, transformers
from minikube_edu.kubectl.kustomize.field_paths import Spec
from minikube_edu.kubectl.kustomize.resource import Resources

Object = dict[str, Any]
Read = Callable[[str], bytes]


def load(entries: list[str], read: Read) -> list[tuple[Object, str]]:
    """Each entry is a file, or the text itself. With the file, "" for the kustomization."""
    found: list[tuple[Object, str]] = []
    inline = [(entry, "") for entry in entries if "\n" in entry]
    files = [(read(entry).decode(), entry) for entry in entries if "\n" not in entry]
    for text, path in (*inline, *files):  # in this order
        found += [(value, path) for value in manifests.documents(text) if isinstance(value, dict)]
    for one, _ in found:
        kind = str(one.get("kind") or "")
        if one.get("apiVersion") != "builtin" or kind not in (*_TRANSFORMERS, *_GENERATORS):
            raise ValueError(f"external plugins disabled; unable to load external plugin '{kind}'")
    return found


def generate(found: Resources, wanted: Object, read: Read, origin: Object | None) -> None:
    arguments = {**wanted, **{key: wanted.get("metadata", {}).get(key) for key in ("name", "namespace")}}
    made = generators.generate(_GENERATORS[wanted["kind"]], arguments, {}, read)
    made.origin = origin
    found.absorb(made)


def transform(found: Resources, wanted: Object, read: Read) -> None:
    _TRANSFORMERS[wanted["kind"]](found, wanted, read)


def _places(wanted: Object) -> list[Spec]:
    return [configuration.spec(one) for one in wanted.get("fieldSpecs") or ()]


def _affix(found: Resources, wanted: Object, _: Read) -> None:
    if wanted.get("fieldSpecs") is None:
        name = (wanted.get("metadata") or {}).get("name") or "[noName]"
        who = f"{wanted['kind']}.builtin.[noGrp]/{name}.{(wanted.get('metadata') or {}).get('namespace') or '[noNs]'}"
        raise ValueError(f"plugin {who} fails configuration: fieldSpecs is not expected to be nil")
    transformers.add_affix(found, str(wanted.get("prefix") or ""), str(wanted.get("suffix") or ""))


def _labels(found: Resources, wanted: Object, _: Read) -> None:
    transformers.add_pairs(found, wanted.get("labels") or {}, _places(wanted))


def _annotations(found: Resources, wanted: Object, _: Read) -> None:
    transformers.add_pairs(found, wanted.get("annotations") or {}, _places(wanted))


def _namespace(found: Resources, wanted: Object, _: Read) -> None:
    transformers.set_namespace(
        found,
        str((wanted.get("metadata") or {}).get("namespace") or ""),
        _places(wanted),
        unset_only=bool(wanted.get("unsetOnly")),
        subjects=str(wanted.get("setRoleBindingSubjects") or "defaultOnly"),
    )


def _image(found: Resources, wanted: Object, _: Read) -> None:
    transformers.set_image(found, wanted.get("imageTag") or {}, _places(wanted))


def _replicas(found: Resources, wanted: Object, _: Read) -> None:
    transformers.set_replicas(found, wanted.get("replica") or {}, _places(wanted))


def _patch(found: Resources, wanted: Object, read: Read) -> None:
    kept = ("patch", "path", "target", "options")
    patches.apply(found, {key: wanted[key] for key in kept if key in wanted}, read)


def _strategic(found: Resources, wanted: Object, read: Read) -> None:
    for path in wanted.get("paths") or ():
        patches.strategic(found, path, read)
    if wanted.get("patches"):
        patches.strategic(found, str(wanted["patches"]), read)


def _json(found: Resources, wanted: Object, read: Read) -> None:
    entry = {"target": wanted.get("target"), "path": wanted.get("path"), "patch": wanted.get("jsonOp")}
    patches.json6902(found, {key: value for key, value in entry.items() if value}, read)


def _replace(found: Resources, wanted: Object, read: Read) -> None:
    for entry in wanted.get("replacements") or ():
        values = manifests.documents(read(entry["path"]).decode()) if entry.get("path") else [entry]
        for value in values:
            for one in value if isinstance(value, list) else [value]:
                replacements.apply(found, one)


_GENERATORS = {"ConfigMapGenerator": "ConfigMap", "SecretGenerator": "Secret"}
_TRANSFORMERS: dict[str, Callable[[Resources, Object, Read], None]] = {
    "PrefixTransformer": _affix,
    "SuffixTransformer": _affix,
    "PrefixSuffixTransformer": _affix,
    "LabelTransformer": _labels,
    "AnnotationsTransformer": _annotations,
    "NamespaceTransformer": _namespace,
    "ImageTagTransformer": _image,
    "ReplicaCountTransformer": _replicas,
    "PatchTransformer": _patch,
    "PatchStrategicMergeTransformer": _strategic,
    "PatchJson6902Transformer": _json,
    "ReplacementTransformer": _replace,
}
