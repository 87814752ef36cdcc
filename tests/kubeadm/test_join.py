"""`kubeadm join`: discovery, trust, and the kubelet's start, against an API server in this process."""

from __future__ import annotations

import asyncio
import base64
import io
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from minikube_edu.kubeadm import api_access, discovery, files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config import defaults
from minikube_edu.lib import clock, durations
from tests.in_process import Api, api_server, until
from tests.kubeadm.fake_host import FakeHost, kubeadm
from tests.kubeadm.test_init import RECORDED, likened, registered


@asynccontextmanager
async def cluster(tmp_path: Path, *options: str) -> AsyncIterator[tuple[Api, FakeHost, list[str]]]:
    """A cluster that `init` has made, and the words of its join command."""
    controllers = ["bootstrap-signer-controller"]
    async with api_server("--authorization-mode=Node,RBAC", controllers=controllers) as api:
        host = FakeHost(tmp_path / "first", api)
        host.when_kubelet_starts = lambda: registered(api)
        code, out, err = await kubeadm(host, "init", *options)
        assert code == 0, out + err
        words = re.sub(r"\\\n", "", out[out.rindex("kubeadm join") :]).split()[1:]

        async def signed() -> bool:
            found = (await api.get("/api/v1/namespaces/kube-public/configmaps/cluster-info")).json
            return any(key.startswith("jws-") for key in found["data"])

        await until(signed)
        yield api, host, words


def machine(tmp_path: Path, api: Api, name: str = "worker-1") -> FakeHost:
    """One that is to join; its kubelet gets its certificate at once."""
    host = FakeHost(tmp_path / name, api, hostname=name, address="192.0.2.3")

    async def bootstrapped() -> None:
        assert host.path("/etc/kubernetes/bootstrap-kubelet.conf").exists()
        files.write(host, "/etc/kubernetes/kubelet.conf", "users: [{name: n, user: {token: t}}]\n")

    host.when_kubelet_starts = bootstrapped
    return host


async def test_does_a_worker_join_with_the_command_that_init_printed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, words):
        host = machine(tmp_path, api)
        code, out, err = await kubeadm(host, *words)
        assert code == 0, out + err
        assert likened(out) == (RECORDED / "join.txt").read_text().splitlines()
        assert host.calls == ["stop kubelet", "start kubelet"]
        flags = host.path("/var/lib/kubelet/kubeadm-flags.env").read_text()
        assert flags == 'KUBELET_KUBEADM_ARGS=""\n'
        assert host.path("/etc/kubernetes/pki/ca.crt").read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")
        assert not host.path("/etc/kubernetes/bootstrap-kubelet.conf").exists(), "the token stays on the disk"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--token", "zzzzzz.0123456789abcdef"],
         'could not find a JWS signature in the cluster-info ConfigMap for token ID "zzzzzz"'),
        (["--discovery-token-ca-cert-hash", "sha256:" + "0" * 64],
         'cluster CA found in cluster-info ConfigMap is invalid: none of the public keys "sha256:HASH" are pinned'),
        (["--discovery-token-ca-cert-hash", "md5:abc"],
         'invalid discovery token CA certificate hash: unknown hash format "md5"'),
    ],
)  # fmt: skip
async def test_is_a_machine_that_does_not_know_the_cluster_refused(
    tmp_path: Path, words: list[str], complaint: str
) -> None:
    async with cluster(tmp_path) as (api, _, given):
        host = machine(tmp_path, api)
        config = tmp_path / "join.yaml"
        options = dict(zip(given[2::2], given[3::2], strict=True)) | dict(zip(words[::2], words[1::2], strict=True))
        config.write_text(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ntimeouts: {discovery: 100ms}\n"
            f"discovery: {{bootstrapToken: {{apiServerEndpoint: '{given[1]}', token: {options['--token']}, "
            f"caCertHashes: ['{options['--discovery-token-ca-cert-hash']}']}}}}\n"
        )
        code, _, err = await kubeadm(host, "join", "--config", str(config))
        err = re.sub(r"sha256:[0-9a-f]{64}", "sha256:HASH", err)
        prefix = "error: error execution phase preflight: couldn't validate the identity of the API Server: "
        assert err.splitlines()[-2] == prefix + complaint
        assert code == 1
        assert host.calls == []


