"""May they? SubjectAccessReview asks it for anybody, the Local one in one namespace, the Self ones for whoever asks.

`kubectl auth can-i` posts a SelfSubjectAccessReview, `--list` a SelfSubjectRulesReview. The answer is what the chain of
authorizers says; nothing is done.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from minikube_edu.api.errors import BadRequest, Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.kube_apiserver.authz.chain import Attributes
from minikube_edu.kube_apiserver.context import Context, User
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.handlers.subresources import posted
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
GROUP = "authorization.k8s.io"


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    return review(server, request, context, query)


async def review(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    asked = await posted.received(server, request, context, query, context.resource.gvk)
    kind = context.resource.kind
    if kind == "SelfSubjectRulesReview":
        return answers.respond_object(request, query, rules_of(server, context, asked), 201, context)
    judge(asked, kind)
    spec = asked["spec"]
    user = context.user if kind.startswith("Self") else subject(spec)
    decision = server.authorization.decide(attributes(user, spec))
    status: Object = {"allowed": decision.allowed is True}
    if decision.allowed is False:
        status["denied"] = True
    if decision.reason:
        status["reason"] = decision.reason
    asked["status"] = status
    return answers.respond_object(request, query, asked, 201, context)


def subject(spec: Object) -> User:
    extra = {key.lower(): tuple(values or ()) for key, values in (spec.get("extra") or {}).items()}
    return User(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), extra)


def attributes(user: User, spec: Object) -> Attributes:
    path = spec.get("nonResourceAttributes")
    if path is not None:
        return Attributes(user, path.get("verb", ""), path=path.get("path", "") or "/")
    of = spec["resourceAttributes"]
    return Attributes(
        user, of.get("verb", ""), of.get("group", ""), of.get("version", ""), of.get("resource", ""),
        of.get("subresource", ""), of.get("namespace", ""), of.get("name", ""),
        field_selector=selector_text(of.get("fieldSelector")), label_selector=selector_text(of.get("labelSelector")),
    )  # fmt: skip


def selector_text(selector: Object | None) -> str:
    """The selector as a query has it; operators that a query cannot say select nothing special."""
    if not selector:
        return ""
    if selector.get("rawSelector"):
        return str(selector["rawSelector"])
    terms = []
    for one in selector.get("requirements") or ():
        values = one.get("values") or []
        if one.get("operator") in ("In", "NotIn") and len(values) == 1:
            terms.append(f"{one['key']}{'=' if one['operator'] == 'In' else '!='}{values[0]}")
    return ",".join(terms)


# ---------------------------------------------------------------- what may be asked


def judge(asked: Object, kind: str) -> None:
    errors = Errors()
    spec = asked["spec"]
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if resource is not None and path is not None:
        errors.invalid(
            "spec.nonResourceAttributes", _go(path), "cannot be specified in combination with resourceAttributes"
        )
    if resource is None and path is None:
        what = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        errors.invalid("spec.resourceAttributes", None, what)
    if not kind.startswith("Self") and not spec.get("user") and not spec.get("groups"):
        errors.invalid("spec.user", "", "at least one of user or group must be specified")
    for field in ("fieldSelector", "labelSelector"):
        if resource is not None and field in resource:
            _judge_selector(resource[field] or {}, f"spec.resourceAttributes.{field}", errors)
    _judge_metadata(asked, kind, errors)
    if errors:
        raise Invalid(GROUP, "", "", errors)


def _go(path: Object) -> Object:
    return {"Path": path.get("path", ""), "Verb": path.get("verb", "")}


def _judge_selector(selector: Object, at: str, errors: Errors) -> None:
    raw, requirements = selector.get("rawSelector", ""), selector.get("requirements")
    if raw and requirements:
        errors.invalid(f"{at}.rawSelector", raw, "may not specified at the same time as requirements")
    if not raw and not requirements:
        errors.required(f"{at}.requirements", f"when {at} is specified, requirements or rawSelector is required")


def _judge_metadata(asked: Object, kind: str, errors: Errors) -> None:
    metadata = {key: value for key, value in asked["metadata"].items() if key != "managedFields"}
    if kind != "LocalSubjectAccessReview":
        if metadata:
            errors.invalid("metadata", metadata, "must be empty")
        return
    namespace = metadata.pop("namespace", "")
    if metadata:
        errors.invalid("metadata", metadata, "must be empty except for namespace")
    resource, path = asked["spec"].get("resourceAttributes"), asked["spec"].get("nonResourceAttributes")
    if resource is not None and resource.get("namespace", "") != namespace:
        errors.invalid(
            "spec.resourceAttributes.namespace", resource.get("namespace", ""), "must match metadata.namespace"
        )
    if path is not None:
        errors.invalid("spec.nonResourceAttributes", _go(path), "disallowed on this kind of request")


# ---------------------------------------------------------------- all that one may


def rules_of(server: ApiServer, context: Context, asked: Object) -> Object:
    """A SelfSubjectRulesReview comes back without what was asked."""
    namespace = asked["spec"].get("namespace", "")
    if not namespace:
        raise BadRequest("no namespace on request")
    rules = server.authorization.rules_for(context.user, namespace)
    status: Object = {
        "resourceRules": rules.resources,
        "nonResourceRules": rules.paths,
        "incomplete": bool(rules.errors),
    }
    if rules.errors:
        status["evaluationError"] = ", ".join(rules.errors)
    return {"kind": asked["kind"], "apiVersion": asked["apiVersion"], "metadata": {}, "spec": {}, "status": status}
