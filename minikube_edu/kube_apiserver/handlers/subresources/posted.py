"""What is posted to be acted upon, never to be stored: a binding, an eviction, a token request, a review.

Such an object goes the first part of a new object's way: decoded, with its defaults and managed fields, past
admission. What happens then is for each kind to say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.api import managed_fields, schema
from minikube_edu.api.scheme import Kind
from minikube_edu.kube_apiserver.admission.chain import CREATE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import answers, body
from minikube_edu.kube_apiserver.handlers.writing import match_metadata, prepare_options
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.registry.creating import wipe_metadata
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]


async def received(
    server: ApiServer, request: Request, context: Context, query: Query, kind: Kind, *, keep_identity: bool = False
) -> Object:
    """The posted object. `keep_identity`: its uid and resourceVersion are conditions on something else."""
    prepare_options(context, query, request, "CreateOptions")
    new = body.read_object(server, request, context, query, kind)
    return await accepted(server, context, kind, new, keep_identity=keep_identity)


async def accepted(
    server: ApiServer, context: Context, kind: Kind, new: Object, *, keep_identity: bool = False
) -> Object:
    """A decoded object, tracked and past admission."""
    match_metadata(new, context)
    if not keep_identity:
        wipe_metadata(new)
    new["metadata"].pop("managedFields", None)
    managed_fields.update_managed(
        new, None, type_name=schema.type_of(*kind), api_version=kind.api_version, manager=context.manager,
        subresource=context.subresource, now=clock.rfc3339(),
    )  # fmt: skip
    attributes = Attributes(context, CREATE, new, None)
    await server.registry.admission.admit(attributes)
    await server.registry.admission.validate(attributes)
    return new


def success(request: Request, context: Context) -> Response:
    """`Status: Success`, which is all that there is to say."""
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    return answers.respond_object(request, {}, status, 201, context)
