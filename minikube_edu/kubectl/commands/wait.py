"""`kubectl wait`: until a condition holds for each of the objects, or until time is up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder, Info
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.waiting import WEEK, Deadline, in_time, until
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Holds = Callable[[Object | None], bool]

PATH_FORM = (
    "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or "
    "--for=jsonpath='{.status.readyReplicas}'"
)


async def run(call: Call) -> None:
    from minikube_edu.api import durations

    flags = call.flags
    conditions = [
        (text.lower() if text.lower() in ("delete", "create") else text, _condition(text)) for text in flags["for"]
    ]
    if not conditions:
        raise CommandError("unrecognized condition: []")
    seconds = durations.seconds(flags["timeout"]) if flags["timeout"] != "0" else 0.0
    deadline = Deadline(WEEK if seconds < 0 else seconds)
    names = [name for name, _ in conditions]
    if "create" in names:
        await _created(call, deadline)
    for_delete = "delete" in names
    builder = Builder(call).arguments(call.args, all_of_type=False).options(latest=True)
    infos, errors = await builder.infos()
    if for_delete:
        errors = [error for error in errors if not (isinstance(error, ApiError) and error.not_found)]
    if not infos and not errors and not for_delete:
        raise CommandError("no matching resources found")
    show = printing.shower(call, "condition met")
    for info in infos:
        try:
            found: Object | None = info.object
            for name, holds in conditions:
                if name != "create":
                    found = await _one(info, holds, deadline, seconds)
            if not for_delete:
                show(found or info.object)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def _one(info: Info, holds: Holds, deadline: Deadline, seconds: float) -> Object | None:
    if seconds == 0:
        current = await info.fetch()
        if not holds(current):
            raise CommandError(f"condition not met for {info.plural_name}")
        return current
    if deadline.left <= 0:  # another object has used up the time of all
        raise CommandError(f"timed out waiting for the condition on {info.plural_name}")
    if not holds(None):
        begin: Object | None = info.object

        def still(obj: Object | None) -> bool:
            if obj is None:
                raise ApiError(_not_found(info))
            return holds(obj)

        return await in_time(until(info, still, deadline, begin), info)
    await in_time(until(info, holds, deadline), info)
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


def _condition(text: str) -> Holds:
    if text.lower() == "delete":
        return lambda obj: obj is None
    if text.lower() == "create":
        return lambda obj: obj is not None
    if text.startswith("condition="):
        name, _, value = text.removeprefix("condition=").partition("=")
        return _has_condition(name, value or "true")
    if text.startswith("jsonpath="):
        return _path(text.removeprefix("jsonpath="))
    raise CommandError(f"unrecognized condition: {quote(text)}")


def _has_condition(name: str, value: str) -> Holds:
    def holds(obj: Object | None) -> bool:
        if obj is None:
            return False
        for condition in (obj.get("status") or {}).get("conditions") or ():
            if str(condition.get("type", "")).lower() == name.lower():
                seen = condition.get("observedGeneration")
                if seen is not None and seen < (obj["metadata"].get("generation") or 0):
                    return False
                return str(condition.get("status", "")).lower() == value.lower()
        return False

    return holds


def _path(text: str) -> Holds:
    from minikube_edu.api.jsonpath import JsonPath, to_text
    from minikube_edu.kubectl.printers.custom_columns import relaxed_path

    parts = text.replace("==", "\0").split("=")
    parts = [part.replace("\0", "==") for part in parts]
    if len(parts) > 2:
        raise CommandError(PATH_FORM)
    wanted = parts[1].strip("'\"") if len(parts) == 2 else None
    if wanted == "":
        raise CommandError(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3"
        )
    try:
        path = JsonPath(relaxed_path(parts[0]), allow_missing=True)
    except ValueError as error:
        raise CommandError(str(error)) from None

    def holds(obj: Object | None) -> bool:
        if obj is None:
            return False
        found = path.find(obj)
        if not found or not found[0]:
            return False
        if wanted is None:
            return True
        if len(found) > 1 or len(found[0]) > 1:
            raise CommandError("given jsonpath expression matches more than one value")
        if isinstance(found[0][0], dict | list):
            raise CommandError("jsonpath leads to a nested object or list which is not supported")
        return str(to_text(found[0][0])) == wanted

    return holds


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
