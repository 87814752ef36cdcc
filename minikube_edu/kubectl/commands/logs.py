"""`kubectl logs`: what containers printed; of one, of all of a pod, of all pods of a workload or a selector."""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.interrupts import Interrupts
from minikube_edu.lib import clock

Object = dict[str, Any]
USAGE = (
    "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for "
    "the logs command"
)


async def run(call: Call) -> None:
    flags, args = call.flags, call.args
    if (not args and not flags["selector"]) or len(args) > 2:
        raise call.usage(USAGE)
    if args and flags["selector"]:
        raise call.usage("only a selector (-l) or a POD name is allowed")
    container = flags["container"]
    if len(args) == 2:
        if container:
            raise CommandError("only one of -c or an inline [CONTAINER] arg is allowed")
        container = args[1]
    _check(call, container)
    pods = await _pods(call, args)
    if not pods:
        return
    requests = [(pod, name) for pod in pods for name in _containers(call, pod, container)]
    if flags["follow"] and len(requests) > 1 and len(requests) > flags["max-log-requests"]:
        raise CommandError(
            f"you are attempting to follow {len(requests)} log streams, but maximum allowed concurrency is "
            f"{flags['max-log-requests']}, use --max-log-requests to increase the limit"
        )
    with Interrupts():
        if flags["follow"]:
            await asyncio.gather(*(_followed(call, pod, name) for pod, name in requests))
            return
        for pod, name in requests:
            await _show(call, pod, name)


async def _followed(call: Call, pod: Object, container: str) -> None:
    """A container that does not run yet is asked for again each second, as long as is waited for running pods."""
    end = clock.monotonic() + attaching.running_timeout(call)
    while True:
        try:
            await _show(call, pod, container)
            return
        except ApiError as error:
            call.warn(str(error))
        if clock.monotonic() + 1 > end:
            raise CommandError("context deadline exceeded")
        await asyncio.sleep(1)


def _check(call: Call, container: str) -> None:
    from minikube_edu.api import durations

    flags = call.flags
    if flags["all-containers"] and container:
        raise CommandError("--all-containers=true should not be specified with container name " + container)
    if flags["since-time"]:
        try:
            clock.parse_rfc3339(flags["since-time"])
        except ValueError:
            from minikube_edu.api import diagnosis

            raise CommandError(diagnosis.time_fault(flags["since-time"])) from None
    if flags["since"] not in ("0s", "0") and flags["since-time"]:
        raise CommandError("at most one of `sinceTime` or `sinceSeconds` may be specified")
    if durations.seconds(flags["since"]) < 0:
        raise CommandError("--since must be greater than 0")
    if flags["limit-bytes"] < 0:
        raise CommandError("--limit-bytes must be greater than 0")
    if flags["tail"] < -1:
        raise CommandError("--tail must be greater than or equal to -1")


async def _pods(call: Call, args: list[str]) -> list[Object]:
    if call.flags["selector"]:
        infos = await Builder(call).arguments(["pods"]).all()
        if not infos:
            call.warn(f"No resources found in {call.factory.namespace} namespace.")
        return [info.object for info in infos]
    words = [args[0]] if "/" in args[0] else ["pods", args[0]]
    try:
        infos = await Builder(call).arguments(words).all()
    except ApiError as error:
        if error.not_found:
            raise CommandError(
                f'error from server (NotFound): {error} in namespace "{call.factory.namespace}"'
            ) from None
        raise
    info = infos[0]
    if info.mapping.resource.kind == "Pod":
        return [info.object]
    selector = attaching.selected(info, "cannot get the logs from")
    pods = await attaching.pods_of(info, selector, attaching.running_timeout(call))
    if len(pods) > 1 and not call.flags["all-pods"]:
        call.warn(f"Found {len(pods)} pods, using pod/{pods[0]['metadata']['name']}")
    return pods if call.flags["all-pods"] else pods[:1]


def _containers(call: Call, pod: Object, container: str) -> list[str]:
    spec = pod["spec"]
    if call.flags["all-containers"] or (call.flags["all-pods"] and not container):
        return [
            one["name"]
            for key in ("initContainers", "containers", "ephemeralContainers")
            for one in spec.get(key) or ()
        ]
    return [attaching.container_of(call, pod, container, quiet=bool(call.flags["all-pods"]))]


