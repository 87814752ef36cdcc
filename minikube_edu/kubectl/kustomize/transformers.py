"""What a kustomization does to all its resources: namespace, names, labels, annotations, replicas, images."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from minikube_edu.kubectl.kustomize import configuration
from minikube_edu.kubectl.kustomize import default_specs as specs
from minikube_edu.kubectl.kustomize.field_paths import Spec, apply
from minikube_edu.kubectl.kustomize.resource import Resources

Object = dict[str, Any]
Specs = Sequence[Spec]
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def set_namespace(
    found: Resources, namespace: str, more: Specs = (), *, unset_only: bool = False, subjects: str = "defaultOnly"
) -> None:
    """`subjects`: which of the service accounts in role bindings get it: defaultOnly, allServiceAccounts, none."""
    for one in found.items:
        one.remember()
        if not one.id.cluster_scoped and not (unset_only and one.namespace):
            one.metadata["namespace"] = namespace
        if one.kind in _BINDINGS:
            for subject in one.object.get("subjects") or ():
                every = subjects == "allServiceAccounts" and subject.get("kind") == "ServiceAccount"
                chosen = every or (subjects == "defaultOnly" and subject.get("name") == "default")
                if chosen and not (unset_only and subject.get("namespace")):
                    subject["namespace"] = namespace
        if not unset_only:
            apply(one, specs.NAMESPACES, lambda _: namespace, lambda: namespace)
        apply(one, more, lambda old: old if unset_only and old else namespace, lambda: namespace)
        same = [other.id for other in found.items if other.id.same(one.id)]
        if len(same) != 1:
            raise ValueError(f"namespace transformation produces ID conflict: {[str(other) for other in same]}")


def add_affix(found: Resources, prefix: str = "", suffix: str = "") -> None:
    """Definitions, API services and namespaces keep their names: others rely on them."""
    for one in found.items:
        first = one.original_id
        fixed = first.kind in ("CustomResourceDefinition", "Namespace")
        if fixed or (first.kind, first.group) == ("APIService", "apiregistration.k8s.io"):
            continue
        if prefix:
            one.prefixes.append(prefix)
        if suffix:
            one.suffixes.append(suffix)
        one.remember()
        one.name = prefix + one.name + suffix


def add_labels(found: Resources, fields: Object, more: Specs = ()) -> None:
    for entry in fields.get("labels") or ():
        own = [configuration.spec(one) for one in entry.get("fields") or ()]
        if entry.get("includeSelectors"):
            wanted = [*own, *specs.COMMON_LABELS, *more]
        elif entry.get("includeTemplates"):
            wanted = [*own, *specs.TEMPLATE_LABELS]
        else:
            wanted = [*own, *specs.METADATA_LABELS]
        add_pairs(found, entry.get("pairs") or {}, wanted)
    if fields.get("commonLabels"):
        add_pairs(found, fields["commonLabels"], [*specs.COMMON_LABELS, *more])


def add_annotations(found: Resources, pairs: Object, more: Specs = ()) -> None:
    add_pairs(found, pairs, [*specs.ANNOTATIONS, *more])


def add_pairs(found: Resources, pairs: Object, wanted: Specs) -> None:
    texts = {key: value if isinstance(value, str) else _text(value) for key, value in pairs.items()}
    if not texts:
        return
    for one in found.items:
        apply(one, wanted, lambda known: {**known, **texts}, dict)


def _text(value: Any) -> str:
    return "true" if value is True else "false" if value is False else "" if value is None else str(value)


def set_replicas(found: Resources, entry: Object, more: Specs = ()) -> None:
    name, count = entry.get("name") or "", int(entry.get("count") or 0)
    places = [*specs.REPLICAS, *more]
    kinds = [spec.kind for spec in places]
    chosen = [one for one in found.items if any(known.name == name and known.kind in kinds for known in one.ids)]
    if not chosen:
        shown = " ".join(f"{kind}.[noVer].[noGrp]" for kind in kinds)
        raise ValueError(f"resource with name {name} does not match a config with the following GVK [{shown}]")
    for one in chosen:
        apply(one, places, lambda _: count, lambda: count)


def set_image(found: Resources, entry: Object, more: Specs = ()) -> None:
    """In the known places, and wherever something has containers."""
    wanted = re.compile(
        "(?:" + str(entry.get("name") or "") + r")(:[a-zA-Z0-9_.{}-]*)?"
        r"(@[a-zA-Z0-9]+([.+_-][a-zA-Z0-9]+)*:[a-zA-Z0-9_.{}-]*)?"
    )

    def change(image: Any) -> Any:
        return _image(image, entry) if isinstance(image, str) and wanted.fullmatch(image) else image

    for one in found.items:
        apply(one, [*specs.IMAGES, *more], change)
        if one.kind != "CustomResourceDefinition":
            _containers(one.object, change)


def _containers(value: Any, change: Any) -> None:
    if isinstance(value, list):
        for item in value:
            _containers(item, change)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in ("containers", "initContainers") and isinstance(inner, list):
                for container in inner:
                    if isinstance(container, dict) and "image" in container:
                        container["image"] = change(container["image"])
            else:
                _containers(inner, change)


def _image(image: str, entry: Object) -> str:
    slash = max(image.find("/"), 0)
    name, _, digest = image.partition("@")
    colon = name.find(":", slash)
    tag = name[colon + 1 :] if colon >= 0 else ""
    name = name[:colon] if colon >= 0 else name
    name = entry.get("newName") or name
    new_tag, new_digest = str(entry.get("newTag") or ""), str(entry.get("digest") or "")
    if new_tag or new_digest:
        tag, digest = new_tag, new_digest
    elif entry.get("tagSuffix"):
        tag, digest = tag + str(entry["tagSuffix"]), ""
    return name + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
