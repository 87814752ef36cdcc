"""`pods/NAME/binding`: the scheduler's verdict. Names the pod's node, once and for ever.

The same object can be posted to the collection `bindings`, as schedulers of old did. The pod is not updated like other
objects: its validation would refuse a node to a pod that exists.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from minikube_edu.api.errors import BadRequest, Conflict, GenericError
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Kind
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers.subresources import posted
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.registry.amending import amend, check_identity, set_pod_condition
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
BINDING = Kind("", "v1", "Binding")


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    return server.finish(bind(server, request, context, query))


async def bind(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    binding = await posted.received(server, request, context, query, BINDING, keep_identity=True)
    name = binding["metadata"].get("name", "")
    if context.name and name != context.name:
        raise BadRequest("name in URL does not match name in Binding object")
    errors = judge(binding)
    if errors:
        texts = [str(error) for error in errors]
        raise GenericError(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")
    pods = server.scheme.resources["", "v1", "pods"]
    await assign(server.registry, replace(context, resource=pods, name=name, subresource="", verb="bind"), binding)
    return posted.success(request, context)


def judge(binding: Object) -> Errors:
    errors = Errors()
    target = binding.get("target") or {}
    kind = target.get("kind", "")
    if kind not in ("", "Node"):
        errors.not_supported("target.kind", kind, ["Node", "<empty>"])
    if not target.get("name"):
        errors.required("target.name")
    return errors


async def assign(registry: Registry, context: Context, binding: Object) -> None:
    """Write the node into the newest version of the pod."""

    def change(pod: Object) -> None:
        check_identity(context, binding["metadata"], pod["metadata"])
        why = refusal(pod)
        if why:
            raise Conflict("", "pods/binding", context.name, why)
        place(pod, binding)

    await amend(registry, context, change)


def refusal(pod: Object) -> str:
    """Why this pod gets no node now; "" when it does."""
    name = pod["metadata"]["name"]
    if "deletionTimestamp" in pod["metadata"]:
        return f"pod {name} is being deleted, cannot be assigned to a host"
    if pod["spec"].get("nodeName"):
        return f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    if pod["spec"].get("schedulingGates"):
        return f"pod {name} has non-empty .spec.schedulingGates"
    return ""


def place(pod: Object, binding: Object) -> None:
    pod["spec"]["nodeName"] = binding["target"]["name"]
    for field in ("annotations", "labels"):
        if added := binding["metadata"].get(field):
            pod["metadata"][field] = {**pod["metadata"].get(field, {}), **added}
    pod.get("status", {}).pop("nominatedNodeName", None)  # the promise is kept
    set_pod_condition(pod, {"type": "PodScheduled", "status": "True"})
