"""Real kubectl against our API server: does it do what people type every day?"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.programs import ApiServerProgram, api_server_program

KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")
pytestmark = [
    pytest.mark.skipif(not KUBECTL, reason="no kubectl here: put one on the PATH, or name it in KUBECTL"),
]


class Kubectl:
    """kubectl with our kubeconfig, in a namespace, with a home and cache of its own."""

    def __init__(self, server: ApiServerProgram, home: Path, namespace: str = "default") -> None:
        self.command = [str(KUBECTL), f"--kubeconfig={server.kubeconfig}", f"--namespace={namespace}"]
        self.environment = {**os.environ, "HOME": str(home)}
        self.home = home

    def run(self, *words: str, given: str = "", code: int = 0, editor: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self.command, *words],
            input=given,
            capture_output=True,
            text=True,
            timeout=30,
            env={**self.environment, "KUBE_EDITOR": editor},
            cwd=self.home,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def __call__(self, *words: str, given: str = "", editor: str = "") -> str:
        return self.run(*words, given=given, editor=editor).stdout

    def refused(self, *words: str, given: str = "", code: int = 1) -> str:
        return self.run(*words, given=given, code=code).stderr

    def json(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json"))

    def until(self, wanted: str, *words: str) -> str:
        give_up = time.monotonic() + 30
        while True:
            out = self(*words)
            if wanted in out:
                return out
            assert time.monotonic() < give_up, f"{words}: no {wanted} in {out}"
            time.sleep(0.05)


@pytest.fixture
def kubectl(cluster: ApiServerProgram, tmp_path: Path, request: pytest.FixtureRequest) -> Kubectl:
    """In a new namespace, whose default account is there."""
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", "-")[:50].strip("-")
    everywhere = Kubectl(cluster, tmp_path)
    everywhere("create", "namespace", name)
    everywhere.until("default", "get", "serviceaccounts", "-n", name)
    return Kubectl(cluster, tmp_path, name)


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: nginx, image: "nginx:1.27", ports: [{containerPort: 80}]}
"""


def test_create_writes_what_was_asked_for(kubectl: Kubectl) -> None:
    """kubectl sends these in protobuf."""
    assert kubectl("create", "deployment", "web", "--image=nginx:1", "--replicas=3") == "deployment.apps/web created\n"
    assert kubectl("create", "configmap", "conf", "--from-literal=a=b") == "configmap/conf created\n"
    assert kubectl("create", "secret", "generic", "key", "--from-literal=a=b") == "secret/key created\n"
    assert kubectl("create", "serviceaccount", "bot") == "serviceaccount/bot created\n"
    assert kubectl("create", "service", "clusterip", "web", "--tcp=80:8080") == "service/web created\n"
    assert kubectl("create", "job", "once", "--image=busybox") == "job.batch/once created\n"
    assert kubectl("create", "cronjob", "often", "--image=busybox", "--schedule=* * * * *").endswith("created\n")
    assert kubectl("create", "role", "reader", "--verb=get", "--resource=pods").endswith("/reader created\n")
    assert kubectl("create", "rolebinding", "bot", "--role=reader", "--serviceaccount=x:bot").endswith("/bot created\n")
    assert kubectl("create", "ingress", "web", "--rule=a.b/*=web:80") == "ingress.networking.k8s.io/web created\n"
    assert kubectl("create", "quota", "some", "--hard=pods=3") == "resourcequota/some created\n"
    assert kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=1").endswith(
        "created\n"
    )
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 3
    assert kubectl.json("get", "secret", "key")["data"] == {"a": "Yg=="}
    assert "already exists" in kubectl.refused("create", "configmap", "conf")


def test_a_token_is_a_token(kubectl: Kubectl) -> None:
    token = kubectl("create", "token", "default").strip()
    assert token.count(".") == 2
    who = kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert who == "kubernetes-admin"


@pytest.mark.parametrize(
    "kind",
    ["pods", "services", "deployments", "replicasets", "nodes", "namespaces", "configmaps", "secrets", "jobs", "leases",
     "events", "serviceaccounts", "roles", "clusterroles", "storageclasses", "ingresses", "priorityclasses"],
)  # fmt: skip
def test_get_prints_every_kind(cluster: ApiServerProgram, tmp_path: Path, kind: str) -> None:
    kubectl = Kubectl(cluster, tmp_path)
    for output in ("wide", "yaml", "json", "name"):
        done = kubectl.run("get", kind, "-A", "-o", output)
        assert done.stdout or "No resources found" in done.stderr or output == "name"


