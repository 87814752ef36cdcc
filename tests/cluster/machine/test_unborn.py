"""The machine that a command makes before it knows whether it needs one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host_processes import of_home
from tests.programs import free_port


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc")
@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["up", "--nodes", "0"], "a cluster has at least one node"),
        (["up", "--network", "tin-cans"], "there is no network 'tin-cans'"),
        (["up", "--nodes", "many"], "--nodes"),
    ],
)
def test_does_a_mistake_leave_no_machine_behind(tmp_path: Path, words: list[str], complaint: str) -> None:
    home = tmp_path / "home"
    environment = {**os.environ, "MINIKUBE_EDU_HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-m", "minikube_edu", *words, "--port", str(free_port())],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode
    assert complaint in done.stderr
    assert not (home / "run/machine.sock").exists()
    assert of_home(home) == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_does_it_become_the_machine_that_it_is_told_to_be(tmp_path: Path) -> None:
    """Told late, when it has imported all that there is, and told again, when there is none left."""
    program = f"""
import json, os, socket, time
from minikube_edu.cluster.machine import unborn
from pathlib import Path
unborn.conceive()
from minikube_edu.cluster.machine import starter
root = Path({str(tmp_path)!r})
with starter.start(root / "a.sock", root / "a", {{"MINIKUBE_EDU_HOME": str(root)}}) as machine:
    status = machine.ask("status")
print(json.dumps([status["pid"], unborn._pid, unborn.bear(0, "", {{}})]))
starter.end(root / "a.sock")
unborn.abandon()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    pid, conceived, again = json.loads(done.stdout)
    assert pid == conceived
    assert again is False
    assert (tmp_path / "a/var/log/machine.log").exists()
