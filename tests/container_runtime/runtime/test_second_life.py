"""The runtime ends and another one takes its place: what does the kubelet find of the containers that died with it?"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import ContainerState, RuntimeFailure, SandboxState
from minikube_edu.container_runtime.simulated import journal
from tests.container_runtime.node import Node, node


async def crash(made: Node) -> None:
    """As after kill -9: not a word more is written."""
    runtime = made.runtime
    runtime.journal.close()  # type: ignore[attr-defined]  # the simulated one


@pytest.mark.parametrize("sudden", [False, True])
async def test_are_the_dead_listed_after_a_restart(tmp_path: Path, sudden: bool) -> None:
    async with node(tmp_path) as made:
        pod = await made.sandbox("web", share_process_namespace=True)
        runs = await made.start("nginx", sandbox=pod, name="runs", attempt=2, labels={"app": "web"})
        done, _ = await made.run("busybox", "sh", "-c", "echo bye; exit 3", sandbox=pod, name="done")
        fails = await made.create("busybox", "nosuch", sandbox=pod, name="fails")
        with pytest.raises(RuntimeFailure):
            await made.runtime.start_container(fails)
        gone = await made.start("nginx")
        await made.runtime.remove_sandbox((await made.runtime.container_status(gone)).sandbox_id)
        before = {one.id: one for one in await made.runtime.list_containers()}
        address = (await made.runtime.sandbox_status(pod)).ips[0]
        if sudden:
            await crash(made)
    async with node(tmp_path) as made:
        assert {one.id for one in await made.runtime.list_containers()} == {runs, done.id, fails}
        lost = await made.runtime.container_status(runs)
        assert (lost.state, lost.exit_code, lost.reason) == (ContainerState.EXITED, 255, "Unknown")
        assert lost.started_at == before[runs].started_at
        assert lost.finished_at >= lost.started_at
        assert (lost.config, lost.image_id, lost.image_ref) == (
            before[runs].config, before[runs].image_id, before[runs].image_ref,
        )  # fmt: skip
        assert "start worker processes" in Path(lost.log_path).read_text()
        assert await made.runtime.container_status(done.id) == done
        assert (await made.runtime.container_status(fails)).reason == "StartError"
        assert not list((tmp_path / "var/lib/cni/networks").rglob(address))  # given back
        [home] = await made.runtime.list_sandboxes()
        assert (home.id, home.state, home.ips) == (pod, SandboxState.NOT_READY, ())
        with pytest.raises(RuntimeFailure, match="EXITED state"):
            await made.runtime.exec_sync(runs, ["ls"])

        again = await made.sandbox("web", attempt=1)  # the kubelet's answer: the same pod, once more
        await made.start("nginx", sandbox=again, name="runs", attempt=3)
        await made.runtime.stop_sandbox(pod)
        await made.runtime.remove_container(runs)
        await made.runtime.remove_sandbox(pod)
        assert [one.config.attempt for one in await made.runtime.list_containers()] == [3]
    async with node(tmp_path) as made:
        assert [one.id for one in await made.runtime.list_sandboxes()] == [again]
        await made.runtime.remove_sandbox(again)
    async with node(tmp_path) as made:
        assert await made.runtime.list_sandboxes() == []
        assert await made.runtime.list_containers() == []


async def test_is_a_journal_that_was_cut_off_still_read(tmp_path: Path) -> None:
    async with node(tmp_path) as made:
        container = await made.start("nginx")
    path = tmp_path / "var/lib/containerd/minikube-edu/journal"
    with open(path, "ab") as file:  # noqa: ASYNC230  # a local file of a few bytes
        file.write(b'{"id":"' + container.encode() + b'","now":{"sta')
    async with node(tmp_path) as made:
        assert [one.id for one in await made.runtime.list_containers()] == [container]


async def test_does_the_journal_stay_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LONG", 50)
    monkeypatch.setattr(journal, "TIMES", 2)
    async with node(tmp_path) as made:
        pod = await made.sandbox()
        for attempt in range(40):
            status, _ = await made.run("busybox", "true", sandbox=pod, attempt=attempt)
            await made.runtime.remove_container(status.id)
        last = await made.start("nginx", sandbox=pod, attempt=40)
        await asyncio.sleep(0)
    lines = (tmp_path / "var/lib/containerd/minikube-edu/journal").read_text().splitlines()
    assert len(lines) < 70
    async with node(tmp_path) as made:
        assert [one.id for one in await made.runtime.list_containers()] == [last]
