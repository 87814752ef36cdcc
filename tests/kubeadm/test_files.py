"""What `init` leaves on the machine: certificates, manifests, the kubelet's files."""

from __future__ import annotations

import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID

from minikube_edu.kubeadm import files
from tests.kubeadm.fake_host import FakeHost, kubeadm
from tests.kubeadm.test_init import RECORDED, likened

RECORDED_FLAGS = ("--node-name", "control-plane", "--pod-network-cidr", "10.244.0.0/16")


async def made(root: Path, *words: str, **machine: Any) -> FakeHost:
    host = FakeHost(root, **machine)
    code, out, err = await kubeadm(host, *words)
    assert code == 0, out + err
    return host


def certificate(host: FakeHost, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(host.path(f"/etc/kubernetes/pki/{name}.crt").read_bytes())


def named(name: x509.Name) -> tuple[str, list[str]]:
    organizations = [str(one.value) for one in name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return str(name.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value), organizations


SUBJECTS = {
    "ca": ("kubernetes", "kubernetes", []),
    "apiserver": ("kube-apiserver", "kubernetes", ["server"]),
    "apiserver-kubelet-client": ("kube-apiserver-kubelet-client", "kubernetes", ["client"]),
    "front-proxy-ca": ("front-proxy-ca", "front-proxy-ca", []),
    "front-proxy-client": ("front-proxy-client", "front-proxy-ca", ["client"]),
    "etcd/ca": ("etcd-ca", "etcd-ca", []),
    "etcd/server": ("control-plane", "etcd-ca", ["server", "client"]),
    "etcd/peer": ("control-plane", "etcd-ca", ["server", "client"]),
    "etcd/healthcheck-client": ("kube-etcd-healthcheck-client", "etcd-ca", ["client"]),
    "apiserver-etcd-client": ("kube-apiserver-etcd-client", "etcd-ca", ["client"]),
}


async def test_has_every_certificate_its_subject_its_signer_and_its_use(tmp_path: Path) -> None:
    host = await made(tmp_path, "init", "phase", "certs", "all")
    purposes = {ExtendedKeyUsageOID.SERVER_AUTH: "server", ExtendedKeyUsageOID.CLIENT_AUTH: "client"}
    for name, (subject, issuer, usages) in SUBJECTS.items():
        found = certificate(host, name)
        assert named(found.subject) == (subject, []), name
        assert named(found.issuer)[0] == issuer, name
        if usages:
            extension = found.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
            assert [purposes[one] for one in extension] == usages  # type: ignore[attr-defined]  # an iterable
        years = 1 if usages else 10
        assert (found.not_valid_after_utc - found.not_valid_before_utc).days == 365 * years
        mode = host.path(f"/etc/kubernetes/pki/{name}.key").stat().st_mode & 0o777
        assert mode == 0o600, "a key that others can read"


async def test_are_extra_names_and_the_endpoint_in_the_servers_certificate(tmp_path: Path) -> None:
    options = (
        "--apiserver-cert-extra-sans",
        "api.example.com,203.0.113.9",
        "--control-plane-endpoint",
        "lb.example.com",
    )
    host = await made(tmp_path, "init", "phase", "certs", "ca")
    await kubeadm(host, "init", "phase", "certs", "apiserver", *options)
    extension = certificate(host, "apiserver").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"api.example.com", "lb.example.com", "kubernetes.default"} <= set(
        extension.get_values_for_type(x509.DNSName)
    )
    assert "203.0.113.9" in map(str, extension.get_values_for_type(x509.IPAddress))


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("RSA-2048", rsa.RSAPublicKey),
        ("ECDSA-P256", ec.EllipticCurvePublicKey),
        ("ECDSA-P384", ec.EllipticCurvePublicKey),
    ],
)
async def test_are_keys_of_the_kind_that_the_configuration_asks_for(tmp_path: Path, algorithm: str, kind: type) -> None:
    config = tmp_path / "init.yaml"
    config.write_text(
        f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nencryptionAlgorithm: {algorithm}\n"
    )
    host = await made(tmp_path / "root", "init", "phase", "certs", "ca", "--config", str(config))
    assert isinstance(certificate(host, "ca").public_key(), kind)


