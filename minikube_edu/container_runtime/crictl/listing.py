"""ps, pods, images, stats: what is on the node, as tables or as data."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

from minikube_edu.container_runtime.cri import Container, ContainerState, Image, NotFound, Sandbox, SandboxState
from minikube_edu.container_runtime.crictl import forms
from minikube_edu.container_runtime.crictl.session import Failure, Session, labels_of
from minikube_edu.container_runtime.crictl.tables import age, short, size, table
from minikube_edu.lib import clock

STATES = {
    ContainerState.CREATED: "Created",
    ContainerState.RUNNING: "Running",
    ContainerState.EXITED: "Exited",
    ContainerState.UNKNOWN: "Unknown",
}


async def ps(session: Session) -> None:
    given = session.given
    containers: list[Container] = await session.runtime.list_containers(labels=labels_of(given) or None)
    sandboxes = {one.id: one for one in await session.runtime.list_sandboxes()}
    chosen = [one for one in containers if _wanted(session, one, sandboxes.get(one.sandbox_id))]
    chosen.sort(key=lambda one: one.created_at, reverse=True)
    if given.has("latest") or given.has("last"):
        chosen = chosen[: int(given.get("last", "1"))]
    if given.has("output") and given.get("output") != "table":
        session.say(forms.printed({"containers": [forms.container(one) for one in chosen]}, given.get("output")))
    elif given.has("quiet"):
        for one in chosen:
            session.say(one.id)
    else:
        session.say(_containers(chosen, sandboxes, whole=given.has("no-trunc")))


def _wanted(session: Session, one: Container, sandbox: Sandbox | None) -> bool:
    given = session.given
    shown = given.has("all") or given.has("state") or given.has("latest") or given.has("last") or given.has("id")
    if not shown and one.state is not ContainerState.RUNNING:
        return False
    if given.has("state") and STATES[one.state].lower() != given.get("state").lower():
        return False
    config = sandbox.config if sandbox else None
    return (
        one.id.startswith(given.get("id"))
        and one.sandbox_id.startswith(given.get("pod"))
        and re.search(given.get("name"), one.config.name) is not None
        and given.get("image") in (*_names(one), "")
        and (not given.has("namespace") or (config is not None and config.namespace == given.get("namespace")))
    )


def _names(one: Container) -> Sequence[str]:
    return (one.config.image, one.image_ref, one.image_id, short(one.image_id))


def _containers(containers: Sequence[Container], sandboxes: dict[str, Sandbox], *, whole: bool) -> str:
    headings = ("CONTAINER", "IMAGE", "CREATED", "STATE", "NAME", "ATTEMPT", "POD ID", "POD", "NAMESPACE")
    cut = (lambda text: text) if whole else short
    now = clock.now()
    rows = []
    for one in containers:
        pod = sandboxes.get(one.sandbox_id)
        rows.append(
            (
                cut(one.id),
                cut(one.image_id or one.config.image),
                age(now - one.created_at),
                STATES[one.state],
                one.config.name,
                str(one.config.attempt),
                cut(one.sandbox_id),
                pod.config.name if pod else "unknown",
                pod.config.namespace if pod else "unknown",
            )
        )
    return table(headings, rows)


async def pods(session: Session) -> None:
    given = session.given
    found: list[Sandbox] = await session.runtime.list_sandboxes(labels_of(given) or None)
    state = given.get("state").lower()
    chosen = [
        one
        for one in found
        if one.id.startswith(given.get("id"))
        and re.search(given.get("name"), one.config.name)
        and given.get("namespace", one.config.namespace) == one.config.namespace
        and (not state or state == _sandbox_state(one).lower())
    ]
    chosen.sort(key=lambda one: one.created_at, reverse=True)
    if given.has("latest") or given.has("last"):
        chosen = chosen[: int(given.get("last", "1"))]
    if given.has("output") and given.get("output") != "table":
        session.say(forms.printed({"items": [forms.sandbox(one) for one in chosen]}, given.get("output")))
        return
    if given.has("quiet"):
        for one in chosen:
            session.say(one.id)
        return
    cut = (lambda text: text) if given.has("no-trunc") else short
    now = clock.now()
    rows = [
        (
            cut(one.id),
            age(now - one.created_at),
            _sandbox_state(one),
            one.config.name,
            one.config.namespace,
            str(one.config.attempt),
            one.config.runtime_handler or "(default)",
        )
        for one in chosen
    ]
    session.say(table(("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT", "RUNTIME"), rows))


def _sandbox_state(one: Sandbox) -> str:
    return "Ready" if one.state is SandboxState.READY else "NotReady"


async def images(session: Session) -> None:
    given = session.given
    found: list[Image] = await session.runtime.list_images()
    wanted = given.arguments[0] if given.arguments else ""
    chosen = [one for one in found if not wanted or any(wanted in name for name in (*one.tags, *one.digests, one.id))]
    chosen.sort(key=lambda one: (one.tags or [""])[0])
    if given.has("output") and given.get("output") != "table":
        session.say(forms.printed({"images": [forms.image(one) for one in chosen]}, given.get("output")))
        return
    if given.has("quiet"):
        for one in chosen:
            session.say(one.id)
        return
    cut = (lambda text: text) if given.has("no-trunc") else short
    rows = []
    for one in chosen:
        for name, tag in [_divided(text) for text in one.tags] or [("<none>", "<none>")]:
            digest = next((text.rpartition("@")[2] for text in one.digests), "<none>")
            row = [name, tag, cut(one.id), size(one.size)]
            rows.append([*row[:2], cut(digest), *row[2:]] if given.has("digests") else row)
    extra = ["DIGEST"] if given.has("digests") else []
    session.say(table(["IMAGE", "TAG", *extra, "IMAGE ID", "SIZE"], rows))


def _divided(text: str) -> tuple[str, str]:
    name, colon, tag = text.rpartition(":")
    return (name, tag) if colon and "/" not in tag else (text, "<none>")


async def stats(session: Session) -> None:
    given = session.given
    identity = given.get("id") or (given.arguments[0] if given.arguments else "")
    containers: list[Container] = await session.runtime.list_containers(labels=labels_of(given) or None)
    chosen = [
        one
        for one in containers
        if one.id.startswith(identity)
        and one.sandbox_id.startswith(given.get("pod"))
        and (given.has("all") or one.state is ContainerState.RUNNING)
    ]
    if identity and not chosen:
        raise NotFound(f'an error occurred when try to find container "{identity}": not found')
    if given.has("output") and given.get("output") != "table":
        facts = [forms.stats(await session.runtime.container_stats(one.id), one) for one in chosen]
        session.say(forms.printed({"stats": facts}, given.get("output")))
        return
    before = {one.id: await session.runtime.container_stats(one.id) for one in chosen}
    await asyncio.sleep(float(given.get("seconds", "1")))  # a rate needs two looks
    rows = []
    for one in chosen:
        now, then = await session.runtime.container_stats(one.id), before[one.id]
        passed = max(now.timestamp - then.timestamp, 1e-9)
        share = (now.cpu_nanoseconds - then.cpu_nanoseconds) / 1e9 / passed * 100
        rows.append(
            (
                short(one.id),
                one.config.name,
                f"{share:.2f}",
                size(now.memory_working_set),
                size(now.filesystem_used),
                str(now.filesystem_inodes),
            )
        )
    session.say(table(("CONTAINER", "NAME", "CPU %", "MEM", "DISK", "INODES"), rows))


async def statsp(session: Session) -> None:
    rows = []
    sandboxes = {one.id: one for one in await session.runtime.list_sandboxes()}
    identity = session.given.get("id") or (session.given.arguments[0] if session.given.arguments else "")
    for one in await session.runtime.list_sandbox_stats():
        if not one.id.startswith(identity):
            continue
        cores = sum(container.cpu_nanocores for container in one.containers) / 1e9 * 100
        memory = sum(container.memory_working_set for container in one.containers)
        pod = sandboxes.get(one.id)
        rows.append((short(one.id), pod.config.name if pod else "unknown", f"{cores:.2f}", size(memory)))
    if identity and not rows:
        raise Failure(f"pod {identity} not found")
    session.say(table(("POD ID", "POD", "CPU %", "MEM"), rows))
