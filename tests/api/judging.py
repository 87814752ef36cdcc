"""From a manifest to the messages about it, as the server would come to them: decode, defaults, validation."""

from __future__ import annotations

from typing import Any

import yaml

from minikube_edu.api import defaults, schema
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import split_api_version
from minikube_edu.api.validation import Validator, meta, validator

Object = dict[str, Any]

CLUSTER_WIDE = {
    "Namespace", "Node", "PersistentVolume", "StorageClass", "CSIDriver", "CSINode", "VolumeAttachment",
    "VolumeAttributesClass", "IngressClass", "IPAddress", "ServiceCIDR",
}  # fmt: skip


def read(manifest: str | Object) -> Object:
    """The object as the server would store it; `metadata` may be left out."""
    obj: Object = yaml.safe_load(manifest) if isinstance(manifest, str) else manifest
    obj = {**obj, "metadata": {"name": "x", **obj.get("metadata", {})}}
    if obj["kind"] not in CLUSTER_WIDE:
        obj["metadata"].setdefault("namespace", "default")
    group, version = split_api_version(obj["apiVersion"])
    type_name = schema.type_of(group, version, obj["kind"])
    assert type_name is not None
    decoded = schema.decode(type_name, obj)
    assert decoded.unknown == []
    defaults.defaulter(group, version, obj["kind"])(decoded.object)
    return decoded.object


def judge_of(obj: Object) -> Validator:
    return validator(split_api_version(obj["apiVersion"])[0], obj["kind"])


def complaints(manifest: str | Object) -> list[str]:
    """The messages about a new object."""
    obj, errors = read(manifest), Errors()
    judge = judge_of(obj)
    meta.validate_meta_create(obj, obj["kind"] not in CLUSTER_WIDE, judge.name, errors)
    judge.create(obj, errors)
    return [str(error) for error in errors]


def changes(before: str | Object, after: str | Object, subresource: str = "") -> list[str]:
    """The messages about an update."""
    old, new = read(before), read(after)
    errors = Errors()
    judge = judge_of(new)
    rule = dict(judge.subresources).get(subresource, judge.update)
    rule(new, old, errors)
    return [str(error) for error in errors]


def warnings(manifest: str | Object, before: str | Object | None = None) -> list[str]:
    obj = read(manifest)
    return judge_of(obj).warnings(obj, None if before is None else read(before))