async def test_is_the_service_accounts_key_rsa_so_that_tokens_are_rs256(tmp_path: Path) -> None:
    host = await made(tmp_path, "init", "phase", "certs", "sa")
    assert host.path("/etc/kubernetes/pki/sa.key").read_text().startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert host.path("/etc/kubernetes/pki/sa.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----")


async def test_is_who_the_kubeconfigs_speak_for_as_it_should_be(tmp_path: Path) -> None:
    host = await made(tmp_path, "init", "phase", "certs", "ca")
    await kubeadm(host, "init", "phase", "kubeconfig", "all")
    expected = {
        "admin": ("kubernetes-admin", ["kubeadm:cluster-admins"]),
        "super-admin": ("kubernetes-super-admin", ["system:masters"]),
        "kubelet": ("system:node:control-plane", ["system:nodes"]),
        "controller-manager": ("system:kube-controller-manager", []),
        "scheduler": ("system:kube-scheduler", []),
    }
    for name, who in expected.items():
        document = files.parse_yaml(host.path(f"/etc/kubernetes/{name}.conf").read_text())
        pem = b64decode(document["users"][0]["user"]["client-certificate-data"])
        assert named(x509.load_pem_x509_certificate(pem).subject) == who
        assert document["clusters"][0]["cluster"]["server"] == "https://192.0.2.2:6443"


async def test_is_a_dry_run_word_for_word_the_recorded_one(tmp_path: Path) -> None:
    """Manifests of all four components, both configurations, every object: byte for byte."""
    bare: dict[str, Any] = {
        "kubelet_version": "",
        "runtime": "absent",
        "resolves": False,
        "services": {"kubelet": {"enabled": False}},
        "files": {"/proc/sys/net/ipv4/ip_forward": "0"},
        "hostname": "vm",
    }
    host = FakeHost(tmp_path, **bare)
    code, out, err = await kubeadm(host, "init", "--dry-run", "--ignore-preflight-errors=all", *RECORDED_FLAGS)
    assert code == 0
    recorded = likened((RECORDED / "init-dry-run.txt").read_text().replace("RSA-2048", "ECDSA-P256"))
    spoken = [line for line in recorded if not line.startswith(("\t[WARNING", "W "))]
    assert likened(out) == spoken
    assert sorted(likened(err)) == sorted(set(recorded) - set(spoken))
    assert not host.path("/etc/kubernetes/manifests").exists(), "a dry run wrote into the real directory"
    assert host.calls == []


async def test_do_extra_arguments_replace_and_add(tmp_path: Path) -> None:
    config = tmp_path / "init.yaml"
    config.write_text(
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n"
        "  - {name: audit-log-path, value: /var/log/audit.log}\n  - {name: allow-privileged, value: 'false'}\n"
        "  - {name: authorization-mode, value: 'RBAC,Bogus'}\n"
        "  extraVolumes: [{name: audit, hostPath: /var/log, mountPath: /var/log, pathType: Directory}]\n"
        "scheduler: {extraEnvs: [{name: TZ, value: UTC}]}\n"
    )
    host = await made(tmp_path / "root", "init", "phase", "control-plane", "all", "--config", str(config))
    pod = files.parse_yaml(host.path("/etc/kubernetes/manifests/kube-apiserver.yaml").read_text())
    command = pod["spec"]["containers"][0]["command"]
    assert "--allow-privileged=false" in command
    assert "--allow-privileged=true" not in command
    assert "--audit-log-path=/var/log/audit.log" in command
    assert "--authorization-mode=RBAC" in command
    assert command[1:] == sorted(command[1:])
    assert {"mountPath": "/var/log", "name": "audit"} in pod["spec"]["containers"][0]["volumeMounts"]
    scheduler = files.parse_yaml(host.path("/etc/kubernetes/manifests/kube-scheduler.yaml").read_text())
    assert scheduler["spec"]["containers"][0]["env"] == [{"name": "TZ", "value": "UTC"}]


