"""`kubectl events`: what happened, oldest first."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.describe.event_table import interval
from minikube_edu.kubectl.failures import CommandError, PlainError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.mapping import NoResource

Object = dict[str, Any]

EVENTS = Resource("", "v1", "events", kind="Event")


async def run(call: Call) -> None:
    flags = call.flags
    selector = await _about(call, flags["for"]) if flags["for"] else ""
    types = {text.lower() for text in flags["types"]}
    if types - {"normal", "warning"}:
        raise CommandError("valid --types are Normal or Warning")
    namespace = "" if flags["all-namespaces"] else call.factory.namespace
    if flags["output"] or flags["template"]:
        printing.check_output(call)
    if flags["watch"]:
        await _watch(call, namespace, selector, types)
        return
    listed = await call.factory.send("GET", EVENTS.path(namespace), fieldSelector=selector, limit=flags["chunk-size"])
    found = [_whole(item) for item in listed.get("items") or () if _wanted(item, types)]
    found.sort(key=_when)
    if not found:
        call.warn("No events found." if flags["all-namespaces"] else f"No events found in {namespace} namespace.")
        return
    if not flags["output"] and not flags["template"]:
        call.out.write(Table(call).text(found))
    elif flags["output"] != "name":  # the real one prints no names of a list of events
        kind = "List" if flags["output"] in ("json", "yaml") else "EventList"
        printing.shower(call, "")({"apiVersion": "v1", "kind": kind, "items": found, "metadata": {}})


async def _about(call: Call, text: str) -> str:
    """The selector for events of one object. One without a name is no object, and all events are shown."""
    kind, *rest = text.split("/")
    if not rest:
        raise CommandError("--for must be in resource/name form")
    if len(rest) > 1:
        raise CommandError("arguments in resource/name form may not have more than one slash")
    try:
        about = (await call.factory.mapper.find(kind)).resource
    except NoResource as error:
        raise PlainError(str(error)) from None
    if not rest[0]:
        return ""
    return (
        f"involvedObject.kind={about.kind},involvedObject.apiVersion={about.api_version},involvedObject.name={rest[0]}"
    )


def _whole(event: Object) -> Object:
    return {"apiVersion": "v1", "kind": "Event", **event}


def _wanted(event: Object, types: set[str]) -> bool:
    return not types or str(event.get("type", "")).lower() in types


def _when(event: Object) -> str:
    """Times sort as their texts do, once a whole second comes before its parts."""
    series = event.get("series")
    time = series.get("lastObservedTime") if series else event.get("lastTimestamp") or event.get("eventTime")
    return str(time or "").removesuffix("Z")


class Table:
    """Line by line, the header before the first; columns stay as wide as they were."""

    def __init__(self, call: Call) -> None:
        self._everywhere = call.flags["all-namespaces"]
        self._headers = not call.flags["no-headers"]
        self._widths: list[int] = []

    def text(self, events: list[Object]) -> str:
        rows = []
        if self._headers:
            self._headers = False
            rows.append(("NAMESPACE\t" if self._everywhere else "") + "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n")
        for event in events:
            target = event.get("involvedObject") or {}
            cells = [
                interval(event),
                event.get("type") or "",
                event.get("reason") or "",
                f"{target.get('kind') or ''}/{target.get('name') or ''}",
                (event.get("message") or "").strip(),
            ]
            namespace = [event["metadata"].get("namespace") or ""] if self._everywhere else []
            rows.append("\t".join(namespace + cells) + "\n")
        return align("".join(rows), TABLE, remembered=self._widths)


async def _watch(call: Call, namespace: str, selector: str, types: set[str]) -> None:
    """As they come: first those that are there, in no order of time. A watch that ends is not begun anew."""
    from minikube_edu.kubectl.factory import query_text
    from minikube_edu.kubectl.interrupts import Interrupts

    table = Table(call)
    show = printing.shower(call, "") if call.flags["output"] or call.flags["template"] else None
    query = query_text({"watch": True, "fieldSelector": selector})
    with Interrupts():
        stream = await call.factory.client.sender.stream("GET", EVENTS.path(namespace) + query)
        try:
            async for lines in stream.batches():
                for line in lines:
                    come = orjson.loads(line) if line else {}
                    event = come.get("object") or {}
                    if come.get("type") not in ("ADDED", "MODIFIED") or not _wanted(event, types):
                        continue
                    if show is not None:
                        show(_whole(event))
                    else:
                        call.out.write(table.text([event]))
                    call.out.flush()
        finally:
            stream.close()


COMMAND = Command(
    "events",
    run,
    use="[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templatefile|jsonpath|jsonpath-as-json|jsonpath-file] [--for TYPE/NAME] [--watch] [--types=Normal,Warning]",  # noqa: E501
    long="Display events: of a namespace, of all, or of one object.",
    flags=(
        *groups.PRINT,
        *groups.ALL_NAMESPACES,
        *groups.CHUNK,
        Flag("for", help="Filter events to only those pertaining to the specified resource."),
        Flag("no-headers", "bool", help="Tables without the line of headers."),
        Flag("types", "strings", help="Output only events of given types."),
        Flag("watch", "bool", short="w", help="Go on showing events as they come."),
    ),
)
