"""Recorded sessions of commands that need no cluster: flags, configurations, certificates, checks."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from minikube_edu.kubeadm.machine import described
from tests.kubeadm import transcripts
from tests.kubeadm.fake_host import FakeHost, kubeadm

# Where we differ, and know it: our default keys are ECDSA (constants.ALGORITHM says why), our version is of another
# program, and the newest version is not asked of the Internet.
DIFFERENT = re.compile(r"^kubeadm version: .*|^W.*(dl\.k8s\.io|falling back to the local client).*\n", re.MULTILINE)
BARE = {
    "hostname": "vm",
    "address": "192.0.2.2",
    "kubeletVersion": "",
    "runtime": "absent",
    "resolves": False,
    "services": {"kubelet": {"enabled": False}},
    "files": {"/proc/sys/net/ipv4/ip_forward": "0"},
}


def configurations(folder: Path) -> None:
    """The files that the recorded commands name."""
    for command, text, _ in transcripts.read("config.txt"):
        if command.startswith("cat "):
            filled = text.replace("<server>", "192.0.2.2:6443").replace("<hash>", "0" * 64)
            (folder / command.removeprefix("cat ")).write_text(filled)


def likened(text: str) -> str:
    text = DIFFERENT.sub("", text)
    text = re.sub(r"dryrun[0-9a-z_]+", "dryrun<id>", text)
    text = re.sub(r"^([WI])[0-9]{4} [0-9:.]+ +[0-9]+ (\S+?):[0-9]+\]", r"\1<time> \2:<line>]", text, flags=re.M)
    text = re.sub(r"[A-Z][a-z]{2} [0-9]{2}, [0-9]{4} [0-9:]{5} UTC", "Mmm DD, YYYY hh:mm UTC", text)
    text = re.sub(r"(-data: )\S+", r"\1<pem>", text)
    text = re.sub(r"(  token: )\S+", r"\1<token>", text)
    text = re.sub(r"encryptionAlgorithm: \S+", "encryptionAlgorithm: <algorithm>", text)
    text = re.sub(r" controlPlaneComponentHealthCheck: 0s", " controlPlaneComponentHealthCheck: 4m0s", text)
    return text.replace("10.0.0.53:53", "<dns>").rstrip("\n")


def commands(name: str) -> Iterator[tuple[str, str, int]]:
    for command, output, code in transcripts.read(name):
        if command.startswith("kubeadm ") and not re.search(r"[|>;]", command):
            yield command, output, code


async def same(folder: Path, command: str, expected: str, expected_code: int, **machine: object) -> None:
    host = FakeHost(folder / "root")
    host.runtime = None
    host.machine = described({**BARE, **machine}, host.machine)
    code, out, err = await kubeadm(host, *shlex.split(command)[1:])
    assert sorted(likened(out + err).splitlines()) == sorted(likened(expected).splitlines())
    assert code == expected_code


@pytest.mark.parametrize(("command", "output", "code"), list(commands("config.txt")))
async def test_is_a_configuration_read_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, output: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    configurations(tmp_path)
    await same(tmp_path, command, output, code)


# The recording cuts the dry run of v1.37.0 short; the machine of two of them had a name that DNS knew.
FLAGS = [one for one in commands("flags.txt") if "v1.37.0" not in one[0] and "unknown.yaml" not in one[0]]


@pytest.mark.parametrize(("command", "output", "code"), FLAGS)
async def test_are_flags_and_wrong_words_answered_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, output: str, code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    configurations(tmp_path)
    await same(tmp_path, command, output, code)


async def test_does_the_recorded_life_of_certificates_come_out_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    configurations(tmp_path)
    pki = tmp_path / "root/etc/kubernetes/pki"
    lost = "kubeadm certs renew all --config certs.yaml"
    seen: list[str] = []
    key = tmp_path / "ca.key"
    for command, output, code in commands("certs.txt"):
        asked_a_cluster = "Reading configuration from" in output
        if asked_a_cluster or "generate-csr" in command or "-o bogus" in command or command == "kubeadm certs renew":
            continue
        if command == lost and lost in seen:
            (tmp_path / "root/etc/kubernetes/scheduler.conf").unlink()
        if "Detected external ca" in output:
            await kubeadm(FakeHost(tmp_path / "root"), "init", "phase", "kubeconfig", "scheduler")
            key = (pki / "ca.key").rename(tmp_path / "ca.key")
        if "kubeconfig user" in command and not (pki / "ca.key").exists():
            key.rename(pki / "ca.key")
        seen.append(command)
        await same(tmp_path, command, output, code)