def test_get_in_all_its_forms(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    kubectl("run", "one", "--image=busybox", "--labels=app=one")
    table = kubectl("get", "pod", "one", "-o", "wide").splitlines()
    assert table[0].split()[:5] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert table[1].split()[:4] == ["one", "0/1", "Pending", "0"]
    assert kubectl("get", "deploy/web", "-o", "jsonpath={.spec.template.spec.containers[0].image}") == "nginx:1.27"
    assert kubectl("get", "deploy", "-o", "custom-columns=N:.metadata.name,R:.spec.replicas").split() == [
        "N",
        "R",
        "web",
        "2",
    ]
    assert kubectl("get", "pods", "-l", "app=one", "-o", "name") == "pod/one\n"
    assert kubectl("get", "pods", "--field-selector=spec.nodeName=x", "-o", "name") == ""
    assert "app=one" in kubectl("get", "pods", "--show-labels")
    assert kubectl("get", "pods", "--sort-by=.metadata.name", "-o", "name").startswith("pod/")
    assert 'pods "two" not found' in kubectl.refused("get", "pod", "two")
    assert kubectl("get", "--raw", "/healthz") == "ok"
    assert "web" in kubectl("get", "all")


def test_describe_tells_the_story(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    kubectl("run", "one", "--image=busybox", "--env=A=b")
    kubectl("create", "configmap", "conf", "--from-literal=a=b")
    kubectl("expose", "deployment", "web", "--port=80")
    described = kubectl("describe", "deployment", "web")
    assert "Image:         nginx:1.27" in described
    assert "2 desired" in described
    assert "A:  b" in kubectl("describe", "pod", "one")
    assert "a:\n----\nb" in kubectl("describe", "configmap", "conf")
    assert "Port:" in kubectl("describe", "service", "web")
    assert "Status:" in kubectl("describe", "namespace", "default")


def test_apply_client_side(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", given=DEPLOYMENT) == "deployment.apps/web created\n"
    assert kubectl("apply", "-f", "-", given=DEPLOYMENT) == "deployment.apps/web unchanged\n"
    changed = DEPLOYMENT.replace("replicas: 2", "replicas: 4").replace(", labels: {app: web}}\nspec", "}\nspec", 1)
    assert kubectl("apply", "-f", "-", given=changed) == "deployment.apps/web configured\n"
    found = kubectl.json("get", "deployment", "web")
    assert found["spec"]["replicas"] == 4
    assert "labels" not in found["metadata"]  # what was applied and no longer is, goes
    assert kubectl("delete", "-f", "-", given=DEPLOYMENT).startswith('deployment.apps "web" deleted')


def test_apply_server_side_and_conflicts(kubectl: Kubectl) -> None:
    out = kubectl("apply", "--server-side", "-f", "-", given=DEPLOYMENT)
    assert out == "deployment.apps/web serverside-applied\n"
    kubectl("scale", "deployment", "web", "--replicas=5")
    refused = kubectl.refused("apply", "--server-side", "-f", "-", given=DEPLOYMENT)
    assert 'Apply failed with 1 conflict: conflict with "kubectl" ' in refused
    kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=DEPLOYMENT)
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 2


def test_diff_shows_what_apply_would_do(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    assert kubectl("diff", "-f", "-", given=DEPLOYMENT) == ""
    done = kubectl.run("diff", "-f", "-", given=DEPLOYMENT.replace("1.27", "1.28"), code=1)
    assert "-      - image: nginx:1.27\n+      - image: nginx:1.28" in done.stdout


def test_patch_in_three_ways(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    patched = "deployment.apps/web patched\n"
    assert kubectl("patch", "deployment", "web", "-p", '{"spec":{"replicas":3}}') == patched
    assert kubectl("patch", "deployment", "web", "--type=merge", "-p", '{"spec":{"paused":true}}') == patched
    operation = '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"x:2"}]'
    assert kubectl("patch", "deployment", "web", "--type=json", "-p", operation) == patched
    assert kubectl("patch", "deployment", "web", "-p", '{"spec":{"replicas":3}}').endswith("(no change)\n")
    spec = kubectl.json("get", "deployment", "web")["spec"]
    assert (spec["replicas"], spec["paused"]) == (3, True)
    assert spec["template"]["spec"]["containers"][0]["image"] == "x:2"


def test_edit_with_an_editor(kubectl: Kubectl) -> None:
    kubectl("create", "configmap", "conf", "--from-literal=a=b")
    editor = kubectl.home / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/a: b/a: changed/" "$1"\n')
    editor.chmod(0o755)
    assert kubectl("edit", "configmap", "conf", editor=str(editor)) == "configmap/conf edited\n"
    assert kubectl.json("get", "configmap", "conf")["data"] == {"a": "changed"}


def test_labels_annotations_and_images(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    assert kubectl("label", "deployment", "web", "tier=front") == "deployment.apps/web labeled\n"
    assert "already has a value" in kubectl.refused("label", "deployment", "web", "tier=back")
    kubectl("label", "deployment", "web", "tier=back", "--overwrite")
    kubectl("annotate", "deployment", "web", "why=because")
    kubectl("label", "deployment", "web", "app-")
    kubectl("set", "image", "deployment/web", "nginx=nginx:9")
    found = kubectl.json("get", "deployment", "web")
    assert found["metadata"]["labels"] == {"tier": "back"}
    assert found["metadata"]["annotations"]["why"] == "because"
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:9"


def test_replace_and_dry_runs(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", given=DEPLOYMENT)
    assert kubectl("replace", "-f", "-", given=DEPLOYMENT) == "deployment.apps/web replaced\n"
    out = kubectl("apply", "--dry-run=server", "-f", "-", given=DEPLOYMENT.replace("replicas: 2", "replicas: 9"))
    assert out == "deployment.apps/web configured (server dry run)\n"
    assert kubectl.json("get", "deployment", "web")["spec"]["replicas"] == 2
    assert "kind: Pod" in kubectl("run", "x", "--image=x", "--dry-run=client", "-o", "yaml")


def test_delete_waits_until_it_is_gone(kubectl: Kubectl) -> None:
    for name in ("a", "b", "c"):
        kubectl("create", "configmap", name)
    kubectl("label", "configmap", "a", "b", "go=yes")
    assert kubectl("delete", "configmap", "-l", "go=yes").count("deleted") == 2
    left = kubectl("get", "configmap", "-o", "name").split()
    assert [name for name in left if name != "configmap/kube-root-ca.crt"] == ["configmap/c"]
    assert 'configmaps "a" not found' in kubectl.refused("delete", "configmap", "a")
    kubectl("delete", "configmap", "a", "--ignore-not-found")
    kubectl("create", "namespace", "short-lived")
    assert kubectl("delete", "namespace", "short-lived") == 'namespace "short-lived" deleted\n'


def test_mistakes_are_explained(kubectl: Kubectl) -> None:
    refused = kubectl.refused("apply", "-f", "-", given=DEPLOYMENT.replace("replicas", "replicaz"))
    assert 'unknown field "spec.replicaz"' in refused
    refused = kubectl.refused("apply", "-f", "-", given=DEPLOYMENT.replace("replicas: 2", "replicas: -2"))
    assert "spec.replicas: Invalid value: -2: must be greater than or equal to 0" in refused
    assert 'the server doesn\'t have a resource type "nonsense"' in kubectl.refused("get", "nonsense")


def test_explain_knows_every_field(kubectl: Kubectl) -> None:
    out = kubectl("explain", "deployment.spec.replicas")
    assert "KIND:       Deployment" in out
    assert "FIELD: replicas <integer>" in out
    assert "Number of desired pods" in out
    assert "containers\t<[]Container> -required-" in kubectl("explain", "pod.spec")


def test_api_resources_and_versions(kubectl: Kubectl) -> None:
    lines = kubectl("api-resources", "--no-headers").splitlines()
    assert len(lines) > 60
    assert any(line.split() == ["deployments", "deploy", "apps/v1", "true", "Deployment"] for line in lines)
    assert "apps/v1" in kubectl("api-versions").split()
    assert "Server Version: v1.36.3" in kubectl("version")
    assert "Kubernetes control plane" in kubectl("cluster-info")


def test_auth_can_i(kubectl: Kubectl) -> None:
    """Also in protobuf."""
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert kubectl("auth", "can-i", "--list").startswith("Resources")


def test_wait_sees_conditions_come(kubectl: Kubectl) -> None:
    kubectl("run", "one", "--image=busybox")
    status = '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}'
    kubectl("patch", "pod", "one", "--subresource=status", "-p", status)
    assert kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=5s") == "pod/one condition met\n"
    assert "error: timed out" in kubectl.refused("wait", "--for=condition=Other", "pod/one", "--timeout=100ms")


def background(kubectl: Kubectl, out: Path, *words: str) -> subprocess.Popen[bytes]:
    with out.open("w") as file:
        return subprocess.Popen(
            [*kubectl.command, *words], stdout=file, stderr=subprocess.STDOUT, env=kubectl.environment
        )


def wait_for_text(out: Path, wanted: str) -> None:
    give_up = time.monotonic() + 20
    while wanted not in out.read_text():
        assert time.monotonic() < give_up, out.read_text()
        time.sleep(0.02)


def test_watchers_live_through_a_restart_of_the_server(tmp_path: Path) -> None:
    """`get --watch` ends without an error when any server ends its stream, and begins again where it was told to;
    `rollout status` watches on by itself."""
    with api_server_program(tmp_path) as server:
        kubectl = Kubectl(server, tmp_path)
        kubectl("apply", "-f", "-", given=DEPLOYMENT)
        seen, progress = tmp_path / "seen", tmp_path / "progress"
        watching = background(kubectl, seen, "get", "configmaps", "--watch", "-o", "name")
        rolling = background(kubectl, progress, "rollout", "status", "deployment/web", "--timeout=60s")
        try:
            wait_for_text(progress, "Waiting for deployment")
            kubectl("create", "configmap", "before")
            wait_for_text(seen, "configmap/before")
            assert server.stop() == 0
            assert watching.wait(10) == 0
            server.start(ready_fd=True)
            watching = background(kubectl, seen, "get", "configmaps", "--watch", "-o", "name")
            wait_for_text(seen, "configmap/before")
            kubectl("create", "configmap", "after")
            wait_for_text(seen, "configmap/after")
            assert rolling.poll() is None
            replicas = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 2)
            status = json.dumps({"status": {"observedGeneration": 1, **replicas}})
            kubectl("patch", "deployment", "web", "--subresource=status", "-p", status)
            assert rolling.wait(30) == 0
            assert 'deployment "web" successfully rolled out' in progress.read_text()
        finally:
            for process in (watching, rolling):
                process.terminate()
                process.wait(10)
