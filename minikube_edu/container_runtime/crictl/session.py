"""One call of crictl: the runtime it talks to, what it prints, how ids are found by their beginnings."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, TypeVar

from minikube_edu.container_runtime.cri import Container, NotFound, RuntimeFailure, Sandbox
from minikube_edu.container_runtime.crictl.flags import Given
from minikube_edu.container_runtime.socket_driver import SocketRuntime

Found = TypeVar("Found", Container, Sandbox)


class Failure(Exception):
    """What ends the call: printed behind FATA[0000]."""


class Session:
    def __init__(self, runtime: SocketRuntime, given: Given, endpoint: str) -> None:
        self.runtime: Any = runtime  # a cri.ContainerRuntime, whose methods are made at run time
        self.given = given
        self.endpoint = endpoint

    def say(self, text: str) -> None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")

    async def container(self, beginning: str) -> Container:
        known: list[Container] = await self.runtime.list_containers()
        found = pick(known, beginning)
        if found is None:
            raise NotFound(f'an error occurred when try to find container "{beginning}": not found')
        return found

    async def sandbox(self, beginning: str) -> Sandbox:
        known: list[Sandbox] = await self.runtime.list_sandboxes()
        found = pick(known, beginning)
        if found is None:
            raise NotFound(f'an error occurred when try to find sandbox "{beginning}": not found')
        return found


def pick(all_of_them: Iterable[Found], beginning: str) -> Found | None:
    """The one whose id begins so; RuntimeFailure when there are several."""
    found = [one for one in all_of_them if one.id.startswith(beginning)] if beginning else []
    if len(found) > 1 and all(one.id != beginning for one in found):
        raise RuntimeFailure(f"multiple IDs found with provided prefix: {beginning}")
    return found[0] if found else None


def labels_of(given: Given) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in given.get("label").split(",") if entry]
    if any(not equals for _, equals, _ in pairs):
        raise Failure("incorrectly specified label: expected key=value")
    return {key: value for key, _, value in pairs}
