"""Where a cluster may live, and beside whom: other clusters, odd paths, taken ports, full disks, power cuts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikube_edu.cluster.shell.mounts import Kept
from tests.cluster.booted import Booted, booted, until
from tests.cluster.door import ROOT, free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Booted]:
    with booted("--nodes=2") as found:
        yield found


def names(cluster: Booted) -> str:
    return cluster.run("get", "configmaps", "-o", "name")


def test_two_clusters_live_side_by_side_one_of_them_deep_down_in_a_path_with_spaces(cluster: Booted) -> None:
    with tempfile.TemporaryDirectory(prefix="deep-") as folder:
        home = Path(folder) / "한글 이름 with spaces" / "/".join(["long-directory-name"] * 6) / "home"
        with booted("--nodes=2", home=home) as other:
            cluster.run("create", "configmap", "first")
            other.run("create", "configmap", "second")
            assert "first" in names(cluster)
            assert "second" not in names(cluster)
            assert "second" in names(other)
            assert "first" not in names(other)
            assert other.type("ssh worker-1 hostname") == "worker-1\n"
            assert "kubelet.conf" in other.type("ls /etc/kubernetes")
            other.run("run", "web", "--image=nginx")
            until("it runs", lambda: other.phase("web") == "Running")
            other.run("down")
            assert cluster.ready("node", "worker-1") == "True"
            assert "first" in names(cluster)
            other.close()
            other.run("up")
            assert "second" in names(other)


def test_what_up_refuses_leaves_no_trace(cluster: Booted, tmp_path: Path) -> None:
    stranger = Booted(tmp_path / "home", cluster.port)
    said = stranger.say("up", f"--port={cluster.port}")
    holder = cluster.pids()["control-plane/kube-apiserver"]
    assert said.err == (
        f"error: port {cluster.port} is in use by kube-apiserver (pid {holder}); choose another with --port\n"
    )
    assert not stranger.home.exists()
    before = cluster.layout.request_file.read_text()
    assert "has port" in cluster.say("up", f"--port={free_port()}").err
    assert "there is no network 'nope'" in cluster.say("up", "--network=nope").err
    assert cluster.layout.request_file.read_text() == before
    assert stranger.say("init", "--help").code == stranger.say("join", "--help").code == 0
    assert not stranger.home.exists()


def test_a_home_may_be_named_from_where_one_stands(cluster: Booted) -> None:
    def say(*words: str) -> str:
        environment = {**cluster.environment, "MINIKUBE_EDU_HOME": cluster.home.name}
        command = [sys.executable, "-m", "minikube_edu", *words]
        return subprocess.check_output(command, env=environment, cwd=cluster.home.parent, text=True)

    assert "control-plane" in say("get", "nodes")
    assert "control-plane" in say("shell", "-c", "cd / && kubectl get nodes")


def test_kubeadm_reads_a_students_file_where_it_is(cluster: Booted, tmp_path: Path) -> None:
    file = tmp_path / "kubeadm.yaml"
    file.write_text("apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\n")
    assert cluster.run("kubeadm", "config", "validate", "--config", str(file)) == "ok\n"
    assert "abcdef" not in cluster.run("kubeadm", "token", "list", "--kubeconfig", str(cluster.layout.kubeconfig))


def test_a_home_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    home = tmp_path / "file"
    home.touch()
    for words in (["up"], ["init"], ["up", "--bare"]):
        said = Booted(home, free_port()).say(*words)
        assert said.code == 1
        assert said.err == f"error: {home}: file exists\n"


FULL = """
mount -t tmpfs -o size=$SIZE none "$PLACE" || exit 77
edu() { "$PYTHON" -m minikube_edu "$@"; }
edu up --port "$PORT" > "$PLACE/said" 2>&1 || { cat "$PLACE/said"; ls "$PLACE"; exit 1; }
edu create configmap before
dd if=/dev/zero of="$PLACE/fill" bs=1k 2> /dev/null
head -c 90000 /dev/urandom | base64 -w0 > /dev/shm/$PORT
edu create configmap full --from-file=x=/dev/shm/$PORT 2>&1
rm /dev/shm/$PORT
edu get nodes
rm "$PLACE/fill"
edu create configmap after
edu down > /dev/null
edu up > /dev/null && edu get configmaps -o name
edu reset
find "$PLACE"
"""


def on_a_disk_of(size: str, folder: Path) -> subprocess.CompletedProcess[str]:
    facts = {"SIZE": size, "PLACE": str(folder), "PORT": str(free_port()), "PYTHON": sys.executable}
    environment = {**Booted(folder / "home", 0).environment, **facts, "PYTHONPATH": str(ROOT)}
    said = subprocess.run(["unshare", "-m", "sh", "-c", FULL], env=environment, capture_output=True, text=True)
    if said.returncode == 77 or "unshare" in said.stderr:
        pytest.skip("a file system of one's own needs rights that this user does not have")
    return said


def test_a_disk_without_room_is_told_before_anything_is_made(tmp_path: Path) -> None:
    said = on_a_disk_of("3m", tmp_path).stdout
    assert f"error: no room on the disk of {tmp_path}/home: " in said
    assert said.endswith("said\n")


def test_a_disk_that_fills_up_costs_the_write_that_no_longer_fits_and_nothing_else(tmp_path: Path) -> None:
    said = on_a_disk_of("16m", tmp_path).stdout
    assert "error: failed to create configmap: etcdserver: " in said
    assert "the disk is full: make room, then write again" in said
    assert "configmap/before\n" in said
    assert "configmap/after\n" in said
    assert "configmap/full" not in said
    assert "control-plane   Ready" in said
    assert said.endswith(f"{tmp_path}\n{tmp_path}/said\n"), said


def test_what_a_student_makes_on_a_node_is_there_in_the_next_shell_and_on_no_other_node(cluster: Booted) -> None:
    made = "echo a > /etc/team.conf && mkdir -p /opt/tool /var/www && echo b > /opt/tool/f && cp /etc/hosts /var/www/"
    said = cluster.typed(made)
    if "(the node's files are at" in said.err:
        pytest.skip(said.err)
    assert cluster.type("cat /etc/team.conf /opt/tool/f; ls /var/www") == "a\nb\nhosts\n"
    assert cluster.typed("cat /etc/team.conf", "worker-1").code == 1
    assert not Path("/etc/team.conf").exists()
    cluster.type("echo 10.9.9.9 team.local >> /etc/hosts; rm -r /opt/tool; mv /var/www /var/site")
    assert cluster.type("tail -1 /etc/hosts; ls -d /opt/tool /var/www /var/site 2>/dev/null || true") == (
        "10.9.9.9 team.local\n/var/site\n"
    )
    assert "team.local" not in Path("/etc/hosts").read_text()
    assert not (cluster.node("control-plane").root / ".shell").exists()


def test_where_there_are_no_overlays_new_files_are_carried_home(tmp_path: Path) -> None:
    seen, node = tmp_path / "seen", tmp_path / "node"
    for folder in (seen / "known", seen / "new/below", node):
        folder.mkdir(parents=True)
    (seen / "new/below/file").write_text("text")
    (seen / "link").symlink_to("new")
    (seen / "known/inside").touch()
    Kept([(seen, node, {"known"})]).save()
    assert sorted(path.name for path in node.iterdir()) == ["link", "new"]
    assert (node / "link/below/file").read_text() == "text"


CLAIMS = """---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: own}, spec:
  {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: all}, spec:
  {accessModes: [ReadWriteMany], resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: Pod, metadata: {name: writer}, spec: {terminationGracePeriodSeconds: 0, containers:
  [{name: c, image: busybox, command: [sh, -c, "echo mine > /own/f; echo ours > /all/f; sleep 9999"],
    volumeMounts: [{name: own, mountPath: /own}, {name: all, mountPath: /all}]}], volumes:
  [{name: own, persistentVolumeClaim: {claimName: own}}, {name: all, persistentVolumeClaim: {claimName: all}}]}}
