"""What makes roles and their bindings wrong.

Whether a user may grant what a role grants is not asked here: that is for the registry, which knows who asks.
"""

from __future__ import annotations

from collections.abc import Callable

from minikube_edu.api import names
from minikube_edu.api.defaults.rbac import GROUP
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import label_selector, named, required_name

_PLAIN = "rules cannot apply to both regular resources and non-resource URLs"


def _rules(obj: Object, errors: Errors, *, namespaced: bool) -> None:
    for index, rule in enumerate(obj.get("rules") or ()):
        _rule(f"rules[{index}]", rule, errors, namespaced)


def _rule(path: str, rule: Object, errors: Errors, namespaced: bool) -> None:
    if not rule.get("verbs"):
        errors.required(f"{path}.verbs", "verbs must contain at least one value")
    if urls := rule.get("nonResourceURLs"):
        if namespaced:
            errors.invalid(f"{path}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            errors.invalid(f"{path}.nonResourceURLs", urls, _PLAIN)
        return
    if not rule.get("apiGroups"):
        errors.required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        errors.required(f"{path}.resources", "resource rules must supply at least one resource")


def role(obj: Object, errors: Errors) -> None:
    _rules(obj, errors, namespaced=True)


def cluster_role(obj: Object, errors: Errors) -> None:
    _rules(obj, errors, namespaced=False)
    aggregation = obj.get("aggregationRule")
    if aggregation is None:
        return
    path = "aggregationRule.clusterRoleSelectors"
    selectors = aggregation.get("clusterRoleSelectors", ())
    if not selectors:
        errors.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for index, selector in enumerate(selectors):
        known = len(errors)
        label_selector(errors, f"{path}[{index}]", selector)
        if len(errors) > known:
            errors.invalid(f"{path}[{index}]", None, "invalid label selector.")


def _binding(obj: Object, errors: Errors, kinds: tuple[str, ...]) -> None:
    reference = obj["roleRef"]
    if reference["apiGroup"] != GROUP:
        errors.not_supported("roleRef.apiGroup", reference["apiGroup"], [GROUP])
    if reference["kind"] not in kinds:
        errors.not_supported("roleRef.kind", reference["kind"], kinds)
    required_name(errors, "roleRef.name", reference["name"], names.path_segment)
    for index, subject in enumerate(obj.get("subjects", ())):
        _subject(f"subjects[{index}]", subject, errors, namespaced="Role" in kinds)


def _subject(path: str, subject: Object, errors: Errors, *, namespaced: bool) -> None:
    name, kind, group = subject["name"], subject["kind"], subject.get("apiGroup", "")
    if not name:
        errors.required(f"{path}.name")
    if kind == "ServiceAccount":
        if name:
            named(errors, f"{path}.name", name, names.dns1123_subdomain)
        if group:
            errors.not_supported(f"{path}.apiGroup", group, [""])
        if not namespaced and not subject.get("namespace"):
            errors.required(f"{path}.namespace")
    elif kind in ("User", "Group"):
        if group != GROUP:
            errors.not_supported(f"{path}.apiGroup", group, [GROUP])
    else:
        errors.not_supported(f"{path}.kind", kind, ["ServiceAccount", "User", "Group"])


def role_binding(obj: Object, errors: Errors) -> None:
    _binding(obj, errors, ("Role", "ClusterRole"))


def cluster_role_binding(obj: Object, errors: Errors) -> None:
    _binding(obj, errors, ("ClusterRole",))


def _same_role(create: Callable[[Object, Errors], None]) -> Callable[[Object, Object, Errors], None]:
    """A binding is deleted and made anew to point at another role: whoever may edit it must not gain more so."""

    def update(new: Object, old: Object, errors: Errors) -> None:
        create(new, errors)
        reference = new["roleRef"]
        if reference != old["roleRef"]:
            shown = {"APIGroup": reference["apiGroup"], "Kind": reference["kind"], "Name": reference["name"]}
            errors.invalid("roleRef", shown, "cannot change roleRef")

    return update


def _again(create: Callable[[Object, Errors], None]) -> Callable[[Object, Object, Errors], None]:
    return lambda new, _, errors: create(new, errors)


VALIDATORS = {
    "Role": Validator(names.path_segment, role, _again(role)),
    "ClusterRole": Validator(names.path_segment, cluster_role, _again(cluster_role)),
    "RoleBinding": Validator(names.path_segment, role_binding, _same_role(role_binding)),
    "ClusterRoleBinding": Validator(names.path_segment, cluster_role_binding, _same_role(cluster_role_binding)),
}
