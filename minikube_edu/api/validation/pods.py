"""Pods: what may be created, and the little that may be changed of what runs.

A pod that exists can get other images, a shorter deadline, more tolerations; its subresources allow a little more:
`status` what a kubelet reports, `ephemeralcontainers` one more container for a look, `resize` other amounts of
processor and memory. Everything else needs a new pod, which is why controllers exist.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.qos import qos_class
from minikube_edu.api.validation import Validator, meta
from minikube_edu.api.validation.pod_containers import validate_image_blanks
from minikube_edu.api.validation.pod_options import STRICT_POD, Options, judge_update
from minikube_edu.api.validation.pod_scheduling import validate_tolerations
from minikube_edu.api.validation.pod_security import APPARMOR_CONTAINER, validate_profiles_match
from minikube_edu.api.validation.pod_specs import MIRROR, NOWHERE, validate_pod_annotations, validate_pod_spec
from minikube_edu.api.validation.pod_statuses import validate_status
from minikube_edu.api.validation.pod_warnings import pod_warnings
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

_CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)
_CPU_AND_MEMORY = "only cpu and memory resources are mutable"


def judge(pod: Object, options: Options, errors: Errors) -> None:
    """The rules of every pod, new or changed."""
    metadata, spec = pod["metadata"], pod["spec"]
    if "annotations" in metadata:
        validate_pod_annotations("metadata.annotations", metadata["annotations"], spec, options, errors)
    validate_pod_spec("spec", spec, errors, options, metadata)
    if "volumes" in spec and not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec["volumes"]):
            for number, source in enumerate(volume.get("projected", {}).get("sources") or ()):
                if "serviceAccountToken" in source:
                    at = f"spec.volumes[{index}].projected.sources[{number}].serviceAccountToken"
                    errors.forbidden(at, "must not be specified when serviceAccountName is not set")
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            image = container.get("image", "")
            if image != image.strip():
                validate_image_blanks(f"spec.{field}[{index}]", container, errors)


def create(pod: Object, errors: Errors) -> None:
    judge(pod, STRICT_POD, errors)
    spec = pod["spec"]
    if spec.get("ephemeralContainers"):
        errors.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        errors.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared")
    if annotations := pod["metadata"].get("annotations"):
        validate_profiles_match(spec, annotations, errors)


# ---------------------------------------------------------------- update


def update(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, judge, new, old, STRICT_POD)
    _validate_annotation_changes(new, old, errors)
    before, after = old["spec"], new["spec"]
    for field in ("containers", "initContainers"):
        if not _validate_images(field, after.get(field) or [], before.get(field) or [], errors):
            return
    if not _validate_deadline(after, before, errors):
        return
    _validate_tolerations(after.get("tolerations", []), before.get("tolerations", []), errors)
    _validate_gates(after.get("schedulingGates", []), before.get("schedulingGates", []), errors)
    if after != before:
        _validate_rest(after, before, errors)


def _validate_annotation_changes(new: Object, old: Object, errors: Errors) -> None:
    path = "metadata.annotations"
    after, before = new["metadata"].get("annotations", {}), old["metadata"].get("annotations", {})
    if after != before:
        for key in sorted(before):
            if after.get(key) == before[key]:
                continue
            if key.startswith(APPARMOR_CONTAINER):
                errors.forbidden(f"{path}[{key}]", "may not remove or update AppArmor annotations")
            if key == MIRROR:
                errors.forbidden(f"{path}[{key}]", "may not remove or update mirror pod annotation")
        for key in sorted(after.keys() - before.keys()):
            if key.startswith(APPARMOR_CONTAINER):
                errors.forbidden(f"{path}[{key}]", "may not add AppArmor annotations")
            if key == MIRROR:
                errors.forbidden(f"{path}[{key}]", "may not add mirror pod annotation")


def _validate_images(field: str, new: list[Object], old: list[Object], errors: Errors) -> bool:
    if len(new) != len(old):
        errors.forbidden(f"spec.{field}", "pod updates may not add or remove containers")
        return False
    for index, container in enumerate(new):
        if not container.get("image"):
            errors.required(f"spec.{field}[{index}].image")
        validate_image_blanks(f"spec.{field}[{index}]", container, errors)
    return True


def _validate_deadline(new: Object, old: Object, errors: Errors) -> bool:
    """It may be set, and shortened."""
    path = "spec.activeDeadlineSeconds"
    after, before = new.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if after is None:
        if before is not None:
            errors.invalid(path, None, "must not update from a positive integer to nil value")
        return True
    if not 0 <= after <= 0x7FFFFFFF:
        errors.invalid(path, after, names.between(0, 0x7FFFFFFF))
        return False
    if before is not None and before < after:
        errors.invalid(path, after, "must be less than or equal to previous value")
        return False
    return True


def _validate_tolerations(new: list[Object], old: list[Object], errors: Errors) -> None:
    if new == old:
        return
    kept = [{**toleration, "tolerationSeconds": None} for toleration in new]
    if any({**toleration, "tolerationSeconds": None} not in kept for toleration in old):
        errors.forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        return
    validate_tolerations("spec.tolerations", new, errors)


def _validate_gates(new: list[Object], old: list[Object], errors: Errors) -> None:
    known = {gate.get("name", "") for gate in old}
    for index, gate in enumerate(new):
        name = gate.get("name", "")
        if name not in known:
            problem = f"only deletion is allowed, but found new scheduling gate '{name}'"
            errors.forbidden(f"spec.schedulingGates[{index}].name", problem)


def _validate_rest(new: Object, old: Object, errors: Errors) -> None:
    """With what may change put back, nothing else may differ."""
    same = dict(new)
    for field in ("containers", "initContainers"):
        if field in new:
            same[field] = [
                {**container, "image": before.get("image", "")}
                for container, before in zip(new[field], old.get(field, ()), strict=True)
            ]
    for field in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _put_back(same, old, field)
    if old.get("terminationGracePeriodSeconds", 0) < 0 and same.get("terminationGracePeriodSeconds") == 1:
        _put_back(same, old, "terminationGracePeriodSeconds")
    if old.get("schedulingGates"):
        _validate_gated(same, old, errors)
    if same != old:
        difference = internal_pods.difference(old, same)
        if difference:
            errors.forbidden("spec", f"{_CHANGEABLE}\n{difference}")


def _put_back(spec: Object, old: Object, field: str) -> None:
    if field in old:
        spec[field] = old[field]
    else:
        spec.pop(field, None)


def _validate_gated(spec: Object, old: Object, errors: Errors) -> None:
    """Where a pod may run can still be narrowed while it waits behind a gate. Puts back what may differ."""
    before = old.get("nodeSelector", {})
    if spec.get("nodeSelector", {}) != before:
        after = spec.get("nodeSelector", {})
        if any(after.get(key) != value for key, value in before.items()):
            path = "spec.nodeSelector"
            errors.invalid(path, after, "only additions to spec.nodeSelector are allowed (no mutations or deletions)")
        _put_back(spec, old, "nodeSelector")
    known = old.get("affinity", {}).get("nodeAffinity")
    given = spec.get("affinity", {}).get("nodeAffinity")
    if given == known:
        return
    _validate_narrowed(given, known, errors)
    affinity = {**spec.get("affinity", {}), "nodeAffinity": known}
    if known is None:
        del affinity["nodeAffinity"]
    if affinity or "affinity" in old:
        spec["affinity"] = affinity
    else:
        spec.pop("affinity", None)


def _validate_narrowed(new: Object | None, old: Object | None, errors: Errors) -> None:
    """Terms of required node affinity may get more conditions, nothing else."""
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    path = f"spec.affinity.nodeAffinity.{field}"
    before, after = (old or {}).get(field), (new or {}).get(field)
    if before is None:
        return
    old_terms, new_terms = before.get("nodeSelectorTerms") or [], (after or {}).get("nodeSelectorTerms") or []
    if old_terms and len(old_terms) != len(new_terms):
        problem = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        shown = internal_pods.internal("core.v1.NodeSelector", after)["NodeSelectorTerms"] if after else None
        errors.invalid(f"{path}.nodeSelectorTerms", shown, problem)
        return
    for index, (was, now) in enumerate(zip(old_terms, new_terms, strict=False)):
        if not _only_added(now, was):
            problem = "only additions are allowed (no mutations or deletions)"
            shown = internal_pods.internal("core.v1.NodeSelectorTerm", now)
            errors.invalid(f"{path}.nodeSelectorTerms[{index}]", shown, problem)


def _only_added(new: Object, old: Object) -> bool:
    fields = ("matchExpressions", "matchFields")
    if not any(old.get(field) for field in fields):
        return not any(new.get(field) for field in fields)
    return all(new.get(field, [])[: len(old.get(field, []))] == old.get(field, []) for field in fields)


# ---------------------------------------------------------------- subresources


def update_status(new: Object, old: Object, errors: Errors) -> None:
    _validate_annotation_changes(new, old, errors)
    notes = new["metadata"].get("annotations", {})
    validate_pod_annotations("metadata.annotations", notes, new["spec"], STRICT_POD, errors)
    validate_status(new, old, errors)


def update_ephemeral_containers(new: Object, old: Object, errors: Errors) -> None:
    judge_update(errors, judge, new, old, STRICT_POD)
    if MIRROR in old["metadata"].get("annotations", {}):
        errors.clear()
        errors.forbidden(NOWHERE, "static pods do not support ephemeral containers")
        return
    path = "spec.ephemeralContainers"
    known = {container.get("name", ""): container for container in new["spec"].get("ephemeralContainers", ())}
    for container in old["spec"].get("ephemeralContainers", ()):
        name = container.get("name", "")
        if name not in known:
            errors.forbidden(path, f"existing ephemeral containers {quote(name)} may not be removed\n")
        elif known[name] != container:
            difference = internal_pods.container_difference(container, known[name])
            errors.forbidden(path, f"existing ephemeral containers {quote(name)} may not be changed\n{difference}")


def resize(new: Object, old: Object, errors: Errors) -> None:
    """Other amounts of processor and memory for the containers of a pod that runs."""
    judge_update(errors, judge, new, old, STRICT_POD)
    before, after = old["spec"], new["spec"]
    if refusal := _unresizable(old):
        errors.clear()
        errors.forbidden(NOWHERE, refusal)
        return
    if (old.get("status", {}).get("qosClass") or qos_class(before)) != qos_class(after):
        qos = new.get("status", {}).get("qosClass", "")
        errors.invalid("spec", qos, "Pod QOS Class may not change as a result of resizing")
    for status in old.get("status", {}).get("containerStatuses", ()):
        if "running" in status.get("state", {}):
            if "resources" not in status:
                errors.forbidden("spec", "Pod running on node without support for resize")
            break
    same = dict(after)
    if before.get("resources") or after.get("resources"):
        _resize_pod(same, before, errors)
    if old.get("status", {}).get("nodeAllocatableResourceClaimStatuses"):
        errors.forbidden("spec", "pods with node allocatable resource claims cannot be resized")
    if not _same_containers(after, before, errors):
        return
    _resize_containers(same, before, errors)
    if not errors and same != before:
        errors.forbidden("spec", _CPU_AND_MEMORY)


def _unresizable(pod: Object) -> str:
    if MIRROR in pod["metadata"].get("annotations", {}):
        return "static pods cannot be resized"
    return "windows pods cannot be resized" if pod["spec"].get("os", {}).get("name") == "windows" else ""


def _resize_pod(spec: Object, old: Object, errors: Errors) -> None:
    path, before, after = "spec.resources", old.get("resources"), spec.get("resources")
    if before is not None:
        if after is None:
            errors.forbidden(path, "pod-level resources cannot be removed")
            return
        for field in ("requests", "limits"):
            if before.get(field, {}).keys() - after.get(field, {}).keys():
                errors.forbidden(f"{path}.{field}", f"pod-level resource {field} cannot be removed")
    masked = _masked(after or {}, before or {})
    if masked or before is not None:
        spec["resources"] = masked
    else:
        spec.pop("resources", None)
    if spec.get("resources") != before:
        errors.forbidden("spec", "only cpu and memory resources are mutable at pod-level")


def _masked(new: Object, old: Object) -> Object:
    """`new` resources with processor and memory as they were."""
    out = {field: value for field, value in new.items() if field not in ("limits", "requests")}
    for field in ("limits", "requests"):
        amounts = {name: text for name, text in new.get(field, {}).items() if name not in ("cpu", "memory")}
        amounts |= {name: text for name, text in old.get(field, {}).items() if name in ("cpu", "memory")}
        if amounts:
            out[field] = amounts
    return out


def _same_containers(new: Object, old: Object, errors: Errors) -> bool:
    same = True
    for field in ("containers", "initContainers"):
        after, before = new.get(field) or [], old.get(field) or []
        if len(after) != len(before):
            errors.forbidden(f"spec.{field}", f"{field} may not be added or removed on resize")
            same = False
            continue
        for index, (container, was) in enumerate(zip(after, before, strict=True)):
            if container.get("name") != was.get("name"):
                where = f"spec.{field}[{index}].name"
                errors.forbidden(where, f"{field} may not be renamed or reordered on resize")
                same = False
    return same


def _resize_containers(spec: Object, old: Object, errors: Errors) -> None:
    """Judges each container, and puts back in `spec` what may differ."""
    pairs = {
        field: list(zip(spec.get(field) or [], old.get(field) or [], strict=True))
        for field in ("initContainers", "containers")
    }
    for field, both in pairs.items():
        for index, (container, was) in enumerate(both):
            after, before = container.get("resources", {}), was.get("resources", {})
            for kind in ("requests", "limits"):
                if before.get(kind, {}).keys() - after.get(kind, {}).keys():
                    where = f"spec.{field}[{index}].resources.{kind}"
                    errors.forbidden(where, f"resource {kind} cannot be removed")
    for field in ("containers", "initContainers"):
        masked = []
        for index, (container, was) in enumerate(pairs[field]):
            one = {**container, "resources": _masked(container.get("resources", {}), was.get("resources", {}))}
            if one != was:
                if field == "containers":
                    errors.forbidden("spec", _CPU_AND_MEMORY)
                else:
                    problem = "only cpu and memory resources for init or sidecar containers are mutable"
                    errors.forbidden(f"spec.{field}[{index}]", problem)
            if field == "initContainers" and container != was and container.get("restartPolicy") != "Always":
                for policy in container.get("resizePolicy", ()):
                    if policy.get("restartPolicy") == "RestartContainer":
                        problem = "non-sidecar init containers with a resize policy of RestartContainer cannot be "
                        errors.forbidden(f"spec.{field}[{index}]", problem + "resized")
            masked.append(one)
        if masked:
            spec[field] = masked


def validate_binding(binding: Object, errors: Errors) -> None:
    """A Binding: which node a pod is to run on."""
    target = binding.get("target", {})
    if target.get("kind") not in (None, "", "Node"):
        errors.not_supported("target.kind", target["kind"], ["Node", "<empty>"])
    if not target.get("name"):
        errors.required("target.name")


VALIDATOR = Validator(
    name=meta.subdomain,
    create=create,
    update=update,
    subresources=(
        ("status", update_status),
        ("ephemeralcontainers", update_ephemeral_containers),
        ("resize", resize),
    ),
    warnings=pod_warnings,
)
