"""What is filled in, and what do both versions of an autoscaler say to each other?"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api.conversion import convert
from minikube_edu.api.images import parse, pull_policy
from minikube_edu.api.qos import qos_class
from tests.api.asking import made, read
from tests.api.test_pod_validation import POD
from tests.api.test_workload_validation import DAEMON_SET, DEPLOYMENT, JOB, SCALER


def test_what_does_the_smallest_pod_get() -> None:
    assert read(POD)["spec"] == {
        "containers": [
            {
                "name": "c",
                "image": "i",
                "resources": {},
                "imagePullPolicy": "Always",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "enableServiceLinks": True,
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
        "schedulerName": "default-scheduler",
    }


def test_do_requests_follow_limits_in_a_pod_but_not_in_a_template() -> None:
    limits = {"limits": {"cpu": "1"}}
    assert read(made(POD, spec__containers__0__resources=limits))["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "1"},
        "requests": {"cpu": "1"},
    }
    template = read(made(DEPLOYMENT, spec__template__spec__containers__0__resources=limits))["spec"]["template"]
    assert template["spec"]["containers"][0]["resources"] == limits


def test_do_the_ports_of_the_host_follow_on_its_network() -> None:
    pod = made(POD, spec__hostNetwork=True, spec__containers__0__ports=[{"containerPort": 80}])
    assert read(pod)["spec"]["containers"][0]["ports"] == [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("localhost:5000/team/app", "Always"),
        ("nginx@sha256:" + "a" * 64, "IfNotPresent"),
        ("not a name", "IfNotPresent"),
        ("Upper/case", "Always"),
    ],
)
def test_is_an_image_pulled_again(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


@given(
    st.from_regex(r"[a-z0-9]{1,8}(/[a-z0-9]{1,8}){0,2}", fullmatch=True),
    st.from_regex(r"\w[\w.-]{0,9}", fullmatch=True),
)
def test_is_every_plain_name_with_a_tag_understood(name: str, tag: str) -> None:
    if tag.isascii():
        assert parse(f"{name}:{tag}").tag == tag


def test_what_do_a_deployment_a_daemon_set_and_a_job_get() -> None:
    spec = read(DEPLOYMENT)["spec"]
    assert (spec["replicas"], spec["revisionHistoryLimit"], spec["progressDeadlineSeconds"]) == (1, 10, 600)
    assert spec["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
    }  # fmt: skip
    assert read(DAEMON_SET)["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}
    spec = read(JOB)["spec"]
    assert (spec["parallelism"], spec["completions"], spec["backoffLimit"]) == (1, 1, 6)
    assert "completions" not in read(made(JOB, spec__parallelism=2))["spec"]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
    ],
)
def test_which_class_of_service_is_it(resources: list[dict[str, Any]], expected: str) -> None:
    assert qos_class({"containers": [{"resources": one} for one in resources]}) == expected


# ---------------------------------------------------------------- autoscalers


def test_is_the_processor_target_a_field_in_version_1() -> None:
    old = convert(read(SCALER), "autoscaling/v1")
    assert old["spec"]["targetCPUUtilizationPercentage"] == 80
    assert "annotations" not in old["metadata"]
    assert convert(old, "autoscaling/v2")["spec"] == read(SCALER)["spec"]


def test_does_nothing_get_lost_on_the_way_through_version_1() -> None:
    rich = read(
        made(
            SCALER,
            metadata__annotations={"note": "x"},
            spec__metrics=[
                {"type": "Resource", "resource": {
                    "name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50},
                }},
                {"type": "Pods", "pods": {
                    "metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "5"},
                }},
                {"type": "Object", "object": {
                    "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "s"},
                    "metric": {"name": "hits"}, "target": {"type": "Value", "value": "10"},
                }},
                {"type": "External", "external": {
                    "metric": {"name": "queue", "selector": {"matchLabels": {"a": "b"}}},
                    "target": {"type": "AverageValue", "averageValue": "30"},
                }},
            ],
            spec__behavior={"scaleDown": {"stabilizationWindowSeconds": 60}},
        )
    )  # fmt: skip
    old = convert(rich, "autoscaling/v1")
    assert old["metadata"]["annotations"]["note"] == "x"
    back = convert(old, "autoscaling/v2")
    metrics = back["spec"].pop("metrics")
    assert sorted(metrics, key=str) == sorted(rich["spec"].pop("metrics"), key=str)
    assert back["spec"] == rich["spec"]
    assert back["metadata"]["annotations"] == {"note": "x"}
