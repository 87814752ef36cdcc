"""What makes the definition of a custom resource wrong: names, versions, columns, subresources, conversion; schemas
are in `crd_schemas`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors, go_quote
from minikube_edu.api.structural import LIST_TYPE, formats, items, walk
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.crd_internal import SHARED, Places, places, shown_versions
from minikube_edu.api.validation.crd_rules import find_field
from minikube_edu.api.validation.crd_schemas import check_schema
from minikube_edu.api.validation.field_rules import immutable, required_one_of
from minikube_edu.api.validation.webhook_clients import client_config

APPROVAL = "api-approved.kubernetes.io"
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
MOST_SELECTABLE = 8
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"


def create(obj: Object, errors: Errors) -> None:
    name, spec = obj["metadata"].get("name", ""), obj["spec"]
    if name != f"{spec['names'].get('plural', '')}.{spec['group']}":
        errors.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    _spec(spec, errors)
    _rest(obj, None, errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    spec, before = new["spec"], old["spec"]
    _spec(spec, errors)
    if any(each["type"] == "Established" and each["status"] == "True" for each in _conditions(old)):
        immutable(errors, "spec.scope", spec["scope"], before["scope"])
        immutable(errors, "spec.names.kind", spec["names"]["kind"], before["names"]["kind"])
    immutable(errors, "spec.group", spec["group"], before["group"])
    immutable(errors, "spec.names.plural", spec["names"]["plural"], before["names"]["plural"])
    _rest(new, old, errors)


def status(new: Object, _: Object, errors: Errors) -> None:
    _names("status.acceptedNames", new.get("status", {}).get("acceptedNames", {}), errors)


def _conditions(obj: Object) -> list[Object]:
    found: list[Object] = obj.get("status", {}).get("conditions") or []
    return found


def _rest(obj: Object, old: Object | None, errors: Errors) -> None:
    """After the spec: what the status says of it, and the promises of protected groups."""
    _names("status.acceptedNames", obj.get("status", {}).get("acceptedNames", {}), errors)
    _stored_versions(obj, errors)
    _approval(obj, old, errors)
    kept = old is not None and old["spec"].get("preserveUnknownFields")
    if obj["spec"].get("preserveUnknownFields") and not kept:
        what = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.invalid("spec.preserveUnknownFields", True, what)


def _stored_versions(obj: Object, errors: Errors) -> None:
    path, stored = "status.storedVersions", obj.get("status", {}).get("storedVersions") or []
    if not stored:
        errors.invalid(path, None, "must have at least one stored version")
        return
    known = {version["name"] for version in obj["spec"].get("versions") or ()}
    for version in obj["spec"].get("versions") or ():
        if version["storage"] and version["name"] not in stored:
            errors.invalid(path, stored, f"must have the storage version {version['name']}")
    for index, name in enumerate(stored):
        if name not in known:
            so = f"{name} was previously a storage version, and must remain in spec.versions until a storage migration"
            what = f"ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            errors.invalid(f"{path}[{index}]", name, f"missing from spec.versions; {so} {what}")


def _approval(obj: Object, old: Object | None, errors: Errors) -> None:
    group = obj["spec"]["group"]
    if not any(group == own or group.endswith(f".{own}") for own in ("k8s.io", "kubernetes.io")):
        return
    text = _annotation(obj)
    state = _approval_state(text)
    if old is not None and state == _approval_state(_annotation(old)):
        return
    path = f"metadata.annotations[{APPROVAL}]"
    needed = f"protected groups must have approval annotation {go_quote(APPROVAL)}"
    if state == "missing":
        errors.required(path, f"{needed}, {_SEE}")
    elif state == "invalid":
        errors.invalid(path, text, f'{needed} with either a URL or a reason starting with "unapproved", {_SEE}')


def _annotation(obj: Object) -> str:
    found: str = obj["metadata"].get("annotations", {}).get(APPROVAL, "")
    return found


def _approval_state(text: str) -> str:
    if not text:
        return "missing"
    if text.startswith("unapproved"):
        return "bypassed"
    try:
        url = urlsplit(text)
    except ValueError:
        return "invalid"
    return "approved" if url.scheme and url.netloc else "invalid"


def _spec(spec: Object, errors: Errors) -> None:
    group, versions = spec["group"], spec.get("versions") or []
    if not group:
        errors.required("spec.group")
    elif problems := names.dns1123_subdomain(group):
        errors.invalid("spec.group", group, ",".join(problems))
    elif "." not in group:
        errors.invalid("spec.group", group, "should be a domain with at least one dot")
    required_one_of(errors, "spec.scope", spec["scope"], ["Cluster", "Namespaced"])
    for index, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            errors.required(f"spec.versions[{index}].schema.openAPIV3Schema")
    found = places(spec)
    for index, version in enumerate(versions):
        _version(f"spec.versions[{index}]", version, found.own[index], errors)
    _versions(spec, versions, found, errors)
    wanted = spec["names"]
    for field in ("plural", "singular", "kind", "listKind"):
        if not wanted.get(field):
            errors.required(f"spec.names.{field}")
    _names("spec.names", wanted, errors)
    _parts({part: found.top(part) for part in SHARED}, found.shared, found.shared.get("schema"), errors, found.shared)
    _conversion("spec.conversion", spec["conversion"], errors)


def _version(path: str, version: Object, own: Object, errors: Errors) -> None:
    if problems := names.dns1035_label(version["name"]):
        errors.invalid(f"{path}.name", version["name"], ",".join(problems))
    warning = version.get("deprecationWarning")
    for problem in _warning_problems(version.get("deprecated", False), warning):
        errors.invalid(f"{path}.deprecationWarning", warning, problem)
    _parts({part: f"{path}.{part}" for part in SHARED}, own, version.get("schema"), errors, version)


def _warning_problems(deprecated: bool, warning: str | None) -> list[str]:
    if warning is None:
        return []
    if not deprecated:
        return ["can only be set for deprecated versions"]
    problems = []
    if len(warning.encode()) > 256:
        problems.append("must be <= 256 characters long")
    if not warning:
        problems.append("must not be an empty string")
    bad = next((index for index, letter in enumerate(warning) if not letter.isprintable()), None)
    if bad is not None:
        what = f"must only contain printable UTF-8 characters; non-printable character found at index {bad}"
        problems.append(what)
    return problems


def _versions(spec: Object, versions: list[Object], found: Places, errors: Errors) -> None:
    named = [version["name"] for version in versions]
    if len(set(named)) < len(named):
        errors.invalid("spec.versions", shown_versions(spec, found), "must contain unique version names")
    if sum(version["storage"] for version in versions) != 1:
        what = "must have exactly one version marked as storage version"
        errors.invalid("spec.versions", shown_versions(spec, found), what)
    if named and (problems := names.dns1035_label(named[0])):
        errors.invalid("spec.version", named[0], ",".join(problems))


def _parts(
    paths: dict[str, str], parts: dict[str, Any], validation: Object | None, errors: Errors, version: Object
) -> None:
    """Schema, subresources, columns and selectable fields: of one version, or of all."""
    subresources = version.get("subresources") or {}
    schema = (parts.get("schema") or {}).get("openAPIV3Schema")
    if schema is not None:
        check_schema(
            f"{paths['schema']}.openAPIV3Schema", schema, errors, status=subresources.get("status") is not None
        )
    if (own := parts.get("subresources")) is not None and own.get("scale") is not None:
        _scale(f"{paths['subresources']}.scale", own["scale"], errors)
    for index, column in enumerate(parts.get("additionalPrinterColumns") or ()):
        _column(f"{paths['additionalPrinterColumns']}[{index}]", column, errors)
    if selectable := parts.get("selectableFields"):
        root = (validation or {}).get("openAPIV3Schema")
        if root is None:
            what = "may only be set when `version.schema.openAPIV3Schema` is not included"
            errors.invalid(paths["selectableFields"], "", what)
        else:
            _selectable(paths["selectableFields"], selectable, root, errors)


def _names(path: str, wanted: Object, errors: Errors) -> None:
    for field in ("plural", "singular"):
        if (name := wanted.get(field)) and (problems := names.dns1035_label(name)):
            errors.invalid(f"{path}.{field}", name, ",".join(problems))
    for field in ("kind", "listKind"):
        if (name := wanted.get(field)) and (problems := names.dns1035_label(name.lower())):
            what = "may have mixed case, but should otherwise match: " + ",".join(problems)
            errors.invalid(f"{path}.{field}", name, what)
    for index, name in enumerate(wanted.get("shortNames", ())):
        if problems := names.dns1035_label(name):
            errors.invalid(f"{path}.shortNames[{index}]", name, ",".join(problems))
    if wanted.get("kind") and wanted["kind"] == wanted.get("listKind"):
        errors.invalid(f"{path}.listKind", wanted["listKind"], "kind and listKind may not be the same")
    for index, name in enumerate(wanted.get("categories", ())):
        if problems := names.dns1035_label(name):
            errors.invalid(f"{path}.categories[{index}]", name, ",".join(problems))


def _column(path: str, column: Object, errors: Errors) -> None:
    kind, json_path = column.get("type", ""), column.get("jsonPath", "")
    if not column.get("name"):
        errors.required(f"{path}.name")
    if not kind:
        errors.required(f"{path}.type", f"must be one of {','.join(COLUMN_TYPES)}")
    elif kind not in COLUMN_TYPES:
        errors.invalid(f"{path}.type", kind, f"must be one of {','.join(COLUMN_TYPES)}")
    if (wanted := column.get("format")) and wanted not in COLUMN_FORMATS:
        errors.invalid(f"{path}.format", wanted, f"must be one of {','.join(COLUMN_FORMATS)}")
    if not json_path:
        errors.required(f"{path}.JSONPath")
    else:
        _simple_path(f"{path}.JSONPath", json_path, errors)


def _simple_path(path: str, text: str, errors: Errors) -> bool:
    if text.startswith("."):
        return True
    errors.invalid(path, text, "must be a simple json path starting with .")
    return False


def _scale(path: str, scale: Object, errors: Errors) -> None:
    for field, above in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        text = scale.get(field, "")
        if not text:
            errors.required(f"{path}.{field}")
        elif _simple_path(f"{path}.{field}", text, errors) and not text.startswith(f"{above}."):
            errors.invalid(f"{path}.{field}", text, f"should be a json path under {above}")
    text = scale.get("labelSelectorPath")
    if text and _simple_path(f"{path}.labelSelectorPath", text, errors) and not text.startswith((".spec.", ".status.")):
        errors.invalid(f"{path}.labelSelectorPath", text, "should be a json path under either .spec or .status")


def _selectable(path: str, selectable: list[Object], schema: Object, errors: Errors) -> None:
    seen: set[str] = set()
    for index, each in enumerate(selectable):
        at, text = f"{path}[{index}].jsonPath", each.get("jsonPath", "")
        if not text:
            errors.required(at)
            continue
        found, problem = find_field(text, schema)
        if found is None:
            errors.invalid(at, text, f"is an invalid path: {problem}")
            continue
        if text.startswith(".metadata"):
            errors.invalid(at, text, "must not point to fields in metadata")
        if found.get("type") not in ("string", "boolean", "integer"):
            what = "must point to a field of type string, boolean or integer. "
            errors.invalid(at, text, what + "Enum string fields and strings with formats are allowed.")
        if text in seen:
            errors.duplicate(at, text)
        seen.add(text)
    if len(seen) > MOST_SELECTABLE:
        errors.too_many(path, len(seen), MOST_SELECTABLE)


def _conversion(path: str, conversion: Object, errors: Errors) -> None:
    strategy, webhook = conversion.get("strategy", ""), conversion.get("webhook") or {}
    required_one_of(errors, f"{path}.strategy", strategy, ["None", "Webhook"])
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy != "Webhook":
        what = "should not be set when strategy is not set to Webhook"
        if client is not None:
            errors.forbidden(f"{path}.webhookClientConfig", what)
        if versions:
            errors.forbidden(f"{path}.conversionReviewVersions", what)
        return
    if client is None:
        errors.required(f"{path}.webhookClientConfig", "required when strategy is set to Webhook")
    else:
        client_config(f"{path}.webhookClientConfig", client, errors)
    at = f"{path}.conversionReviewVersions"
    if not versions:
        errors.required(at)
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            errors.invalid(f"{at}[{index}]", version, "duplicate version")
        else:
            errors.invalid_each(f"{at}[{index}]", version, names.dns1035_label(version))
    if not {"v1", "v1beta1"} & set(versions):
        errors.invalid(at, versions, "must include at least one of v1, v1beta1")


def warnings(obj: Object, old: Object | None) -> list[str]:
    """Formats that nobody checks, and sets of what cannot be compared; only what an update brings anew."""
    known = _advice(old) if old is not None else []
    return [each for each in _advice(obj) if each not in known]


def _advice(obj: Object) -> list[str]:
    unknown: list[str] = []
    sets: set[str] = set()
    for version in obj["spec"].get("versions") or ():
        for schema in walk((version.get("schema") or {}).get("openAPIV3Schema") or {}):
            wanted = schema.get("format", "")
            if wanted and not formats.is_known(schema.get("type", ""), wanted):
                unknown.append(f"unrecognized format {go_quote(wanted)}")
            kind = (items(schema) or {}).get("type", "")
            if schema.get(LIST_TYPE) == "set" and kind in ("object", "array"):
                what = "is not supported by server-side apply or CEL validation rules"
                sets.add(f"{LIST_TYPE}: set for items of type {go_quote(kind)} {what}")
    return [*unknown, *sorted(sets)]


VALIDATORS = {
    "CustomResourceDefinition": Validator(
        create=create, update=update, subresources=(("status", status),), warnings=warnings
    )
}
