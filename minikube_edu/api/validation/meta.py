"""What makes the metadata of an object wrong: the same for all kinds, on every write.

`validate_meta_create` and `validate_meta_update` are called before the kind's own rules; `check_labels` and
`check_annotations` are also for the metadata of templates. That an update must name the version that it changes is the
registry's business. Keys and values repeat from object to object, so that verdicts are remembered.

On update the real server judges metadata twice, once for all kinds and once more within the kind's own rules: clients
see every such error twice among the causes, and so they do here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Rule = Callable[[str], list[str]]

ANNOTATIONS_LIMIT = 256 * 1024  # bytes of all keys and values together
MANAGER_LIMIT = 128
SUBRESOURCE_LIMIT = 256
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
STANDARD_FINALIZERS = ("kubernetes", ORPHAN, FOREGROUND)
IMMUTABLE = "field is immutable"
OWN_GROUPS = frozenset(
    (
        "", "apps", "autoscaling", "batch", "certificates.k8s.io", "discovery.k8s.io", "events.k8s.io",
        "flowcontrol.apiserver.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "resource.k8s.io",
        "scheduling.k8s.io", "storage.k8s.io",
    )
)  # fmt: skip

# Asked of every write: what is left of a rule when it was asked before is a look-up.
label_key: Rule = lru_cache(maxsize=4096)(names.label_key)
label_value: Rule = lru_cache(maxsize=4096)(names.label_value)
subdomain: Rule = lru_cache(maxsize=4096)(names.dns1123_subdomain)
_namespace: Rule = lru_cache(maxsize=1024)(names.dns1123_label)


def validate_meta_create(obj: Object, namespaced: bool, name_rule: Rule, errors: Errors) -> None:
    meta = obj["metadata"]
    if prefix := meta.get("generateName"):
        errors.invalid_each("metadata.generateName", prefix, names.for_generate(name_rule, prefix))
    if name := meta.get("name"):
        if problems := name_rule(name):
            errors.invalid_each("metadata.name", name, problems)
    else:
        errors.required("metadata.name", "name or generateName is required")
    _place(meta, namespaced, errors)
    if meta.get("generation", 0) < 0:
        errors.invalid("metadata.generation", meta["generation"], "must be greater than or equal to 0")
    _contents(meta, errors, new=True)
    _whole_finalizers(obj, errors)


def validate_meta_update(new: Object, old: Object, errors: Errors) -> None:
    found = Errors()
    _changes(new["metadata"], old["metadata"], found)
    errors.extend(found)
    errors.extend(found)
    _whole_finalizers(new, errors)


def _place(meta: Object, namespaced: bool, errors: Errors) -> None:
    namespace = meta.get("namespace", "")
    if not namespaced:
        if namespace:
            errors.forbidden("metadata.namespace", "not allowed on this type")
    elif not namespace:
        errors.required("metadata.namespace")
    else:
        errors.invalid_each("metadata.namespace", namespace, _namespace(namespace))


def _contents(meta: Object, errors: Errors, new: bool) -> None:
    if "labels" in meta:
        check_labels("metadata.labels", meta["labels"], errors)
    if "annotations" in meta:
        check_annotations("metadata.annotations", meta["annotations"], errors)
    if "ownerReferences" in meta:
        _owners(meta["ownerReferences"], errors)
    if new and "finalizers" in meta:
        _finalizers(meta["finalizers"], errors)
    if "managedFields" in meta:
        _managers(meta["managedFields"], errors)


def check_labels(path: str, values: dict[str, str], errors: Errors) -> None:
    """Keys and values of labels; also of a node selector."""
    bad = [key for key, value in values.items() if label_key(key) or label_value(value)]
    for key in sorted(bad):
        errors.invalid_each(path, key, label_key(key))
        errors.invalid_each(path, values[key], label_value(values[key]))


def check_annotations(path: str, values: dict[str, str], errors: Errors) -> None:
    size = 0
    for key in sorted(values):
        if problems := label_key(key.lower()):
            errors.invalid_each(path, key, problems)
        size += len(key) + len(values[key])
    if size > ANNOTATIONS_LIMIT // 4 and annotations_size(values) > ANNOTATIONS_LIMIT:
        errors.too_long(path, ANNOTATIONS_LIMIT)


def annotations_size(values: dict[str, str]) -> int:
    return sum(len(text.encode()) for pair in values.items() for text in pair)


def _owners(owners: list[Object], errors: Errors) -> None:
    path = "metadata.ownerReferences"
    controller = ""
    for owner in owners:
        _owner(path, owner, errors)
        if owner.get("controller"):
            this = f"{owner.get('kind', '')}/{owner.get('name', '')}"
            if controller:
                problem = "Only one reference can have Controller set to true."
                errors.invalid(path, owners, f'{problem} Found "true" in references for {controller} and {this}')
            else:
                controller = this


def _owner(path: str, owner: Object, errors: Errors) -> None:
    api_version = owner.get("apiVersion", "")
    group, _, version = api_version.rpartition("/") if api_version.count("/") < 2 else ("", "", "")
    if not version:
        errors.invalid(f"{path}.apiVersion", api_version, "version must not be empty")
    for field in ("kind", "name", "uid"):
        if not owner.get(field):
            errors.invalid(f"{path}.{field}", owner.get(field, ""), "must not be empty")
    if (group, version, owner.get("kind")) == ("", "v1", "Event"):
        errors.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner")


def _finalizers(finalizers: list[str], errors: Errors) -> None:
    path = "metadata.finalizers"
    for finalizer in finalizers:
        errors.invalid_each(path, finalizer, label_key(finalizer))
    if ORPHAN in finalizers and FOREGROUND in finalizers:
        errors.invalid(path, finalizers, f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set")


def _whole_finalizers(obj: Object, errors: Errors) -> None:
    """Finalizers of Kubernetes are words, those of others have a domain before a slash: asked of the kinds that the
    real server judges as its own, not of custom resources nor of what extends the API."""
    if obj.get("apiVersion", "").rpartition("/")[0] not in OWN_GROUPS:
        return
    for index, finalizer in enumerate(obj["metadata"].get("finalizers", ())):
        if "/" not in finalizer and finalizer not in STANDARD_FINALIZERS:
            problem = "name is neither a standard finalizer name nor is it fully qualified"
            errors.invalid(f"metadata.finalizers[{index}]", finalizer, problem)


def _managers(entries: list[Object], errors: Errors) -> None:
    for index, entry in enumerate(entries):
        path = f"metadata.managedFields[{index}]"
        operation = entry.get("operation", "")
        if operation not in ("Apply", "Update"):
            problem = "must be `Apply` or `Update`"
            errors.invalid(f"{path}.operation", operation, problem)
        if entry.get("fieldsType", "FieldsV1") not in ("", "FieldsV1"):
            errors.invalid(f"{path}.fieldsType", entry["fieldsType"], "must be `FieldsV1`")
        field_manager(f"{path}.manager", entry.get("manager", ""), errors)
        if len(entry.get("subresource", "").encode()) > SUBRESOURCE_LIMIT:
            errors.too_long(f"{path}.subresource", SUBRESOURCE_LIMIT)


def field_manager(path: str, name: str, errors: Errors) -> None:
    """Also the query parameter fieldManager."""
    if name.isascii() and name.isprintable() and len(name) <= MANAGER_LIMIT:
        return
    if len(name.encode()) > MANAGER_LIMIT:
        errors.too_long(path, MANAGER_LIMIT)
    position = 0
    for char in name:
        if not char.isprintable():
            errors.invalid(path, name, f"invalid character U+{ord(char):04X} (at position {position})")
        position += len(char.encode())


def _changes(new: Object, old: Object, errors: Errors) -> None:
    if "deletionTimestamp" in old and (added := set(new.get("finalizers", ())) - set(old.get("finalizers", ()))):
        shown = ", ".join(map(quote, sorted(added)))
        problem = "no new finalizers can be added if the object is being deleted, found new finalizers"
        errors.forbidden("metadata.finalizers", f"{problem} []string{{{shown}}}")
    generation = new.get("generation", 0)
    if generation < 0:
        errors.invalid("metadata.generation", generation, "must be greater than or equal to 0")
    if generation < old.get("generation", 0):
        errors.invalid("metadata.generation", generation, "must not be decremented")
    for field in ("name", "namespace", "uid"):
        if new.get(field, "") != old.get(field, ""):
            errors.invalid(f"metadata.{field}", new.get(field, ""), IMMUTABLE)
    for field in ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"):
        if new.get(field) != old.get(field):
            errors.invalid(f"metadata.{field}", new.get(field), IMMUTABLE)
    _contents(new, errors, new=False)