async def _show(call: Call, pod: Object, container: str) -> None:
    from minikube_edu.api import durations
    from minikube_edu.kubectl.factory import query_text

    flags, metadata = call.flags, pod["metadata"]
    tail = flags["tail"]
    if flags["selector"] and not flags.changed("tail") and not flags["follow"]:
        tail = 10
    since = durations.seconds(flags["since"])
    query = {
        "container": container,
        "follow": flags["follow"],
        "previous": flags["previous"],
        "timestamps": flags["timestamps"],
        "sinceSeconds": int(since) or None,
        "sinceTime": flags["since-time"],
        "limitBytes": flags["limit-bytes"] or None,
        "tailLines": str(tail) if tail >= 0 else None,
        "insecureSkipTLSVerifyBackend": flags["insecure-skip-tls-verify-backend"],
    }
    path = attaching.PODS.path(metadata["namespace"], metadata["name"], "log") + query_text(query)
    prefix = f"[pod/{metadata['name']}/{container}] " if flags["prefix"] or flags["all-pods"] else ""
    try:
        stream = await call.factory.client.sender.stream("GET", path)
    except ApiError as error:
        if flags["ignore-errors"]:
            call.say(f"error: {error}")
            return
        raise
    rest = b""
    try:
        while piece := await stream.next():
            if not prefix:
                _put(call, piece)
                continue
            *lines, rest = (rest + piece).split(b"\n")
            _put(call, b"".join(prefix.encode() + line + b"\n" for line in lines))
        if rest:
            _put(call, prefix.encode() + rest)
    finally:
        stream.close()


def _put(call: Call, data: bytes) -> None:
    call.out.write(data.decode("utf-8", "replace"))
    call.out.flush()


COMMAND = Command(
    "logs",
    run,
    use="[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]",
    long="Print the logs for a container in a pod or specified resource. If the pod has only one container, the "
    "container name is optional.",
    examples="""# Return snapshot logs from pod nginx with only one container
kubectl logs nginx

# Return snapshot logs from all containers in pods defined by label app=nginx
kubectl logs -l app=nginx --all-containers=true

# Begin streaming the logs of the ruby container in pod web-1
kubectl logs -f -c ruby web-1""",
    flags=(
        *groups.SELECTOR,
        Flag("all-containers", "bool", help="Get all containers' logs in the pod(s)."),
        Flag("all-pods", "bool", help="Get logs from all pod(s). Sets prefix to true."),
        Flag("container", short="c", help="Print the logs of this container"),
        Flag("follow", "bool", short="f", help="Specify if the logs should be streamed."),
        Flag(
            "ignore-errors",
            "bool",
            help="If watching / following pod logs, allow for any errors that occur to be non-fatal",
        ),
        Flag(
            "insecure-skip-tls-verify-backend",
            "bool",
            help="Skip verifying the identity of the kubelet that logs are requested from.",
        ),
        Flag("limit-bytes", "int64", help="Maximum bytes of logs to return. Defaults to no limit."),
        Flag(
            "max-log-requests",
            "int",
            default=5,
            help="Specify maximum number of concurrent logs to follow when using by a selector.",
        ),
        Flag("pod-running-timeout", "duration", default="20s", help="How long to wait until a pod runs."),
        Flag("prefix", "bool", help="Prefix each log line with the log source (pod name and container name)"),
        Flag(
            "previous",
            "bool",
            short="p",
            help="If true, print the logs for the previous instance of the container in a pod if it exists.",
        ),
        Flag(
            "since",
            "duration",
            default="0s",
            help="Only return logs newer than a relative duration like 5s, 2m, or 3h.",
        ),
        Flag("since-time", help="Only return logs after a specific date (RFC3339)."),
        Flag(
            "tail",
            "int64",
            default=-1,
            help="Lines of recent log file to display. Defaults to -1 with no selector, showing all log lines "
            "otherwise 10, if a selector is provided.",
        ),
        Flag("timestamps", "bool", help="Include timestamps on each line in the log output"),
    ),
)
