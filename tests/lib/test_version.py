"""Which Kubernetes a program says it is, and where that comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.container_runtime.simulated import seat_world
from minikube_edu.kube_apiserver import version as of_server
from minikube_edu.lib import packages, version


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("registry.k8s.io/kube-apiserver:v1.35.6", "v1.35.6"),
        ("my.registry:5000/kube-scheduler:v1.36.0-rc.1@sha256:00", "v1.36.0-rc.1"),
        ("registry.k8s.io/etcd:3.6.8-0", "3.6.8-0"),
        ("my.registry:5000/kube-scheduler", ""),
        ("kube-scheduler:latest", ""),
    ],
)
def test_an_images_tag_is_the_version_where_it_is_one(image: str, tag: str) -> None:
    assert version.of_image(image) == tag


def test_a_server_of_an_older_image_says_so_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(version.VARIABLE, "v1.35.6")
    told = of_server.info()
    assert (told["major"], told["minor"], told["gitVersion"]) == ("1", "35", "v1.35.6")
    assert (told["emulationMinor"], told["minCompatibilityMinor"]) == ("35", "34")
    assert b'git_version="v1.35.6"' in version.metric()
    assert version.agent("kube-scheduler", "scheduler").startswith("kube-scheduler/v1.35.6 (linux/amd64) ")


def test_no_version_told_is_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(version.VARIABLE, "")  # an image whose tag says nothing
    assert version.running() == version.KUBERNETES


def test_the_file_of_packages_survives_being_written_and_read(tmp_path: Path) -> None:
    file = tmp_path / "etc/packages"
    assert packages.read(file) == {}
    assert packages.kubelet(file) == ""
    packages.set_kubelet(file, version.KUBERNETES)
    assert not file.exists(), "what is there anyway needs no file"
    packages.set_kubelet(file, "v1.35.6")
    held = packages.Package("kubeadm", "1.36.3-1.1", held=True)
    packages.write(file, [*packages.read(file).values(), held])
    assert packages.read(file)["kubeadm"] == held
    assert packages.kubelet(file) == "v1.35.6"


def test_a_file_that_is_damaged_means_nothing(tmp_path: Path) -> None:
    file = tmp_path / "packages"
    file.write_bytes(b"\xff\xfe kubelet\n\nkubelet\n")
    assert packages.read(file) == {}


def test_a_seat_tells_its_version_in_its_container_too() -> None:
    assert seat_world.version_line("registry.k8s.io/kube-apiserver:v1.35.6", "kube-apiserver") == "Kubernetes v1.35.6"
    assert seat_world.version_line("registry.k8s.io/etcd:3.6.6-0", "etcd") == "etcd Version: 3.6.6"


def test_a_program_in_a_simulated_container_is_its_images_version() -> None:
    old = version.of_program_in("registry.k8s.io/kube-proxy:v1.35.6")
    assert b'git_version="v1.35.6"' in version.metric(old)
    assert version.agent("kube-proxy", version=old).startswith("kube-proxy/v1.35.6 ")
    assert version.of_program_in("kube-proxy:mine") == version.KUBERNETES


def test_a_package_whose_version_is_none_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "packages"
    file.write_text("kubeadm nonsense\nkubectl 1.35.2-1.1 hold\n")
    assert packages.program(file, "kubeadm") == ""
    assert packages.program(file, "kubectl") == "v1.35.2"


def test_the_newest_release_of_a_series() -> None:
    assert packages.latest((1, 35)) == "v1.35.6"
    assert packages.latest((1, 36)) == version.KUBERNETES
    assert packages.latest((1, 20)) == ""
