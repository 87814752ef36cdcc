"""`kubeadm upgrade` and `kubeadm reset`."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from minikube_edu.kubeadm import files
from minikube_edu.lib import packages
from tests.in_process import Api, api_server
from tests.kubeadm import transcripts
from tests.kubeadm.fake_host import FakeHost, kubeadm
from tests.kubeadm.test_init import registered


def likened(text: str) -> list[str]:
    text = re.sub(r"^([WI])[0-9]{4} [0-9:.]+ +[0-9]+ (\S+?):[0-9]+\]", r"\1<time> \2:<line>]", text, flags=re.M)
    return text.rstrip("\n").splitlines()


COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


async def mirror(api: Api, host: FakeHost) -> None:
    """What the kubelet does with the manifests: a mirror pod each, running."""
    import hashlib

    for name in COMPONENTS:
        text = host.path(f"/etc/kubernetes/manifests/{name}.yaml").read_text()
        pod: dict[str, Any] = files.parse_yaml(text)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        path = f"/api/v1/namespaces/kube-system/pods/{name}-control-plane"
        there = await api.get(path)
        if there.code == 200:
            if there.json["metadata"]["annotations"]["kubernetes.io/config.hash"] == digest:
                continue
            await api.delete(path + "?gracePeriodSeconds=0")
        pod["metadata"]["name"] = f"{name}-control-plane"
        pod["metadata"].setdefault("annotations", {})["kubernetes.io/config.mirror"] = digest
        pod["metadata"]["annotations"]["kubernetes.io/config.hash"] = digest
        pod["spec"]["nodeName"] = "control-plane"
        made = await api.post("/api/v1/namespaces/kube-system/pods", pod)
        assert made.code == 201, made
        await api.patch(path + "/status", {"status": {"phase": "Running"}})


async def cluster(api: Api, root: Path, version: str, *flags: str) -> FakeHost:
    host = FakeHost(root, api)
    host.when_kubelet_starts = lambda: registered(api)
    code, out, err = await kubeadm(host, "init", "--kubernetes-version", version, *flags)
    assert code == 0, out + err
    ready = {"status": {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": version}}}
    await api.patch("/api/v1/nodes/control-plane/status", ready)
    await mirror(api, host)
    return host


async def test_does_a_plan_say_what_would_change(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.1")
        code, out, err = await kubeadm(host, "upgrade", "plan")
        assert code == 0, err
        rows = [line.split() for line in out.splitlines()]
        assert ["kubelet", "control-plane", "v1.35.1", "v1.36.3"] in rows
        assert ["kube-apiserver", "control-plane", "v1.35.1", "v1.36.3"] in rows
        assert ["etcd", "control-plane", "3.6.6-0", "3.6.8-0"] in rows
        assert "\tkubeadm upgrade apply v1.36.3\n" in out
        assert "Upgrade to the latest stable version:" in out


PLANS = [
    one for one in transcripts.read("upgrade.txt") if one[0].startswith("kubeadm upgrade") and "none.conf" not in one[0]
]


async def test_are_plans_what_they_were(tmp_path: Path) -> None:
    """The recorded cluster: its control plane's manifests are pretended, two workers are of another kind."""
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.36.3")
        for name in COMPONENTS[1:]:
            host.path(f"/etc/kubernetes/manifests/{name}.yaml").unlink()
        for name in ("worker-1", "worker-2"):
            await registered(api, name)
            status = {"status": {"nodeInfo": {"kubeletVersion": "kwok-0.9.0"}}}
            await api.patch(f"/api/v1/nodes/{name}/status", status)
        for command, expected, expected_code in PLANS:
            code, out, err = await kubeadm(host, *command.split()[1:])
            assert sorted(likened(err + out)) == sorted(likened(expected)), command
            assert code == expected_code


