"""The same case in a simulated container."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.filesystem.layer import Entry
from tests.container_runtime.conformance.cases import Answer, Case
from tests.container_runtime.conformance.references import command_line, files_of, stdin_of
from tests.container_runtime.world import world

PLACE = "/case"


async def answer(case: Case, shell: str) -> Answer:
    files = {f"{PLACE}/{name}": Entry(text.encode(), mode) for name, (text, mode) in files_of(case).items()}
    files[f"{PLACE}/"] = Entry(mode=0o777)
    env = {"HOME": PLACE, "LC_ALL": "C", "TZ": "UTC", **case.env}
    async with world(files=files, bash=shell != "busybox") as container:
        done = await container.run(command_line(case, shell), stdin=stdin_of(case), env=env, cwd=PLACE, timeout=10)
    return Answer(_text(done.stdout), done.code, _text(done.stderr))


def _text(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")
