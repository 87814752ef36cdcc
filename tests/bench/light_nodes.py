"""A thousand light nodes with ten thousand pods on one machine: how fast, how much memory, how responsive.

    python -m tests.bench.light_nodes [--nodes 1000] [--pods 10000] [--port 12443] [--home DIR] [--keep]

Prints the time until all nodes are Ready and all pods Running, the memory of all processes (proportional set size), the
processor time of each at rest, and the percentiles of a GET: of one object, over one connection, while pods start and
at rest.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from minikube_edu.cluster import kubeadm_way, nodes
from minikube_edu.cluster.door import Door
from minikube_edu.cluster.layout import Layout
from minikube_edu.cluster.light.place import LightPlace
from tests.host_processes import busy, of_home, pss

GETS = 0.01  # seconds between two
SHARE = 500  # pods of a Deployment


class Cluster:
    def __init__(self, home: Path, port: int) -> None:
        self.layout, self.port = Layout(home), port
        self.environment = {**os.environ, "MINIKUBE_EDU_HOME": str(home)}

    def say(self, *words: str) -> None:
        done = subprocess.run([sys.executable, "-m", "minikube_edu", *words], env=self.environment, capture_output=True)
        if done.returncode:
            raise SystemExit(done.stderr.decode() or done.stdout.decode())

    def door(self) -> Door:
        made = kubeadm_way.door(self.layout, nodes.of(self.layout)[0])
        assert made is not None
        return made

    def processes(self) -> dict[int, str]:
        """pid -> name, of all that belong to this cluster."""
        return of_home(self.layout.root)


class Gets(threading.Thread):
    """One object after the other, from another thread."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self._door, self._over = cluster.door(), threading.Event()
        self.took: list[float] = []

    def run(self) -> None:
        paths = [
            "/api/v1/nodes/light-1",
            "/api/v1/namespaces/default",
            "/apis/apps/v1/namespaces/default/deployments/p-0",
        ]
        while not self._over.wait(GETS):
            began = time.perf_counter()
            self._door.get(paths[len(self.took) % len(paths)])
            self.took.append(time.perf_counter() - began)

    def end(self) -> str:
        self._over.set()
        self.join()
        self._door.close()
        took = sorted(self.took)
        shown = [
            f"p{share:g} {took[min(len(took) - 1, int(len(took) * share / 100))] * 1000:.1f} ms"
            for share in (50, 90, 99, 99.9)
        ]
        return f"{', '.join(shown)}, longest {took[-1] * 1000:.0f} ms ({len(took)} GETs)"


def deployment(number: int, replicas: int) -> dict[str, Any]:
    labels = {"app": f"p-{number}"}
    idle = {"name": "idle", "image": "busybox", "command": ["sleep", "infinity"]}
    container = idle if number % 2 else {"name": "web", "image": "nginx"}
    pod = {
        "nodeSelector": {"minikube-edu.dev/light": ""},
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": f"p-{number}"}, "spec": spec}


def ready(api: Door) -> int:
    found = (api.get("/apis/apps/v1/namespaces/default/deployments") or {}).get("items", [])
    return sum((one.get("status") or {}).get("readyReplicas", 0) for one in found)


def memory(cluster: Cluster) -> None:
    whole = 0.0
    for pid, name in sorted(cluster.processes().items()):
        used = pss(pid)
        whole += used
        print(f"    {name:<16} {used:8.1f} MiB")
    print(f"    {'all':<16} {whole:8.1f} MiB", flush=True)


def rest(cluster: Cluster, seconds: float) -> None:
    gets = Gets(cluster)
    before = {pid: busy(pid) for pid in cluster.processes()}
    began = time.monotonic()
    gets.start()
    time.sleep(seconds)
    took, names = time.monotonic() - began, cluster.processes()
    used = {pid: (busy(pid) - before[pid]) / took * 100 for pid in before if pid in names}
    print(f"  at rest, {took:.0f} s: GET {gets.end()}")
    for pid, share in sorted(used.items()):
        if share >= 0.1:
            print(f"    {names[pid]:<16} {share:6.1f} % of a processor")
    print(f"    {'all':<16} {sum(used.values()):6.1f} %", flush=True)


def measure(cluster: Cluster, count: int, pods: int, seconds: float) -> None:
    began = time.monotonic()
    cluster.say("up", f"--nodes={count}", f"--port={cluster.port}")
    light = LightPlace(cluster.layout).ready
    print(f"{count} nodes ({light} of them light) Ready after {time.monotonic() - began:.1f} s", flush=True)
    memory(cluster)
    rest(cluster, seconds)
    if not pods:
        return
    with cluster.door() as api:
        gets = Gets(cluster)
        gets.start()
        began = time.monotonic()
        for number in range((pods + SHARE - 1) // SHARE):
            api.create(
                "/apis/apps/v1/namespaces/default/deployments", deployment(number, min(SHARE, pods - number * SHARE))
            )
        shown = began
        while (there := ready(api)) < pods:
            time.sleep(0.5)
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"  {there} pods Ready after {shown - began:.0f} s", flush=True)
        took = time.monotonic() - began
    print(f"{pods} pods Ready after {took:.1f} s, {pods / took:.0f} a second; meanwhile: GET {gets.end()}")
    memory(cluster)
    time.sleep(20)
    rest(cluster, seconds)
    memory(cluster)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--port", type=int, default=12443)
    parser.add_argument("--rest", type=float, default=30.0, metavar="SECONDS")
    parser.add_argument("--home", default="", help="of the cluster; none: a temporary one")
    parser.add_argument("--keep", action="store_true", help="leave the cluster running")
    options = parser.parse_args()
    home = Path(options.home or tempfile.mkdtemp(prefix="light-"))
    cluster = Cluster(home, options.port)
    try:
        measure(cluster, options.nodes, options.pods, options.rest)
    finally:
        if not options.keep:
            cluster.say("reset")


if __name__ == "__main__":
    main()
