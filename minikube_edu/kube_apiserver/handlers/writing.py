"""create, update, patch, delete, deletecollection: from a request to the registry's verbs.

Each write makes the new version in the same order: decode, defaults, managed fields, mutating admission; the registry
does the rest. Objects cross from the request's version to the stored one right before admission.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from minikube_edu.api import managed_entries, managed_fields
from minikube_edu.api.conversion import convert
from minikube_edu.api.errors import ApiError, BadRequest, Invalid, NotFound
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.admission.chain import CREATE, UPDATE, Attributes
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.encoding import load
from minikube_edu.kube_apiserver.handlers import answers, body, patching
from minikube_edu.kube_apiserver.handlers.options import parse
from minikube_edu.kube_apiserver.handlers.reading import below_of, respond_list
from minikube_edu.kube_apiserver.query import Query, first
from minikube_edu.kube_apiserver.registry import creating, deleting, updating
from minikube_edu.kube_apiserver.selection import Selection
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]


def prepare_options(context: Context, query: Query, request: Request, kind: str) -> None:
    """dryRun and fieldManager, judged."""
    errors = Errors()
    if "dryRun" in query:
        body.judge_dry_run(query["dryRun"], errors)
        context.dry_run = True
    manager = first(query, "fieldManager")
    if manager:
        errors.extend(_manager_errors(manager))
    mode = first(query, "fieldValidation")
    if mode and mode not in ("Strict", "Warn", "Ignore"):
        errors.not_supported("fieldValidation", mode, ["", "Ignore", "Strict", "Warn"])
    if errors:
        raise Invalid("meta.k8s.io", kind, "", errors)
    context.manager = managed_entries.manager_name(manager, context.user_agent)


def _manager_errors(manager: str) -> Errors:
    errors = Errors()
    if len(manager) > 128:
        errors.too_long("fieldManager", 128)
    for position, letter in enumerate(manager):
        if not letter.isprintable():
            errors.invalid("fieldManager", manager, f"invalid character U+{ord(letter):04X} (at position {position})")
            break
    return errors


def match_metadata(new: Object, context: Context) -> None:
    """The body's name and namespace against those of the path."""
    metadata = new["metadata"]
    if context.resource.namespaced:
        namespace = metadata.get("namespace", "")
        if namespace and namespace != context.namespace:
            raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = context.namespace
    elif context.resource.custom is not None:
        metadata.pop("namespace", None)
    elif metadata.get("namespace"):
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")


def match_name(new: Object, context: Context) -> None:
    name = new["metadata"].get("name", "")
    if not name:
        raise BadRequest(
            f"the name of the object ({context.name} based on URL) was undeterminable: name must be provided"
        )
    if name != context.name:
        raise BadRequest(f"the name of the object ({name}) does not match the name on the URL ({context.name})")


def reset_of(server: ApiServer, context: Context) -> tuple[str, ...]:
    """The fields that this request cannot own."""
    strategy = server.registry.strategy(context.resource)
    return strategy.status_reset_fields if context.subresource == "status" else strategy.reset_fields


def type_at(server: ApiServer, resource: Resource) -> Any:
    """apiVersion -> the type of this kind in that version, for managed fields of older versions."""
    from minikube_edu.api.scheme import split_api_version

    def find(api_version: str) -> Any:
        group, version = split_api_version(api_version)
        found = server.scheme.find(group, version, resource.name)
        if found is None:
            raise KeyError(api_version)
        return shape_of(found)

    return find


def shape_of(resource: Resource) -> Any:
    """What managed fields and patches know the fields of a resource by."""
    return resource.custom.shape(resource) if resource.custom is not None else resource.type_name


def track(server: ApiServer, context: Context, new: Object, old: Object | None) -> None:
    """managedFields after a create, update or patch; both objects are in the request's version."""
    managed_fields.update_managed(
        new,
        old,
        type_name=shape_of(context.resource),
        api_version=context.resource.api_version,
        manager=context.manager,
        subresource=context.subresource,
        reset=reset_of(server, context),
        now=clock.rfc3339(),
        type_at=type_at(server, context.resource),
    )


def to_stored(new: Object, resource: Resource) -> Object:
    group, version = resource.stored_version
    return convert(new, f"{group}/{version}" if group else version)


async def admit(server: ApiServer, context: Context, operation: str, new: Object, old: Object | None) -> None:
    """Mutating admission; nobody may use it to write managed fields."""
    entries = new["metadata"].get("managedFields")
    await server.registry.admission.admit(Attributes(context, operation, new, old))
    if new["metadata"].get("managedFields") is not entries and managed_entries.validate(
        new["metadata"].get("managedFields")
    ):
        new["metadata"]["managedFields"] = entries


