"""Do the course's experiments end as the course says? All is typed in `minikube-edu shell`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cluster.booted import Booted, booted, until

MANIFESTS = "/etc/kubernetes/manifests"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Booted]:
    with booted("--nodes=2") as found:
        yield found


def container(cluster: Booted, pod: str, namespace: str = "kube-system") -> str:
    statuses = cluster.pod(pod, namespace).get("status", {}).get("containerStatuses") or [{}]
    return str(statuses[0].get("containerID", ""))


def answers(cluster: Booted) -> bool:
    return cluster.typed("kubectl get --raw /readyz").out == "ok"


def test_without_a_scheduler_pods_stay_pending_until_it_is_back(cluster: Booted) -> None:
    cluster.type(f"sudo mv {MANIFESTS}/kube-scheduler.yaml /tmp/{cluster.port}-scheduler.yaml")
    until("no scheduler runs", lambda: "control-plane/kube-scheduler" not in cluster.pids())
    cluster.type("kubectl run lonely --image=nginx")
    until("it is there", lambda: cluster.phase("lonely"))
    assert cluster.phase("lonely") == "Pending"
    assert "nodeName" not in cluster.pod("lonely")["spec"]
    assert "Pending" in cluster.type("kubectl get pods lonely --no-headers")
    cluster.type(f"sudo mv /tmp/{cluster.port}-scheduler.yaml {MANIFESTS}/kube-scheduler.yaml")
    until("it runs", lambda: cluster.phase("lonely") == "Running", 40)  # the new one waits for the old one's lease


def test_a_mirror_pod_that_is_deleted_returns_and_its_container_runs_on(cluster: Booted) -> None:
    name = "kube-controller-manager-control-plane"
    before, uid = container(cluster, name), cluster.pod(name, "kube-system")["metadata"]["uid"]
    assert cluster.type(f"kubectl -n kube-system delete pod {name}") == (
        f'pod "{name}" deleted from kube-system namespace\n'
    )
    new = until("it is back", lambda: cluster.pod(name, "kube-system").get("metadata", {}).get("uid"))
    assert new != uid
    until("its status is told again", lambda: container(cluster, name))
    assert container(cluster, name) == before


def test_a_static_pod_of_ones_own_comes_changes_and_goes_and_a_broken_file_beside_it_disturbs_nobody(
    cluster: Booted,
) -> None:
    words = f"kubectl run web --image=nginx:1.27 --dry-run=client -o yaml > {MANIFESTS}/web.yaml"
    cluster.type(words, "worker-1")
    until("it runs", lambda: cluster.phase("web-worker-1") == "Running")
    cluster.type(f"printf 'kind: Pod\\n  metadata: [' > {MANIFESTS}/broken.yaml", "worker-1")
    said = until(
        "the journal names it",
        lambda: cluster.type("journalctl -u kubelet | grep 'Could not process manifest file' || true", "worker-1"),
    )
    assert '"Could not process manifest file" path="/etc/kubernetes/manifests/broken.yaml"' in said
    assert "couldn't parse as pod(yaml: line 2: " in said
    cluster.type(f"sed -i 's/nginx:1.27/nginx:1.28/' {MANIFESTS}/web.yaml", "worker-1")
    until(
        "the new image runs",
        lambda: [
            one["image"]
            for one in cluster.pod("web-worker-1").get("status", {}).get("containerStatuses", [])
            if one["image"].endswith(":1.28") and "running" in one["state"]
        ],
    )
    cluster.type(f"rm {MANIFESTS}/web.yaml {MANIFESTS}/broken.yaml", "worker-1")
    until("it is gone", lambda: not cluster.pod("web-worker-1"))
    assert "web" not in cluster.type("crictl ps", "worker-1")


@pytest.mark.parametrize(
    ("fault", "mend", "told"),
    [
        ("s/- kube-apiserver$/&\\n    - --no-such-flag=1/", "/no-such-flag/d", "unknown flag: --no-such-flag"),
        ("s/:2379/:2399/", "s/:2399/:2379/", "2399"),
    ],
    ids=["unknown flag", "wrong port of etcd"],
)
def test_a_broken_manifest_of_the_api_server_is_found_with_crictl_and_mended(
    cluster: Booted, fault: str, mend: str, told: str
) -> None:
    file = f"{MANIFESTS}/kube-apiserver.yaml"
    cluster.type(f"sed -i '{fault}' {file}")
    try:
        until(
            "crictl shows that it has ended",
            lambda: cluster.type("crictl ps -a --name kube-apiserver --state exited -q | head -1").strip(),
        )
        assert "Exited" in cluster.type("crictl ps -a | grep kube-apiserver")
        until("its log says why", lambda: told in cluster.typed(f"crictl logs $({LATEST})").text)
        assert cluster.typed("kubectl get nodes").code == 1
        assert "was refused - did you specify the right host or port?" in cluster.typed("kubectl get nodes").err
        looping = "journalctl -u kubelet --no-pager | grep kube-apiserver | tail -3"
        # without etcd it gives up after twenty seconds; the second time begins the back-off
        until("the journal tells of the crash loop", lambda: "CrashLoopBackOff" in cluster.type(looping), 150)
    finally:
        cluster.type(f"sed -i '{mend}' {file}")
    until("the API answers", lambda: answers(cluster))


LATEST = "crictl ps -a --name kube-apiserver -q | head -1"


def test_a_typing_error_in_the_manifest_takes_the_api_server_away_and_the_journal_says_where(cluster: Booted) -> None:
    file = f"{MANIFESTS}/kube-apiserver.yaml"
    cluster.type(f"cp {file} /tmp/{cluster.port}-apiserver.yaml && sed -i 's/^  containers:/  containers/' {file}")
    until("it is gone", lambda: "control-plane/kube-apiserver" not in cluster.pids())
    assert cluster.type("crictl ps -q --name kube-apiserver") == ""
    found = cluster.type("journalctl -u kubelet | grep 'manifest file' | tail -1")
    assert 'path="/etc/kubernetes/manifests/kube-apiserver.yaml"' in found
    assert "couldn't parse as pod(yaml: line " in found
    cluster.type(f"mv /tmp/{cluster.port}-apiserver.yaml {file}")
    until("the API answers", lambda: answers(cluster), 60)


SILENT = """apiVersion: v1
kind: Pod
metadata: {name: sitting}
spec:
  nodeName: worker-1
  terminationGracePeriodSeconds: 1
  containers: [{name: web, image: "nginx:1.27"}]
  tolerations:
  - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
  - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 1}
