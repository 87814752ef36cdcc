"""`pods/NAME/eviction`: a deletion that asks the pod's disruption budget first.

`kubectl drain` evicts. A pod that is not running disturbs nobody and goes at once. For any other, a budget that selects
it must allow one more disruption; it is charged here, before the pod goes, with the pod's name in `disruptedPods`, so
that a second eviction at the same moment finds it charged. The disruption controller settles the account later.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from minikube_edu.api import label_selectors
from minikube_edu.api.errors import ApiError, BadRequest, Conflict, Forbidden, GenericError, NotFound, TooManyRequests
from minikube_edu.api.scheme import Kind
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import body
from minikube_edu.kube_apiserver.handlers.subresources import posted
from minikube_edu.kube_apiserver.handlers.writing import prepare_options, track
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.registry import deleting, updating
from minikube_edu.kube_apiserver.registry.amending import amend, set_pod_condition
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
EVICTION = Kind("policy", "v1", "Eviction")
BETA = "policy/v1beta1"  # evictions of old clients still come in this version
BUDGETS = ("policy", "v1", "poddisruptionbudgets")
MOST_DISRUPTED = 2000  # pods that a budget may have waiting for its controller
VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
MANY = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
TRIES = 20


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    return server.finish(evict(server, request, context, query))


async def evict(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    options = await read_options(server, request, context, query)
    context.dry_run = bool(options.get("dryRun"))
    for attempt in range(TRIES):
        pod = pod_of(server, context)
        try:
            await evict_version(server, context, pod, options)
            break
        except Conflict:
            if version_of(options) is not None or attempt == TRIES - 1 or not undisturbed(pod):
                raise
    return posted.success(request, context)


async def read_options(server: ApiServer, request: Request, context: Context, query: Query) -> Object:
    """The eviction's DeleteOptions; a dry run may be asked for in them or in the query."""
    prepare_options(context, query, request, "CreateOptions")
    obj, doubles = body.parse_body(request, EVICTION)
    if obj.get("apiVersion") == BETA and obj.get("kind") == "Eviction":
        obj["apiVersion"] = EVICTION.api_version
    new = body.decode_object(server, obj, doubles, context, body.validation_mode(query), EVICTION)
    if new["metadata"].get("name", "") != context.name:
        raise BadRequest("name in URL does not match name in Eviction object")
    options: Object = dict(new.get("deleteOptions") or {})
    asked, inside = query.get("dryRun", []), options.get("dryRun") or []
    if asked and inside and asked != inside:
        shown = " ".join(asked), " ".join(inside)
        raise GenericError(f"Non-matching dry-run options in request and content: [{shown[0]}] and [{shown[1]}]")
    if asked:
        options["dryRun"] = asked
    await posted.accepted(server, context, EVICTION, new)
    return body.judge_delete_options(options)


def pod_of(server: ApiServer, context: Context) -> Object:
    entry = server.registry.entry(context.resource, context.namespace, context.name)
    if entry is None:
        raise NotFound("", "pods", context.name)
    return entry.object()


def version_of(options: Object) -> str | None:
    version: str | None = (options.get("preconditions") or {}).get("resourceVersion")
    return version


def at_version(options: Object, pod: Object) -> Object:
    """The same options, for this version of the pod alone."""
    if version_of(options) is not None:
        return options
    conditions = {**(options.get("preconditions") or {}), "resourceVersion": pod["metadata"]["resourceVersion"]}
    return {**options, "preconditions": conditions}


