"""Services: linked fields are put right, addresses and ports taken, and only then is the object judged.

The real server allocates before its strategy prepares and validates. Here that is one station, `allocate`: in it the
whole sequence runs in the real order. Some fields are written by people, some by the server, and people leave out
what the server wrote, or change a type and leave what belonged to the other: most of this file guesses what they
mean.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api.defaults.services import externally_accessible
from minikube_edu.api.errors import Invalid
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import services as rules
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.registry.allocators import services as allocators
from minikube_edu.kube_apiserver.registry.strategy import Strategy, Undo

Object = dict[str, Any]


class ServiceStrategy(Strategy):
    allow_create_on_update = True
    returns_deleted = True
    field_labels = ("spec.clusterIP", "spec.type")

    def prepare_create(self, new: Object, context: Context) -> None:
        super().prepare_create(new, context)
        new["status"] = {"loadBalancer": {}}

    def selectable_fields(self, obj: Object) -> dict[str, str]:
        spec = obj["spec"]
        return {"spec.clusterIP": spec.get("clusterIP", ""), "spec.type": spec.get("type", "")}

    async def allocate(self, new: Object, old: Object | None, context: Context, registry: Any) -> Undo | None:
        if context.subresource:
            return None
        asked = {**new["spec"]}
        ours = allocators.of(registry)
        if old is None:
            name_all_addresses(new["spec"])
            undo = await ours.create(new, context.dry_run)
        else:
            keep_what_was_given(new["spec"], old["spec"])
            follow_addresses(new["spec"], old["spec"])
            undo = await ours.update(new, old, context.dry_run)
            drop_what_no_longer_applies(new, old["spec"])
        errors = Errors()
        if old is None:
            rules.create(new, errors)
        else:
            rules.update(new, old, errors)
        if errors:
            undo()
            raise Invalid("", "Service", new["metadata"].get("name", ""), errors)

        for warning in rules.warnings(new, old):
            context.warn(warning)

        def undo_all() -> None:
            undo()
            new["spec"] = asked  # the same object may be tried under another name

        return None if context.dry_run else undo_all

    async def after_delete(self, old: Object, context: Context, registry: Any) -> None:
        """The endpoints of its name go too, before somebody makes another service of that name."""
        namespace, name = old["metadata"]["namespace"], old["metadata"]["name"]
        await registry.delete_object("", "endpoints", namespace, name)
        await allocators.of(registry).release(namespace, name, allocators.cluster_ips_of(old["spec"]))


def name_all_addresses(spec: Object) -> None:
    """Older clients know `clusterIP` alone."""
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]


def has_cluster_ip(spec: Object) -> bool:
    return spec.get("type") != "ExternalName"


def has_node_ports(spec: Object) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def keep_what_was_given(spec: Object, old: Object) -> None:
    """Who sends the same manifest again keeps the addresses and ports that were allocated."""
    if has_cluster_ip(spec) and has_cluster_ip(old):
        for field in ("clusterIP", "clusterIPs"):
            if not spec.get(field) and old.get(field):
                spec[field] = old[field]
    if allocators.wants_node_ports(old) and allocators.wants_node_ports(spec):
        _keep_node_ports(spec, old)
    if rules.needs_health_check(spec) and rules.needs_health_check(old) and old.get("healthCheckNodePort"):
        spec.setdefault("healthCheckNodePort", old["healthCheckNodePort"])


def _keep_node_ports(spec: Object, old: Object) -> None:
    """By the port's name; one that another port has now is not given twice."""
    used = node_ports(spec) & node_ports(old)
    by_name = {port.get("name", ""): port.get("nodePort", 0) for port in old.get("ports", ())}
    for port in spec.get("ports", ()):
        before = by_name.get(port.get("name", ""), 0)
        if not port.get("nodePort") and before and before not in used:
            port["nodePort"] = before


def node_ports(spec: Object) -> set[int]:
    return {port["nodePort"] for port in spec.get("ports", ()) if port.get("nodePort")}


def follow_addresses(spec: Object, old: Object) -> None:
    """`clusterIP` was changed or cleared and `clusterIPs` was not: it follows."""
    first, first_before = spec.get("clusterIP", ""), old.get("clusterIP", "")
    same = spec.get("clusterIPs", []) == old.get("clusterIPs", [])
    if first == first_before:
        if old.get("clusterIPs") and not spec.get("clusterIPs"):
            spec["clusterIPs"] = old["clusterIPs"]
    elif first_before and not first:
        if same:
            spec.pop("clusterIPs", None)
    elif same:
        spec["clusterIPs"] = [first]


def drop_what_no_longer_applies(new: Object, old: Object) -> None:
    """After a change of type: fields that only the old type has, and that the client did not touch."""
    spec = new["spec"]
    if has_cluster_ip(old) and not has_cluster_ip(spec):
        if all(spec.get(field) == old.get(field) for field in ("clusterIP", "clusterIPs")):
            _drop(spec, "clusterIP", "clusterIPs")
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if spec.get(field) == old.get(field):
                _drop(spec, field)
        _drop(spec, "internalTrafficPolicy")  # not shown for this type
    if has_node_ports(old) and not has_node_ports(spec) and node_ports(spec) <= node_ports(old):
        for port in spec.get("ports", ()):
            _drop(port, "nodePort")
    only_old = {
        "healthCheckNodePort": rules.needs_health_check,
        "allocateLoadBalancerNodePorts": _is_balancer,
        "loadBalancerClass": _is_balancer,
        "externalTrafficPolicy": externally_accessible,
    }
    for field, applies in only_old.items():
        if applies(old) and not applies(spec) and spec.get(field) == old.get(field):
            _drop(spec, field)
    if not _is_balancer(spec):
        new.setdefault("status", {})["loadBalancer"] = {}


def _is_balancer(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer"


def _drop(holder: Object, *fields: str) -> None:
    for field in fields:
        holder.pop(field, None)
