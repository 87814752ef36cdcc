"""Does the door keep what it promises: up, down, status, reset, in whatever state the last command was left?"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from minikube_edu.cluster.machine import starter
from tests.cluster.door import Door, alive, cluster

SEATS = {"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"}


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    """One cluster for all questions that leave it as it was."""
    with cluster() as door:
        yield door


@contextmanager
def core_api(door: Door) -> Iterator[Any]:
    """The Python client, with what `minikube-edu kubeconfig` prints."""
    import yaml
    from kubernetes import client, config

    loaded: dict[str, Any] = yaml.safe_load(door.run("kubeconfig"))
    connect: Any = config.new_client_from_config_dict
    with connect(loaded) as api:
        yield client.CoreV1Api(api)


def test_does_up_bring_all_seats_and_is_a_second_up_harmless(running: Door) -> None:
    before = running.pids()
    assert set(before) == SEATS
    said = running.run("up")
    assert f"https://127.0.0.1:{running.port}" in said
    assert f"export KUBECONFIG={running.home}/kubeconfig" in said
    assert running.pids() == before
    assert all(f"running, pid {pid}" in running.run("status") for pid in before.values())


def test_does_the_kubeconfig_work_for_the_python_client(running: Door) -> None:

    with core_api(running) as core:
        core.create_namespaced_config_map("default", {"metadata": {"name": "python"}, "data": {"k": "v"}})
        assert core.read_namespaced_config_map("python", "default").data == {"k": "v"}
        assert [node.metadata.name for node in core.list_node().items]
        core.delete_namespaced_config_map("python", "default")


@pytest.mark.skipif(not shutil.which("kubectl"), reason="no kubectl here")
def test_does_the_real_kubectl_find_the_cluster(running: Door) -> None:
    node = running.run("kubectl", "get", "nodes", "-o", "name").split()
    assert len(node) == 1
    assert node[0].startswith("node/")
    assert "created" in running.run("kubectl", "create", "configmap", "kubectl", "--from-literal=a=b")
    assert running.run("kubectl", "get", "configmap", "kubectl", "-o", "jsonpath={.data.a}") == "b"
    running.run("kubectl", "delete", "configmap", "kubectl")
    assert "not found" in running.run("kubectl", "get", "configmap", "kubectl", status=1)


def test_does_etcdctl_list_what_a_course_says(running: Door) -> None:
    keys = running.run("etcdctl", "get", "/registry", "--prefix", "--keys-only").split()
    assert "/registry/namespaces/default" in keys
    assert "/registry/serviceaccounts/default/default" in keys
    assert running.stored("/registry/namespaces/default")["metadata"]["name"] == "default"
    assert "is healthy" in running.run("etcdctl", "endpoint", "health")


def test_does_the_api_see_at_once_what_etcdctl_writes(running: Door) -> None:
    from kubernetes import client

    key = "/registry/configmaps/default/by-hand"
    made = running.stored("/registry/configmaps/default/kube-root-ca.crt")
    made["metadata"] = {"name": "by-hand", "namespace": "default"}  # all that a person would write
    with core_api(running) as core:
        for value in ("1", "2"):
            running.run("etcdctl", "put", key, given=json.dumps({**made, "data": {"n": value}}))
            assert core.read_namespaced_config_map("by-hand", "default").data == {"n": value}
        core.patch_namespaced_config_map("by-hand", "default", {"data": {"n": "3"}})
        assert running.stored(key)["data"] == {"n": "3"}
        assert running.run("etcdctl", "del", key) == "1\n"
        with pytest.raises(client.ApiException) as refused:
            core.read_namespaced_config_map("by-hand", "default")
        assert refused.value.status == 404


def test_does_the_api_survive_nonsense_in_the_store(running: Door) -> None:

    with core_api(running) as core:
        for nonsense in ("{", "[]", "{}", "null", "\x7f"):
            running.run("etcdctl", "put", "/registry/configmaps/default/nonsense", given=nonsense)
            core.create_namespaced_config_map("default", {"metadata": {"name": "sense"}})
            assert "sense" in [one.metadata.name for one in core.list_namespaced_config_map("default").items]
            core.delete_namespaced_config_map("sense", "default")
        running.run("etcdctl", "del", "/registry/configmaps/default/nonsense")


def test_is_another_server_left_to_the_real_etcdctl(running: Door) -> None:
    empty = {**os.environ, "MINIKUBE_EDU_HOME": str(running.home), "PATH": str(running.home)}
    done = subprocess.run(
        [sys.executable, "-m", "minikube_edu", "etcdctl", "--endpoints=127.0.0.1:1", "get", "a"],
        env=empty, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 127
    assert "the real etcdctl" in done.stderr


def test_do_objects_outlive_down_and_up_and_does_reset_forget() -> None:
    with cluster("--nodes=0") as door:
        door.run("etcdctl", "put", "/lesson", "1")
        uid = door.stored("/registry/namespaces/default")["metadata"]["uid"]
        pids = door.pids()
        assert "kube-apiserver" in door.run("down")
        assert not any(map(alive, pids.values()))
        door.run("status", status=1)
        assert "does not run" in door.run("etcdctl", "get", "/lesson", status=1)
        assert door.run("down") == "nothing was running\n"
        door.run("up")  # the port and the number of nodes are remembered
        assert set(door.pids()) == SEATS - {"kubelet"}
        assert door.stored("/registry/namespaces/default")["metadata"]["uid"] == uid
        assert door.run("etcdctl", "get", "/lesson") == "/lesson\n1\n"
        door.run("reset")
        assert "there is no cluster" in door.run("status", status=1)
        assert "there is no cluster" in door.run("kubeconfig", status=1)
        door.up("--nodes=0")
        assert door.stored("/registry/namespaces/default")["metadata"]["uid"] != uid
        assert door.run("etcdctl", "get", "/lesson") == ""


def test_do_two_clusters_live_side_by_side(running: Door) -> None:
    with cluster("--nodes=0") as other:
        assert not set(other.pids().values()) & set(running.pids().values())
        other.run("etcdctl", "put", "/mine", "1")
        assert running.run("etcdctl", "get", "/mine") == ""
        said = other.run("down")
        assert "kube-apiserver" in said
        assert set(running.pids()) == SEATS


def test_is_whoever_holds_the_port_named() -> None:
    with cluster(up=False) as door, socket.create_server(("127.0.0.1", door.port)):
        said = door.run("up", "--bare", f"--port={door.port}", "--nodes=0", status=1)
        assert f"port {door.port} is in use by" in said
        assert f"(pid {os.getpid()})" in said
        assert "--port" in said
        assert door.pids() == {}


def test_is_a_seat_back_within_a_second_after_it_was_killed() -> None:
    with cluster("--nodes=0") as door:
        door.run("etcdctl", "put", "/lesson", "1")
        for seat in sorted(SEATS - {"kubelet"}):
            killed = door.kill(seat)
            deadline = time.monotonic() + 1
            while door.pids().get(seat, killed) == killed:
                assert time.monotonic() < deadline, f"{seat} did not come back"
                time.sleep(0.01)
        door.run("up")
        assert door.run("etcdctl", "get", "/lesson") == "/lesson\n1\n"


def test_does_up_heal_after_the_machine_was_killed() -> None:
    """Like a power cut: all seats go with it, stale sockets stay, and the next `up` brings everything back."""
    with cluster("--nodes=0") as door:
        door.run("etcdctl", "put", "/lesson", "1")
        before = door.pids()
        with starter.start(door.layout.machine_socket, door.layout.bare_root, {}) as machine:
            os.kill(machine.ask("status")["pid"], signal.SIGKILL)
        deadline = time.monotonic() + 5
        while any(map(alive, before.values())) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not any(map(alive, before.values()))
        door.run("status", status=1)
        door.run("up")
        assert not set(before.values()) & set(door.pids().values())
        assert set(door.pids()) == SEATS - {"kubelet"}
        assert door.run("etcdctl", "get", "/lesson") == "/lesson\n1\n"


def test_does_the_store_have_a_door_where_paths_are_long() -> None:
    with cluster(up=False) as door:
        long = Door(door.home / ("x" * 60) / ("y" * 60), door.port)
        try:
            long.up("--nodes=0")
            assert len(str(long.layout.store_socket)) < 104
            assert "/registry/namespaces/default" in long.run(
                "etcdctl", "get", "/registry/n", "--prefix", "--keys-only"
            )
        finally:
            long.run("reset")
        assert not long.layout.store_socket.exists()
        shutil.rmtree(door.home)
