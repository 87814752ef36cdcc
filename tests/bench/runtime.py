"""The figures of the simulated runtime: `python -m tests.bench.runtime [containers] [uvloop] [profile]`.

Pods with nginx, through the runtime's own calls (sandbox, create, start, as a kubelet makes them), in one process: how
fast they start and are fully up (the program has booted and listens), what each costs. Then: how long others wait
while one container does heavy work with each of the tools.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from minikube_edu.container_runtime.cri import ContainerConfig, SandboxConfig
from minikube_edu.container_runtime.simulated.containers import SimulatedContainer
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from tests.bench.containers import resident
from tests.container_runtime.node import Node, node


async def lateness(seconds: float) -> tuple[float, float]:
    """The longest that a sleep of a millisecond took beyond it, and the longest work of this process meanwhile: on a
    machine that does other things as well, the second is the promise."""
    late, busy, end = 0.0, 0.0, time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        used = time.process_time()
        await asyncio.sleep(0.001)
        late = max(late, time.perf_counter() - start - 0.001)
        busy = max(busy, time.process_time() - used)
    return late, busy


LATE = 0.050  # seconds: the promise
LOOPS = {
    "shell": "while :; do :; done",
    "shell, arithmetic": "i=0; while :; do i=$((i + 1)); done",
    "shell, one long loop of words": "for i in $(seq 1 100000); do x=$x.; done",
    "shell, pattern on a long word": "x=$(head -c 200000 /dev/zero | tr '\\0' a); "
    "while :; do y=${x%%*b}; z=${x//a/b}; done",
    "fork": "while :; do true & wait; /bin/true; done",
    "awk": "awk 'BEGIN { while (1) i++ }'",
    "awk, strings": 'awk \'BEGIN { while (1) { s = s "x"; gsub(/x/, "y", s) } }\'',
    "sed": "yes abcabc | sed 's/b/x/g' > /dev/null",
    "sed, a loop of its own": "echo x | sed ':a; s/x/x/; ta'",
    "grep": "yes 'a line that is not it' | head -c 50000000 | grep -c nothing",
    "grep, a cruel pattern": "head -c 3000 /dev/zero | tr '\\0' a | grep -E '(a|aa)*b'",
    "sort": "seq 1 200000 | sort -r | sort -n > /dev/null",
    "dd": "dd if=/dev/zero of=/tmp/x bs=1M count=200",
    "dd, small blocks": "dd if=/dev/zero of=/dev/null bs=1",
    "tar": "head -c 50000000 /dev/zero > /tmp/y; tar cf - /tmp/y | tar tf -",
    "gzip": "head -c 30000000 /dev/zero > /tmp/z; gzip -9 /tmp/z; gunzip /tmp/z.gz",
    "gzip, of noise": "head -c 20000000 /dev/urandom > /tmp/r; gzip -9 /tmp/r",
    "xz": "head -c 5000000 /dev/urandom | xz -9 > /tmp/r.xz",
    "sha256sum": "head -c 100000000 /dev/zero | sha256sum",
    "md5sum of a file": "head -c 50000000 /dev/zero > /tmp/m; md5sum /tmp/m",
    "wc": "yes | head -c 50000000 | wc",
    "tr": "yes | tr y x > /dev/null",
    "cut": "yes a:b:c | cut -d: -f2 > /dev/null",
    "uniq": "yes | head -c 20000000 | uniq -c",
    "tail": "yes | head -c 30000000 | tail -n 1",
    "base64": "head -c 20000000 /dev/urandom | base64 | base64 -d > /dev/null",
    "find": "for i in $(seq 1 300); do mkdir -p /tmp/t/$i; touch /tmp/t/$i/a /tmp/t/$i/b; done; "
    "while :; do find / -name '*q*'; done",
    "bc": "echo '2^200000' | bc | wc -c",
    "expr": "while :; do expr aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa : '\\(a*\\)*b'; done",
    "jq": "seq 1 200000 | jq -s 'map(. * 2) | add'",
    "diff": "seq 1 20000 > /tmp/1; seq 1 2 40000 > /tmp/2; diff /tmp/1 /tmp/2 | wc -l",
    "pi": "perl -Mbignum=bpi -wle 'print bpi(5000)'",
    "a here-document": "x=$(seq 1 50000); cat <<E | wc -l\n$x\nE",
    "grep, back references": "head -c 3000 /dev/zero | tr '\\0' a | grep -E '(a*)*\\1b'",
    "stress": "stress --cpu 4 --timeout 3",
}


async def pod(made: Node, number: int, image: str, image_id: str, *command: str) -> str:
    name = f"web-{number}"
    logs = made.root / f"var/log/pods/default_{name}_uid-{name}"
    logs.mkdir(parents=True)
    config = SandboxConfig(name=name, namespace="default", uid=f"uid-{name}", log_directory=str(logs))
    sandbox = await made.runtime.run_sandbox(config)
    container = ContainerConfig(name="main", image=image, image_id=image_id, command=command, log_path="main/0.log")
    id = await made.runtime.create_container(sandbox, container)
    await made.runtime.start_container(id)
    return id


def booting(containers: Iterable[object]) -> list[SimulatedContainer]:
    """Those that have no worker yet: nginx listens and waits for requests when it has one."""
    simulated = [one for one in containers if isinstance(one, SimulatedContainer)]
    return [one for one in simulated if not one.machine or len(one.machine.own) < 2]


async def starts(made: Node, count: int) -> None:
    assert isinstance(made.runtime, SimulatedRuntime)
    made.fabric.set_pod_cidr("10.244.0.0/16")
    image_id = await made.runtime.pull_image("nginx")
    await pod(made, -1, "nginx", image_id)
    await asyncio.sleep(0.2)
    gc.collect()
    gc.freeze()
    before, began, used = resident(), time.perf_counter(), time.process_time()
    for number in range(count):
        await pod(made, number, "nginx", image_id)
    called = time.perf_counter() - began
    left = booting(made.runtime.containers.values())
    while left := booting(left):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    took, worked = time.perf_counter() - began, time.process_time() - used
    made.events.clear()
    gc.collect()
    more = resident() - before
    print(f"  {count} nginx pods, fully up: {count / took:.0f} a second ({took:.2f} s; calls alone {called:.2f} s)")
    print(f"  by the processor time of this process: {count / worked:.0f} a second")
    print(f"  memory: {more / count / 1024:.1f} KiB each, {more / 2**20:.0f} MiB in all")


async def delays(made: Node) -> float:
    """Beside each kind of loop, one after the other: the longest that somebody else had to wait."""
    worst_of_all = 0.0
    image_id = await made.runtime.pull_image("ubuntu")
    for number, (name, script) in enumerate(LOOPS.items()):
        id = await pod(made, 1_000_000 + number, "ubuntu", image_id, "sleep", "infinity")
        box = asyncio.ensure_future(made.runtime.exec_sync(id, ["bash", "-c", f"cd /tmp; {script}"]))
        await asyncio.sleep(0.05)
        late, worst = await lateness(1.5)
        worst_of_all = max(worst, worst_of_all)
        ended = " (it had ended)" if box.done() else ""
        words = f"{worst * 1000:.1f} ms of work, {late * 1000:.1f} by the clock{ended}"
        print(f"  {'LATE ' if worst > LATE else ''}beside {name}: {words}", flush=True)
        await made.runtime.stop_container(id, 0)
        with contextlib.suppress(Exception):
            await asyncio.wait_for(box, 1)
    return worst_of_all


async def main(count: int, loops: bool = True) -> None:
    from minikube_edu.container_runtime.simulated.shell.start import DEPTH

    sys.setrecursionlimit(DEPTH)
    gc.set_threshold(20_000, 20, 50)  # as the runtime's process has it
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as folder:
        async with node(Path(folder)) as made:
            if count:
                await starts(made, count)
        if loops:
            async with node(Path(folder) / "second") as made:
                print(f"  the longest wait of all: {await delays(made) * 1000:.1f} ms")


if __name__ == "__main__":
    if "uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    number = numbers[0] if numbers else 10_000
    if "profile" in sys.argv:
        import cProfile
        import pstats

        profile = cProfile.Profile()
        profile.runcall(asyncio.run, main(number, loops=False))
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    else:
        asyncio.run(main(number, loops="starts" not in sys.argv))
