"""Secrets: what each type must hold. (In the singular: `secrets` is a module of the standard library.)"""

from __future__ import annotations

import binascii
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.validation import Validator, field_rules
from minikube_edu.api.validation.configmaps import MAX_BYTES, decoded_size, immutable_rules

Object = dict[str, Any]

REDACTED = "<secret contents redacted>"
ACCOUNT_NAME = "kubernetes.io/service-account.name"

# type -> the key that must be there and hold a JSON object
JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
TLS = "kubernetes.io/tls"


def create(obj: Object, errors: Errors) -> None:
    data = obj.get("data", {})
    for name in sorted(data):
        errors.invalid_each(key("data", name), name, names.config_map_key(name))
    if sum(map(decoded_size, data.values())) > MAX_BYTES:
        errors.too_long("data", MAX_BYTES)
    kind = obj.get("type", "")
    if kind == "kubernetes.io/service-account-token":
        if not obj["metadata"].get("annotations", {}).get(ACCOUNT_NAME):
            errors.required(key("metadata.annotations", ACCOUNT_NAME))
    elif kind in JSON_KEYS:
        _json(data, JSON_KEYS[kind], errors)
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors.required(key("data", "username"))
            errors.required(key("data", "password"))
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            errors.required(key("data", "ssh-privatekey"))
    elif kind == TLS:
        for name in ("tls.crt", "tls.key"):
            if name not in data:
                errors.required(key("data", name))


def _json(data: Object, name: str, errors: Errors) -> None:
    if name not in data:
        errors.required(key("data", name))
        return
    from minikube_edu.api.wire import json_form

    try:
        value = json_form.parse(binascii.a2b_base64(data[name]))
        if value is not None and not isinstance(value, dict):
            found = json_form.kind_of(value)
            raise json_form.JsonError(f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
    except json_form.JsonError as error:
        errors.invalid(key("data", name), REDACTED, str(error))


def update(new: Object, old: Object, errors: Errors) -> None:
    field_rules.immutable(errors, "type", new.get("type", ""), old.get("type", ""))
    immutable_rules(new, old, errors, "data")
    create(new, errors)


def warnings(obj: Object, _: Object | None) -> list[str]:
    if obj.get("type") != TLS:
        return []
    from minikube_edu.api.validation.tls_pairs import problem

    data = obj.get("data", {})
    found = problem(*(binascii.a2b_base64(data.get(name, "")) for name in ("tls.crt", "tls.key")))
    return [found] if found else []


VALIDATOR = Validator(create=create, update=update, warnings=warnings)
