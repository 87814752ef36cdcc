"""Ingresses and IngressClasses: hosts, paths, and the backends that they lead to."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import ip, names
from minikube_edu.api.field_errors import Errors, FieldError, Kind
from minikube_edu.api.validation import Validator, field_rules
from minikube_edu.api.validation.services import balancer_hostname

Object = dict[str, Any]

PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
FORBIDDEN_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
FORBIDDEN_ENDS = ("/..", "/.")
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
MAX_CONTROLLER = 250


def create(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    _spec(spec, errors)
    annotation = obj["metadata"].get("annotations", {}).get(CLASS_ANNOTATION)
    name = spec.get("ingressClassName")
    if annotation is not None and name is not None and annotation != name:
        detail = "must match `ingressClassName` when both are specified"
        errors.invalid(f"annotations.{CLASS_ANNOTATION}", annotation, detail)


def update(new: Object, old: Object, errors: Errors) -> None:
    """What was wrong with secrets and with rules for wildcard hosts may stay wrong."""
    before = old["spec"]
    any_secret = any(_secret_problems(entry) for entry in before.get("tls", ()))
    any_wildcard = any("*" in rule.get("host", "") and _rule_is_wrong(rule) for rule in before.get("rules", ()))
    _spec(new["spec"], errors, any_secret, any_wildcard)


def _spec(spec: Object, errors: Errors, any_secret: bool = False, any_wildcard: bool = False) -> None:
    rules, backend = spec.get("rules", []), spec.get("defaultBackend")
    if not rules and backend is None:
        errors.invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        _backend(errors, "spec.defaultBackend", backend)
    for index, rule in enumerate(rules):
        host, path = rule.get("host", ""), f"spec.rules[{index}]"
        _host(errors, f"{path}.host", host)
        if "*" not in host or not any_wildcard:
            _rule(errors, path, rule)
    for index, entry in enumerate(spec.get("tls", ())):
        for number, host in enumerate(entry.get("hosts", ())):
            rule = names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain
            field_rules.named(errors, f"spec.tls[{index}].hosts[{number}]", host, rule)
        if not any_secret:
            errors.invalid_each(f"spec.tls[{index}].secretName", entry.get("secretName"), _secret_problems(entry))
    if spec.get("ingressClassName") is not None:
        field_rules.named(errors, "spec.ingressClassName", spec["ingressClassName"], names.dns1123_subdomain)


def _secret_problems(entry: Object) -> list[str]:
    name = entry.get("secretName", "")
    return names.dns1123_subdomain(name) if name else []


def _host(errors: Errors, path: str, host: str) -> None:
    if not host:
        return
    if ip.parse_ip(host) is not None:
        errors.invalid(path, host, "must be a DNS name, not an IP address")
    rule = names.wildcard_dns1123_subdomain if "*" in host else names.dns1123_subdomain
    field_rules.named(errors, path, host, rule)


def _rule_is_wrong(rule: Object) -> bool:
    errors = Errors()
    _rule(errors, "", rule)
    return bool(errors)


def _rule(errors: Errors, path: str, rule: Object) -> None:
    http = rule.get("http")
    if http is None:
        return
    if not http.get("paths"):
        errors.required(f"{path}.http.paths")
    for index, entry in enumerate(http.get("paths") or ()):
        _path(errors, f"{path}.http.paths[{index}]", entry)


def _path(errors: Errors, path: str, entry: Object) -> None:
    kind, text = entry.get("pathType"), entry.get("path", "")
    if kind is None:
        errors.required(f"{path}.pathType", "pathType must be specified")
        return
    if kind in ("Exact", "Prefix"):
        if not text.startswith("/"):
            errors.invalid(f"{path}.path", text, "must be an absolute path")
        details = [f"must not contain '{part}'" for part in FORBIDDEN_SEQUENCES if part in text]
        details += [f"cannot end with '{end}'" for end in FORBIDDEN_ENDS if text.endswith(end)]
        errors.invalid_each(f"{path}.path", text, details)
    elif kind == "ImplementationSpecific":
        if text and not text.startswith("/"):
            errors.invalid(f"{path}.path", text, "must be an absolute path")
    else:
        errors.not_supported(f"{path}.pathType", kind, PATH_TYPES)
    _backend(errors, f"{path}.backend", entry.get("backend", {}))


def _backend(errors: Errors, path: str, backend: Object) -> None:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        errors.invalid(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        _reference(errors, f"{path}.resource", resource)
    elif service is not None:
        field_rules.required_name(errors, f"{path}.service.name", service.get("name", ""), names.dns1123_label)
        _backend_port(errors, path, service.get("port", {}))
    else:
        errors.invalid(path, "", "resource or service backend is required")


def _backend_port(errors: Errors, path: str, port: Object) -> None:
    name, number = port.get("name", ""), port.get("number", 0)
    if name and number:
        errors.invalid(path, "", "cannot set both port name & port number")
    elif name:
        field_rules.named(errors, f"{path}.service.port.name", name, names.port_name)
    elif number:
        field_rules.port(errors, f"{path}.service.port.number", number)
    else:
        errors.required(path, "port name or number is required")


def _reference(errors: Errors, path: str, reference: Object) -> None:
    """A TypedLocalObjectReference."""
    if reference.get("apiGroup") is not None:
        field_rules.named(errors, f"{path}.apiGroup", reference["apiGroup"], names.dns1123_subdomain)
    for field in ("kind", "name"):
        field_rules.required_name(errors, f"{path}.{field}", reference.get(field, ""), names.path_segment)


def status_update(new: Object, old: Object, errors: Errors) -> None:
    stored = [one.get("ip", "") for one in _ingresses(old)]
    for index, ingress in enumerate(_ingresses(new)):
        path = f"status.loadBalancer.ingress[{index}]"
        if ingress.get("ip"):
            field_rules.legacy_ip(errors, f"{path}.ip", ingress["ip"], stored)
        balancer_hostname(errors, f"{path}.hostname", ingress.get("hostname", ""))


def _ingresses(obj: Object) -> list[Object]:
    return list(obj.get("status", {}).get("loadBalancer", {}).get("ingress", ()))


def warnings(obj: Object, old: Object | None) -> list[str]:
    annotated = CLASS_ANNOTATION in obj["metadata"].get("annotations", {})
    if old is None and annotated and obj["spec"].get("ingressClassName") is None:
        return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]
    return []


def class_create(obj: Object, errors: Errors) -> None:
    spec = obj["spec"]
    controller, parameters = spec.get("controller", ""), spec.get("parameters")
    if len(controller) > MAX_CONTROLLER:
        errors.too_long("spec.controller", MAX_CONTROLLER)
    for problem in names.domain_prefixed_path(controller):
        if problem.kind == "Required":
            errors.required("spec.controller", problem.detail)
        else:
            errors.append(FieldError(Kind.INVALID, "spec.controller", problem.value, problem.detail))
    if parameters is not None:
        _reference(errors, "spec.parameters", parameters)
        _scope(errors, "spec.parameters", parameters)


def _scope(errors: Errors, path: str, parameters: Object) -> None:
    scope, namespace = parameters.get("scope"), parameters.get("namespace")
    if scope is None:
        errors.required(f"{path}.scope")
    elif scope == "Namespace":
        if namespace is None:
            errors.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
        else:
            field_rules.named(errors, f"{path}.namespace", namespace, names.dns1123_label)
    elif scope == "Cluster":
        if namespace is not None:
            errors.forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
    else:
        errors.not_supported(f"{path}.scope", scope, ("Cluster", "Namespace"))


def class_update(new: Object, old: Object, errors: Errors) -> None:
    controllers = (one["spec"].get("controller", "") for one in (new, old))
    field_rules.immutable(errors, "spec.controller", *controllers)
    class_create(new, errors)


VALIDATOR = Validator(create=create, update=update, subresources=(("status", status_update),), warnings=warnings)
CLASS_VALIDATOR = Validator(create=class_create, update=class_update)
