"""The control plane's containers: processes of the host that outlive the runtime."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import ContainerState, RuntimeFailure, SandboxState
from tests.container_runtime.node import Node, eventually, node
from tests.container_runtime.seat_programs import Subprocesses

SCHEDULER = "registry.k8s.io/kube-scheduler:v1.36.3"
SERVES = """
import os, signal, time
print("args", sys.argv[1:], "root", os.environ["MINIKUBE_EDU_NODE_ROOT"])
def bye(*_):
    print("bye")
    sys.exit(0)
signal.signal(signal.SIGTERM, bye)
signal.signal(signal.SIGUSR1, lambda *_: print("told"))
print("ready")
while True:
    time.sleep(10)
"""
ETCDCTL = "print('ctl', sys.argv[1:])\nsys.exit(4 if 'fail' in sys.argv else 0)"


@pytest.fixture
async def runner() -> AsyncIterator[Subprocesses]:
    made = Subprocesses(
        {"minikube_edu.kube_scheduler": SERVES, "minikube_edu.etcd": SERVES, "minikube_edu.etcd.etcdctl": ETCDCTL}
    )
    yield made
    await made.close()


async def started(node: Node, image: str = SCHEDULER, *command: str) -> str:
    sandbox = await node.sandbox("seat", host_network=True, labels={"tier": "control-plane"})
    container = await node.start(image, *(command or ("kube-scheduler", "--v=2")), sandbox=sandbox)

    async def says_ready() -> bool:
        return "ready\n" in node.log(await node.runtime.container_status(container))

    await eventually(says_ready)
    return container


async def test_does_a_seats_output_come_into_its_log_and_its_end_into_its_status(
    tmp_path: Path, runner: Subprocesses
) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made)
        status = await made.runtime.container_status(container)
        assert made.log(status) == f"args ['--v=2'] root {tmp_path}\nready\n"
        assert (await made.runtime.container_stats(container)).memory_rss > 0
        await made.runtime.stop_container(container, 5)
        status = await made.runtime.container_status(container)
        assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 0, "Completed")
        assert made.log(status).endswith("bye\n")
        await made.runtime.remove_sandbox(status.sandbox_id)
        assert runner.forgotten == [container]
        assert not list((tmp_path / "var/lib/containerd/minikube-edu").glob("*/*"))


async def test_is_a_killed_seat_seen(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made)
        os.kill(runner.started[container].pid, 9)
        status = await made.ended(container)
        assert (status.exit_code, status.signal, status.reason) == (137, 9, "Error")


async def test_does_a_seat_outlive_the_runtime_and_lose_none_of_its_words(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made)
        simulated = await made.start("busybox", "sleep", "100")
        before = await made.runtime.container_status(container)
    os.kill(runner.started[container].pid, 10)
    await asyncio.sleep(0.1)
    async with node(tmp_path, runner) as made:
        await asyncio.sleep(0.01)
        after = await made.runtime.container_status(container)
        assert (after.state, after.config, after.started_at) == (before.state, before.config, before.started_at)
        (sandbox,) = [one for one in await made.runtime.list_sandboxes() if one.state is SandboxState.READY]
        assert sandbox.config.labels == {"tier": "control-plane"}
        assert (await made.runtime.container_status(simulated)).state is ContainerState.EXITED
        assert made.log(after).endswith("ready\ntold\n")
        os.kill(runner.started[container].pid, 10)

        async def told_again() -> bool:
            return made.log(await made.runtime.container_status(container)).endswith("told\ntold\n")

        await eventually(told_again)
        with pytest.raises(RuntimeFailure, match="reserved"):
            await made.sandbox("seat")
        await made.runtime.stop_container(container, 5)
        assert (await made.runtime.container_status(container)).exit_code == 0


async def test_is_the_end_of_a_seat_seen_that_ended_while_nobody_looked(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made)
    runner.started[container].kill(15)
    await runner.started[container].wait()
    async with node(tmp_path, runner) as made:
        status = await made.ended(container)
        assert (status.exit_code, status.reason) == (0, "Completed")
        assert made.log(status).endswith("bye\n")


async def test_is_a_seat_that_nobody_knows_any_more_an_error(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made)
    lost = runner.started.pop(container)
    async with node(tmp_path, runner) as made:
        status = await made.runtime.container_status(container)
        assert (status.state, status.exit_code) == (ContainerState.EXITED, 255)
    lost.kill(9)
    await lost.wait()


async def test_does_another_command_than_the_images_own_not_exist(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        with pytest.raises(RuntimeFailure, match='exec: "sleep": executable file not found'):
            await made.start(SCHEDULER, "sleep", "1")


async def test_does_a_runtime_without_a_machine_say_so(tmp_path: Path) -> None:
    async with node(tmp_path) as made:
        with pytest.raises(RuntimeFailure, match="no machine to run programs"):
            await made.start(SCHEDULER, "kube-scheduler")


async def test_can_one_look_around_in_a_seat_and_ask_etcdctl(tmp_path: Path, runner: Subprocesses) -> None:
    async with node(tmp_path, runner) as made:
        container = await started(made, "registry.k8s.io/etcd:3.6.6-0", "etcd", "--name=x")
        assert "etcd" in await made.sh(container, "ls /usr/local/bin")
        result = await made.runtime.exec_sync(container, ["etcdctl", "get", "/registry", "--prefix"])
        assert (result.exit_code, result.stdout) == (0, b"ctl ['get', '/registry', '--prefix']\n")
        assert (await made.runtime.exec_sync(container, ["etcdctl", "fail"])).exit_code == 4


async def test_are_addresses_of_an_earlier_life_given_back(tmp_path: Path) -> None:
    reservations = tmp_path / "var/lib/cni/networks/cbr0"
    async with node(tmp_path) as made:
        await made.sandbox()
        assert len(list(reservations.glob("10.*"))) == 1
    async with node(tmp_path) as made:
        assert [one.state for one in await made.runtime.list_sandboxes()] == [SandboxState.NOT_READY]
        assert list(reservations.glob("10.*")) == []
