"""`serviceaccounts/NAME/token`: a token for the account, made on request (TokenRequest).

Kubelets ask for the tokens of their pods, bound to the pod; `kubectl create token` asks for one that is bound to
nothing. What comes back is the request with the token in its status; nothing is stored.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from minikube_edu.api.errors import BadRequest, Conflict, Invalid, NotFound, PathNotFound
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Kind, split_api_version
from minikube_edu.kube_apiserver.authn.issuer import Issuer
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.handlers.subresources import posted
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
TOKEN_REQUEST = Kind("authentication.k8s.io", "v1", "TokenRequest")
BINDABLE = {"Pod": "pods", "Secret": "secrets", "Node": "nodes"}
SHORTEST, LONGEST = 600, 1 << 32  # seconds


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    if server.issuer is None:
        raise PathNotFound()
    return server.finish(create(server, server.issuer, request, context, query))


async def create(server: ApiServer, issuer: Issuer, request: Request, context: Context, query: Query) -> Response:
    wanted = await posted.received(server, request, context, query, TOKEN_REQUEST)
    check_named(wanted, context)
    account = find(server, "serviceaccounts", context.namespace, context.name)
    complete(wanted, account, issuer)
    judge(wanted)
    spec = wanted["spec"]
    bound = bound_objects(server, context, spec.get("boundObjectRef"))
    seconds: int = spec["expirationSeconds"]
    if issuer.longest and seconds > issuer.longest:
        context.warn(f"requested expiration of {seconds} seconds shortened to {issuer.longest} seconds")
        seconds = spec["expirationSeconds"] = issuer.longest
    until = clock.rfc3339(clock.now() + seconds)  # a kubelet renews it before that, however long it really lives
    token = issuer.issue(account, spec["audiences"], seconds, bound)
    wanted["status"] = {"expirationTimestamp": until, "token": token}
    return answers.respond_object(request, query, wanted, 201, context)


def check_named(wanted: Object, context: Context) -> None:
    name = wanted["metadata"].get("name")
    if name and name != context.name:
        errors = Errors()
        errors.invalid("metadata.name", name, "must match the service account name if specified")
        raise Invalid(TOKEN_REQUEST.group, TOKEN_REQUEST.kind, context.name, errors)


def find(server: ApiServer, resource: str, namespace: str, name: str) -> Object:
    found = server.registry.get_object("", resource, namespace, name)
    if found is None:
        raise NotFound("", resource, name)
    return found


def complete(wanted: Object, account: Object, issuer: Issuer) -> None:
    """What the request need not say."""
    metadata = wanted["metadata"]
    for field in ("name", "namespace", "uid"):
        metadata.setdefault(field, account["metadata"][field])
    metadata["creationTimestamp"] = clock.rfc3339()
    if not wanted["spec"].get("audiences"):
        wanted["spec"]["audiences"] = list(issuer.api_audiences)


def judge(wanted: Object) -> None:
    errors = Errors()
    seconds, field = wanted["spec"]["expirationSeconds"], "spec.expirationSeconds"
    if seconds < SHORTEST:
        errors.invalid(field, seconds, "may not specify a duration less than 10 minutes")
    if seconds > LONGEST:
        errors.invalid(field, seconds, "may not specify a duration larger than 2^32 seconds")
    if errors:
        raise Invalid(TOKEN_REQUEST.group, TOKEN_REQUEST.kind, "", errors)


def bound_objects(server: ApiServer, context: Context, reference: Object | None) -> dict[str, Object]:
    """What the token is bound to, by claim. A pod brings its node along."""
    if not reference:
        return {}
    group, version = split_api_version(reference.get("apiVersion", ""))
    kind, name = reference.get("kind", ""), reference.get("name", "")
    if group or kind not in BINDABLE:
        api_version = f"{group}/{version}"  # as Go prints a group, version and kind, even without a group
        raise BadRequest(f"cannot bind token to object of type {api_version}, Kind={kind}")
    found = find(server, BINDABLE[kind], "" if kind == "Node" else context.namespace, name)
    bound = {kind.lower(): found}
    if kind == "Pod":
        if found["spec"].get("serviceAccountName", "") != context.name:
            raise BadRequest(
                f'cannot bind token for serviceaccount "{context.name}" to pod running with different serviceaccount '
                "name."
            )
        if node := found["spec"].get("nodeName"):
            there = server.registry.get_object("", "nodes", "", node)
            bound["node"] = there or {"metadata": {"name": node}}
    uid = reference.get("uid")
    if uid and uid != found["metadata"]["uid"]:
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise Conflict("", kind, name, why)
    return bound
