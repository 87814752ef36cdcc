"""StatefulSets: pods with names and claims of their own. Their names become parts of the pods': dots are out."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Validator, int_or_percent, meta
from minikube_edu.api.validation.field_rules import nonnegative
from minikube_edu.api.validation.persistent_volume_claims import spec_rules as claim_spec_rules
from minikube_edu.api.validation.pod_options import STRICT
from minikube_edu.api.validation.pod_specs import validate_pod_annotations, validate_template
from minikube_edu.api.validation.pod_warnings import claim_warnings, template_warnings
from minikube_edu.api.validation.replica_sets import check_collisions, check_template_matches, validate_selector
from minikube_edu.api.validation.workloads import check_always_restarts

Object = dict[str, Any]

_CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
)  # fmt: skip
_FORBIDDEN = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_HISTORY = "a negative value retains all historical revisions; a value >= 0 is recommended"


def _judge(spec: Object, errors: Errors, *, new: bool = True, template: bool = True) -> None:
    """An existing set's claims and service name cannot change: that they are wrong is no fault of an update."""
    policy = spec.get("podManagementPolicy", "")
    if not policy:
        errors.required("spec.podManagementPolicy")
    elif policy not in ("OrderedReady", "Parallel"):
        errors.invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'")
    _validate_strategy("spec.updateStrategy", spec["updateStrategy"], errors)
    retention = spec.get("persistentVolumeClaimRetentionPolicy", {})
    for field in ("whenDeleted", "whenScaled") if retention else ():
        if retention.get(field) not in ("Retain", "Delete"):
            at = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
            errors.not_supported(at, retention.get(field, ""), ["Retain", "Delete"])
    claims = spec.get("volumeClaimTemplates", [])
    if new:
        for index, claim in enumerate(claims):
            claim_spec_rules(errors, f"spec.volumeClaimTemplates[{index}].spec", claim["spec"])
    nonnegative(errors, "spec.replicas", spec.get("replicas", 0))
    nonnegative(errors, "spec.minReadySeconds", spec.get("minReadySeconds", 0))
    nonnegative(errors, "spec.ordinals.start", spec.get("ordinals", {}).get("start", 0))
    service = spec.get("serviceName", "")
    if new and service:
        errors.invalid_each("spec.serviceName", service, names.dns1123_label(service))
    validate_selector(spec, "empty selector is invalid for statefulset", errors)
    if check_template_matches(spec, "", errors):
        _validate_template(spec, claims, template, errors)
    check_always_restarts("spec.template.spec", spec["template"]["spec"], "StatefulSet", errors)


def _validate_template(spec: Object, claims: list[Object], whole: bool, errors: Errors) -> None:
    """The template as its pods will have it: the controller sets host names, and a volume for each claim."""
    path, template = "spec.template", spec["template"]
    pod = {field: value for field, value in template["spec"].items() if field not in ("subdomain", "hostname")}
    if claims:
        claimed = {claim["metadata"].get("name", ""): claim for claim in claims}
        own = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claimed]
        pod["volumes"] = own + [one for one in pod.get("volumes", ()) if one.get("name", "") not in claimed]
    if whole:
        validate_template(path, {**template, "spec": pod}, errors)
    metadata = template["metadata"]
    meta.check_labels(f"{path}.labels", metadata.get("labels", {}), errors)
    notes = metadata.get("annotations", {})
    meta.check_annotations(f"{path}.annotations", notes, errors)
    validate_pod_annotations(f"{path}.annotations", notes, pod, STRICT, errors)


def _validate_strategy(path: str, strategy: Object, errors: Errors) -> None:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if not kind:
        errors.required(path)
    elif kind == "OnDelete":
        if rolling is not None:
            shown = internal_pods.internal("apps.v1.RollingUpdateStatefulSetStrategy", rolling)
            shown["MaxUnavailable"] = rolling.get("maxUnavailable")
            errors.invalid(f"{path}.rollingUpdate", shown, "only allowed for updateStrategy 'RollingUpdate'")
    elif kind != "RollingUpdate":
        shown = internal_pods.internal("apps.v1.StatefulSetUpdateStrategy", strategy)
        errors.invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif rolling is not None:
        nonnegative(errors, f"{path}.rollingUpdate.partition", rolling.get("partition", 0))
        missing = rolling.get("maxUnavailable")
        if missing is not None:
            at = f"{path}.rollingUpdate.maxUnavailable"
            int_or_percent.positive(errors, at, missing)
            if int_or_percent.size(missing) == 0:
                errors.invalid(at, missing, "cannot be 0")
            int_or_percent.at_most_all(errors, at, missing)


def create(obj: Object, errors: Errors) -> None:
    _judge(obj["spec"], errors)


def update(new: Object, old: Object, errors: Errors) -> None:
    before = Errors()
    _judge(old["spec"], before, new=False)
    _judge(new["spec"], errors, new=False, template=not before)
    if any(
        new["spec"].get(field) != old["spec"].get(field)
        for field in new["spec"].keys() | old["spec"].keys()
        if field not in _CHANGEABLE
    ):
        errors.forbidden("spec", _FORBIDDEN)


def update_status(new: Object, old: Object, errors: Errors) -> None:
    status = new.get("status", {})
    counts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    for field in ("replicas", *counts, "observedGeneration", "collisionCount"):
        nonnegative(errors, f"status.{field}", status.get(field, 0))
    for field in counts:
        if status.get(field, 0) > status.get("replicas", 0):
            errors.invalid(f"status.{field}", status.get(field, 0), "cannot be greater than status.replicas")
    if status.get("availableReplicas", 0) > status.get("readyReplicas", 0):
        value = status.get("availableReplicas", 0)
        errors.invalid("status.availableReplicas", value, "cannot be greater than status.readyReplicas")
    check_collisions(new, old, errors)


def warn(new: Object, old: Object | None) -> list[str]:
    found: list[str] = []
    spec = new["spec"]
    if old is None or new["metadata"].get("generation") != old["metadata"].get("generation"):
        found += template_warnings("spec.template", spec["template"])
    for index, claim in enumerate(spec.get("volumeClaimTemplates", ())):
        # The word is there on update alone, and with a capital letter.
        found += claim_warnings(f"spec.volumeClaimTemplates[{index}]{'' if old is None else '.Spec'}", claim["spec"])
    if spec.get("revisionHistoryLimit", 0) < 0:
        found.append(f"spec.revisionHistoryLimit: {_HISTORY}")
    return found


VALIDATOR = Validator(
    name=names.dns1123_label, create=create, update=update, subresources=(("status", update_status),), warnings=warn
)
