"""Is what the machine does before it forks harmless: nothing stays open, no thread, and every fork is random anew?"""

from __future__ import annotations

import os
import subprocess
import sys

from tests.programs import ROOT

SCRIPT = """
import os, threading
from minikube_edu.cluster.machine.preload import Preload
before = set(os.listdir("/proc/self/fd"))
preload = Preload()
while not preload.done:
    preload.step()
assert set(os.listdir("/proc/self/fd")) == before, "something was left open"
assert threading.active_count() == 1
import ssl
from minikube_edu.lib import ids
for _ in range(2):
    if os.fork() == 0:
        os.write(1, f"{ids.uid()} {ssl.RAND_bytes(8).hex()} ".encode())
        os._exit(0)
    os.wait()
"""


def test_is_nothing_left_open_and_is_every_fork_random_anew() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert len(set(words)) == len(words) == 4
