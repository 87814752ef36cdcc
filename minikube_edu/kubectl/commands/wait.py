"""`kubectl wait`: until a condition holds for each of the objects, or until time is up."""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import live_line, printing, wait_conditions
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.live_line import LiveLine
from minikube_edu.kubectl.wait_conditions import Condition, Holds
from minikube_edu.kubectl.waiting import WEEK, Deadline, in_time, until
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


async def run(call: Call) -> None:
    with live_line.of(call) as line:
        await _wait(call, line)


async def _wait(call: Call, line: LiveLine) -> None:
    from minikube_edu.api import durations

    flags = call.flags
    conditions = [wait_conditions.parse(text) for text in flags["for"]]
    if not conditions:
        raise CommandError("unrecognized condition: []")
    seconds = durations.seconds(flags["timeout"]) if flags["timeout"] != "0" else 0.0
    deadline = Deadline(WEEK if seconds < 0 else seconds)
    names = [one.text for one in conditions]
    if "create" in names:
        line.show(lambda: f"{_time(line, deadline)}  {' '.join(call.args)}: not there yet")
        await _created(call, deadline)
        line.hide()
    for_delete = "delete" in names
    builder = Builder(call).arguments(call.args, all_of_type=False).options(latest=True)
    infos, errors = await builder.infos()
    if for_delete:
        errors = [error for error in errors if not (isinstance(error, ApiError) and error.not_found)]
    if not infos and not errors and not for_delete:
        raise CommandError("no matching resources found")
    show = printing.shower(call, "condition met")
    for place, info in enumerate(infos):
        try:
            found: Object | None = info.object
            for condition in conditions:
                if condition.text != "create":
                    told = _told(condition, info, len(infos) - place - 1, line, deadline) if seconds else None
                    found = await _one(info, condition, told, deadline)
            line.hide()
            if not for_delete:
                show(found or info.object)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


def _told(condition: Condition, info: Info, more: int, line: LiveLine, deadline: Deadline) -> Holds:
    """The condition's `holds`, which tells on the way what it sees."""

    def holds(obj: Object | None) -> bool:
        met = condition.holds(obj)
        if not met:
            rest = f" ({more} more)" if more else ""
            line.show(
                lambda: (
                    f"{_time(line, deadline)}  {info.plural_name}{rest}: now {condition.now(obj)}, "
                    f"to be {condition.text.removeprefix('condition=')}"
                )
            )
        return met

    return holds


def _time(line: LiveLine, deadline: Deadline) -> str:
    from minikube_edu.api.tables.ages import human_duration

    return f"{line.passed} of {human_duration(deadline.seconds)}"


async def _one(info: Info, condition: Condition, told: Holds | None, deadline: Deadline) -> Object | None:
    if told is None:  # nothing is waited for
        current = await info.fetch()
        if not condition.holds(current):
            raise CommandError(f"condition not met for {info.plural_name}")
        return current
    if deadline.left <= 0:  # another object has used up the time of all
        raise CommandError(f"timed out waiting for the condition on {info.plural_name}")
    if not condition.holds(None):
        begin: Object | None = info.object

        def still(obj: Object | None) -> bool:
            if obj is None:
                raise ApiError(_not_found(info))
            return told(obj)

        return await in_time(until(info, still, deadline, begin), info)
    await in_time(until(info, told, deadline), info)
    return info.object


def _not_found(info: Info) -> Object:
    return {
        "kind": "Status",
        "reason": "NotFound",
        "code": 404,
        "message": f"{info.mapping.resource} {quote(info.name)} not found",
    }


async def _created(call: Call, deadline: Deadline) -> None:
    while True:
        infos, errors = await Builder(call).arguments(call.args).infos()
        if infos:
            return
        raise_all([error for error in errors if not (isinstance(error, ApiError) and error.not_found)])
        if deadline.left <= 0:
            raise CommandError("timed out waiting for the condition")
        await asyncio.sleep(min(0.5, deadline.left))


COMMAND = Command(
    "wait",
    run,
    use="([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | --all)]) "
    "[--for=create|--for=delete|--for condition=available|--for=jsonpath='{}'[=value]]",
    long="Wait for a specific condition on one or many resources.",
    examples="""# Wait for the pod "busybox1" to contain the status condition of type "Ready"
kubectl wait --for=condition=Ready pod/busybox1

# Wait for the pod "busybox1" to be deleted, with a timeout of 60s, after having issued the "delete" command
kubectl delete pod/busybox1
kubectl wait --for=delete pod/busybox1 --timeout=60s""",
    flags=(
        *groups.filename_deep("of what to wait for."),
        *groups.PRINT,
        *groups.SELECTOR,
        *groups.FIELD_SELECTOR,
        *groups.ALL,
        *groups.ALL_NAMESPACES,
        *groups.LOCAL,
        Flag(
            "for",
            "array",
            help="The condition to wait on: "
            "[create|delete|condition=condition-name[=condition-value]|jsonpath='{JSONPath expression}'=[JSONPath value]].",  # noqa: E501
        ),
        Flag(
            "timeout",
            "duration",
            default="30s",
            help="How long to wait. Zero means check once and don't wait, negative means wait for a week.",
        ),
    ),
)
