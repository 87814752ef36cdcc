"""Broken machines: is each fault found, under its real name, in the real words?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.kubeadm import machine
from minikube_edu.kubeadm.machine import Machine, described
from tests.kubeadm.fake_host import FakeHost, kubeadm
from tests.kubeadm.transcripts import read

FAULTS: list[tuple[dict[str, Any], str, str]] = [
    ({"cpus": 1}, "ERROR NumCPU", "the number of available CPUs 1 is less than the required 2"),
    ({"memory": "1Gi"}, "ERROR Mem", "the system RAM (1024 MB) is less than the minimum 1700 MB"),
    ({"root": False}, "ERROR IsPrivilegedUser", "user is not running as root"),
    ({"ports": {6443: "nginx"}}, "ERROR Port-6443", "Port 6443 is in use by nginx"),
    ({"files": {"/proc/sys/net/ipv4/ip_forward": "0"}}, "ERROR FileContent--proc-sys-net-ipv4-ip_forward",
     "/proc/sys/net/ipv4/ip_forward contents are not set to 1"),
    ({"files": {"/proc/sys/net/ipv4/ip_forward": None}}, "ERROR FileContent--proc-sys-net-ipv4-ip_forward",
     "/proc/sys/net/ipv4/ip_forward does not exist"),
    ({"files": {"/etc/kubernetes/manifests/etcd.yaml": ""}},
     "ERROR FileAvailable--etc-kubernetes-manifests-etcd.yaml", "/etc/kubernetes/manifests/etcd.yaml already exists"),
    ({"files": {"/var/lib/etcd/member/wal": ""}}, "ERROR DirAvailable--var-lib-etcd", "/var/lib/etcd is not empty"),
    ({"missingPrograms": ["mount"]}, "ERROR FileExisting-mount", "mount not found in system path"),
    ({"runtime": "unknown service runtime.v1.RuntimeService"}, "ERROR CRI",
     'could not connect to the container runtime: failed to create new CRI runtime service: validate service '
     'connection: validate CRI v1 runtime API for endpoint "unix:///var/run/containerd/containerd.sock": rpc error: '
     "code = Unknown desc = unknown service runtime.v1.RuntimeService"),
    ({"kubeletVersion": "v1.30.0"}, "ERROR KubeletVersion",
     'Kubelet version "1.30.0" is lower than kubeadm can support. Please upgrade kubelet'),
    ({"kubeletVersion": "v1.37.0"}, "ERROR KubeletVersion",
     "the kubelet version is higher than the control plane version. This is not a supported version skew and may lead "
     'to a malfunctional cluster. Kubelet version: "1.37.0" Control plane version: "1.36.3"'),
    ({"kubeletVersion": "bogus"}, "ERROR SystemVerification",
     'couldn\'t get kubelet version: Unable to parse output from Kubelet: "Kubernetes bogus"'),
    ({"cgroupControllers": ["cpu", "cpuset", "devices", "freezer", "pids"]}, "ERROR SystemVerification",
     "missing required cgroups: memory"),
    ({"os": "Darwin"}, "ERROR SystemVerification", "unsupported operating system: Darwin"),
    ({"swap": True}, "WARNING Swap",
     "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to "
     "https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node"),
    ({"resolves": False}, "WARNING Hostname", 'hostname "control-plane" could not be reached'),
    ({"initSystem": ""}, "WARNING Service-kubelet",
     "no supported init system detected, skipping checking for services"),
    ({"services": {"kubelet": {"enabled": False}}}, "WARNING Service-kubelet",
     "kubelet service is not enabled, please run 'systemctl enable kubelet.service'"),
    ({"services": {"firewalld": {"active": True}}}, "WARNING Firewalld",
     "firewalld is active, please ensure ports [6443 10250] are open or your cluster may not function correctly"),
    ({"proxy": "http://proxy.example.com:3128"}, "WARNING HTTPProxy",
     'Connection to "https://192.0.2.2" uses proxy "http://proxy.example.com:3128". If that is not intended, adjust '
     "your proxy settings"),
]  # fmt: skip


async def preflight(folder: Path, description: dict[str, Any], *options: str) -> tuple[int, list[str]]:
    host = FakeHost(folder)
    host.machine = described(description, host.machine)
    code, _, err = await kubeadm(host, "init", "phase", "preflight", *options)
    return code, err.splitlines()


@pytest.mark.parametrize(("description", "name", "text"), FAULTS)
async def test_is_the_fault_found(tmp_path: Path, description: dict[str, Any], name: str, text: str) -> None:
    code, lines = await preflight(tmp_path, description)
    assert f"\t[{name}]: {text}" in lines
    assert code == (1 if name.startswith("ERROR") else 0)


async def test_does_a_good_machine_pass_without_a_word(tmp_path: Path) -> None:
    assert await preflight(tmp_path, {}) == (0, [])


async def test_is_an_error_that_is_ignored_a_warning(tmp_path: Path) -> None:
    code, lines = await preflight(tmp_path, {"cpus": 1}, "--ignore-preflight-errors=NumCPU")
    assert code == 0
    assert lines == ["\t[WARNING NumCPU]: the number of available CPUs 1 is less than the required 2"]


async def test_is_the_holder_of_a_port_named(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.ports = {10250: 4711}
    _, _, err = await kubeadm(host, "init", "phase", "preflight")
    assert "\t[ERROR Port-10250]: Port 10250 is in use by pid 4711\n" in err


async def test_are_proxies_left_alone_where_they_are_told_to(tmp_path: Path) -> None:
    quiet = {"proxy": "http://p:1", "noProxy": "192.0.2.0/24,10.96.0.0/12"}
    assert await preflight(tmp_path, quiet) == (0, [])


async def test_is_an_image_that_cannot_be_pulled_a_fault(tmp_path: Path) -> None:
    host = FakeHost(tmp_path)
    host.runtime.refuse = "etcd"  # type: ignore[union-attr]  # a fake
    code, _, err = await kubeadm(host, "init", "phase", "preflight")
    assert code == 1
    assert "[ERROR ImagePull]: failed to pull image registry.k8s.io/etcd:3.6.8-0: rpc error: code = NotFound" in err


async def test_can_a_teacher_hand_out_a_machine(tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text("cpus: 1\nswap: true\nmissingPrograms: [losetup]\n")
    code, _, err = await kubeadm(FakeHost(tmp_path / "root"), "init", "--machine", str(file))
    assert code == 1
    assert re.findall(r"\[(\S+ \S+)\]", err) == ["WARNING Swap", "ERROR NumCPU", "ERROR FileExisting-losetup"]


@pytest.mark.parametrize("text", ["cpu: 1\n", "cpus: many\n", "[1]\n", "programs: [x]\n", "cpus: [\n"])
async def test_is_a_description_that_makes_no_sense_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text(text)
    code, _, err = await kubeadm(FakeHost(tmp_path / "root"), "init", "--machine", str(file))
    assert code == 1
    assert err.startswith(f"error: {file}: ")


async def test_does_the_recorded_bare_machine_fail_in_the_same_words(tmp_path: Path) -> None:
    recorded = next(output for command, output, _ in read("preflight.txt") if "errors=bogus" in command)
    host = FakeHost(tmp_path)
    host.runtime = None
    bare = {"kubeletVersion": "", "runtime": "absent", "resolves": False, "services": {"kubelet": {"enabled": False}}}
    host.machine = described({**bare, "files": {"/proc/sys/net/ipv4/ip_forward": "0"}}, host.machine)
    code, out, err = await kubeadm(host, "init", "phase", "preflight", "--ignore-preflight-errors=bogus")
    assert code == 1
    assert (out + err).replace("10.0.0.53:53", "<dns>") == recorded


def test_does_the_documentation_name_every_field() -> None:
    text = (Path(__file__).parents[2] / "docs" / "machines.md").read_text()
    for field in Machine.__struct_fields__:
        name = machine._camel(field)
        assert f"`{'missingPrograms' if name == 'programs' else name}`" in text
