"""apt-get, apt, apt-mark, apt-cache, dpkg in a node's shell: what they say of Kubernetes' packages, and no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.cluster.service_tools import apt, dpkg
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
    assert "The following packages have been kept back:\n  kubelet\n" in capsys.readouterr().out
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


@pytest.mark.parametrize("word", ["kubelet=1.30.1-1.1", "cri-tools=1.35.0-1.1"])
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


def test_installing_one_package_says_nothing_of_the_others(tmp_path: Path) -> None:
    """A kubelet that nobody has chosen is as old as its control plane."""
    apt.install(tmp_path / "packages", "install", ["kubeadm=1.35.6-*"], {"-y", "--allow-downgrades"})
    assert list(packages.read(tmp_path / "packages")) == ["kubeadm"]
    apt.mark(tmp_path / "packages", "hold", ["kubeadm"])
    assert packages.read(tmp_path / "packages") == {"kubeadm": Package("kubeadm", "1.35.6-1.1", True)}


def test_a_list_of_what_is_installed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert apt.is_ours("apt", "list", [])
    apt.list_all(file, [], {"--installed"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Listing..."
    assert "kubeadm/unknown,now 1.36.3-1.1 amd64 [installed]" in lines
    assert "kubelet/unknown,now 1.35.6-1.1 amd64 [installed,upgradable to: 1.36.3-1.1]" in lines
    apt.list_all(file, ["kube*"], {"--upgradable"})
    assert capsys.readouterr().out == "Listing...\nkubelet/unknown 1.36.3-1.1 amd64 [upgradable from: 1.35.6-1.1]\n"
    apt.list_all(file, ["kubelet"], {"-a"})
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["kubelet/unknown 1.36.3-1.1 amd64", "kubelet/unknown 1.36.2-1.1 amd64"]


# -- dpkg ------------------------------------------------------------------------------------------------------------


def test_dpkgs_list_looks_as_debians(file: Path) -> None:
    """Its first three lines and the widths are those that Debian's dpkg 1.21 prints into a pipe."""
    apt.mark(file, "hold", ["kubelet"])
    found = dpkg.chosen(file, ["kubelet", "kubeadm", "kubectl"])
    assert dpkg.table(found) == (
        "||/ Name           Version      Architecture Description\n"
        f"+++-{'=' * 14}-{'=' * 12}-{'=' * 12}-{'=' * 62}\n"
        "ii  kubeadm        1.36.3-1.1   amd64        Command-line utility for administering a Kubernetes cluster\n"
        "ii  kubectl        1.36.3-1.1   amd64        Command-line utility for interacting with a Kubernetes cluster\n"
        "hi  kubelet        1.35.6-1.1   amd64        Node agent for Kubernetes clusters\n"
    )
    for line in dpkg.table(found, 80).splitlines():
        assert len(line) <= 80


def test_dpkg_tells_a_packages_status(file: Path) -> None:
    [one] = dpkg.chosen(file, ["kubelet"])
    text = dpkg.status(one)
    assert text.startswith("Package: kubelet\nStatus: install ok installed\nPriority: optional\n")
    assert "\nVersion: 1.35.6-1.1\n" in text
    apt.mark(file, "hold", ["kubelet"])
    [one] = dpkg.chosen(file, ["kubelet"])
    assert "\nStatus: hold ok installed\n" in dpkg.status(one)


@pytest.mark.parametrize(("name", "tabs"), [("kubelet", 6), ("cri-tools", 5), ("kubernetes-cni", 5)])
def test_dpkgs_selections_are_aligned_by_tabs(name: str, tabs: int) -> None:
    assert dpkg.selection(Package(name, "1-1", True)) == name + "\t" * tabs + "hold\n"


def test_patterns_choose_what_is_meant(file: Path) -> None:
    assert [one.name for one in dpkg.chosen(file, ["kube*"])] == ["kubeadm", "kubectl", "kubelet", "kubernetes-cni"]
    assert len(dpkg.chosen(file, [])) == 5
