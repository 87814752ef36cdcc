"""A running container and this terminal: which pod and container are meant, and the streams between the two."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from minikube_edu.api import label_selectors
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import detaching
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.detaching import Watch
from minikube_edu.kubectl.factory import query_text
from minikube_edu.kubectl.failures import CommandError, Exit, PlainError
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

PODS = Resource("", "v1", "pods", kind="Pod")
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
RECORDED = (
    "All commands and output from this session will be recorded in container logs, including credentials and sensitive "
    "information passed through the command prompt."
)


def running_timeout(call: Call) -> float:
    from minikube_edu.api import durations

    seconds = durations.seconds(call.flags["pod-running-timeout"])
    if seconds <= 0:
        raise call.usage("--pod-running-timeout must be higher than zero")
    return seconds


async def pod_of(info: Info, timeout: float = 60) -> Object:
    """The pod itself, or one of those that a workload or a service has; the first to come, if it has none yet."""
    if info.mapping.resource.kind == "Pod":
        return info.object
    return (await pods_of(info, selected(info, "cannot attach to"), timeout))[0]


def selected(info: Info, what: str) -> str:
    """The selector of the object's pods; `what` begins the sentence that says that it has none."""
    obj, kind = info.object, info.mapping.resource.kind
    shown = f"*{info.mapping.resource.version}.{kind}"
    selector = selector_of(obj)
    if selector is None:
        raise CommandError(f"{what} {shown}: selector for {shown} not implemented")
    if kind == "Service" and not selector:
        name = obj["metadata"]["name"]
        raise CommandError(f"{what} {shown}: invalid service '{name}': Service is defined without a selector")
    return selector


def selector_of(obj: Object) -> str | None:
    kind, spec = obj.get("kind"), obj.get("spec") or {}
    if kind in ("ReplicationController", "Service"):
        found = spec.get("selector") or {}
        return ",".join(f"{key}={found[key]}" for key in sorted(found))
    if kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"):
        return str(label_selectors.from_object(spec.get("selector")))
    return None


async def pods_of(info: Info, selector: str, timeout: float = 0) -> list[Object]:
    """Those that run first, then those that are ready, then the oldest. With none, it waits for one."""
    listed = await info.factory.send("GET", PODS.path(info.namespace), labelSelector=selector)
    pods = [{"apiVersion": "v1", "kind": "Pod", **item} for item in listed.get("items") or ()]
    if pods:
        return sorted(pods, key=_rank)
    try:
        version = (listed.get("metadata") or {}).get("resourceVersion") or ""
        return [await asyncio.wait_for(_first_to_come(info, selector, version), timeout)]
    except TimeoutError:
        raise CommandError("timed out waiting for the condition") from None


async def _first_to_come(info: Info, selector: str, version: str) -> Object:
    import orjson

    query = query_text({"watch": True, "labelSelector": selector, "resourceVersion": version})
    stream = await info.factory.client.sender.stream("GET", PODS.path(info.namespace) + query)
    try:
        async for lines in stream.batches():
            for event in (orjson.loads(line) for line in lines if line):
                if event["type"] in ("ADDED", "MODIFIED"):
                    found: Object = event["object"]
                    return found
    finally:
        stream.close()
    raise CommandError("watch closed before UntilWithoutRetry timeout")


def _rank(pod: Object) -> tuple[Any, ...]:
    status = pod.get("status") or {}
    phase = {"Pending": 2, "Unknown": 1}.get(status.get("phase") or "", 0)
    ready = any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ())
    return (
        not (pod.get("spec") or {}).get("nodeName"),
        phase,
        not ready,
        pod["metadata"].get("creationTimestamp") or "",
    )


def container_of(call: Call, pod: Object, name: str, *, quiet: bool = False, to_attach: bool = False) -> str:
    spec, metadata = pod["spec"], pod["metadata"]
    every = [
        one["name"] for key in ("containers", "initContainers", "ephemeralContainers") for one in spec.get(key) or ()
    ]
    plain: list[str] = [one["name"] for one in spec.get("containers") or ()]
    if name:
        if name not in every and to_attach:
            raise CommandError(f"cannot attach to the container: container {name} not found in pod {metadata['name']}")
        if name not in every:
            raise CommandError(f"container {name} is not valid for pod {metadata['name']} out of: {_listed(pod)}")
        return name
    chosen = (metadata.get("annotations") or {}).get(DEFAULT_CONTAINER)
    if chosen in every:
        return str(chosen)
    if not plain:
        raise CommandError(f"pod {metadata['name']} has no containers")
    if len(every) > 1 and not quiet:
        call.warn(f"Defaulted container {quote(plain[0])} out of: {_listed(pod)}")
    return plain[0]


