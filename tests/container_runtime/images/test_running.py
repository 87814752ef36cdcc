"""Every image of the catalogue starts with its own entrypoint, and none of its programs has a fault."""

from __future__ import annotations

import asyncio
from pathlib import Path

from minikube_edu.container_runtime.cri import ContainerState
from minikube_edu.container_runtime.simulated.images.catalogue import compiled
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from tests.container_runtime.node import node

SEGMENTATION_FAULT = 139
ENVIRONMENT = {"MYSQL_ROOT_PASSWORD": "x", "MARIADB_ROOT_PASSWORD": "x", "POSTGRES_PASSWORD": "x"}

ARGUMENTS = {"docker.io/hashicorp/http-echo": ["-text=hello"]}


async def test_does_every_image_start(tmp_path: Path) -> None:
    names = [entry["names"][0] for entry in compiled()["entries"] if not entry.get("seat")]
    async with node(tmp_path, unknown_images="fail") as made:
        assert isinstance(made.runtime, SimulatedRuntime)
        started = {name: await made.start(name, env=ENVIRONMENT, args=ARGUMENTS.get(name, ())) for name in names}
        await asyncio.sleep(0.5)
        bad = {}
        for name, container in started.items():
            status = await made.runtime.container_status(container)
            if status.state is ContainerState.EXITED and status.exit_code in (SEGMENTATION_FAULT, 126, 127, 255):
                bad[name] = (status.exit_code, made.log(status))
        assert bad == {}
