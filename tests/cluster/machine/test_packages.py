"""apt-get, apt-mark, apt-cache in a node's shell: what they say of Kubernetes' packages, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.cluster.service_tools import apt
from minikube_edu.lib import packages
from minikube_edu.lib.packages import Package

OLD = Package("kubelet", "1.35.6-1.1")
YES = {"-y"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    packages.write(tmp_path / "packages", [OLD])
    return tmp_path / "packages"


@pytest.mark.parametrize("pattern", ["kubelet=1.36.3-1.1", "kubelet=1.36.3-*", "kubelet"])
def test_a_newer_kubelet_is_installed_as_it_is_typed(
    file: Path, pattern: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert apt.install(file, "install", [pattern], YES) == 0
    assert packages.kubelet(file) == "v1.36.3"
    out = capsys.readouterr().out
    assert "1 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n" in out
    assert "Unpacking kubelet (1.36.3-1.1) over (1.35.6-1.1) ...\nSetting up kubelet (1.36.3-1.1) ...\n" in out


def test_a_package_on_hold_stays_until_it_is_released(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apt.mark(file, "hold", ["kubelet"])
    apt.mark(file, "hold", ["kubelet"])
    assert capsys.readouterr().out == "kubelet set on hold.\nkubelet was already set on hold.\n"
    with pytest.raises(apt.Complaint, match="Held packages were changed and -y was used without --allow-change-held"):
        apt.install(file, "install", ["kubelet"], YES)
    assert packages.kubelet(file) == "v1.35.6"
    apt.install(file, "upgrade", [], YES)
    assert packages.kubelet(file) == "v1.35.6", "kept back"
    apt.mark(file, "showhold", [])
    apt.mark(file, "unhold", ["kubelet"])
    assert capsys.readouterr().out.endswith("kubelet\nCanceled hold on kubelet.\n")
    apt.install(file, "install", ["kubelet"], YES)
    assert packages.kubelet(file) == "v1.36.3"


def test_an_older_one_wants_to_be_allowed(file: Path) -> None:
    with pytest.raises(apt.Complaint, match="Packages were downgraded and -y was used without --allow-downgrades"):
        apt.install(file, "install", ["kubelet=1.35.2-*"], YES)
    apt.install(file, "install", ["kubelet=1.35.2-*"], {"-y", "--allow-downgrades"})
    assert packages.kubelet(file) == "v1.35.2"


@pytest.mark.parametrize("word", ["kubelet=1.30.1-1.1", "kubeadm=1.35.6-1.1"])
def test_a_version_that_there_is_not_is_not_found(file: Path, word: str) -> None:
    name, _, version = word.partition("=")
    with pytest.raises(apt.Complaint, match=f"Version '{version}' for '{name}' was not found"):
        apt.install(file, "install", [word], YES)


def test_the_newest_is_listed_first(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    apt.look(file, "madison", ["kubelet"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["kubelet", "|", "1.36.3-1.1"]
    assert any(line.split()[2] == "1.35.6-1.1" for line in lines)


def test_what_is_not_of_kubernetes_is_the_hosts() -> None:
    assert apt.is_ours("apt-get", "install", ["kubelet=1.36.3-1.1", "kubectl"])
    assert apt.is_ours("apt-get", "update", [])
    assert not apt.is_ours("apt-get", "install", ["kubelet", "tree"])
    assert not apt.is_ours("apt-get", "install", [])
    assert not apt.is_ours("apt-cache", "search", ["nginx"])