def _listed(pod: Object) -> str:
    spec = pod["spec"]
    marks = (("containers", ""), ("ephemeralContainers", " (ephem)"), ("initContainers", " (init)"))
    return ", ".join(f"{one['name']}{mark}" for key, mark in marks for one in spec.get(key) or ())


async def found_pod(call: Call, args: list[str]) -> Object:
    """POD, or TYPE/NAME."""
    timeout = running_timeout(call)
    args = [args[0]] if "/" in args[0] else ["pods", args[0]]
    infos = await Builder(call).arguments(args).options(filenames=[], selector=None).all()
    return await pod_of(infos[0], timeout)


# ---------------------------------------------------------------- streams


async def stream(call: Call, process: Any, *, stdin: bool, tty: bool, watch: Watch | None = None) -> int:
    """Until the process ends: its exit code. With a terminal, keys go as they are typed, until `watch` sees its own."""
    from minikube_edu.kubectl.terminal import Terminal, piped

    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(_copy(process.stdout, sys.stdout.buffer if call.out is sys.stdout else call.out)),
        asyncio.create_task(_copy(process.stderr, sys.stderr.buffer if call.err is sys.stderr else call.err)),
    ]
    with Terminal(process, tty):  # once it is left, nothing more is said to it
        feeding = asyncio.create_task(piped(process.stdin, watch)) if stdin else None
        if feeding is None:
            process.stdin.end()
        ending = asyncio.create_task(process.wait())
        try:
            if feeding is not None and watch is not None:
                await asyncio.wait((ending, feeding), return_when=asyncio.FIRST_COMPLETED)
                if watch.seen:
                    return 0
            code: int = await ending
            await asyncio.gather(*tasks)
            return code
        finally:
            for task in (*tasks, ending, *([feeding] if feeding else ())):
                task.cancel()


async def _copy(source: Any, sink: Any) -> None:
    while True:
        piece = await source.read()
        if not piece:
            return
        sink.write(piece if hasattr(sink, "mode") or hasattr(sink, "raw") else piece.decode("utf-8", "replace"))
        sink.flush()


def refused(error: ApiError) -> Exception:
    """The answer to an upgrade that was not given: kubectl quotes it."""
    if error.not_found or error.reason in ("Forbidden", "Unauthorized"):
        return error
    causes = (error.status.get("details") or {}).get("causes") or [{}]
    plain = causes[0].get("message") if causes[0].get("reason") == "UnexpectedServerResponse" else None
    return CommandError(f"unable to upgrade connection: {plain or error.message}")


async def execute(call: Call, pod: Object, container: str, command: list[str], *, stdin: bool, tty: bool) -> None:
    from minikube_edu.client import remote

    try:
        process = await remote.execute(
            call.factory.client,
            pod["metadata"]["namespace"],
            pod["metadata"]["name"],
            command,
            container=container,
            stdin=stdin,
            tty=tty,
        )
    except ApiError as error:
        raise refused(error) from None
    try:
        code = await stream(call, process, stdin=stdin, tty=tty)
    except ApiError as error:
        raise CommandError(
            f"Internal error occurred: {error.message}" if not error.message.startswith("Internal") else error.message
        ) from None
    finally:
        process.close()
    if code:
        call.out.flush()
        call.warn(f"command terminated with exit code {code}")
        raise Exit(code)


