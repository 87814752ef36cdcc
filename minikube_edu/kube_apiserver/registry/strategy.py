"""What is special about writing one kind: what clients may not set, what moves the generation, how it is deleted.

The verbs of `store` call these hooks at fixed points. On create: prepare_create, (admission), validation, allocate,
commit. On update: prepare_update, (admission), validation, allocate, commit. Hooks change `new` in place,
synchronously, and look at nothing but their arguments; what needs other objects (a service's address) is done in
`allocate`, which has the registry.

The defaults below fit most kinds: status belongs to the status subresource, any other change outside metadata moves
`metadata.generation` (for kinds that have one).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.errors import Conflict
from minikube_edu.api.groups import table_of
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.context import Context

Object = dict[str, Any]
Undo = Callable[[], None]


STRATEGIES = "minikube_edu.kube_apiserver.registry.strategies"

# The built-in kinds whose metadata.generation counts changes. The others keep what a client sent on create.
COUNTED = frozenset(
    (
        "CronJob", "CustomResourceDefinition", "DaemonSet", "Deployment", "DeviceClass", "EndpointSlice", "FlowSchema",
        "Ingress", "IngressClass", "Job", "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration", "NetworkPolicy", "Pod", "PodDisruptionBudget", "PodTemplate", "PriorityClass",
        "PriorityLevelConfiguration", "ReplicaSet", "ReplicationController", "ResourceSlice", "StatefulSet",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    )
)  # fmt: skip


class Strategy:
    # PUT to a name that does not exist creates it (Lease, Event, Endpoints, …: the few real kinds that allow it)
    allow_create_on_update = False
    # PUT without resourceVersion is accepted
    allow_unconditional_update = True
    # metadata.generation counts changes; None: as `COUNTED` has it
    generation: bool | None = None
    # fields of the main resource that clients do not own: excluded from managed fields when written through it
    reset_fields: tuple[str, ...] = ("status",)
    # the same for .../status
    status_reset_fields: tuple[str, ...] = ("spec",)
    # what deletion does with dependents when the request does not say: "" leaves it to the collector (background)
    default_propagation = ""
    # DELETE answers with the deleted object; most kinds answer with a Status
    returns_deleted = False

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.has_status = "status" in resource.subresources
        if self.generation is None:
            self.generation = resource.kind in COUNTED

    def prepare_create(self, new: Object, context: Context) -> None:
        """Take out what clients may not set."""
        if self.has_status:
            clear_status(new, self.resource)
        if self.generation:
            new["metadata"]["generation"] = 1

    def prepare_update(self, new: Object, old: Object, context: Context) -> None:
        """Put back what this request may not change."""
        if self.has_status:
            keep(new, old, "status")
        if self.generation:
            self.count_generation(new, old)

    def prepare_status(self, new: Object, old: Object, context: Context) -> None:
        """The same for the status subresource: all but the status stays as it was."""
        for field in set(new) | set(old):
            if field not in ("status", "metadata", "kind", "apiVersion"):
                keep(new, old, field)

    def prepare(self, new: Object, old: Object, context: Context) -> None:
        """An update through the object itself or one of its subresources: `prepare_NAME` where there is one."""
        hook = getattr(self, f"prepare_{context.subresource or 'update'}", self.prepare_update)
        hook(new, old, context)

    def begin_deletion(self, obj: Object) -> None:
        """Change an object whose deletion begins but waits (a namespace's phase)."""

    def may_go(self, obj: Object) -> bool:
        """False while something else than metadata.finalizers and grace holds it (a namespace's own finalizers)."""
        return True

    def count_generation(self, new: Object, old: Object) -> None:
        changed = any(
            new.get(field) != old.get(field)
            for field in set(new) | set(old)
            if field not in ("metadata", "status", "kind", "apiVersion")
        )
        generation = old["metadata"].get("generation", 0) + (1 if changed else 0)
        if generation:
            new["metadata"]["generation"] = generation
        else:
            new["metadata"].pop("generation", None)

    def canonicalize(self, new: Object) -> None:
        """Last touch before validation's verdict is asked for storage (e.g. sorting)."""

    async def allocate(self, new: Object, old: Object | None, context: Context, registry: Any) -> Undo | None:
        """Take addresses, ports, …; `old` is None on create. The returned function gives them back if the write fails.
        `registry` is `registry.store.Registry`. Raise api errors to refuse."""
        return None

    async def after_delete(self, old: Object, context: Context, registry: Any) -> None:
        """Give back what `allocate` took."""

    def check_preconditions(self, context: Context, options: Object, old: Object) -> None:
        """The uid and the version that a DELETE names must be those of the object."""
        wanted = options.get("preconditions") or {}
        metadata = old["metadata"]
        uid, version = wanted.get("uid"), wanted.get("resourceVersion")
        why = ""
        if uid is not None and uid != metadata.get("uid"):
            why = (
                f"the UID in the precondition ({uid}) does not match the UID in record ({metadata.get('uid', '')}). "
                "The object might have been deleted and then recreated"
            )
        elif version is not None and version != metadata.get("resourceVersion"):
            why = (
                f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
                f"({metadata.get('resourceVersion', '')}). The object might have been modified"
            )
        if why:
            raise Conflict(self.resource.stored_version[0], self.resource.kind, context.name, why)

    def delete_warnings(self, options: Object) -> list[str]:
        """What a client that deletes should be told."""
        return []

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        """Values of the fields that `fieldSelector` may name; metadata.name and namespace are added by the caller."""
        return {}

    # The names that `fieldSelector` may use beside metadata.name and metadata.namespace.
    field_labels: tuple[str, ...] = ()

    def unknown_field_label(self, label: str) -> str:
        """The complaint about a field selector that is not supported."""
        if not self.field_labels:
            return f'"{label}" is not a known field selector: only "metadata.name", "metadata.namespace"'
        return f"field label not supported: {label}"

    def grace_period(self, obj: Object, asked: int | None) -> int | None:
        """Seconds of graceful deletion; None: the kind is deleted at once."""
        return None


class OwnPreconditions:
    """Namespaces and definitions delete themselves in the real server, and complain in other words."""

    def check_preconditions(self, context: Context, options: Object, old: Object) -> None:
        wanted, metadata = options.get("preconditions") or {}, old["metadata"]
        for field, name in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
            value = wanted.get(field)
            if value is not None and value != metadata.get(field):
                why = (
                    f"Precondition failed: {name} in precondition: {value}, {name} in object meta: "
                    f"{metadata.get(field, '')}"
                )
                raise Conflict(context.resource.group, context.resource.name, context.name, why)


def keep(new: Object, old: Object, field: str) -> None:
    """The field stays as it was."""
    if field in old:
        new[field] = old[field]
    else:
        new.pop(field, None)


def null_when_empty(holder: Object, *fields: str) -> None:
    """Lists that are always written: an empty one is read back from the real store as null."""
    for field in fields:
        if holder.get(field) == []:
            holder[field] = None


def clear_status(new: Object, resource: Resource | None = None) -> None:
    """The status as it is when nobody has written it yet: empty, but for what Go always writes."""
    if "status" not in new:
        return
    new["status"] = {}
    if resource is not None and resource.custom is None:
        group, version = resource.stored_version
        kind = _status_kind(group, version, resource.kind)
        if kind is not None:
            new["status"] = schema.normalizer(kind)({})


@cache
def _status_kind(group: str, version: str, kind: str) -> str | None:
    """The schema's name of a kind's status."""
    type_name = schema.type_of(group, version, kind)
    field = schema.struct(type_name).fields.get("status") if type_name else None
    return field.kind if field is not None and field.kind[0] == "=" else None


@cache
def strategy_of(resource: Resource) -> Strategy:
    """The strategy of a resource; custom resources bring their own through `resource.custom`."""
    table: dict[str, type[Strategy]] = table_of(STRATEGIES, resource.stored_version[0], "STRATEGIES")
    return table.get(resource.kind, Strategy)(resource)