def test_is_a_signature_of_another_secret_no_signature() -> None:
    import base64
    import hashlib
    import hmac
    import json

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    header = encode(json.dumps({"alg": "HS256", "kid": "abcdef"}).encode())
    signed = f"{header}.{encode(b'text')}".encode()
    signature = encode(hmac.new(b"0123456789abcdef", signed, hashlib.sha256).digest())
    assert discovery.is_signed(f"{header}..{signature}", "text", "abcdef", "0123456789abcdef")
    assert not discovery.is_signed(f"{header}..{signature}", "text", "abcdef", "f123456789abcdef")
    assert not discovery.is_signed(f"{header}..{signature}", "other", "abcdef", "0123456789abcdef")
    assert not discovery.is_signed(f"{header}..{signature}", "text", "bbbbbb", "0123456789abcdef")
    assert not discovery.is_signed("nonsense", "text", "abcdef", "0123456789abcdef")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["a:1", "b:2", "--token", "abcdef.0123456789abcdef"], "accepts at most 1 arg(s), received 2"),
        (["--token", "abcdef.0123456789abcdef"], 'discovery: Invalid value: "": bootstrapToken or file must be set'),
        (["nowhere", "--token", "abcdef.0123456789abcdef", "--discovery-token-ca-cert-hash", "x"],
         'discovery.bootstrapToken.apiServerEndpoint: Invalid value: "nowhere": address nowhere: missing port in '
         "address"),
        (["--discovery-file", "none.conf"],
         'discovery.file.kubeConfigPath: Invalid value: "none.conf": not a valid HTTPS URL or a file on disk'),
        (["a:1", "--token", "BAD", "--discovery-token-ca-cert-hash", "x"],
         '[discovery.bootstrapToken.token: Invalid value: "BAD": the bootstrap token is invalid, '
         'discovery.tlsBootstrapToken: Invalid value: "BAD": the bootstrap token is invalid]'),
        (["--config", "none.yaml"],
         'unable to read config from "none.yaml" : open none.yaml: no such file or directory'),
        (["--config", "x.yaml", "--token", "t"], "can not mix '--config' with arguments [token]"),
    ],
)  # fmt: skip
async def test_are_bad_arguments_refused_in_the_real_words(tmp_path: Path, words: list[str], complaint: str) -> None:
    code, _, err = await kubeadm(FakeHost(tmp_path), "join", *words)
    assert (code, err) == (
        1,
        f"error: {complaint}\nTo see the stack trace of this error execute with --v=5 or higher\n",
    )


async def test_can_a_second_control_plane_join_with_the_uploaded_certificates(tmp_path: Path) -> None:
    options = ("--control-plane-endpoint", "192.0.2.2:6443", "--upload-certs")
    async with cluster(tmp_path, *options) as (api, first, words):
        out = first.path("/etc/kubernetes/manifests/etcd.yaml").read_text()
        pod = files.parse_yaml(out)
        pod["metadata"]["name"] += "-control-plane"
        pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "x"  # as the kubelet mirrors it
        pod["spec"]["nodeName"] = "control-plane"
        assert (await api.post("/api/v1/namespaces/kube-system/pods", pod)).code == 201
        code, out, err = await kubeadm(first, "init", "phase", "upload-certs", "--upload-certs")
        assert code == 0, err
        key = out.splitlines()[-1]
        assert re.fullmatch("[0-9a-f]{64}", key)
        host = machine(tmp_path, api, "control-plane-2")
        bootstrapped = host.when_kubelet_starts

        async def start() -> None:
            await bootstrapped()
            await registered(api, "control-plane-2")

        host.when_kubelet_starts = start
        code, out, err = await kubeadm(host, *words, "--control-plane", "--certificate-key", key)
        assert code == 0, out + err
        manifest = host.path("/etc/kubernetes/manifests/kube-apiserver.yaml").read_text()
        assert "--etcd-servers=https://192.0.2.2:2379" in manifest
        assert not host.path("/etc/kubernetes/manifests/etcd.yaml").exists()
        assert "The store of this cluster is embedded and has one member" in out
        for name in ("ca.key", "sa.key", "front-proxy-ca.key", "etcd/ca.key"):
            path = f"/etc/kubernetes/pki/{name}"
            assert host.path(path).read_bytes() == first.path(path).read_bytes()
        node = (await api.get("/api/v1/nodes/control-plane-2")).json
        assert "node-role.kubernetes.io/control-plane" in node["metadata"]["labels"]


async def test_does_a_control_plane_without_the_shared_certificates_stay_out(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, words):
        code, _, err = await kubeadm(machine(tmp_path, api), *words, "--control-plane")
        assert code == 1
        assert "One or more conditions for hosting a new control plane instance is not satisfied." in err
        assert "doesn't have a stable controlPlaneEndpoint address" in err


async def test_does_a_file_vouch_for_the_cluster_as_well(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, first, words):
        known = files.parse_yaml(first.path("/etc/kubernetes/admin.conf").read_text())
        file = tmp_path / "discovery.conf"
        file.write_text(files.yaml({**known, "users": [], "contexts": [], "current-context": ""}))
        host = machine(tmp_path, api)
        token = words[words.index("--token") + 1]
        code, out, err = await kubeadm(host, "join", "--discovery-file", str(file), "--tls-bootstrap-token", token)
        assert code == 0, out + err
        assert "This node has joined the cluster" in out


