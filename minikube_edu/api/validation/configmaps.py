"""ConfigMaps: keys are file names, the whole is limited, and `immutable` is for ever."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors, key
from minikube_edu.api.validation import Validator

Object = dict[str, Any]

MAX_BYTES = 1 << 20
IMMUTABLE = "field is immutable when `immutable` is set"


def decoded_size(base64_text: str) -> int:
    """The number of bytes that a text in base64 stands for."""
    return len(base64_text) // 4 * 3 - base64_text[-2:].count("=")


def create(obj: Object, errors: Errors) -> None:
    data, binary = obj.get("data", {}), obj.get("binaryData", {})
    for name in sorted(data):
        errors.invalid_each(key("data", name), name, names.config_map_key(name))
        if name in binary:
            errors.invalid(key("data", name), name, "duplicate of key present in binaryData")
    for name in sorted(binary):
        errors.invalid_each(key("binaryData", name), name, names.config_map_key(name))
    size = sum(len(value.encode("utf-8", "surrogatepass")) for value in data.values())
    if size + sum(map(decoded_size, binary.values())) > MAX_BYTES:
        errors.too_long("[]", MAX_BYTES)  # the whole object, as the real one spells it


def immutable_rules(new: Object, old: Object, errors: Errors, *fields: str) -> None:
    """Once immutable, neither the mark nor the fields change."""
    if not old.get("immutable"):
        return
    if not new.get("immutable"):
        errors.forbidden("immutable", IMMUTABLE)
    for field in fields:
        if new.get(field, {}) != old.get(field, {}):
            errors.forbidden(field, IMMUTABLE)


def update(new: Object, old: Object, errors: Errors) -> None:
    immutable_rules(new, old, errors, "data", "binaryData")
    create(new, errors)


VALIDATOR = Validator(create=create, update=update)
