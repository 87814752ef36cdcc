"""`kubectl create quota`, `poddisruptionbudget` and `priorityclass`."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

QUOTAS = Resource("", "v1", "resourcequotas", kind="ResourceQuota")
BUDGETS = Resource("policy", "v1", "poddisruptionbudgets", kind="PodDisruptionBudget")
PRIORITY_CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", namespaced=False, kind="PriorityClass")


async def quota(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    obj = generating.header("ResourceQuota", "v1", name, call)
    spec: dict[str, Any] = {}
    if flags["hard"]:
        spec["hard"] = resource_list(flags["hard"])
    if flags["scopes"]:
        spec["scopes"] = list(dict.fromkeys(flags["scopes"].split(",")))
    obj |= {"spec": spec, "status": {}}
    await generating.create(call, QUOTAS, obj, "failed to create quota: ")


def resource_list(text: str) -> dict[str, str]:
    """`cpu=1,memory=1G`"""
    from minikube_edu.api import quantity

    found = {}
    for part in text.split(","):
        pieces = part.split("=")
        if len(pieces) != 2:
            raise CommandError(f"Invalid argument syntax {part}, expected <resource>=<value>")
        try:
            found[pieces[0]] = quantity.canonical(pieces[1])
        except ValueError as error:
            raise CommandError(str(error)) from None
    return dict(sorted(found.items()))


async def budget(call: Call) -> None:
    from minikube_edu.api import intstr

    flags = call.flags
    name = call.exactly_one_name()
    least, most = flags["min-available"], flags["max-unavailable"]
    if not flags["selector"]:
        raise CommandError("a selector must be specified")
    if not least and not most:
        raise CommandError("one of min-available or max-unavailable must be specified")
    if least and most:
        raise CommandError("min-available and max-unavailable cannot be both specified")
    for flag in ("min-available", "max-unavailable"):
        if flags[flag] and not re.fullmatch(r"[0-9]+%?", flags[flag]):
            raise CommandError(f"invalid format specified for {flag}")
    obj = generating.header("PodDisruptionBudget", "policy/v1", name, call)
    amount = {"minAvailable": intstr.parse(least)} if least else {}
    selector = {"selector": selector_object(flags["selector"])}
    limit = {"maxUnavailable": intstr.parse(most)} if most else {}
    obj["spec"] = {**amount, **selector, **limit}
    obj["status"] = {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}
    await generating.create(call, BUDGETS, obj, "failed to create poddisruptionbudgets: ")


def selector_object(text: str) -> dict[str, Any]:
    """`app=web,tier in (a,b)` as a LabelSelector."""
    from minikube_edu.api import label_selectors

    labels: dict[str, str] = {}
    expressions: list[dict[str, Any]] = []
    names = {"in": "In", "notin": "NotIn", "exists": "Exists", "!": "DoesNotExist", "!=": "NotIn"}
    try:
        requirements = label_selectors.parse(text).requirements
    except ValueError as error:
        raise CommandError(str(error)) from None
    for one in requirements:
        operator, values = str(one.operator), sorted(one.values)
        if operator in ("=", "=="):
            labels[one.key] = values[0]
        else:
            expression: dict[str, Any] = {"key": one.key, "operator": names.get(operator, operator)}
            expressions.append({**expression, "values": values} if values else expression)
    found: dict[str, Any] = {"matchLabels": labels} if labels else {}
    return {**found, "matchExpressions": expressions} if expressions else found


async def priority_class(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    obj = generating.header("PriorityClass", "scheduling.k8s.io/v1", name)
    obj["value"] = flags["value"]
    if flags["global-default"]:
        obj["globalDefault"] = True
    if flags["description"]:
        obj["description"] = flags["description"]
    obj["preemptionPolicy"] = flags["preemption-policy"]
    await generating.create(call, PRIORITY_CLASSES, obj, "failed to create priorityclass: ")


COMMANDS = {
    "quota": Command(
        "quota",
        quota,
        use="NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] [--dry-run=server|client|none]",
        long="Create a resource quota with the specified name, hard limits, and optional scopes.",
        aliases=("resourcequota",),
        flags=(
            *generating.FLAGS,
            Flag("hard", help="A comma-delimited set of resource=quantity pairs that define a hard limit."),
            Flag(
                "scopes",
                help="A comma-delimited set of quota scopes that must all match each object tracked by the quota.",
            ),
        ),
    ),
    "poddisruptionbudget": Command(
        "poddisruptionbudget",
        budget,
        use="NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]",
        long="Create a pod disruption budget with the specified name, selector, and desired minimum available pods.",
        aliases=("pdb",),
        flags=(
            *generating.FLAGS,
            Flag("max-unavailable", help="The maximum number or percentage of unavailable pods."),
            Flag("min-available", help="The minimum number or percentage of available pods."),
            Flag(
                "selector",
                help="A label selector to use for this budget. Only equality-based selector requirements are "
                "supported.",
            ),
        ),
    ),
    "priorityclass": Command(
        "priorityclass",
        priority_class,
        use="NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]",
        long="Create a priority class with the specified name, value, globalDefault and description.",
        aliases=("pc",),
        flags=(
            *generating.FLAGS,
            Flag("description", help="When it should be used."),
            Flag("global-default", "bool", help="It is the default priority."),
            Flag(
                "preemption-policy",
                default="PreemptLowerPriority",
                help="Whether pods of it preempt pods of lower priority.",
            ),
            Flag("value", "int32", help="the value of this priority class."),
        ),
    ),
}
