"""How the tests of workloads ask: an object as a client would send it, and the messages that come back."""

from __future__ import annotations

import copy
from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.defaults import defaulter
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta, validator

Object = dict[str, Any]


def made(obj: Object, **changes: Any) -> Object:
    """A copy, with values put at paths: `made(POD, spec__containers__0__image="x")`; None takes out."""
    out: Any = copy.deepcopy(obj)
    for path, value in changes.items():
        *steps, last = path.split("__")
        at = out
        for step in steps:
            at = at[int(step)] if isinstance(at, list) else at.setdefault(step, {})
        if value is None:
            del at[last]
        else:
            at[int(last) if isinstance(at, list) else last] = value
    whole: Object = out
    return whole


def read(obj: Object) -> Object:
    """As the server has it after decoding and defaults."""
    group, _, version = obj["apiVersion"].rpartition("/")
    name = schema.type_of(group, version, obj["kind"])
    assert name is not None
    decoded = schema.decode(name, obj).object
    decoded["metadata"].setdefault("namespace", "default")
    defaulter(group, version, obj["kind"])(decoded)
    return decoded


def complaints(obj: Object) -> list[str]:
    """What is wrong with a new object, without repetition."""
    new, errors = read(obj), Errors()
    judge = validator(obj["apiVersion"].rpartition("/")[0], obj["kind"])
    meta.validate_meta_create(new, True, judge.name, errors)
    judge.create(new, errors)
    return list(dict.fromkeys(map(str, errors)))


def update_complaints(old: Object, new: Object, subresource: str = "") -> list[str]:
    """What is wrong with a change; both as a client would send them."""
    before, after, errors = read(old), read(new), Errors()
    judge = validator(new["apiVersion"].rpartition("/")[0], new["kind"])
    meta.validate_meta_update(after, before, errors)
    dict(judge.subresources).get(subresource, judge.update)(after, before, errors)
    return list(dict.fromkeys(map(str, errors)))


def advice(obj: Object, old: Object | None = None) -> list[str]:
    judge = validator(obj["apiVersion"].rpartition("/")[0], obj["kind"])
    return judge.warnings(read(obj), None if old is None else read(old))
