"""How fast a cluster starts, and what it takes: `python -m tests.bench boot`.

    up --nodes 3        from the command line to three Ready nodes and all pods of kube-system Running
    init                from the command line to an API server that says it is ready
    memory              proportional set size of all processes of the three nodes, ten seconds later

Each is done several times in a fresh home; the middle and the best are printed, and the processor time of all processes
together. A machine that others work on as well is slow for seconds at a time: `yardstick` is a loop of Python, timed
before each run, so that two printouts can be compared.
"""

from __future__ import annotations

import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.host_processes import busy, of_home, pss
from tests.programs import free_port

COMMAND = [sys.executable, "-m", "minikube_edu"]
TIMES = int(os.environ.get("BENCH_BOOTS", "7"))
PATIENCE = 120.0
ANYBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # looks at no certificate: quickly made, and asked with often
ANYBODY.check_hostname = False
ANYBODY.verify_mode = ssl.CERT_NONE


@contextmanager
def home() -> Iterator[dict[str, str]]:
    """An environment in which there is no cluster yet, and no more afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=os.environ.get("BENCH_DIR")) as name:
        environment = {**os.environ, "MINIKUBE_EDU_HOME": f"{name}/home"}
        try:
            yield environment
        finally:
            subprocess.run([*COMMAND, "reset"], env=environment, capture_output=True, check=True, timeout=PATIENCE)


def processor_time(environment: dict[str, str]) -> float:
    """Seconds that the processes which run now have worked."""
    return sum(busy(pid) for pid in of_home(environment["MINIKUBE_EDU_HOME"]))


def memory(environment: dict[str, str]) -> dict[str, float]:
    """MiB of proportional set size, by the processes' names."""
    found: Counter[str] = Counter()
    for pid, name in of_home(environment["MINIKUBE_EDU_HOME"]).items():
        found[name] += round(pss(pid) * 1024)
    return {name: kib / 1024 for name, kib in found.items()}


def yardstick() -> float:
    """Milliseconds."""
    begun, total, kept = time.perf_counter(), 0, {}
    for number in range(300_000):
        total += number * number % 7
        kept[number & 1023] = total
    return (time.perf_counter() - begun) * 1000


def up() -> tuple[list[float], float, dict[str, float]]:
    """Seconds of each start, the processor's of the last one, its memory."""
    took, worked, held = list[float](), 0.0, dict[str, float]()
    for number in range(TIMES):
        with home() as environment:
            begun = time.perf_counter()
            words = ["up", "--nodes", "3", "--port", str(free_port())]
            subprocess.run([*COMMAND, *words], env=environment, capture_output=True, check=True, timeout=PATIENCE)
            took.append(time.perf_counter() - begun)
            worked = processor_time(environment)
            if number == TIMES - 1:
                time.sleep(10)
                held = memory(environment)
    return took, worked, held


def init() -> list[float]:
    took = []
    for _ in range(TIMES):
        with home() as environment:
            port, begun = free_port(), time.perf_counter()
            words = ["init", "--apiserver-bind-port", str(port)]
            command = subprocess.Popen([*COMMAND, *words], env=environment, stdout=subprocess.DEVNULL)
            while not is_ready(port):
                time.sleep(0.004)
            took.append(time.perf_counter() - begun)
            command.wait(PATIENCE)
    return took


def is_ready(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as plain, ANYBODY.wrap_socket(plain) as secure:
            secure.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return b" 200 " in secure.recv(100)
    except OSError:
        return False


def line(name: str, took: list[float], more: str = "") -> None:
    print(f"  {name:34} {statistics.median(took):6.2f} s  best {min(took):.2f} s{more}", flush=True)


def main() -> None:
    pace = statistics.median(yardstick() for _ in range(9))
    print(f"\nA cluster that starts ({TIMES} times; yardstick {pace:.1f} ms):", flush=True)
    took, worked, held = up()
    line("up --nodes 3, all Ready", took, f"  processors {worked:.2f} s without the command")
    line("init, until the API is ready", init())
    shown = ", ".join(f"{name} {size:.0f}" for name, size in sorted(held.items(), key=lambda one: -one[1]))
    print(f"  {'memory of three nodes (PSS)':34} {sum(held.values()):6.0f} MiB ({shown})", flush=True)


if __name__ == "__main__":
    main()