"""


def test_a_node_whose_kubelet_is_stopped_loses_its_pods_and_heals_when_it_is_started(cluster: Booted) -> None:
    cluster.run("kubectl", "apply", "-f", "-", given=SILENT)
    until("the pod is Ready", lambda: cluster.ready("pod", "sitting") == "True")
    config = "/var/lib/kubelet/config.yaml"  # a lease every second, so that five seconds of silence mean something
    for node in ("control-plane", "worker-1"):
        lease = f"sed -i /nodeLeaseDurationSeconds/d {config} && echo nodeLeaseDurationSeconds: 4 >> {config}"
        cluster.type(f"{lease} && systemctl restart kubelet", node)
    file = f"{MANIFESTS}/kube-controller-manager.yaml"
    manager = "control-plane/kube-controller-manager"
    before = until("the manager runs", lambda: cluster.pids().get(manager), 60)
    flags = "- --node-monitor-grace-period=5s\\n    - --node-monitor-period=1s\\n    - --leader-elect=false"
    cluster.type(f"sed -i -e '/--leader-elect=true/d' -e 's/- kube-controller-manager$/&\\n    {flags}/' {file}")
    until("it runs with them", lambda: cluster.pids().get(manager, before) != before)
    try:
        cluster.type("sudo systemctl stop kubelet", "worker-1")
        until("the node is unknown", lambda: cluster.ready("node", "worker-1") == "Unknown", 40)
        assert "NotReady" in cluster.type("kubectl get node worker-1 --no-headers")
        until("the pod is evicted", lambda: cluster.pod("sitting")["metadata"].get("deletionTimestamp"), 40)
        assert "Terminating" in cluster.type("kubectl get pod sitting --no-headers")
    finally:
        cluster.type("sudo systemctl start kubelet", "worker-1")
    until("the node is Ready", lambda: cluster.ready("node", "worker-1") == "True")
    until("the pod is gone", lambda: not cluster.pod("sitting"))
    until("no taint is left", lambda: not (cluster.get("/api/v1/nodes/worker-1")["spec"].get("taints")))


def test_the_store_goes_back_to_a_snapshot(cluster: Booted) -> None:
    """As the CKA's tutorials do it: save, restore to another directory, point etcd.yaml at it."""
    flags = (
        "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/server.crt "
        "--key=/etc/kubernetes/pki/etcd/server.key --endpoints=https://127.0.0.1:2379"
    )
    backup = f"/tmp/{cluster.port}-backup.db"
    cluster.type("kubectl create configmap kept --from-literal=a=b")
    cluster.type(f"ETCDCTL_API=3 etcdctl {flags} snapshot save {backup}")
    cluster.type("kubectl delete configmap kept; kubectl create configmap later")
    assert "VERSION" in cluster.type(f"etcdutl snapshot status {backup} -w table")
    cluster.type(f"ETCDCTL_API=3 etcdctl snapshot restore {backup} --data-dir /var/lib/etcd-from-backup")
    before = cluster.pids()["control-plane/etcd"]
    try:
        cluster.type(f"sed -i 's#path: /var/lib/etcd$#path: /var/lib/etcd-from-backup#' {MANIFESTS}/etcd.yaml")
        until("etcd is another", lambda: cluster.pids().get("control-plane/etcd", before) != before, 40)
        until("the API answers", lambda: answers(cluster), 60)
        until("the object is back", lambda: cluster.get("/api/v1/namespaces/default/configmaps/kept"))
        assert cluster.get("/api/v1/namespaces/default/configmaps/later") is None
    finally:
        cluster.type(f"rm -f {backup}")
