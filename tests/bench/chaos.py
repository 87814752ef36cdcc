"""kill -9, over and over, under a write load: `python -m tests.bench.chaos [--kills 200] [--seed 1]`.

A cluster of three nodes boots; programs of it are killed in random order while a client writes and counts what was
acknowledged. Printed: how long each was away after its back-off. It fails when an acknowledged write is lost, when a
node was NotReady, when a pod does not come back, or when anything is left after `reset`.

The back-off of crashing containers is set to one second (KubeletConfiguration.crashLoopBackOff), or 200 kills would
take hours: as in life it doubles up to five minutes. A machine that is killed is a power cut: it is switched on again
(`minikube-edu node start`), and so it has no back-off but that command's own time. `--power-cuts N` kills nothing but
the control plane's machine, with all that it runs, N times; `minikube-edu up` heals.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import random
import signal
import socket
import ssl
import statistics
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minikube_edu.cluster import kubeadm_way, nodes
from minikube_edu.cluster.door import Door, is_ready
from tests.cluster.booted import Booted, booted, until

STATIC = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
SERVICES = ("kubelet", "containerd")
TARGETS = (
    *(f"control-plane/{name}" for name in (*STATIC, *SERVICES)),
    "worker-1/kubelet", "worker-1/containerd", "worker-2/kubelet", "worker-2/containerd", "worker-2/machine",
)  # fmt: skip
POWER = "power cut"
STATIC_BACKOFF, SERVICE_BACKOFF = 1.0, 0.25  # the first applies to what has lived for less than twice as long
HEALTH = {"kubelet": (10248, False), "kube-controller-manager": (10257, True), "kube-scheduler": (10259, True)}
MAPS = "/api/v1/namespaces/default/configmaps"
WEB = """{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":4,
"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
"spec":{"containers":[{"name":"web","image":"nginx:1.27"}]}}}}"""


@dataclass
class Seen:
    """What the load and the watchman noted."""

    acknowledged: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    not_ready: list[str] = field(default_factory=list)
    started: dict[str, float] = field(default_factory=dict)
    away: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))


def api(cluster: Booted) -> Door:
    found = kubeadm_way.door(cluster.layout, nodes.of(cluster.layout)[0])
    assert found is not None
    return found


def post(door: Door, path: str, body: str) -> int:
    try:
        return door.create(path, json.loads(body))
    except OSError:
        return 0


def write(cluster: Booted, name: str, seen: Seen, stop: threading.Event) -> None:
    """One client: each object is tried until it is acknowledged; 409 after a lost answer is an acknowledgement too."""
    number = 0
    with api(cluster) as door:
        while not stop.is_set():
            number += 1
            this = f"{name}-{number}"
            body = json.dumps({"metadata": {"name": this}, "data": {"number": str(number)}})
            while not stop.is_set():
                status = post(door, MAPS, body)
                if status in (201, 409):
                    seen.acknowledged.add(this)
                    break
                seen.refused[str(status) if status else "no connection"] += 1
                time.sleep(0.02)
            time.sleep(0.01)


def keep_watch(cluster: Booted, seen: Seen, excused: set[str], stop: threading.Event) -> None:
    with api(cluster) as door:
        while not stop.wait(0.1):
            for node in (door.get("/api/v1/nodes") or {}).get("items", []):
                name = node["metadata"]["name"]
                if not is_ready(node) and name not in excused:
                    ready = [c for c in node["status"]["conditions"] if c["type"] == "Ready"]
                    seen.not_ready.append(f"{name}: {ready[0]['status']} {ready[0]['reason']} {ready[0]['message']}")


def back(cluster: Booted, target: str, door: Door) -> bool:
    """It does its work again."""
    node, _, name = target.partition("/")
    if name in ("etcd", "kube-apiserver"):
        return door.has("/readyz")
    if name in ("containerd", "machine"):
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(cluster.node(node).path("/run/containerd/containerd.sock"))) == 0
    return healthy(cluster.node(node).local, *HEALTH[name])


def healthy(host: str, port: int, tls: bool) -> bool:
    context = ssl._create_unverified_context()
    kind = http.client.HTTPSConnection(host, port, timeout=2, context=context) if tls else None
    with contextlib.closing(kind or http.client.HTTPConnection(host, port, timeout=2)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def shorten_backoff(cluster: Booted) -> None:
    config = cluster.node("control-plane").path("/var/lib/kubelet/config.yaml")
    config.write_text(config.read_text().rstrip() + "\ncrashLoopBackOff:\n  maxContainerRestartPeriod: 1s\n")
    cluster.type("systemctl restart kubelet")


def kill(cluster: Booted, target: str, seen: Seen, excused: set[str]) -> None:
    before = cluster.pids()[target]
    node, _, name = target.partition("/")
    excused |= {node} if name == "machine" else set()
    began = time.monotonic()
    os.kill(before, signal.SIGKILL)
    if name == "machine":
        until("its programs are gone", lambda: not [one for one in cluster.pids() if one.startswith(f"{node}/")], 5)
        cluster.run("node", "start", node)
        until("its services run", lambda: {f"{node}/kubelet", f"{node}/containerd"} <= set(cluster.pids()), 10)
        backoff = 0.0
    else:
        backoff = SERVICE_BACKOFF
        if name in STATIC:
            backoff = STATIC_BACKOFF if began - seen.started.get(name, 0.0) < 2 * STATIC_BACKOFF else 0.0
        until(f"{target} runs again", lambda: cluster.pids().get(target, before) != before, 15)
    with api(cluster) as door:
        until(f"{target} works again", lambda: back(cluster, target, door), 15)
        seen.started[name] = time.monotonic()
        seen.away[name].append(time.monotonic() - began - backoff)
        if excused:
            until(f"{node} is Ready", lambda: is_ready(door.get(f"/api/v1/nodes/{node}") or {}), 30)
            excused.clear()


def power_cut(cluster: Booted, seen: Seen, excused: set[str]) -> None:
    """The control plane's machine goes, and everything on it, etcd in the middle of its writes."""
    excused.add("control-plane")
    began = time.monotonic()
    os.kill(cluster.pids()["control-plane/machine"], signal.SIGKILL)
    until("its programs are gone", lambda: not [one for one in cluster.pids() if one.startswith("control-plane/")], 10)
    cluster.up()
    with api(cluster) as door:
        until("the API answers", lambda: door.has("/readyz"), 30)
        seen.away["power cut"].append(time.monotonic() - began)
        until("it is Ready", lambda: is_ready(door.get("/api/v1/nodes/control-plane") or {}), 60)
        lost = check_writes(door, set(seen.acknowledged))
    assert not lost, f"acknowledged, and lost: {lost[:10]}"
    excused.clear()


