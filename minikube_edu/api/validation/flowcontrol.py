"""What makes flow schemas and priority levels wrong.

The objects that the server itself depends on (`exempt`, `catch-all`) may not be changed; `MANDATORY` has their specs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.field_rules import named, one_of, required_name
from minikube_edu.api.validation.meta import Rule

HIGHEST_PRECEDENCE = 10_000
MOST_QUEUES = 10_000_000
HASH_BITS = 60
VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
EXEMPT, CATCH_ALL = "exempt", "catch-all"


def _group(name: str) -> Object:
    return {"kind": "Group", "group": {"name": name}}


_ALL = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}
MANDATORY: dict[str, dict[str, Object]] = {
    "FlowSchema": {
        EXEMPT: {
            "priorityLevelConfiguration": {"name": EXEMPT},
            "matchingPrecedence": 1,
            "rules": [{"subjects": [_group("system:masters")], **_ALL}],
        },
        CATCH_ALL: {
            "priorityLevelConfiguration": {"name": CATCH_ALL},
            "matchingPrecedence": HIGHEST_PRECEDENCE,
            "distinguisherMethod": {"type": "ByUser"},
            "rules": [{"subjects": [_group("system:unauthenticated"), _group("system:authenticated")], **_ALL}],
        },
    },
    "PriorityLevelConfiguration": {
        EXEMPT: {"type": "Exempt"},
        CATCH_ALL: {
            "type": "Limited",
            "limited": {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}},
        },
    },
}


def flow_schema(obj: Object, errors: Errors) -> None:
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    precedence, path = spec["matchingPrecedence"], "spec.matchingPrecedence"
    if precedence <= 0:
        errors.invalid(path, precedence, "must be a positive value")
    if precedence > HIGHEST_PRECEDENCE:
        errors.invalid(path, precedence, f"must not be greater than {HIGHEST_PRECEDENCE}")
    if precedence == 1 and name != EXEMPT:
        errors.invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and method["type"] not in ("ByNamespace", "ByUser"):
        shown = {"Type": method["type"]}
        errors.not_supported("spec.distinguisherMethod.type", shown, ["ByNamespace", "ByUser"])
    level = spec["priorityLevelConfiguration"]["name"]
    if level:
        named(errors, "spec.priorityLevelConfiguration.name", level, names.dns1123_subdomain)
    else:
        errors.required("spec.priorityLevelConfiguration.name", "must reference a priority level")
    for index, rule in enumerate(spec.get("rules", ())):
        _rule(f"spec.rules[{index}]", rule, errors)
    fixed = MANDATORY["FlowSchema"].get(name)
    if fixed is not None and spec != fixed:
        errors.invalid("spec", spec, f"spec of '{name}' must equal the fixed value")
    _status(obj, errors)


def _rule(path: str, rule: Object, errors: Errors) -> None:
    subjects = rule.get("subjects") or ()
    for index, subject in enumerate(subjects):
        _subject(f"{path}.subjects[{index}]", subject, errors)
    if not subjects:
        errors.required(f"{path}.subjects", "subjects must contain at least one value")
    on_resources, on_urls = rule.get("resourceRules") or (), rule.get("nonResourceRules") or ()
    if not on_resources and not on_urls:
        errors.required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for index, each in enumerate(on_resources):
        _resource_rule(f"{path}.resourceRules[{index}]", each, errors)
    for index, each in enumerate(on_urls):
        _url_rule(f"{path}.nonResourceRules[{index}]", each, errors)


_SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}


def _subject(path: str, subject: Object, errors: Errors) -> None:
    kind = subject["kind"]
    if kind not in _SUBJECTS:
        errors.not_supported(f"{path}.kind", kind, sorted(_SUBJECTS))
        return
    field = _SUBJECTS[kind]
    found = subject.get(field)
    if found is None:
        errors.required(f"{path}.{field}", f"{field} is required when subject kind is '{kind}'")
    elif kind == "ServiceAccount":
        if found["name"] != "*":
            required_name(errors, f"{path}.{field}.name", found["name"], names.dns1123_subdomain)
        if found["namespace"]:
            named(errors, f"{path}.{field}.namespace", found["namespace"], names.dns1123_label)
        else:
            errors.required(f"{path}.{field}.namespace", "must specify namespace for service account")
    elif not found["name"]:
        errors.required(f"{path}.{field}.name")
    for other_kind, other in _SUBJECTS.items():
        if other != field and other in subject:
            errors.forbidden(f"{path}.{other}", f"{other} is forbidden when subject kind is not '{other_kind}'")


def _verbs(path: str, verbs: Sequence[str], errors: Errors) -> None:
    if not verbs:
        errors.required(f"{path}.verbs", "verbs must contain at least one value")
    elif "*" in verbs:
        if len(verbs) > 1:
            errors.invalid(f"{path}.verbs", verbs, "if '*' is present, must not specify other verbs")
    elif not set(verbs) <= set(VERBS):
        errors.not_supported(f"{path}.verbs", verbs, VERBS)


def _url_rule(path: str, rule: Object, errors: Errors) -> None:
    _verbs(path, rule.get("verbs") or (), errors)
    urls = rule.get("nonResourceURLs") or ()
    if not urls:
        errors.required(f"{path}.nonResourceURLs", "nonResourceURLs must contain at least one value")
    elif "*" in urls:
        if len(urls) > 1:
            what = "if '*' is present, must not specify other non-resource URLs"
            errors.invalid(f"{path}.nonResourceURLs", urls, what)
    else:
        for index, url in enumerate(urls):
            if problem := _url_problem(url):
                errors.invalid(f"{path}.nonResourceURLs[{index}]", url, problem)


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    stars = url.count("*")
    return "wildcard can only do suffix matching" if stars > 1 or (stars == 1 and not url.endswith("/*")) else ""


def _resource_rule(path: str, rule: Object, errors: Errors) -> None:
    _verbs(path, rule.get("verbs") or (), errors)
    for field, one, many in (
        ("apiGroups", "api group", "api groups"),
        ("resources", "resource", "resources"),
    ):
        values = rule.get(field) or ()
        if not values:
            errors.required(f"{path}.{field}", f"resource rules must supply at least one {one}")
        elif len(values) > 1 and "*" in values:
            errors.invalid(f"{path}.{field}", values, f"if '*' is present, must not specify other {many}")
    namespaces = rule.get("namespaces") or ()
    if not namespaces and not rule.get("clusterScope"):
        what = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.required(f"{path}.namespaces", what)
    elif "*" in namespaces:
        if len(namespaces) > 1:
            errors.invalid(f"{path}.namespaces", namespaces, "if '*' is present, must not specify other namespaces")
    else:
        intro = "each member of this list must be '*' or a DNS-1123 label; "
        for index, namespace in enumerate(namespaces):
            problems = [intro + problem for problem in names.dns1123_label(namespace)]
            errors.invalid_each(f"{path}.namespaces[{index}]", namespace, problems)


def priority_level(obj: Object, errors: Errors) -> None:
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    kind, exempt, limited = spec["type"], spec.get("exempt"), spec.get("limited")
    if (name == EXEMPT) != (kind == "Exempt"):
        errors.invalid("spec.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'")
    if kind == "Exempt":
        if limited is not None:
            errors.forbidden("spec.limited", "must be nil if the type is not Limited")
        if exempt is not None:
            _shares("spec.exempt", exempt, errors)
    elif kind == "Limited":
        if exempt is not None:
            errors.forbidden("spec.exempt", "must be nil if the type is Limited")
        if limited is None:
            errors.required("spec.limited", "must not be empty when type is Limited")
        else:
            _limited("spec.limited", limited, errors)
    else:
        errors.not_supported("spec.type", kind, ["Exempt", "Limited"])
    _fixed_level(name, spec, errors)
    _status(obj, errors)


def _fixed_level(name: str, spec: Object, errors: Errors) -> None:
    fixed = MANDATORY["PriorityLevelConfiguration"].get(name)
    if fixed is None:
        return
    if name == EXEMPT:
        if {**spec, "exempt": None} != {**fixed, "exempt": None}:
            errors.invalid("spec", spec, f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value")
    elif spec != fixed:
        errors.invalid("spec", spec, f"spec of '{name}' must equal the fixed value")


def _shares(path: str, level: Object, errors: Errors) -> None:
    shares, lendable = level.get("nominalConcurrencyShares") or 0, level.get("lendablePercent")
    if shares < 0:
        errors.invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")
    if lendable is not None and not 0 <= lendable <= 100:
        errors.invalid(f"{path}.lendablePercent", lendable, "must be between 0 and 100, inclusive")


def _limited(path: str, level: Object, errors: Errors) -> None:
    _shares(path, level, errors)
    borrowing = level.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        errors.invalid(f"{path}.borrowingLimitPercent", borrowing, "if specified, must be a non-negative integer")
    response, path = level["limitResponse"], f"{path}.limitResponse"
    queuing = response.get("queuing")
    if response["type"] == "Reject":
        if queuing is not None:
            errors.forbidden(f"{path}.queuing", "must be nil if limited.limitResponse.type is not Limited")
    elif response["type"] == "Queue":
        if queuing is None:
            errors.required(f"{path}.queuing", "must not be empty if limited.limitResponse.type is Limited")
        else:
            _queuing(f"{path}.queuing", queuing, errors)
    else:
        one_of(errors, f"{path}.type", response["type"], ["Queue", "Reject"])


def _queuing(path: str, queuing: Object, errors: Errors) -> None:
    queues, hand, length = queuing["queues"], queuing["handSize"], queuing["queueLengthLimit"]
    if length <= 0:
        errors.invalid(f"{path}.queueLengthLimit", length, "must be positive")
    if queues <= 0:
        errors.invalid(f"{path}.queues", queues, "must be positive")
    elif queues > MOST_QUEUES:
        errors.invalid(f"{path}.queues", queues, f"must not be greater than {MOST_QUEUES}")
    if hand <= 0:
        errors.invalid(f"{path}.handSize", hand, "must be positive")
    elif hand > queues:
        errors.invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})")
    elif _entropy(queues, hand) > HASH_BITS:
        bits = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {HASH_BITS}"
        errors.invalid(f"{path}.handSize", hand, bits)


def _entropy(deck: int, hand: int) -> int:
    """Bits of hash that dealing a hand of cards takes; a hand too large for any hash is not worth counting out."""
    bits = 0.0
    for dealt in range(hand):
        bits += math.log2(deck - dealt)
        if bits > HASH_BITS:
            break
    return math.ceil(bits)


def _status(obj: Object, errors: Errors) -> None:
    seen: set[str] = set()
    for index, condition in enumerate(obj.get("status", {}).get("conditions", ())):
        kind = condition.get("type", "")
        if kind in seen:
            errors.duplicate(f"status.conditions[{index}].type", kind)
        seen.add(kind)
        if not kind:
            errors.required(f"status.conditions[{index}].type", "must not be empty")


_NAME: Rule = names.dns1123_subdomain
_STATUS = (("status", lambda new, _, errors: _status(new, errors)),)
VALIDATORS = {
    "FlowSchema": Validator(_NAME, flow_schema, lambda new, _, errors: flow_schema(new, errors), _STATUS),
    "PriorityLevelConfiguration": Validator(
        _NAME, priority_level, lambda new, _, errors: priority_level(new, errors), _STATUS
    ),
}
