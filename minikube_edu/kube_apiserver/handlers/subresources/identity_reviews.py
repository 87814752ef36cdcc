"""Who is that? TokenReview asks it of a token, SelfSubjectReview of the one who asks (`kubectl auth whoami`).

TokenReviews are for others that are sent tokens, such as a kubelet's own server: they pass them on to be told whose
they are.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from minikube_edu.api.errors import BadRequest, InternalError
from minikube_edu.kube_apiserver.authn.bearer import TokenRefused
from minikube_edu.kube_apiserver.authn.chain import authenticated
from minikube_edu.kube_apiserver.context import Context, User
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.handlers.subresources import posted
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    return review(server, request, context, query)


async def review(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    asked = await posted.received(server, request, context, query, context.resource.gvk)
    if context.resource.kind == "TokenReview":
        asked["status"] = whose(server, asked)
    else:
        asked["metadata"]["creationTimestamp"] = clock.rfc3339()
        asked["status"] = {"userInfo": user_info(context.user)}
    return answers.respond_object(request, query, asked, 201, context)


def whose(server: ApiServer, asked: Object) -> Object:
    """The status of a TokenReview."""
    bearer = server.authentication.bearer
    token = asked["spec"].get("token", "")
    if not token:
        raise BadRequest("token is required for TokenReview in authentication")
    audiences = asked["spec"].get("audiences") or bearer.api_audiences
    try:
        found = bearer.recognize(token, audiences)
    except TokenRefused as refusal:
        return {"user": {}, "error": str(refusal)}
    if audiences and not found.audiences:
        raise InternalError("error validating audiences")
    status: Object = {"authenticated": True, "user": user_info(authenticated(found.user))}
    if found.audiences:
        status["audiences"] = list(found.audiences)
    return status


def user_info(user: User) -> Object:
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra.items()}
    return info
