"""What makes admission policies and their bindings wrong: what they match, and expressions that do not compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import split_api_version
from minikube_edu.api.validation import Object, Validator
from minikube_edu.api.validation.admission_rules import (
    FAILURE_POLICIES,
    REINVOCATION_POLICIES,
    compiles,
    match_conditions,
    match_resources,
)
from minikube_edu.api.validation.field_rules import label_selector, named, one_of, required_name, required_one_of

if TYPE_CHECKING:
    from minikube_edu.api.cel import Environment

ACTIONS = ("Audit", "Deny", "Warn")
MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
MOST_ANNOTATIONS = 20
LONGEST_VALUE = 5 * 1024  # bytes of an audit annotation's expression
_BOTH = (
    "must not contain both Deny and Warn (repeating the same validation failure information in the API response and "
    "headers serves no purpose)"
)
_EITHER = "validations or auditAnnotations must contain at least one item"
_EXCLUSIVE = "name and selector are mutually exclusive"


class Expressions:
    """The expressions of one policy: each sees the variables that were named before it."""

    def __init__(self, spec: Object, *, patches: bool) -> None:
        self.params = "paramKind" in spec
        self.patches = patches
        self.composed = patches or bool(spec.get("variables"))
        self.variables: dict[str, object] = {}

    def environment(self, *, authorizer: bool = True, patches: bool = False, params: bool = True) -> Environment:
        from minikube_edu.api.cel import environments, types

        found = environments.admission(params=self.params and params, authorizer=authorizer, patches=patches)
        if not self.composed:
            return found
        fields = {name: each for name, each in self.variables.items() if isinstance(each, types.Type)}
        return found.extended(variables=types.ObjectType("kubernetes.variables", fields=fields))

    def remember(self, name: str, kind: object) -> None:
        from minikube_edu.api.cel import types

        self.variables[name] = kind if kind is not None else types.DYN


def _common(spec: Object, expressions: Expressions, errors: Errors, operations: tuple[str, ...] = ()) -> None:
    """What both kinds of policy say first."""
    one_of(errors, "spec.failurePolicy", spec["failurePolicy"], FAILURE_POLICIES)
    if (kind := spec.get("paramKind")) is not None:
        _param_kind("spec.paramKind", kind, errors)
    match = spec.get("matchConstraints")
    if match is None:
        errors.required("spec.matchConstraints")
    else:
        match_resources("spec.matchConstraints", match, errors)
        if not match.get("resourceRules"):
            errors.required("spec.matchConstraints.resourceRules")
        _only("spec.matchConstraints.resourceRules.operations", match, operations, errors)
    if conditions := spec.get("matchConditions"):
        from minikube_edu.api.cel import environments

        environment = environments.admission(params=expressions.params)
        match_conditions("spec.matchConditions", conditions, environment, errors)
    for index, variable in enumerate(spec.get("variables", ())):
        _variable(f"spec.variables[{index}]", variable, expressions, errors)


def _only(path: str, match: Object, operations: tuple[str, ...], errors: Errors) -> None:
    """A mutating policy has nothing to change in a deletion."""
    if operations:
        for rule in match.get("resourceRules", ()):
            for operation in rule.get("operations", ()):
                one_of(errors, path, operation, operations)


def _param_kind(path: str, kind: Object, errors: Errors) -> None:
    api_version, name = kind.get("apiVersion", ""), kind.get("kind", "")
    if not api_version:
        errors.required(f"{path}.apiVersion")
    else:
        try:
            group, version = split_api_version(api_version)
        except ValueError as error:
            errors.invalid(f"{path}.apiVersion", api_version, str(error))
        else:
            if group and (problems := names.dns1123_subdomain(group)):
                errors.invalid(f"{path}.apiVersion", group, ",".join(problems))
            if not version:
                errors.invalid(f"{path}.apiVersion", api_version, "version must be specified")
            elif problems := names.dns1035_label(version):
                errors.invalid(f"{path}.apiVersion", version, ",".join(problems))
    if not name:
        errors.required(f"{path}.kind")
    elif problems := names.dns1035_label(name.lower()):
        what = "may have mixed case, but should otherwise match: " + ",".join(problems)
        errors.invalid(f"{path}.kind", name, what)


def _variable(path: str, variable: Object, expressions: Expressions, errors: Errors) -> None:
    from minikube_edu.api.cel.parser import RESERVED

    name, expression = variable["name"], variable["expression"]
    if not name.strip():
        errors.required(f"{path}.name", "name is not specified")
    elif names.c_identifier(name) or name in RESERVED or name in ("true", "false", "null", "in"):
        errors.invalid(f"{path}.name", name, "must be a valid CEL identifier")
    if not expression.strip():
        errors.required(f"{path}.expression", "expression is not specified")
        return
    kind = compiles(f"{path}.expression", expression, expressions.environment(), (), errors)
    expressions.remember(name, kind)


def validating_policy(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    expressions = Expressions(spec, patches=False)
    _common(spec, expressions, errors)
    validations, annotations = spec.get("validations", []), spec.get("auditAnnotations", [])
    if not validations and not annotations:
        errors.required("spec.validations", _EITHER)
        errors.required("spec.auditAnnotations", _EITHER)
        return
    for index, validation in enumerate(validations):
        _validation(f"spec.validations[{index}]", validation, expressions, errors)
    if len(annotations) > MOST_ANNOTATIONS:
        what = f"must not have more than {MOST_ANNOTATIONS} auditAnnotations"
        errors.invalid("spec.auditAnnotations", annotations, what)
    seen: set[str] = set()
    for index, annotation in enumerate(annotations):
        path = f"spec.auditAnnotations[{index}]"
        _annotation(path, annotation, obj["metadata"].get("name", ""), expressions, errors)
        if annotation["key"] in seen:
            errors.duplicate(f"{path}.key", annotation["key"])
        seen.add(annotation["key"])


def _validation(path: str, validation: Object, expressions: Expressions, errors: Errors) -> None:
    expression, message = validation["expression"], validation.get("message", "")
    message_expression, reason = validation.get("messageExpression", ""), validation.get("reason")
    if not expression.strip():
        errors.required(f"{path}.expression", "expression is not specified")
    else:
        compiles(f"{path}.expression", expression, expressions.environment(), ("bool",), errors)
    if message_expression and not message_expression.strip():
        errors.invalid(f"{path}.messageExpression", message_expression, "must be non-empty if specified")
    elif message_expression:
        environment = expressions.environment(authorizer=False)
        compiles(f"{path}.messageExpression", message_expression, environment, ("string",), errors)
    if message and not message.strip():
        errors.invalid(f"{path}.message", message, "must be non-empty if specified")
    elif "\n" in message.strip() or "\r" in message.strip():
        errors.invalid(f"{path}.message", message, "must not contain line breaks")
    if reason is not None and reason not in REASONS:
        errors.not_supported(f"{path}.reason", reason, REASONS)


def _annotation(path: str, annotation: Object, policy: str, expressions: Expressions, errors: Errors) -> None:
    key, value = annotation["key"], annotation["valueExpression"]
    if policy:
        named(errors, f"{path}.key", f"{policy}/{key}", names.label_key)
    else:
        errors.invalid(f"{path}.key", key, "requires metadata.name be non-empty")
    trimmed = value.strip()
    path = f"{path}.valueExpression"
    if not trimmed:
        errors.required(path, "valueExpression is not specified")
    elif len(trimmed.encode()) > LONGEST_VALUE:
        errors.required(path, f"must not exceed {LONGEST_VALUE} bytes in length")
    else:
        compiles(path, trimmed, expressions.environment(), ("string", "null_type"), errors, value)


def mutating_policy(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    expressions = Expressions(spec, patches=True)
    _common(spec, expressions, errors, MUTATING_OPERATIONS)
    mutations = spec.get("mutations", [])
    if not mutations:
        errors.required("spec.mutations", "mutations must contain at least one item")
    for index, mutation in enumerate(mutations):
        _mutation(f"spec.mutations[{index}]", mutation, expressions, errors)
    required_one_of(errors, "spec.reinvocationPolicy", spec.get("reinvocationPolicy", ""), REINVOCATION_POLICIES)


def _mutation(path: str, mutation: Object, expressions: Expressions, errors: Errors) -> None:
    kind = mutation["patchType"]
    required_one_of(errors, f"{path}.patchType", kind, PATCH_TYPES)
    if kind not in PATCH_TYPES:
        return
    field, other = ("jsonPatch", "applyConfiguration") if kind == "JSONPatch" else ("applyConfiguration", "jsonPatch")
    patch = mutation.get(field)
    if patch is None:
        errors.required(f"{path}.{field}", f"must be specified when patchType is {kind}")
    else:
        expression = patch.get("expression", "").strip()
        if not expression:
            errors.required(f"{path}.{field}.expression")
        else:
            result = "list(JSONPatch)" if kind == "JSONPatch" else "Object"
            compiles(f"{path}.{field}.expression", expression, expressions.environment(patches=True), (result,), errors)
    if other in mutation:
        errors.invalid(f"{path}.{other}", f"{{{other}}}", f"must not be specified when patchType is {kind}")


def _binding(spec: Object, errors: Errors) -> None:
    required_name(errors, "spec.policyName", spec.get("policyName", ""), names.dns1123_subdomain)
    if (reference := spec.get("paramRef")) is not None:
        _param_ref("spec.paramRef", reference, errors)
    if (match := spec.get("matchResources")) is not None:
        match_resources("spec.matchResources", match, errors)


def _param_ref(path: str, reference: Object, errors: Errors) -> None:
    name, selector = reference.get("name", ""), reference.get("selector")
    if name:
        named(errors, f"{path}.name", name, names.path_segment)
        if selector is not None:
            errors.forbidden(f"{path}.name", _EXCLUSIVE)
    if selector is not None:
        label_selector(errors, f"{path}.selector", selector)
        if name:
            errors.forbidden(f"{path}.selector", _EXCLUSIVE)
    if not name and selector is None:
        errors.required(path, "one of name or selector must be specified")
    action = reference.get("parameterNotFoundAction") or ""
    required_one_of(errors, f"{path}.parameterNotFoundAction", action, ["Deny", "Allow"])


def validating_binding(obj: Object, errors: Errors) -> None:
    _binding(obj["spec"], errors)
    path, actions = "spec.validationActions", obj["spec"].get("validationActions") or []
    for index, action in enumerate(actions):
        one_of(errors, f"{path}[{index}]", action, ACTIONS)
        if action in actions[:index]:
            errors.duplicate(f"{path}[{index}]", action)
    if {"Deny", "Warn"} <= set(actions):
        errors.invalid(path, actions, _BOTH)
    if not actions:
        errors.required(path, "at least one validation action is required")


def mutating_binding(obj: Object, errors: Errors) -> None:
    _binding(obj["spec"], errors)
    if (match := obj["spec"].get("matchResources")) is not None:
        _only("spec.matchResources.resourceRules.operations", match, MUTATING_OPERATIONS, errors)


def policy_status(new: Object, _: Object, errors: Errors) -> None:
    path = "status.typeChecking.expressionWarnings"
    checking = new.get("status", {}).get("typeChecking") or {}
    for index, warning in enumerate(checking.get("expressionWarnings", ())):
        for field in ("fieldRef", "warning"):
            if not warning.get(field, "").strip():
                errors.required(f"{path}[{index}].{field}")


VALIDATING_POLICY = Validator(
    create=validating_policy,
    update=lambda new, _, errors: validating_policy(new, errors),
    subresources=(("status", policy_status),),
)
MUTATING_POLICY = Validator(create=mutating_policy, update=lambda new, _, errors: mutating_policy(new, errors))
VALIDATING_BINDING = Validator(create=validating_binding, update=lambda new, _, errors: validating_binding(new, errors))
MUTATING_BINDING = Validator(create=mutating_binding, update=lambda new, _, errors: mutating_binding(new, errors))
