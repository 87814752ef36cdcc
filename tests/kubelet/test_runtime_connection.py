"""A runtime that goes and comes back, behind its socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.container_runtime.socket_face import SocketFace
from minikube_edu.kubelet.runtime_connection import connection
from tests.in_process import until
from tests.kubelet.doubles import manifest, node
from tests.kubelet.fake_runtime import FakeRuntime


async def test_calls_fail_while_nobody_listens_and_go_on_afterwards(tmp_path: Path) -> None:
    path = str(tmp_path / "c.sock")
    runtime = connection(path)
    with pytest.raises(RuntimeFailure, match="no such file or directory"):
        await runtime.version()
    fake = FakeRuntime()
    face = SocketFace(fake, path)
    await face.start()
    assert (await runtime.version()).name == "containerd"
    await face.close()
    face = SocketFace(fake, path)
    await face.start()
    await until(lambda: _answers(runtime))
    await runtime.close()  # type: ignore[attr-defined]  # a RuntimeConnection
    await face.close()


async def _answers(runtime: object) -> bool:
    try:
        return bool(await runtime.version())  # type: ignore[attr-defined]  # a runtime
    except RuntimeFailure:
        return False


async def test_a_pod_whose_container_ended_while_the_runtime_was_away_is_started_again(tmp_path: Path) -> None:
    path = str(tmp_path / "c.sock")
    fake = FakeRuntime()
    face = SocketFace(fake, path)
    await face.start()
    far = connection(path)
    async with node(runtime=far) as here:  # type: ignore[arg-type]  # the scripted one, at the other end
        far.reconnected = here.kubelet.runtime_is_back  # type: ignore[attr-defined]  # a RuntimeConnection
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running", 30)
        await face.close()
        fake.exit("main", 1)
        face = SocketFace(fake, path)
        await face.start()
        await here.until(lambda: here.container(pod, "main")["restartCount"] == 1, 30)
    await far.close()  # type: ignore[attr-defined]  # a RuntimeConnection
    await face.close()


async def test_a_runtime_that_was_started_again_is_told_the_addresses_of_the_pods_again(tmp_path: Path) -> None:
    path = str(tmp_path / "c.sock")
    first, second = Addressed(), Addressed()
    face = SocketFace(first, path)
    await face.start()
    runtime = connection(path)
    await runtime.update_runtime_config("10.244.1.0/24")
    await face.close()
    face = SocketFace(second, path)
    await face.start()
    await until(lambda: _answers(runtime))
    assert (first.pod_cidr, second.pod_cidr) == ("10.244.1.0/24", "10.244.1.0/24")
    await runtime.close()  # type: ignore[attr-defined]  # a RuntimeConnection
    await face.close()


class Addressed(FakeRuntime):
    pod_cidr = ""

    async def update_runtime_config(self, pod_cidr: str) -> None:
        self.pod_cidr = pod_cidr
