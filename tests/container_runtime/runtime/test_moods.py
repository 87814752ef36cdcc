"""Moods: delays, failures and crashes, in virtual time and by a seed."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.container_runtime.simulated.moods import ANNOTATION, BadMood, Moods, from_table
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.lib import clock
from tests.client.conftest import virtual_time as virtual_time  # all tests here
from tests.container_runtime.node import node


async def test_how_long_do_pull_and_start_take_in_a_general_mood(tmp_path: Path) -> None:
    async with node(tmp_path, mood="general", seed=7) as made:
        began = clock.monotonic()
        await made.runtime.pull_image("nginx")
        pulled = clock.monotonic()
        assert 0.6 + 72 / 30 <= pulled - began <= 1.6 + 72 / 30 + 0.1
        await made.start("nginx")
        assert 0.17 <= clock.monotonic() - pulled <= 3


async def test_may_a_pod_have_a_mood_of_its_own(tmp_path: Path) -> None:
    async with node(tmp_path) as made:
        began = clock.monotonic()
        await made.sandbox(annotations={ANNOTATION: "slow"})
        assert clock.monotonic() - began >= 0.5
        began = clock.monotonic()
        await made.sandbox(annotations={ANNOTATION: "no-such-mood"})
        assert clock.monotonic() - began < 0.45  # the slow mood takes half a second


async def test_do_containers_crash_by_the_seed_and_not_by_chance(tmp_path: Path) -> None:
    async def crashed(folder: str, seed: int) -> list[str]:
        mood = tmp_path / "moods.toml"
        mood.write_text("[risky]\ncrashes = 0.5\ncrash_after = [1.0, 2.0]\ncrash_code = 9\n")
        async with node(tmp_path / folder, mood="risky", mood_file=mood, seed=seed) as made:
            assert isinstance(made.runtime, SimulatedRuntime)
            for number in range(12):
                await made.start("busybox", "sleep", "1000", sandbox=await made.sandbox(f"pod-{number}"))
            import asyncio

            await asyncio.sleep(3)
            ended = [one for one in made.runtime.containers.values() if one.exit_code == 9]
            return [one.sandbox.config.name for one in ended]

    first = await crashed("a", 1)
    assert 0 < len(first) < 12
    assert await crashed("b", 1) == first
    assert await crashed("c", 2) != first


async def test_do_pulls_break_off_in_chaos(tmp_path: Path) -> None:
    async with node(tmp_path, mood="chaos", seed=3) as made:
        failures = 0
        for _ in range(30):
            try:
                await made.runtime.pull_image("nginx")
                await made.runtime.remove_image("nginx")
            except RuntimeFailure as failure:
                failures += "failed to pull and unpack image" in failure.message
        assert 0 < failures < 30


def test_is_a_bad_mood_named() -> None:
    with pytest.raises(BadMood, match="no mood 'sad': there are chaos, fast, general, slow"):
        Moods("sad")
    with pytest.raises(BadMood, match="mood x: unknown key 'speed'"):
        from_table("x", {"speed": 1})
    with pytest.raises(BadMood, match="mood x: start_delay must be seconds"):
        from_table("x", {"start_delay": [3, 1]})