"""
READER = """---
{apiVersion: v1, kind: Pod, metadata: {name: reader}, spec: {nodeName: control-plane, containers:
  [{name: c, image: busybox, command: [sleep, "9999"], volumeMounts: [{name: all, mountPath: /all}]}],
  terminationGracePeriodSeconds: 0, volumes: [{name: all, persistentVolumeClaim: {claimName: all}}]}}
"""


def test_a_claim_gets_a_volume_and_one_for_many_nodes_is_seen_by_all_of_them(cluster: Booted) -> None:
    assert "standard (default)" in cluster.run("get", "storageclasses")
    cluster.run("apply", "-f", "-", given=CLAIMS)
    until("it runs", lambda: cluster.phase("writer") == "Running")
    assert cluster.pod("writer")["spec"]["nodeName"] == "worker-1"
    cluster.run("apply", "-f", "-", given=READER)
    until("it runs", lambda: cluster.phase("reader") == "Running")
    assert cluster.run("exec", "reader", "--", "cat", "/all/f") == "ours\n"
    assert cluster.run("exec", "writer", "--", "cat", "/own/f") == "mine\n"
    cluster.run("delete", "pod", "writer", "reader")


SLOW = """---
{apiVersion: v1, kind: Pod, metadata: {name: slow}, spec: {nodeName: worker-1, terminationGracePeriodSeconds: 20,
  containers: [{name: c, image: nginx, volumeMounts: [{name: kept, mountPath: /kept}], lifecycle:
    {preStop: {exec: {command: [sh, -c, "sleep 1; echo bye > /kept/word"]}}}}],
  volumes: [{name: kept, hostPath: {path: /var/lib/kept, type: DirectoryOrCreate}}]}}
