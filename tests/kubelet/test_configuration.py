"""Flags and the configuration file."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.kubelet import configuration
from minikube_edu.kubelet.flags import over, parser

KUBEADM = """
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {anonymous: {enabled: false}, webhook: {cacheTTL: 0s, enabled: true}}
clusterDNS: [10.96.0.10]
imageMinimumGCAge: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
staticPodPath: /etc/kubernetes/manifests
syncFrequency: 0s
crashLoopBackOff: {}
"""


def test_zero_means_the_default(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(KUBEADM)
    found = configuration.with_defaults(configuration.load(str(path)))
    assert found["syncFrequency"] == "1m0s"
    assert found["imageMinimumGCAge"] == "2m0s"
    assert found["authentication"]["webhook"] == {"enabled": True, "cacheTTL": "2m0s"}
    assert found["clusterDNS"] == ["10.96.0.10"]
    assert found["evictionHard"]["memory.available"] == "100Mi"
    assert found["nodeStatusReportFrequency"] == "5m0s"
    assert configuration.problems(found) == []
    assert configuration.seconds(found, "crashLoopBackOff", "maxContainerRestartPeriod") == 300


def test_flags_win_over_the_file_and_drop_ins_over_it(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(KUBEADM)
    (tmp_path / "d").mkdir()
    head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n"
    (tmp_path / "d" / "10-more.conf").write_text(f"{head}maxPods: 50\nport: 10350\n")
    words = ["--max-pods=70", "--fail-swap-on=false", "--eviction-hard=memory.available<5%", "-v=2"]
    words += ["--pod-infra-container-image=registry.k8s.io/pause:3.10.1", "--hostname-override=control-plane"]
    options = parser().parse_args([*words, "--register-with-taints=a=b:NoSchedule,c:NoExecute"])
    found = configuration.with_defaults(over(configuration.load(str(path), str(tmp_path / "d")), options))
    assert found["maxPods"] == 70
    assert found["port"] == 10350
    assert found["failSwapOn"] is False
    assert found["evictionHard"] == {"memory.available": "5%"}
    assert found["registerWithTaints"] == [
        {"key": "a", "value": "b", "effect": "NoSchedule"},
        {"key": "c", "effect": "NoExecute"},
    ]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ({"maxPods": -1}, "maxPods (--max-pods) -1 must not be a negative number"),
        (
            {"imageGCLowThresholdPercent": 90},
            "imageGCLowThresholdPercent (--image-gc-low-threshold) 90 must be less than imageGCHighThresholdPercent "
            "(--image-gc-high-threshold) 85",
        ),
        (
            {"shutdownGracePeriodCriticalPods": "10s"},
            "shutdownGracePeriodCriticalPods 10s must be <= shutdownGracePeriod 0s",
        ),
        (
            {"evictionSoft": {"memory.available": "1Gi"}},
            "grace period must be specified for the soft eviction threshold memory.available",
        ),
    ],
)
def test_what_makes_no_sense_is_named(told: dict[str, object], problem: str) -> None:
    found = configuration.problems(configuration.with_defaults(told))
    assert found == [f"invalid configuration: {problem}"]


def test_what_is_no_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    with pytest.raises(configuration.BadConfiguration, match="no such file or directory"):
        configuration.load(str(path))
    path.write_text("kind: Pod")
    with pytest.raises(configuration.BadConfiguration, match="no kind"):
        configuration.load(str(path))


def test_an_unknown_flag_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--nonsense=1"])
    assert "unknown flag: --nonsense" in capsys.readouterr().err