async def test_do_patches_change_what_is_written(tmp_path: Path) -> None:
    patches = tmp_path / "patches"
    patches.mkdir()
    (patches / "kube-scheduler0.yaml").write_text("metadata: {labels: {mine: 'yes'}}\n")
    (patches / "kube-scheduler1+json.json").write_text('[{"op": "remove", "path": "/spec/priority"}]')
    (patches / "notes.md").write_text("not a patch\n")
    host = FakeHost(tmp_path / "root")
    code, out, _ = await kubeadm(host, "init", "phase", "control-plane", "scheduler", "--patches", str(patches))
    assert code == 0
    assert 'Applied patch of type "application/json-patch+json" to target "kube-scheduler"' in out
    pod = files.parse_yaml(host.path("/etc/kubernetes/manifests/kube-scheduler.yaml").read_text())
    assert pod["metadata"]["labels"]["mine"] == "yes"
    assert "priority" not in pod["spec"]


async def test_is_an_older_version_seen_everywhere(tmp_path: Path) -> None:
    host = await made(tmp_path, "init", "phase", "control-plane", "all", "--kubernetes-version", "v1.35.2")
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        text = host.path(f"/etc/kubernetes/manifests/{name}.yaml").read_text()
        assert f"image: registry.k8s.io/{name}:v1.35.2" in text
    await kubeadm(host, "init", "phase", "etcd", "local", "--config", str(_versioned(tmp_path, "v1.35.2")))
    assert re.search(
        r"image: registry.k8s.io/etcd:3\.6\.6-0", host.path("/etc/kubernetes/manifests/etcd.yaml").read_text()
    )


def _versioned(folder: Path, version: str) -> Path:
    path = folder / "versioned.yaml"
    path.write_text(f"apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: {version}\n")
    return path


async def test_is_a_certificate_of_another_authority_refused(tmp_path: Path) -> None:
    host = await made(tmp_path, "init", "phase", "certs", "all")
    pki = host.path("/etc/kubernetes/pki")
    (pki / "ca.crt").write_bytes((pki / "front-proxy-ca.crt").read_bytes())
    code, _, err = await kubeadm(host, "init", "phase", "certs", "apiserver")
    assert code == 1
    assert "not signed by CA certificate ca" in err


async def test_is_false_a_word_where_true_is_the_default(tmp_path: Path) -> None:
    from minikube_edu.kubeadm.config import defaults

    registration = defaults.node_registration(
        {"imagePullSerial": False, "taints": []}, "n", "unix:///s", control_plane=True
    )
    assert registration["imagePullSerial"] is False
    assert registration["taints"] == []


async def test_are_files_that_a_kubeconfig_names_the_machines_own(tmp_path: Path) -> None:
    from minikube_edu.client.credentials import TokenFile
    from minikube_edu.kubeadm.host import PlainHost

    host = PlainHost(tmp_path)
    files.write(host, "/var/lib/kubelet/token", "secret")
    users = [{"name": "u", "user": {"tokenFile": "/var/lib/kubelet/token"}}]
    document = {
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "x",
        "users": users,
    }
    files.write(host, "/etc/kubernetes/kubelet.conf", files.yaml(document))
    client = host.connect("/etc/kubernetes/kubelet.conf")
    found = client.sender._credentials
    assert isinstance(found, TokenFile)
    assert await found.headers() == ((b"authorization", b"Bearer secret"),)
    await client.close()


async def test_does_a_phase_write_its_kubeconfig_where_it_is_told_to(tmp_path: Path) -> None:
    host = FakeHost(tmp_path, None)
    words = ("--kubernetes-version=v1.36.3", "--apiserver-advertise-address=192.0.2.2")
    assert (await kubeadm(host, "init", "phase", "certs", "ca", "--cert-dir=/srv/pki", words[0]))[0] == 0
    phase = ("init", "phase", "kubeconfig", "admin", "--cert-dir=/srv/pki", "--kubeconfig-dir=/srv")
    code, out, err = await kubeadm(host, *phase, *words)
    assert (code, out) == (0, '[kubeconfig] Writing "admin.conf" kubeconfig file\n'), err
    assert "server: https://192.0.2.2:6443" in host.path("/srv/admin.conf").read_text()
    assert not host.path("/etc/kubernetes/admin.conf").exists()