def running_web(door: Door) -> int:
    pods = (door.get("/api/v1/namespaces/default/pods") or {}).get("items", [])
    return sum(is_ready(pod) for pod in pods)


def check_writes(door: Door, acknowledged: set[str]) -> list[str]:
    stored = {item["metadata"]["name"] for item in (door.get(MAPS) or {"items": []})["items"]}
    return sorted(acknowledged - stored)


def torment(
    cluster: Booted, kills: int, chance: random.Random, say: Any = print, targets: Sequence[str] = TARGETS
) -> Seen:
    """Kill so many times; AssertionError when the cluster did not stand it."""
    shorten_backoff(cluster)
    seen, stop, excused = Seen(), threading.Event(), set[str]()
    with api(cluster) as door:
        assert post(door, "/apis/apps/v1/namespaces/default/deployments", WEB) == 201
        until("the pods run", lambda: running_web(door) == 4)
        threads = [threading.Thread(target=write, args=(cluster, f"writer-{n}", seen, stop)) for n in range(2)]
        threads.append(threading.Thread(target=keep_watch, args=(cluster, seen, excused, stop)))
        for thread in threads:
            thread.start()
        try:
            for number in range(kills):
                target = targets[number] if number < len(targets) else chance.choice(targets)
                if target == POWER:
                    power_cut(cluster, seen, excused)
                    say(f"{number + 1:4} {target:40} {seen.away[target][-1]:6.2f} s")
                    continue
                kill(cluster, target, seen, excused)
                say(f"{number + 1:4} {target:40} {seen.away[target.rpartition('/')[2]][-1]:6.2f} s")
                time.sleep(chance.random() * 0.5)
            until("all pods are Ready again", lambda: running_web(door) == 4, 60)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        lost = check_writes(door, seen.acknowledged)
        assert not lost, f"acknowledged, and lost: {lost[:10]}"
    assert not seen.not_ready, f"NotReady: {Counter(seen.not_ready).most_common(5)}"
    return seen


def main() -> None:
    options = argparse.ArgumentParser("chaos", description=__doc__)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--power-cuts", type=int, default=0, help="of the control plane's machine, and nothing else")
    options.add_argument("--only", help="targets with this in their names")
    told = options.parse_args()
    targets = [one for one in TARGETS if told.only is None or told.only in one]
    targets = [POWER] if told.power_cuts else targets
    with booted("--nodes=3", port=told.port) as cluster:
        seen = torment(cluster, told.power_cuts or told.kills, random.Random(told.seed), targets=targets)
    print(f"\n{len(seen.acknowledged)} writes acknowledged, none lost; tried again: {dict(seen.refused)}")
    for name, times in sorted(seen.away.items()):
        print(f"  {name:26} {len(times):4} kills   median {statistics.median(times):.2f} s   worst {max(times):.2f} s")
    sys.exit(any(time > 1.0 for name, times in seen.away.items() for time in times if name != POWER))


if __name__ == "__main__":
    main()
