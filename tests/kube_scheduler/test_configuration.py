"""What can be said in a KubeSchedulerConfiguration, and what is said about mistakes in it?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.kube_scheduler import configuration
from minikube_edu.kube_scheduler.configuration import API_VERSION, KIND, Configuration


def parse(**more: Any) -> Configuration:
    return configuration.parse({"apiVersion": API_VERSION, "kind": KIND, **more})


def test_the_defaults_are_the_real_ones() -> None:
    found = parse()
    (profile,) = found.profiles
    assert profile.scheduler_name == "default-scheduler"
    weights = {
        "TaintToleration": 3,
        "NodeAffinity": 2,
        "NodeResourcesFit": 1,
        "PodTopologySpread": 2,
        "InterPodAffinity": 2,
        "NodeResourcesBalancedAllocation": 1,
        "ImageLocality": 1,
    }
    assert profile.weights() == weights
    assert list(profile.enabled["filter"]) == [
        "NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit",
        "VolumeRestrictions", "NodeVolumeLimits", "VolumeBinding", "VolumeZone", "PodTopologySpread",
        "InterPodAffinity", "DynamicResources",
    ]  # fmt: skip
    assert list(profile.enabled["postFilter"]) == ["DynamicResources", "DefaultPreemption"]
    assert (found.initial_backoff, found.max_backoff, found.percentage_of_nodes_to_score) == (1.0, 10.0, 0)


def test_a_point_takes_precedence_over_multi_point() -> None:
    plugins = {
        "multiPoint": {"disabled": [{"name": "ImageLocality"}], "enabled": [{"name": "NodeAffinity", "weight": 9}]},
        "score": {"disabled": [{"name": "TaintToleration"}], "enabled": [{"name": "NodeResourcesFit", "weight": 5}]},
        "filter": {"disabled": [{"name": "*"}]},
    }
    (profile,) = parse(profiles=[{"plugins": plugins}]).profiles
    assert next(iter(profile.enabled["score"].items())) == ("NodeResourcesFit", 5)
    assert profile.weights()["NodeAffinity"] == 9
    assert "TaintToleration" not in profile.enabled["score"]
    assert "ImageLocality" not in profile.enabled["score"]
    assert not profile.enabled["filter"]
    assert "TaintToleration" in configuration.default().profiles[0].enabled["filter"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"profiles": [{}, {}]}, 'profiles[1].schedulerName: Duplicate value: "default-scheduler"'),
        ({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        ({"podInitialBackoffSeconds": 20}, "podMaxBackoffSeconds: Invalid value: 10: must be greater than or equal to"),
        ({"profiles": [{"plugins": {"filter": {"enabled": [{"name": "X"}]}}}]}, 'plugin "X" does not exist'),
        ({"profiles": [{"plugins": {"bind": {"disabled": [{"name": "*"}]}}}]}, "at least one bind plugin is needed"),
        ({"extenders": [{"filterVerb": "f"}]}, "extenders[0].urlPrefix: Required value"),
        (
            {"extenders": [{"urlPrefix": "http://x", "bindVerb": "b"}] * 2},
            "found 2 extenders implementing bind: only one is allowed",
        ),
        ({"profile": []}, 'strict decoding error: unknown field "profile"'),
        ({"kind": "Other"}, 'no kind "Other" is registered for version'),
    ],
)
def test_mistakes_are_named(more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse(**more)
    assert message in str(caught.value)