async def test_does_an_upgrade_change_one_static_pod_after_the_other(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.1", "--apiserver-bind-port=7443")
        before = host.path("/etc/kubernetes/pki/apiserver.crt").read_bytes()

        async def kubelet() -> None:
            while True:
                await mirror(api, host)
                await asyncio.sleep(0.01)

        running = asyncio.create_task(kubelet())
        try:
            words = ("upgrade", "apply", "v1.36.3", "--yes", "--ignore-preflight-errors=CreateJob")
            code, out, err = await kubeadm(host, *words, "--skip-phases", "preflight")
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert code == 0, out + err
        done = [line for line in out.splitlines() if "upgraded successfully!" in line]
        assert done == [f'[upgrade/staticpods] Component "{name}" upgraded successfully!' for name in COMPONENTS]
        assert 'A control plane node of your cluster was upgraded to "v1.36.3"' in out
        for name in COMPONENTS[1:]:
            assert f"{name}:v1.36.3" in host.path(f"/etc/kubernetes/manifests/{name}.yaml").read_text()
        # the cluster's configuration does not say where this API server is: its static pod does
        assert "--secure-port=7443\n" in host.path("/etc/kubernetes/manifests/kube-apiserver.yaml").read_text()
        assert host.path("/etc/kubernetes/pki/apiserver.crt").read_bytes() != before, "not renewed"
        stored = (await api.get("/api/v1/namespaces/kube-system/configmaps/kubeadm-config")).json
        assert "kubernetesVersion: v1.36.3" in stored["data"]["ClusterConfiguration"]
        proxy = (await api.get("/apis/apps/v1/namespaces/kube-system/daemonsets/kube-proxy")).json
        assert proxy["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.k8s.io/kube-proxy:v1.36.3"


async def test_is_a_version_too_far_away_refused(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.1")
        words = ("upgrade", "apply", "v1.37.0", "--yes", "--ignore-preflight-errors=CreateJob", "--dry-run")
        code, _, err = await kubeadm(host, *words)
        assert code == 1
        assert "at least one minor release higher than the kubeadm minor release (37 > 36)" in err


async def test_does_a_component_that_does_not_come_back_get_its_old_manifest_again(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.1")
        old = host.path("/etc/kubernetes/manifests/etcd.yaml").read_text()
        from minikube_edu.kubeadm.config import defaults

        defaults.TIMEOUTS["upgradeManifests"], kept = "50ms", defaults.TIMEOUTS["upgradeManifests"]
        try:
            code, _, err = await kubeadm(host, "upgrade", "apply", "v1.36.3", "--yes", "--skip-phases", "preflight")
        finally:
            defaults.TIMEOUTS["upgradeManifests"] = kept
        assert code == 1
        assert "kubeadm has tried to recover everything into the earlier state" in err
        assert host.path("/etc/kubernetes/manifests/etcd.yaml").read_text() == old


async def test_does_reset_leave_the_machine_as_it_was(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    await kubeadm(host, "init", "phase", "certs", "all")
    await kubeadm(host, "init", "phase", "kubeconfig", "kubelet")
    await kubeadm(host, "init", "phase", "etcd", "local")
    files.write(host, "/var/lib/etcd/member/snap/db", "data")
    host.runtime = None
    code, out, _ = await kubeadm(host, "reset", "--force")
    assert code == 0
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert left == []
    assert host.calls == ["stop kubelet"]
    assert "[reset] Deleting contents of directories: [/etc/kubernetes/manifests /var/lib/etcd /var/lib/kubelet" in out


async def test_does_reset_ask_first(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    files.write(host, "/etc/kubernetes/admin.conf.kept", "")
    for answer, expected in (("", 1), ("n\n", 1), ("Y\n", 0)):
        code, out, _ = await kubeadm(host, "reset", stdin=answer)
        assert code == expected
        assert "[reset] Are you sure you want to proceed? [y/N]: " in out


# -- an older kubeadm ------------------------------------------------------------------------------------------------


def installed(host: FakeHost, version: str) -> None:
    """`apt-get install kubeadm=1.35.2-*` on the machine."""
    packages.write(host.path(packages.FILE), [packages.Package("kubeadm", packages.of_program(version))])


async def test_is_kubeadm_the_one_of_its_package(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    assert (await kubeadm(host, "version", "-o", "short"))[1] == "v1.36.3\n"
    installed(host, "v1.35.2")
    assert (await kubeadm(host, "version", "-o", "short"))[1] == "v1.35.2\n"
    text = (await kubeadm(host, "version"))[1]
    assert text.startswith('kubeadm version: &version.Info{Major:"1", Minor:"35", ')
    assert 'GitVersion:"v1.35.2"' in text
    for form in ("yaml", "json"):
        found = files.parse_yaml((await kubeadm(host, "version", "-o", form))[1])["clientVersion"]
        assert (found["major"], found["minor"], found["gitVersion"]) == ("1", "35", "v1.35.2")
    images = (await kubeadm(host, "config", "images", "list"))[1].split()
    assert "registry.k8s.io/kube-apiserver:v1.35.6" in images, "the newest of its own series"
    assert {"registry.k8s.io/coredns/coredns:v1.13.1", "registry.k8s.io/etcd:3.6.6-0"} < set(images)


async def test_does_an_older_kubeadm_offer_only_what_it_knows(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.2")
        installed(host, "v1.35.2")
        code, out, err = await kubeadm(host, "upgrade", "plan")
        assert code == 0, err
        assert "] remote version is much newer: v1.36.3; falling back to: stable-1.35\n" in err
        assert "[upgrade/versions] kubeadm version: v1.35.2\n[upgrade/versions] Target version: v1.35.6\n" in out
        assert "[upgrade/versions] Latest version in the v1.35 series: v1.35.6\n\nComponents that must be" in out
        assert "Note: Before you can perform this upgrade, you have to update kubeadm to v1.35.6.\n" in out
        assert "v1.36" not in out
        words = ("upgrade", "apply", "-y", "--dry-run", "--ignore-preflight-errors=CreateJob")
        code, out, err = await kubeadm(host, *words, "v1.35.6")
        assert code == 1
        assert (
            'Specified version to upgrade to "v1.35.6" is higher than the kubeadm version "v1.35.2". Upgrade kubeadm '
            "first using the tool you used to install kubeadm" in err
        )
        code, out, err = await kubeadm(host, *words, "v1.36.3")
        assert code == 1
        assert (
            'Specified version to upgrade to "v1.36.3" is at least one minor release higher than the kubeadm minor '
            "release (36 > 35). Such an upgrade is not supported" in err
        )


async def test_are_a_patch_and_the_next_minor_version_both_offered(tmp_path: Path) -> None:
    async with api_server("--authorization-mode=Node,RBAC") as api:
        host = await cluster(api, tmp_path, "v1.35.2")
        code, out, err = await kubeadm(host, "upgrade", "plan")
        assert code == 0, err
        assert "Target version: v1.36.3\n[upgrade/versions] Latest version in the v1.35 series: v1.35.6\n\n" in out
        patch, _, minor = out.partition("Upgrade to the latest stable version:")
        assert "Upgrade to the latest version in the v1.35 series:" in patch
        assert "\tkubeadm upgrade apply v1.35.6\n" in patch
        assert "\tkubeadm upgrade apply v1.36.3\n" in minor
        assert "you have to update kubeadm" not in out
        plan = files.parse_yaml((await kubeadm(host, "upgrade", "plan", "-o", "yaml"))[1])
        told = [one["description"] for one in plan["availableUpgrades"]]
        assert told == ["version in the v1.35 series", "stable version"]


async def test_does_an_older_kubeadm_make_no_newer_cluster(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    installed(host, "v1.35.6")
    _, out, err = await kubeadm(host, "init", "--kubernetes-version=v1.36.3", "--dry-run")
    assert (
        "[WARNING KubernetesVersion]: Kubernetes version is greater than kubeadm version. Please consider to upgrade "
        "kubeadm. Kubernetes version: 1.36.3. Kubeadm version: 1.35.x" in out + err
    )
