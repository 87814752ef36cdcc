"""`/scale`: how many there should be, as one small object of one kind for all that can be scaled.

A Scale is made from its parent on every read, and a write of one is an update of its parent's `spec.replicas`.
Autoscalers and `kubectl scale` need to know nothing else of the parent. Custom resources say in their definition which
fields it stands for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.api import label_selectors, managed_entries, managed_fields
from minikube_edu.api.errors import Conflict, Invalid, NotFound
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Kind, Resource
from minikube_edu.kube_apiserver.admission.chain import UPDATE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.handlers import answers, body, patching
from minikube_edu.kube_apiserver.handlers.writing import match_metadata, match_name, prepare_options
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.registry import updating
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
SCALE = Kind("autoscaling", "v1", "Scale")


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    if context.verb == "get":
        return get(server, request, context, query)
    return server.finish(write(server, request, context, query))


def get(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    entry = server.registry.entry(resource, context.namespace, context.name)
    if entry is None:
        raise NotFound(resource.group, resource.name, context.name)
    return respond(request, query, context, scale_of(resource, entry.object()))


def respond(request: Request, query: Query, context: Context, scale: Object) -> Response:
    form = answers.form_of(request, context.resource)
    scale["metadata"].pop("managedFields", None)
    if form.is_table:
        from minikube_edu.api.tables import scale_table

        version = scale["metadata"]["resourceVersion"]
        body_, content_type = answers.encoded({**scale_table(scale), "metadata": {"resourceVersion": version}}, form)
        return Response(200, body_, content_type)
    return answers.respond_object(request, query, scale, 200, context)


def replica_paths(resource: Resource) -> dict[str, str]:
    """apiVersion of the parent -> where its replicas are."""
    if resource.custom is not None:
        paths: dict[str, str] = resource.custom.replica_paths(resource)
        return paths
    return {resource.api_version: "spec.replicas"}


def scale_of(resource: Resource, parent: Object) -> Object:
    """The Scale of an object."""
    metadata = parent["metadata"]
    kept = {
        k: metadata[k] for k in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if k in metadata
    }
    entries = managed_entries.to_scale(metadata.get("managedFields"), replica_paths(resource))
    if entries:
        kept["managedFields"] = entries
    wanted, current, selector = numbers(resource, parent)
    scale: Object = {"kind": "Scale", "apiVersion": SCALE.api_version, "metadata": kept, "spec": {}, "status": {}}
    if wanted:
        scale["spec"]["replicas"] = wanted
    scale["status"]["replicas"] = current
    if selector:
        scale["status"]["selector"] = selector
    return scale


def numbers(resource: Resource, parent: Object) -> tuple[int, int, str]:
    """(wanted, current, selector)"""
    if resource.custom is not None:
        found: tuple[int, int, str] = resource.custom.scale_numbers(resource, parent)
        return found
    spec, status = parent.get("spec", {}), parent.get("status", {})
    selector = spec.get("selector")
    if resource.kind == "ReplicationController":
        text = ",".join(f"{key}={value}" for key, value in sorted((selector or {}).items()))
    else:
        text = str(label_selectors.from_object(selector))
    return spec.get("replicas", 0), status.get("replicas", 0), text


async def write(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    """PUT or patch of a Scale: an update of the parent."""
    resource = context.resource
    change = reader(server, request, context, query)
    written: list[Object] = []

    async def make(parent: Object | None) -> Object:
        if parent is None:
            raise NotFound(resource.group, resource.name, context.name)
        old = scale_of(resource, parent)
        new = change(old)
        check(new, old, context)
        await server.registry.admission.admit(Attributes(context, UPDATE, new, old))
        written[:] = [new]
        return merged(resource, parent, new, context)

    served, _ = await updating.update(server.registry, context, make)
    return respond(request, query, context, scale_of(resource, load(served)))


def reader(server: ApiServer, request: Request, context: Context, query: Query) -> Callable[[Object], Object]:
    """How the request makes a new Scale from the old one."""
    prepare_options(context, query, request, "UpdateOptions" if context.verb == "update" else "PatchOptions")
    if context.verb == "patch":
        change = patching.parse(server, request, context, query, view=SCALE)

        def patched(old: Object) -> Object:
            new = change(old)
            if not change.is_apply:
                track(new, old, context)
            return new

        return patched
    sent = orjson.dumps(body.read_object(server, request, context, query, SCALE))

    def replaced(old: Object) -> Object:
        new = load(sent)
        match_name(new, context)
        match_metadata(new, context)
        track(new, old, context)
        return new

    return replaced


def track(new: Object, old: Object, context: Context) -> None:
    managed_fields.update_managed(
        new, old, type_name="autoscaling.v1.Scale", api_version=SCALE.api_version, manager=context.manager,
        subresource="scale", now=clock.rfc3339(),
    )  # fmt: skip


def check(new: Object, old: Object, context: Context) -> None:
    resource = context.resource
    version = new["metadata"].get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise Conflict(resource.group, resource.name, context.name, updating.MODIFIED)
    uid = new["metadata"].get("uid")
    if uid and uid != old["metadata"].get("uid"):
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata'].get('uid', '')}"
        raise Conflict(resource.group, resource.name, context.name, why)
    replicas = new.get("spec", {}).get("replicas", 0)
    if replicas < 0:
        errors = Errors()
        errors.invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise Invalid(SCALE.group, SCALE.kind, context.name, errors)


def merged(resource: Resource, parent: Object, scale: Object, context: Context) -> Object:
    """The parent with the Scale's number, and with those who set it as owners."""
    new = load(orjson.dumps(parent))
    paths = replica_paths(resource)
    *above, last = paths[resource.api_version].lstrip(".").split(".")
    place = new
    for step in above:
        place = place.setdefault(step, {})
    place[last] = scale.get("spec", {}).get("replicas", 0)
    entries = managed_entries.from_scale(
        parent["metadata"].get("managedFields"), scale["metadata"].get("managedFields"), resource.api_version, paths
    )
    if entries:
        new["metadata"]["managedFields"] = entries
    if not scale["metadata"].get("resourceVersion"):
        new["metadata"].pop("resourceVersion", None)
    return new