async def test_does_a_wrong_certificate_key_open_nothing(tmp_path: Path) -> None:
    options = ("--control-plane-endpoint", "192.0.2.2:6443", "--upload-certs")
    async with cluster(tmp_path, *options) as (api, _, words):
        host = machine(tmp_path, api, "control-plane-2")
        code, _, err = await kubeadm(host, *words, "--control-plane", "--certificate-key", "0" * 64)
        assert code == 1
        assert "cipher: message authentication failed" in err
        assert not host.path("/etc/kubernetes/pki/ca.key").exists()


async def test_is_a_name_that_a_ready_node_has_refused(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, words):
        await registered(api, "worker-1")
        await api.patch(
            "/api/v1/nodes/worker-1/status", {"status": {"conditions": [{"type": "Ready", "status": "True"}]}}
        )
        host = machine(tmp_path, api)
        code, _, err = await kubeadm(host, *words)
        assert code == 1
        assert 'a Node with name "worker-1" and status "Ready" already exists in the cluster' in err
        assert host.calls == []


async def test_does_a_dry_run_of_join_change_nothing(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, words):
        host = machine(tmp_path, api)
        code, out, err = await kubeadm(host, *words, "--dry-run")
        assert code == 0, out + err
        assert "[kubelet-start] Would start the kubelet" in out
        assert '[dryrun] Would perform action GET on resource "nodes" in API group "core/v1"' in out
        assert not host.path("/etc/kubernetes/bootstrap-kubelet.conf").exists()
        assert not host.path("/var/lib/kubelet").exists()
        assert host.calls == []


async def test_is_the_machines_name_in_the_defaults_of_join(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.machine = replace(host.machine, hostname="vm")
    code, out, _ = await kubeadm(host, "config", "print", "join-defaults")
    assert code == 0
    assert "  imagePullSerial: true\n  name: vm\n  taints: null\n" in out


async def test_is_an_expired_token_waited_for_as_long_as_the_real_one_waits() -> None:
    """Five minutes: its signature goes with it, and might as well be on its way."""
    at = 0.0

    async def pass_by(seconds: float) -> None:
        nonlocal at
        at += seconds

    class Api:
        async def get(self, *_: str) -> dict[str, Any]:
            return {"data": {"kubeconfig": "…", "jws-kubeconfig-others": "x..y"}}

        async def close(self) -> None: ...

    class Asked:
        def connect_text(self, _: str) -> None: ...

    call = SimpleNamespace(host=Asked(), info=lambda *_: None, out=io.StringIO())
    patience = durations.seconds(defaults.TIMEOUTS["discovery"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(api_access, "Live", lambda *_: Api())
        patched.setattr(clock, "monotonic", lambda: at)
        patched.setattr(asyncio, "sleep", pass_by)
        with pytest.raises(
            CommandError, match="could not find a JWS signature in the cluster-info ConfigMap for token"
        ):
            await discovery._cluster_info(cast("Any", call), {"server": "https://s:1"}, "abcdef", patience, False)
    assert 295 < at <= 300


async def test_is_a_token_that_has_expired_meanwhile_refused_in_discovery(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (api, _, given):
        options = dict(zip(given[2::2], given[3::2], strict=True))
        identifier = options["--token"].partition(".")[0]
        past = base64.b64encode(b"2020-01-01T00:00:00Z").decode()
        path = f"/api/v1/namespaces/kube-system/secrets/bootstrap-token-{identifier}"
        assert (await api.patch(path, {"data": {"expiration": past}})).code == 200

        async def unsigned() -> bool:
            found = (await api.get("/api/v1/namespaces/kube-public/configmaps/cluster-info")).json
            return f"jws-kubeconfig-{identifier}" not in found["data"]

        await until(unsigned)
        config = tmp_path / "join.yaml"
        config.write_text(
            "apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\ntimeouts: {discovery: 100ms}\n"
            f"discovery: {{bootstrapToken: {{apiServerEndpoint: '{given[1]}', token: {options['--token']}, "
            f"caCertHashes: ['{options['--discovery-token-ca-cert-hash']}']}}}}\n"
        )
        code, _, err = await kubeadm(machine(tmp_path, api), "join", "--config", str(config))
        assert code == 1
        assert err.splitlines()[-2] == (
            "error: error execution phase preflight: couldn't validate the identity of the API Server: could not find "
            f'a JWS signature in the cluster-info ConfigMap for token ID "{identifier}"'
        )


def test_is_a_name_that_nobody_knows_told_in_gos_words() -> None:
    said = discovery._said(socket.gaierror(-2, "?"), "https://nowhere.invalid:6443", "10.0.0.53:53")
    assert said.endswith('timeout=10s": dial tcp: lookup nowhere.invalid on 10.0.0.53:53: no such host')