def undisturbed(pod: Object) -> bool:
    """Nobody counts on this pod: it does not run, or it is on its way out."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending") or going(pod)


def going(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def evict_version(server: ApiServer, context: Context, pod: Object, options: Object) -> None:
    if undisturbed(pod):
        # A pending pod may become ready meanwhile: then this was the wrong version.
        pending = pod["status"]["phase"] == "Pending" and not going(pod)
        await mark_and_delete(server, context, at_version(options, pod) if pending else options)
        return
    budgets = budgets_of(server, pod)
    if len(budgets) > 1:
        raise GenericError(MANY)
    if not budgets or (spare := counts_for_nothing(pod, budgets[0])) is False:
        if budgets:
            await charge(server, context, budgets[0], pod)
        await mark_and_delete(server, context, options)
        return
    assert spare
    try:
        await mark_and_delete(server, context, at_version(options, pod))
    except Conflict:
        if version_of(options) is None:
            raise still_processing(budgets[0]) from None
        raise


def budgets_of(server: ApiServer, pod: Object) -> list[Object]:
    """The budgets that select the pod; one without a selector, or with an empty one, selects none."""
    labels = pod["metadata"].get("labels", {})
    found = []
    for budget in server.registry.list_objects("policy", "poddisruptionbudgets", pod["metadata"]["namespace"]):
        selector = budget["spec"].get("selector")
        if not selector or not (selector.get("matchLabels") or selector.get("matchExpressions")):
            continue
        try:
            if label_selectors.from_object(selector).matches(labels):
                found.append(budget)
        except ValueError:
            continue
    return found


def counts_for_nothing(pod: Object, budget: Object) -> bool:
    """A pod that is not ready is not among those that the budget protects, as long as enough others are."""
    if is_ready(pod):
        return False
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    desired: int = status.get("desiredHealthy", 0)
    return bool(status.get("currentHealthy", 0) >= desired > 0)


def still_processing(budget: Object) -> TooManyRequests:
    name = budget["metadata"]["name"]
    return refused(f"The disruption budget {name} is still being processed by the server.", retry_after=10)


def refused(why: str, retry_after: int = 0) -> TooManyRequests:
    return TooManyRequests(VIOLATED, retry_after, {"causes": [{"reason": "DisruptionBudget", "message": why}]})


def check(budget: Object) -> None:
    """Raises unless the budget allows one more disruption."""
    name, status = budget["metadata"]["name"], budget.get("status", {})
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise still_processing(budget)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise Forbidden("policy", "poddisruptionbudget", name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or ()) > MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise Forbidden("policy", "poddisruptionbudget", name, why)
    if allowed == 0:
        raise refused(why_none(name, status))


def why_none(name: str, status: Object) -> str:
    for condition in status.get("conditions") or ():
        if condition["type"] == "DisruptionAllowed" and condition["reason"] == "SyncFailed":
            return (
                f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
                f"{condition.get('message', '')}"
            )
    desired, current = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
    return f"The disruption budget {name} needs {desired} healthy pods and has {current} currently"


async def charge(server: ApiServer, context: Context, budget: Object, pod: Object) -> None:
    """One disruption less, and the pod's name on the list."""
    resource = server.scheme.resources[BUDGETS]
    name = budget["metadata"]["name"]
    own = server.registry.system_context(resource, "update", context.namespace, name)
    own.subresource = "status"

    async def make(old: Object | None) -> Object:
        if old is None:
            raise NotFound("policy", "poddisruptionbudgets", name)
        check(old)
        status = dict(old["status"])
        status["disruptionsAllowed"] -= 1
        if status["disruptionsAllowed"] == 0:
            status["conditions"] = exhausted(status)
        status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: clock.rfc3339()}
        new = {**old, "status": status, "metadata": dict(old["metadata"])}
        track(server, own, new, old)
        return new

    if context.dry_run:
        check(budget)
        return
    await updating.update(server.registry, own, make)


def exhausted(status: Object) -> list[Object]:
    """The budget's conditions once nothing more may be disturbed."""
    conditions: list[Object] = [dict(one) for one in status.get("conditions") or ()]
    found = next((one for one in conditions if one["type"] == "DisruptionAllowed"), None)
    if found is None:
        found = {"type": "DisruptionAllowed", "status": "", "message": ""}
        conditions.append(found)
    if found["status"] != "False":
        found["lastTransitionTime"] = clock.rfc3339()
    generation = status.get("observedGeneration", 0)
    found |= {"status": "False", "reason": "InsufficientPods", "message": ""}
    if generation:
        found["observedGeneration"] = generation
    return conditions


async def mark_and_delete(server: ApiServer, context: Context, options: Object) -> None:
    """Say in the pod's status why it goes, then delete it."""
    own = Context(
        context.user, "delete", context.resource, context.namespace, context.name, dry_run=context.dry_run,
        manager=context.manager, user_agent=context.user_agent,
    )  # fmt: skip

    strategy = server.registry.strategy(context.resource)

    def mark(pod: Object) -> None:
        strategy.check_preconditions(own, options, pod)
        why = {"reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting"}
        set_pod_condition(pod, {"type": "DisruptionTarget", "status": "True", **why})

    if not context.dry_run:
        marked = await amend(server.registry, own, mark)
        if version_of(options) is not None:
            conditions = {**options["preconditions"], "resourceVersion": str(marked.revision)}
            options = {**options, "preconditions": conditions}
    try:
        await deleting.delete(server.registry, own, options)
    except ApiError as error:
        context.warnings.extend(own.warnings)
        raise error
