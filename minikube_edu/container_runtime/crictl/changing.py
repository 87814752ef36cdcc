"""inspect, stop, rm, pull, rmi and the like: one look at one thing, or one change of it."""

from __future__ import annotations

from minikube_edu.container_runtime.cri import ContainerState, Credentials, Image, SandboxState
from minikube_edu.container_runtime.crictl import forms
from minikube_edu.container_runtime.crictl.session import Failure, Session


def _some(session: Session) -> list[str]:
    if not session.given.arguments:
        raise Failure("ID cannot be empty")
    return session.given.arguments


async def inspect(session: Session) -> None:
    for identity in _some(session):
        found = await session.container(identity)
        session.say(forms.printed(forms.container_status(found), session.given.get("output", "json")))


async def inspectp(session: Session) -> None:
    for identity in _some(session):
        found = await session.sandbox(identity)
        session.say(forms.printed(forms.sandbox_status(found), session.given.get("output", "json")))


async def inspecti(session: Session) -> None:
    for identity in _some(session):
        found = await _image(session, identity)
        session.say(forms.printed({"status": forms.image(found)}, session.given.get("output", "json")))


async def _image(session: Session, identity: str) -> Image:
    found: Image | None = await session.runtime.image_status(identity)
    if found is None:
        beginning = identity.removeprefix("sha256:")
        same = [
            one for one in await session.runtime.list_images() if one.id.removeprefix("sha256:").startswith(beginning)
        ]
        if len(same) != 1:
            raise Failure(f'no such image "{identity}" present')
        found = same[0]
    return found


async def start(session: Session) -> None:
    for identity in _some(session):
        await session.runtime.start_container((await session.container(identity)).id)
        session.say(identity)


async def stop(session: Session) -> None:
    grace = float(session.given.get("timeout", "0").removesuffix("s"))
    for identity in _some(session):
        await session.runtime.stop_container((await session.container(identity)).id, grace)
        session.say(identity)


async def rm(session: Session) -> None:
    given = session.given
    everything = [one.id for one in await session.runtime.list_containers()] if given.has("all") else []
    for identity in everything or _some(session):
        found = await session.container(identity)
        if found.state is ContainerState.RUNNING:
            if not given.has("force"):
                raise Failure(f'container "{identity}" is running, please stop it first')
            await session.runtime.stop_container(found.id, 0)
        await session.runtime.remove_container(found.id)
        session.say(identity)


async def stopp(session: Session) -> None:
    for identity in _some(session):
        await session.runtime.stop_sandbox((await session.sandbox(identity)).id)
        session.say(f"Stopped sandbox {identity}")


async def rmp(session: Session) -> None:
    given = session.given
    everything = [one.id for one in await session.runtime.list_sandboxes()] if given.has("all") else []
    for identity in everything or _some(session):
        found = await session.sandbox(identity)
        if found.state is SandboxState.READY:
            if not given.has("force"):
                raise Failure(f'pod sandbox "{identity}" is running, please stop it first')
            await session.runtime.stop_sandbox(found.id)
        await session.runtime.remove_sandbox(found.id)
        session.say(f"Removed sandbox {identity}")


async def pull(session: Session) -> None:
    given = session.given
    if len(given.arguments) != 1:
        raise Failure("image name cannot be empty" if not given.arguments else "only one image can be pulled at a time")
    name, _, password = given.get("creds").partition(":")
    credentials = [Credentials(username=name, password=password)] if name else []
    identity = await session.runtime.pull_image(given.arguments[0], credentials)
    session.say(f"Image is up to date for {identity}")


async def rmi(session: Session) -> None:
    given = session.given
    if given.has("all") or given.has("prune"):
        used = {one.image_id for one in await session.runtime.list_containers()}
        found = [
            one
            for one in await session.runtime.list_images()
            if not one.pinned and (given.has("all") or one.id not in used)
        ]
    else:
        found = [await _image(session, identity) for identity in _some(session)]
    for one in found:
        await session.runtime.remove_image(one.id)
        for tag in one.tags or [one.id]:
            session.say(f"Deleted: {tag}")


async def imagefsinfo(session: Session) -> None:
    usage = await session.runtime.image_filesystem()
    document = {
        "status": {
            "imageFilesystems": [
                {
                    "fsId": {"mountpoint": usage.mountpoint},
                    "inodesUsed": {"value": str(usage.used_inodes)},
                    "usedBytes": {"value": str(usage.used_bytes)},
                }
            ]
        }
    }
    session.say(forms.printed(document, session.given.get("output", "json")))


async def info(session: Session) -> None:
    conditions = [
        {"message": one.message, "reason": one.reason, "status": one.status, "type": one.type}
        for one in await session.runtime.conditions()
    ]
    version = await session.runtime.version()
    document = {
        "config": {"containerdEndpoint": session.endpoint.removeprefix("unix://"), "runtime": version.name},
        "status": {"conditions": conditions},
    }
    session.say(forms.printed(document, session.given.get("output", "json")))


async def version(session: Session) -> None:
    found = await session.runtime.version()
    session.say(f"Version:  0.1.0\nRuntimeName:  {found.name}\nRuntimeVersion:  {found.version}")
    session.say(f"RuntimeApiVersion:  {found.api_version}")