"""


def test_a_node_that_is_switched_off_ends_its_pods_first_and_a_kubelet_that_is_stopped_does_not(
    cluster: Booted,
) -> None:
    config = "/var/lib/kubelet/config.yaml"
    grace = f"sed -i /^shutdownGracePeriod/d {config} && echo 'shutdownGracePeriod: 15s' >> {config}"
    cluster.type(f"{grace} && systemctl restart kubelet", "worker-1")
    cluster.run("apply", "-f", "-", given=SLOW)
    until("it runs", lambda: cluster.phase("slow") == "Running")
    cluster.type("systemctl stop kubelet && systemctl start kubelet", "worker-1")
    until("the node is Ready", lambda: cluster.ready("node", "worker-1") == "True")
    assert cluster.pod("slow")["status"]["containerStatuses"][0].get("restartCount") == 0
    assert cluster.run("node", "stop", "worker-1") == "worker-1 is switched off\n"
    assert (cluster.node("worker-1").root / "var/lib/kept/word").read_text() == "bye\n"
    assert cluster.pod("slow")["status"]["message"] == ("Pod was terminated in response to imminent node shutdown.")
    assert cluster.ready("node", "worker-1") == "False"
    assert "worker-1            " in cluster.run("node", "list")
    assert "stopped" in cluster.run("node", "list")
    cluster.run("node", "start", "worker-1")
    until("the node is Ready", lambda: cluster.ready("node", "worker-1") == "True")


def test_systemctl_and_journalctl_show_what_the_real_ones_show(cluster: Booted) -> None:
    listed = cluster.type("systemctl list-units").splitlines()
    assert listed[0] == "  UNIT               LOAD   ACTIVE SUB     DESCRIPTION"
    assert listed[2] == "  kubelet.service    loaded active running kubelet: The Kubernetes Node Agent"
    assert "2 loaded units listed. Pass --all to see loaded but inactive units, too." in listed
    assert cluster.type("systemctl list-unit-files 'kube*'") == (
        "UNIT FILE       STATE    PRESET\nkubelet.service enabled  enabled\n\n1 unit files listed.\n"
    )
    assert cluster.type("systemctl list-units --failed --no-legend") == ""
    entry = json.loads(cluster.type("journalctl -u kubelet -n 1 -o json"))
    assert entry["_SYSTEMD_UNIT"] == "kubelet.service"
    assert cluster.type("journalctl -u kubelet -n 1 -o cat").startswith(entry["MESSAGE"][:20])
    precise = cluster.type("journalctl -u kubelet -n 1 -o short-precise")
    assert re.match(r"\w{3} \d\d [\d:]{8}\.\d{6} control-plane ", precise)
    said = cluster.typed("journalctl -u kubelet -o nothing")
    assert (said.code, said.err) == (1, "Unknown output format 'nothing'.\n")


def test_nodes_come_and_go(cluster: Booted) -> None:
    assert cluster.run("node", "add") == "worker-2 has joined the cluster\n"
    until("it is Ready", lambda: cluster.ready("node", "worker-2") == "True")
    assert cluster.run("node", "delete", "worker-2") == "worker-2 is gone\n"
    assert cluster.get("/api/v1/nodes/worker-2") is None
    assert not (cluster.layout.nodes / "worker-2").exists()
    assert "reset" in cluster.say("node", "delete", "control-plane").err
    assert cluster.say("node", "stop", "worker-9").err == (
        "error: there is no node 'worker-9'; there are: control-plane, worker-1\n"
    )


def test_a_cluster_is_switched_off_from_a_shell_in_it(cluster: Booted) -> None:
    assert cluster.type("minikube-edu down").startswith("stopped: control-plane/containerd, ")
    assert not cluster.processes()
    cluster.close()
    cluster.run("up")
    assert "light nodes more" in cluster.say("join", "--help").out


def test_after_a_power_cut_the_same_cluster_comes_back(cluster: Booted) -> None:
    cluster.run("create", "configmap", "survivor")
    for pid in cluster.processes():
        os.kill(pid, signal.SIGKILL)
    until("all is dark", lambda: not cluster.processes())
    assert cluster.say("status").code == 1
    cluster.close()
    cluster.run("up")
    assert "survivor" in names(cluster)
    assert [cluster.ready("node", name) for name in ("control-plane", "worker-1")] == ["True", "True"]


def test_up_takes_over_what_init_began_even_where_nobody_gave_the_pods_a_range() -> None:
    with booted(up=False) as cluster:
        words = ("init", f"--apiserver-bind-port={cluster.port}")
        with cluster.open(*words, start_new_session=True, stdout=-1, stderr=-1) as broken:
            mark = cluster.layout.nodes / "control-plane/etc/minikube-edu/kubeadm-unfinished"
            until("it has begun", mark.exists)
            os.killpg(broken.pid, signal.SIGINT)
            broken.communicate()
        assert broken.returncode == -signal.SIGINT
        cluster.run("kubeadm", "reset", "--force")
        cluster.run(*words)
        cluster.up()
        cluster.run("run", "web", "--image=nginx", "--overrides", TOLERANT)
        until("it runs", lambda: cluster.phase("web") == "Running")
        assert cluster.pod("web")["status"]["podIP"].startswith("10.244.0.")


TOLERANT = '{"spec":{"tolerations":[{"operator":"Exists"}]}}'
