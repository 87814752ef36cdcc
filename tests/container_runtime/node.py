"""A node without a kubelet, for tests: a simulated runtime over a network of its own, in a temporary directory."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.container_runtime.cri import (
    Container,
    ContainerConfig,
    ContainerEvent,
    ContainerRuntime,
    ContainerState,
    SandboxConfig,
    SeatRunner,
)
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings

PLUGIN = '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}'
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) (stdout|stderr) ([FP]) (.*)", re.DOTALL)


@dataclass
class Node:
    """`runtime` may be any that has this node's `root`: the simulated one itself, or its driver."""

    root: Path
    runtime: ContainerRuntime
    fabric: NodeFabric
    events: list[ContainerEvent] = field(default_factory=list)
    pods: int = 0

    async def sandbox(self, name: str = "", **more: Any) -> str:
        self.pods += 1
        name = name or f"pod-{self.pods}"
        logs = self.root / f"var/log/pods/default_{name}_uid-{name}"
        logs.mkdir(parents=True, exist_ok=True)
        config = SandboxConfig(name=name, namespace="default", uid=f"uid-{name}", log_directory=str(logs), **more)
        return await self.runtime.run_sandbox(config)

    async def create(self, image: str, *command: str, sandbox: str = "", name: str = "main", **more: Any) -> str:
        sandbox = sandbox or await self.sandbox()
        image_id = await self.runtime.pull_image(image)
        attempt = more.get("attempt", 0)
        config = ContainerConfig(
            name=name, image=image, image_id=image_id, command=command, log_path=f"{name}/{attempt}.log", **more
        )
        return await self.runtime.create_container(sandbox, config)

    async def start(self, image: str, *command: str, **more: Any) -> str:
        container = await self.create(image, *command, **more)
        await self.runtime.start_container(container)
        return container

    async def ended(self, container: str) -> Container:
        found: Container = await eventually(lambda: self._when_ended(container))
        return found

    async def _when_ended(self, container: str) -> Container | None:
        status = await self.runtime.container_status(container)
        return status if status.state is ContainerState.EXITED else None

    async def run(self, image: str, *command: str, **more: Any) -> tuple[Container, str]:
        """A container from its start to its end: (status, what its log says)."""
        container = await self.start(image, *command, **more)
        status = await self.ended(container)
        return status, self.log(status)

    def log(self, status: Container) -> str:
        return "".join(text for _, _, text in self.lines(status))

    def lines(self, status: Container) -> list[tuple[str, str, str]]:
        """(stream, F or P, text with its newline if it had one)"""
        found = []
        for line in Path(status.log_path).read_text().splitlines():
            match = LINE.fullmatch(line)
            assert match, f"not a line of a log: {line!r}"
            found.append((match[2], match[3], match[4] + ("\n" if match[3] == "F" else "")))
        return found

    async def sh(self, container: str, script: str) -> str:
        result = await self.runtime.exec_sync(container, ["sh", "-c", script])
        return result.stdout.decode() + result.stderr.decode()


async def eventually(found: Callable[[], Awaitable[Any]], patience: float = 5.0) -> Any:
    """What `found` answers, as soon as it is something."""
    async with asyncio.timeout(patience):
        while not (result := await found()):  # noqa: ASYNC110  # there is nothing that tells
            await asyncio.sleep(0.002)
        return result


@asynccontextmanager
async def node(root: Path, seats: SeatRunner | None = None, **more: Any) -> AsyncIterator[Node]:
    (root / "etc/cni/net.d").mkdir(parents=True, exist_ok=True)
    (root / "etc/cni/net.d/10-bridge.conflist").write_text(PLUGIN)
    fabric = NodeFabric(root, node_ip="127.16.0.9", pod_cidr="10.244.1.0/24")
    runtime = await SimulatedRuntime.open(Settings(root=root, node_name="node-1", **more), fabric, seats)
    made = Node(root, runtime, fabric)
    runtime.events(made.events.append)
    try:
        yield made
    finally:
        await runtime.close()
        await fabric.close()