async def create(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    prepare_options(context, query, request, "CreateOptions")
    new = body.read_object(server, request, context, query, resource.gvk)
    match_metadata(new, context)
    context.name = new["metadata"].get("name", "")
    creating.wipe_metadata(new)
    creating.single_owners(new, context)
    track(server, context, new, None)
    new = to_stored(new, resource)
    await admit(server, context, CREATE, new, None)
    served = await creating.create(server.registry, context, new)
    return answers.respond(request, query, context, served, resource, 201)


async def update(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    prepare_options(context, query, request, "UpdateOptions")
    sent = body.read_object(server, request, context, query, resource.gvk)
    match_name(sent, context)
    match_metadata(sent, context)
    raw = orjson.dumps(sent)

    async def make(old: Object | None) -> Object:
        new = load(raw)
        creating.single_owners(new, context)
        track(server, context, new, convert(old, resource.api_version) if old else None)
        new = to_stored(new, resource)
        await admit(server, context, UPDATE if old else CREATE, new, old)
        return new

    may_create = server.registry.strategy(resource).allow_create_on_update and not context.subresource
    if may_create and server.registry.entry(resource, context.namespace, context.name) is None:
        _refuse_preconditions(sent, context)
    served, created = await updating.update(server.registry, context, make, may_create=may_create)
    return answers.respond(request, query, context, served, resource, 201 if created else 200)


def _refuse_preconditions(sent: Object, context: Context) -> None:
    """A PUT that would create cannot name a uid."""
    from minikube_edu.api.errors import Conflict

    uid = sent["metadata"].get("uid")
    if uid:
        raise Conflict(
            context.resource.group, context.resource.name, context.name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta: ",
        )  # fmt: skip


async def patch(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    prepare_options(context, query, request, "PatchOptions")
    change = patching.parse(server, request, context, query)

    async def make(old: Object | None) -> Object:
        live = convert(old, resource.api_version) if old else None
        new = change(live)
        match_name(new, context)
        if old is not None or not change.is_apply:
            match_metadata(new, context)
        creating.single_owners(new, context)
        if not change.is_apply:
            track(server, context, new, live)
        new = to_stored(new, resource)
        if old is not None:
            managed_entries.keep_times(new, old)
        await admit(server, context, UPDATE if old else CREATE, new, old)
        return new

    served, created = await updating.update(
        server.registry, context, make, may_create=change.is_apply and not context.subresource
    )
    return answers.respond(request, query, context, served, resource, 201 if created else 200)


async def delete(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    resource = context.resource
    options = body.delete_options(server, request, query)
    context.dry_run = bool(options.get("dryRun"))
    strategy = server.registry.strategy(resource)
    for warning in strategy.delete_warnings(options):
        context.warn(warning)
    deleted = await deleting.delete(server.registry, context, options)
    if not deleted.gone or strategy.returns_deleted:
        return answers.respond(request, {}, context, deleted.served, resource)
    return answers.respond_object(request, query, success(resource, context.name, load(deleted.served)), 200, context)


def success(resource: Resource, name: str, obj: Object) -> Object:
    """`Status`, for what is gone."""
    details: Object = {"name": name}
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.name
    details["uid"] = obj["metadata"].get("uid", "")
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}


async def delete_collection(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    """Delete all that the selectors choose; answers with the list as it was."""
    resource = context.resource
    options = body.delete_options(server, request, query)
    context.dry_run = bool(options.get("dryRun"))
    listing = parse(query, watch=False)
    selection = Selection(query, resource, server.registry.strategy(resource))
    for warning in server.registry.strategy(resource).delete_warnings(options):
        context.warn(warning)
    cache = server.registry.cache_of(resource)
    chosen = [e for e in cache.select(below_of(context)) if selection.matches is None or selection.matches(e)]
    if listing.limit > 0:
        chosen = chosen[: listing.limit]
    for entry in chosen:
        namespace, _, name = entry.key.rpartition("/")
        one = Context(
            context.user, "delete", resource, namespace, name, dry_run=context.dry_run, manager=context.manager
        )
        try:
            await deleting.delete(server.registry, one, options)
        except NotFound:
            continue
        except ApiError as error:
            if error.reason == "Conflict":
                continue
            raise
    revision = server.registry.cache.revision
    return respond_list(server, request, context, {}, chosen, revision, {})
