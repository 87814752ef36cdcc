"""The events of an object, at the end of its description."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe.page import Object, Page, since

EVENTS = Resource("", "v1", "events", True, "Event")
_MIRROR = "kubernetes.io/config.mirror"


async def of(client: Any, obj: Object) -> list[Object]:
    """What is known about the object; nothing, when events may not be read. Events of a mirror pod are about the
    kubelet's own; those of a node bear its name where others have a uid."""
    metadata = obj.get("metadata") or {}
    kind, uid = str(obj.get("kind") or ""), str(metadata.get("uid") or "")
    if kind == "Pod":
        kind, uid = "", (metadata.get("annotations") or {}).get(_MIRROR) or uid
    found = await _search(client, metadata, kind, uid)
    if kind == "Node":
        found += await _search(client, metadata, kind, metadata["name"])
    return found


async def _search(client: Any, metadata: Object, kind: str, uid: str) -> list[Object]:
    namespace = metadata.get("namespace") or ""
    terms = [f"involvedObject.name={metadata.get('name')}", f"involvedObject.namespace={namespace}"]
    terms += [f"involvedObject.kind={kind}"] if kind else []
    terms += [f"involvedObject.uid={uid}"] if uid else []
    try:
        answer = await client.list(EVENTS, namespace, field_selector=",".join(terms))
    except ApiError:
        return []
    return list(answer.get("items") or ())


def show(page: Page, events: list[Object]) -> None:
    if not events:
        page.field(0, "Events", "<none>")
        return
    page.line(0, "Events:")
    page.columns(1, "Type", "Reason", "Age", "From", "Message")
    page.columns(1, "----", "------", "----", "----", "-------")
    for event in sorted(events, key=lambda event: event.get("lastTimestamp") or ""):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        message = str(event.get("message") or "").strip()
        if path := (event.get("involvedObject") or {}).get("fieldPath"):
            message = f"{path}: {message}"
        page.columns(1, event.get("type") or "", event.get("reason") or "", interval(event), source, message)


def interval(event: Object) -> str:
    """`5m`, or `10s (x3 over 5m)`."""
    first = since(event.get("eventTime") or event.get("firstTimestamp"))
    if series := event.get("series"):
        return f"{since(series.get('lastObservedTime'))} (x{series.get('count') or 0} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{since(event.get('lastTimestamp'))} (x{event['count']} over {first})"
    return first
