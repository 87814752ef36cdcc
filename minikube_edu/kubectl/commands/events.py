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
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]

EVENTS = Resource("", "v1", "events", kind="Event")


async def run(call: Call) -> None:
    flags = call.flags
    types = list(flags["types"])
    for text in types:
        if text.lower() not in ("normal", "warning"):
            raise CommandError("valid --types are Normal or Warning")
    namespace = "" if flags["all-namespaces"] else call.factory.namespace
    about: Resource | None = None
    name, selector = "", ""
    if flags["for"]:
        kind, slash, name = flags["for"].partition("/")
        if not slash or not kind or not name:
            raise CommandError("--for must be in resource/name form")
        about = (await call.factory.mapper.find(kind)).resource
        selector = (
            f"involvedObject.kind={about.kind},involvedObject.apiVersion={about.api_version},involvedObject.name={name}"
        )
    listed = await call.factory.send("GET", EVENTS.path(namespace), fieldSelector=selector, limit=flags["chunk-size"])
    found = [{"apiVersion": "v1", "kind": "Event", **item} for item in listed.get("items") or ()]
    found = [one for one in found if not types or any(one.get("type", "").lower() == t.lower() for t in types)]
    found.sort(key=_when)
    if not found and not flags["watch"]:
        if not flags["all-namespaces"]:
            call.warn(f"No events found in {namespace} namespace.")
        else:
            call.warn("No events found.")
        return
    if flags["output"] or flags["template"]:
        if flags["output"] == "name":
            return  # the real one prints no names of a list of events
        show = printing.shower(call, "")
        show(
            {"apiVersion": "v1", "kind": "List", "items": found, "metadata": {}}
            if flags["output"] in ("json", "yaml")
            else {"kind": "EventList", "apiVersion": "v1", "items": found, "metadata": {}}
        )
    else:
        call.out.write(_table(call, found, headers=not flags["no-headers"]))
    if flags["watch"]:
        await _watch(call, namespace, selector, (listed.get("metadata") or {}).get("resourceVersion") or "", types)


def _when(event: Object) -> str:
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime")
        or event.get("lastTimestamp")
        or event.get("eventTime")
        or event["metadata"].get("creationTimestamp")
        or ""
    )


def _table(call: Call, events: list[Object], *, headers: bool) -> str:
    everywhere = call.flags["all-namespaces"]
    rows = []
    if headers:
        rows.append(("NAMESPACE\t" if everywhere else "") + "LAST SEEN\tTYPE\tREASON\tOBJECT\tMESSAGE\n")
    for event in events:
        target = event.get("involvedObject") or {}
        cells = [
            interval(event),
            event.get("type") or "",
            event.get("reason") or "",
            f"{target.get('kind')}/{target.get('name')}",
            (event.get("message") or "").strip(),
        ]
        rows.append("\t".join(([event["metadata"].get("namespace") or ""] if everywhere else []) + cells) + "\n")
    return align("".join(rows), TABLE)


async def _watch(call: Call, namespace: str, selector: str, version: str, types: list[str]) -> None:
    from minikube_edu.kubectl.factory import query_text
    from minikube_edu.kubectl.interrupts import Interrupts

    call.out.flush()
    query = query_text({"watch": True, "resourceVersion": version, "fieldSelector": selector})
    with Interrupts():
        stream = await call.factory.client.sender.stream("GET", EVENTS.path(namespace) + query)
        try:
            async for lines in stream.batches():
                for line in lines:
                    event = orjson.loads(line) if line else {}
                    obj = event.get("object") or {}
                    if event.get("type") in ("ADDED", "MODIFIED") and (not types or obj.get("type") in types):
                        call.out.write(_table(call, [obj], headers=False))
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
