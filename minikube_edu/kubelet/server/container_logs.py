"""/containerLogs/NAMESPACE/POD/CONTAINER: which log is meant, and why there is none."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minikube_edu.container_runtime.cri import ContainerEvent, ContainerState, EventType, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import KubeletHost
from minikube_edu.kubelet.server.log_reading import LogOptions, LogReader
from minikube_edu.lib import clock
from minikube_edu.lib.web.messages import Answer, BodyWriter, Response, Streaming

log = logging.getLogger(__name__)

Object = dict[str, Any]
Query = Mapping[str, Sequence[str]]

TEXT = b"text/plain"
STREAMS = ("All", "Stdout", "Stderr")


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def options_of(query: Query) -> LogOptions:
    values = {name: found[0] for name, found in query.items() if found}
    if values.get("tail"):  # an old name
        values["tailLines"] = values["tail"]
        if values["tail"] == "all":
            del values["tailLines"]
    numbers: dict[str, int] = {}
    for name in ("tailLines", "limitBytes", "sinceSeconds"):
        if values.get(name):
            try:
                numbers[name] = int(values[name])
            except ValueError:
                raise Refused(400, '{"message": "Unable to decode query."}') from None
    since = None
    if values.get("sinceTime"):
        try:
            since = clock.parse_rfc3339(values["sinceTime"])
        except ValueError:
            raise Refused(400, '{"message": "Unable to decode query."}') from None
    stream = values.get("stream") or "All"
    bad = numbers.get("tailLines", 0) < 0 or numbers.get("limitBytes", 1) < 1 or numbers.get("sinceSeconds", 1) < 1
    both = "sinceSeconds" in numbers and since is not None
    if bad or both or stream not in STREAMS or (stream != "All" and "tailLines" in numbers):
        raise Refused(422, '{"message": "Invalid request."}')
    if "sinceSeconds" in numbers:
        since = clock.now() - numbers["sinceSeconds"]
    return LogOptions(
        follow=_true(values.get("follow")),
        previous=_true(values.get("previous")),
        timestamps=_true(values.get("timestamps")),
        since=since,
        tail=numbers.get("tailLines"),
        limit=numbers.get("limitBytes"),
        stream=stream,
    )


def _true(text: str | None) -> bool:
    return text is not None and text not in ("", "false", "0")


async def answer(host: KubeletHost, namespace: str, name: str, container: str, query: Query) -> Answer:
    try:
        options = options_of(query)
        pod = pod_named(host, namespace, name)
        if pod is None:
            raise Refused(404, f'pod "{name}" does not exist')
        if pod_facts.find_container(pod, container) is None:
            raise Refused(404, f'container "{container}" not found in pod "{name}"')
        identity = container_id(pod, container, options.previous)
        path = host.find_log(namespace, name, container, options.previous)
        if path is None or not path.exists():
            raise Refused(400, f"unable to retrieve container logs for {identity}")
    except Refused as refused:
        return Response(refused.status, str(refused).encode(), TEXT)
    bare = identity.rpartition("://")[2]
    watch = RunningWatch(host, bare)
    if options.follow:
        await watch.begin()
    reader = LogReader(path, options, lambda: watch.running)

    async def send(writer: BodyWriter) -> None:
        try:
            async for piece in reader.pieces():
                writer.write(piece)
                await writer.drained()
            writer.end()
        except OSError as error:
            log.warning("the log %s could not be read: %s", path, error)
            writer.abort()
        finally:
            watch.end()

    return Streaming(send, TEXT)


class RunningWatch:
    """Whether a container runs, without asking again and again."""

    def __init__(self, host: KubeletHost, identity: str) -> None:
        self.running = False
        self._host, self._identity = host, identity
        self._stop: Callable[[], None] | None = None

    async def begin(self) -> None:
        self._stop = self._host.runtime.events(self._heard)
        try:
            found = await self._host.runtime.container_status(self._identity)
            self.running = found.state in (ContainerState.RUNNING, ContainerState.CREATED)
        except RuntimeFailure:
            self.running = False

    def _heard(self, event: ContainerEvent) -> None:
        if event.container_id == self._identity and event.type in (EventType.STOPPED, EventType.DELETED):
            self.running = False

    def end(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None


def pod_named(host: KubeletHost, namespace: str, name: str) -> Object | None:
    for pod in host.pods():
        if pod_facts.name(pod) == name and pod_facts.namespace(pod) == namespace:
            return pod
    return None


def container_id(pod: Object, container: str, previous: bool) -> str:
    """Of the run whose log is meant; Refused, in the words that kubectl shows."""
    where = f'container "{container}" in pod "{pod_facts.name(pod)}"'
    status = next(
        (
            one
            for field in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
            for one in (pod.get("status") or {}).get(field) or ()
            if one["name"] == container
        ),
        None,
    )
    if status is None:
        raise Refused(400, f"{where} is not available")
    state, last = status.get("state") or {}, (status.get("lastState") or {}).get("terminated") or {}
    if previous:
        if not last.get("containerID"):
            raise Refused(400, f"previous terminated {where} not found")
        return str(last["containerID"])
    if "running" in state:
        return str(status.get("containerID", ""))
    if "terminated" in state or last:
        found = (state.get("terminated") or {}).get("containerID") or last.get("containerID")
        if not found:
            raise Refused(400, f"{where} is terminated")
        return str(found)
    reason = (state.get("waiting") or {}).get("reason")
    if reason is None:
        raise Refused(400, f"{where} is waiting to start - no logs yet")
    told = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)
    raise Refused(400, f"{where} is waiting to start: {told}")
