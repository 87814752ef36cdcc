"""`kubectl api-versions`."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command


async def run(call: Call) -> None:
    if call.args:
        raise call.usage(f"unexpected arguments: [{' '.join(call.args)}]")
    call.factory.mapper.discovery.forget()
    for version in sorted({one.resource.api_version for one in await call.factory.mapper.resources()}):
        call.say(version)


COMMAND = Command(
    "api-versions",
    run,
    long='Print the supported API versions on the server, in the form of "group/version".',
    discovery_tries=1,
)
