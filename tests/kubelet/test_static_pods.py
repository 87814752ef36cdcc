"""Static pods: what lies in the manifests' directory runs, and nothing else of it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.sources.files import ManifestDirectory
from minikube_edu.kubelet.sources.static_pods import BadManifest, static_pods
from minikube_edu.kubelet.sources.url import ManifestUrl
from minikube_edu.lib.web.messages import Request, Response
from minikube_edu.lib.web.server import serve
from tests.kubelet.doubles import Here, Object, node
from tests.kubelet.fake_runtime import Program

WEB = """
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: kube-system, labels: {tier: control-plane}}
spec:
  hostNetwork: true
  priorityClassName: system-node-critical
  containers:
  - {name: main, image: "nginx:1.27"}
"""


@asynccontextmanager
async def following(here: Here, directory: Path) -> AsyncIterator[None]:
    source = ManifestDirectory(str(directory), "node-1", lambda pods: here.kubelet.set_static("file", pods))
    task = asyncio.create_task(source.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def names(here: Here) -> list[str]:
    return sorted(pod_facts.full_name(pod) for pod in here.kubelet.pods())


def by_name(here: Here, name: str) -> Object:
    return next((pod for pod in here.kubelet.pods() if pod["metadata"]["name"] == name), {"metadata": {"uid": ""}})


async def test_a_manifest_becomes_a_pod_of_this_node() -> None:
    pod = static_pods(WEB.encode(), "Node-1", "file", "/etc/kubernetes/manifests/web.yaml")[0]
    metadata = pod["metadata"]
    assert metadata["name"] == "web-node-1"
    assert metadata["namespace"] == "kube-system"
    assert len(metadata["uid"]) == 32
    assert metadata["annotations"]["kubernetes.io/config.hash"] == metadata["uid"]
    assert metadata["annotations"]["kubernetes.io/config.source"] == "file"
    assert "kubernetes.io/config.seen" in metadata["annotations"]
    assert pod["spec"]["nodeName"] == "Node-1"
    assert pod["spec"]["tolerations"] == [{"operator": "Exists", "effect": "NoExecute"}]
    assert pod["spec"]["priority"] == 2_000_001_000
    assert pod["spec"]["terminationGracePeriodSeconds"] == 30  # defaults of the API
    again = static_pods(WEB.encode(), "Node-1", "file", "/etc/kubernetes/manifests/web.yaml")[0]
    assert again["metadata"]["uid"] == metadata["uid"]
    edited = static_pods(WEB.replace("1.27", "1.28").encode(), "Node-1", "file", "/etc/kubernetes/manifests/web.yaml")
    assert edited[0]["metadata"]["uid"] != metadata["uid"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{not: [yaml", "couldn't parse as pod"),
        ("[]", "couldn't parse as pod"),
        ("apiVersion: v1\nkind: Service\nmetadata: {name: a}", "couldn't parse as pod"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: []}", "invalid pod"),
        (WEB.replace("hostNetwork: true", "volumes: [{name: s, secret: {secretName: x}}]"), "Secret"),
    ],
)
async def test_what_is_no_pod_is_refused(text: str, told: str) -> None:
    with pytest.raises(BadManifest, match=told):
        static_pods(text.encode(), "node-1", "file", "/x.yaml")


async def test_files_come_change_and_go_and_broken_ones_disturb_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    (tmp_path / "web.yaml").write_text(WEB)
    (tmp_path / "broken.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: 3}")
    (tmp_path / ".hidden.yaml").write_text(WEB.replace("web", "hidden"))
    (tmp_path / "other.json").write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "other"},
                "spec": {"containers": [{"name": "c", "image": "i:1"}]},
            }
        )
    )
    async with node() as here, following(here, tmp_path):
        await here.until(lambda: here.status(by_name(here, "web-node-1")).get("phase") == "Running", 5)
        assert names(here) == ["other-node-1_default", "web-node-1_kube-system"]
        assert "broken.yaml" in caplog.text
        first = by_name(here, "web-node-1")["metadata"]["uid"]
        here.runtime.programs["main"] = Program(stop_seconds=0.2)

        began = asyncio.get_running_loop().time()
        (tmp_path / "web.yaml").write_text(WEB.replace("1.27", "1.28"))
        await here.until(lambda: by_name(here, "web-node-1")["metadata"]["uid"] != first, 5)
        assert asyncio.get_running_loop().time() - began < 0.5  # told by the kernel
        await here.until(lambda: here.status(by_name(here, "web-node-1")).get("phase") == "Running", 5)
        stopped = here.runtime.calls.index(("stop_container", "main"))
        assert here.runtime.calls.index(("run_sandbox", "web-node-1"), stopped) > stopped  # one after the other
        assert here.runtime.find("main").config.image == "nginx:1.28"

        (tmp_path / "web.yaml").unlink()
        await here.until(lambda: names(here) == ["other-node-1_default"], 5)
        await here.until(lambda: "web-node-1" not in str(here.runtime.sandboxes), 5)


async def test_pods_from_a_url_stay_while_it_is_silent() -> None:
    answers = [Response(200, body=WEB.encode()), Response(500, body=b"out of order"), Response(200, body=b"")]

    async def answer(_: Request) -> Response:
        return answers.pop(0)

    server = await serve(answer, "127.0.0.1", 0)
    heard: list[list[str]] = []
    url = f"http://127.0.0.1:{server.port}/pods"
    source = ManifestUrl(url, "node-1", lambda pods: heard.append([pod["metadata"]["name"] for pod in pods]))
    try:
        await source.look()
        for _ in range(2):
            with pytest.raises(BadManifest):
                await source.look()
    finally:
        await server.close()
    assert heard == [["web-node-1"]]


async def test_a_directory_that_appears_later(tmp_path: Path) -> None:
    async with node() as here, following(here, tmp_path / "manifests"):
        await asyncio.sleep(0.05)
        (tmp_path / "manifests").mkdir()
        (tmp_path / "manifests" / "web.yaml").write_text(WEB)
        await here.until(lambda: names(here) == ["web-node-1_kube-system"], 5)
