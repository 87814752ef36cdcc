"""Does every example of the ladder do what its first line promises, on a cluster of real nodes?"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.door import ROOT, Door, cluster

EXAMPLES = ROOT / "manifests/examples"
STATIC_POD = ROOT / "manifests/static-pods/web.yaml"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[Door]:
    with cluster("--nodes=2", bare=False) as door:
        for example in sorted(EXAMPLES.glob("*.yaml")):
            door.run("apply", "-f", str(example))
        yield door


def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
        time.sleep(0.1)


def value(door: Door, *words: str) -> str:
    return door.run("get", *words)


def test_is_the_ladder_numbered_without_a_gap() -> None:
    assert [int(file.name[:2]) for file in sorted(EXAMPLES.glob("*.yaml"))] == list(range(1, 11))


def test_do_pods_and_deployments_become_ready(nodes: Door) -> None:
    nodes.run("wait", "--for=condition=Ready", "pod/web", "pod/told", "pod/two", f"--timeout={PATIENCE:.0f}s")
    for deployment in ("shop", "spread"):
        nodes.run("rollout", "status", f"deployment/{deployment}", f"--timeout={PATIENCE:.0f}s")
    nodes.run("rollout", "status", "statefulset/db", f"--timeout={PATIENCE:.0f}s")
    assert "Welcome to nginx!" in nodes.run("exec", "web", "--", "curl", "-s", "localhost")
    assert nodes.run("logs", "told").startswith("hello, told\n")
    assert "made by the first" in nodes.run("exec", "two", "-c", "web", "--", "curl", "-s", "localhost")


def test_does_a_job_end_and_tell_its_parts(nodes: Door) -> None:
    nodes.run("wait", "--for=condition=Complete", "job/count", f"--timeout={PATIENCE:.0f}s")
    said = nodes.run("logs", "-l", "job-name=count", "--tail=-1")
    assert sorted(said.splitlines()) == [f"this is part {number}" for number in range(3)]


def test_is_the_greedy_one_killed_and_the_picky_one_left_waiting(nodes: Door) -> None:
    reason = "jsonpath={.status.containerStatuses[0]['state','lastState'].terminated.reason}"
    until(lambda: "OOMKilled" in value(nodes, "pod", "greedy", "-o", reason), "OOMKilled")
    assert value(nodes, "pod", "picky", "-o", "jsonpath={.status.phase}") == "Pending"
    control_plane = "node/control-plane"
    nodes.run("label", control_plane, "disk=fast")
    nodes.run("taint", control_plane, "node-role.kubernetes.io/control-plane-")
    until(lambda: value(nodes, "pod", "picky", "-o", "jsonpath={.status.phase}") == "Running", "picky runs")


def test_do_disks_outlive_their_pods(nodes: Door) -> None:
    nodes.run("rollout", "status", "statefulset/db", f"--timeout={PATIENCE:.0f}s")
    nodes.run("exec", "db-0", "--", "sh", "-c", "echo kept > /data/note")
    nodes.run("delete", "pod", "db-0")
    nodes.run("rollout", "status", "statefulset/db", f"--timeout={PATIENCE:.0f}s")
    until(lambda: "db-0" in value(nodes, "pods", "-o", "name"), "db-0 is back")
    nodes.run("wait", "--for=condition=Ready", "pod/db-0", f"--timeout={PATIENCE:.0f}s")
    assert nodes.run("exec", "db-0", "--", "cat", "/data/note") == "kept\n"


def test_may_a_reader_only_read_and_is_a_custom_kind_served(nodes: Door) -> None:
    reader = "--as=system:serviceaccount:default:reader"
    assert nodes.run("auth", "can-i", "list", "pods", reader) == "yes\n"
    assert nodes.run("auth", "can-i", "delete", "pods", reader, either=True) == "no\n"
    assert "No resources found" in nodes.run("get", "crontabs", both=True)


def test_does_a_static_pod_run_where_its_file_lies(nodes: Door, tmp_path: Path) -> None:
    manifests = nodes.home / "nodes/worker-1/etc/kubernetes/manifests"
    manifests.mkdir(exist_ok=True)
    (manifests / "web.yaml").write_text(STATIC_POD.read_text())
    until(lambda: "web-worker-1" in value(nodes, "pods", "-o", "name"), "the mirror pod")
    nodes.run("wait", "--for=condition=Ready", "pod/web-worker-1", f"--timeout={PATIENCE:.0f}s")
    (manifests / "web.yaml").unlink()
    until(lambda: "web-worker-1" not in value(nodes, "pods", "-o", "name"), "its end")
