"""Does a cluster stand kills of its programs, and of what makes it? (`python -m tests.bench.chaos` does 200)"""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from tests.bench import chaos
from tests.cluster.booted import booted

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_every_program_may_be_killed_once_under_a_write_load() -> None:
    with booted("--nodes=3") as cluster:
        seen = chaos.torment(cluster, len(chaos.TARGETS), random.Random(1), say=lambda _: None)
    assert seen.acknowledged


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=["kill", "interrupt"])
@pytest.mark.parametrize("moment", [0.6, 1.6])
def test_up_heals_what_an_up_that_was_broken_off_has_left(number: signal.Signals, moment: float) -> None:
    with booted(up=False) as cluster:
        with cluster.open("up", "--nodes=2", f"--port={cluster.port}", start_new_session=True, stdout=-1) as broken:
            time.sleep(moment)
            os.kill(broken.pid, number)
            broken.communicate()
        cluster.up("--nodes=2")
        assert [cluster.ready("node", name) for name in ("control-plane", "worker-1")] == ["True", "True"]