async def attach(call: Call, pod: Object, container: str, *, stdin: bool, tty: bool, quiet: bool = False) -> None:
    """`tty`: one is wanted. It is had when the container has one, and when stdin is a terminal."""
    from minikube_edu.client import remote

    metadata = pod["metadata"]
    its_own = has_tty(pod, container)
    if tty and not its_own and not quiet:
        call.warn(f"error: Unable to use a TTY - container {container} did not allocate one")
    raw = usable_tty(call, stdin, its_own, quiet)
    watch = Watch(detaching.keys(call.flags.get("detach-keys", ""))) if raw else None
    if not quiet:
        call.warn(RECORDED)
        call.warn("If you don't see a command prompt, try pressing enter.")
    try:
        process = await remote.attach(
            call.factory.client, metadata["namespace"], metadata["name"], container=container, stdin=stdin, tty=raw
        )
    except ApiError as error:
        raise refused(error) from None
    try:
        await stream(call, process, stdin=stdin, tty=raw, watch=watch)
    finally:
        process.close()
    if raw and not quiet:
        again = (
            f"{call.path.partition(' ')[0]} attach {metadata['name']} -c {container} -n {metadata['namespace']} -i -t"
        )
        if any(one["name"] == container for one in pod["spec"].get("ephemeralContainers") or ()):
            call.say(
                f"Session ended, the ephemeral container will not be restarted but may be reattached using '{again}' "
                "if it is still running"
            )
        else:
            call.say(f"Session ended, resume using '{again}' command")


def usable_tty(call: Call, stdin: bool, tty: bool, quiet: bool) -> bool:
    if not (stdin and tty):
        return False
    if sys.stdin is None or not sys.stdin.isatty():
        if not quiet:
            call.warn("Unable to use a TTY - input is not a terminal or the right kind of file")
        return False
    return True


# ---------------------------------------------------------------- run -it


async def attach_to_new(call: Call, pod: Object) -> None:
    """`kubectl run -it --rm`: wait until it runs, attach, give its exit code, delete it."""
    from minikube_edu.api import durations
    from minikube_edu.kubectl.waiting import Deadline, until

    flags, name = call.flags, pod["metadata"]["name"]
    served = await call.factory.mapper.for_kind("", "Pod", "v1")
    info = Info(call.factory, served, pod["metadata"]["namespace"], name, pod)
    try:
        begun = await _in_time(until(info, _begun, Deadline(durations.seconds(flags["pod-running-timeout"])), None))
        assert begun is not None
        container = container_of(call, begun, "", quiet=True)
        if (begun.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            await _show_log(call, begun, container)
        else:
            try:
                await attach(call, begun, container, stdin=flags["stdin"], tty=flags["tty"], quiet=flags["quiet"])
            except (CommandError, ApiError) as error:
                call.warn(f"warning: couldn't attach to pod/{name}, falling back to streaming logs: {error}")
                await _show_log(call, begun, container)
        if flags["restart"] in ("Never", "OnFailure") and not flags["leave-stdin-open"]:
            ended = await _in_time(until(info, _ended, Deadline(60.0), None))
            _exit_code(call, ended or {})
    finally:
        if flags["rm"]:
            await _remove(call, info)


async def _in_time(waiting: Any) -> Object | None:
    try:
        found: Object | None = await waiting
        return found
    except TimeoutError:
        raise CommandError("timed out waiting for the condition") from None


def _begun(pod: Object | None) -> bool:
    if pod is None:
        return False
    status = pod.get("status") or {}
    if status.get("phase") in ("Succeeded", "Failed"):
        return True
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in status.get("conditions") or ())


def _ended(pod: Object | None) -> bool:
    return pod is None or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


async def _show_log(call: Call, pod: Object, container: str) -> None:
    metadata = pod["metadata"]
    reply = await call.factory.raw(
        "GET", PODS.path(metadata["namespace"], metadata["name"], "log"), container=container
    )
    call.out.write(reply.body.decode("utf-8", "replace"))


def _exit_code(call: Call, pod: Object) -> None:
    status, metadata = pod.get("status") or {}, pod.get("metadata") or {}
    if status.get("phase") != "Failed":
        return
    where = f"pod {metadata.get('namespace')}/{metadata.get('name')}"
    ended = ((status.get("containerStatuses") or [{}])[0].get("state") or {}).get("terminated")
    if not ended or not ended.get("exitCode"):
        raise CommandError(f"{where} failed with unknown exit code")
    raise PlainError(f"{where} terminated ({ended.get('reason')})\n{ended.get('message') or ''}", ended["exitCode"])


async def _remove(call: Call, info: Info) -> None:
    from minikube_edu.kubectl.commands.delete import Deleter

    deleter = Deleter(call, "Background", -1, "none", True, quiet=call.flags["quiet"])
    await deleter.take(info)


def has_tty(pod: Object, container: str) -> bool:
    """Whether the container was made with a terminal."""
    spec = pod["spec"]
    every = [one for key in ("containers", "initContainers", "ephemeralContainers") for one in spec.get(key) or ()]
    return any(one["name"] == container and one.get("tty") for one in every)
