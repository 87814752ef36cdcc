"""What does the server itself put into pods and what makes them, and what does it take out?"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import pytest

from minikube_edu.api.scheme import Scheme, builtin
from minikube_edu.kube_apiserver.context import Context, User
from minikube_edu.kube_apiserver.registry.strategies.apps import STRATEGIES as APPS
from minikube_edu.kube_apiserver.registry.strategies.batch import STRATEGIES as BATCH
from minikube_edu.kube_apiserver.registry.strategies.workloads import STRATEGIES as CORE
from minikube_edu.kube_apiserver.registry.strategy import Strategy
from tests.api.asking import made, read
from tests.api.test_pod_validation import POD
from tests.api.test_workload_validation import DAEMON_SET, DEPLOYMENT, JOB

TABLES: dict[str, dict[str, type[Strategy]]] = {"": CORE, "apps": APPS, "batch": BATCH}


@cache
def scheme() -> Scheme:
    return builtin()


def strategy(group: str, name: str) -> tuple[Strategy, Context]:
    resource = scheme().resources[group, "v1", name]
    return TABLES[group][resource.kind](resource), Context(User("me"), "create", resource, "default", "p")


def created(obj: dict[str, Any], group: str, name: str) -> tuple[dict[str, Any], Context]:
    new, (rules, context) = read(obj), strategy(group, name)
    rules.prepare_create(new, context)
    rules.canonicalize(new)
    return new, context


def test_is_the_status_of_a_new_pod_the_servers_own() -> None:
    pod, _ = created(made(POD, status={"phase": "Running", "podIP": "192.0.2.3"}), "", "pods")
    assert pod["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
    assert pod["metadata"]["generation"] == 1


def test_does_a_gated_pod_say_why_it_waits() -> None:
    pod, _ = created(made(POD, spec__schedulingGates=[{"name": "x"}]), "", "pods")
    assert pod["status"]["conditions"][0]["reason"] == "SchedulingGated"


def test_do_keys_to_match_become_conditions_on_this_pods_labels() -> None:
    constraint = {
        "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "x"}}, "matchLabelKeys": ["pod-template-hash"],
    }  # fmt: skip
    labels = {"app": "x", "pod-template-hash": "1"}
    pod, _ = created(made(POD, metadata__labels=labels, spec__topologySpreadConstraints=[constraint]), "", "pods")
    assert pod["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"] == [
        {"key": "pod-template-hash", "operator": "In", "values": ["1"]}
    ]


def test_does_an_old_apparmor_annotation_become_the_field_with_a_warning() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/c"
    pod, context = created(made(POD, metadata__annotations={key: "runtime/default"}), "", "pods")
    assert pod["spec"]["containers"][0]["securityContext"] == {"appArmorProfile": {"type": "RuntimeDefault"}}
    assert context.warnings == [
        f'metadata.annotations[{key}]: deprecated since v1.30; use the "appArmorProfile" field instead'
    ]


def test_are_fields_that_are_switched_off_dropped() -> None:
    pod, _ = created(made(POD, spec__containers__0__lifecycle={"stopSignal": "SIGTERM"}), "", "pods")
    assert "lifecycle" not in pod["spec"]["containers"][0]


@pytest.mark.parametrize(
    ("changes", "asked", "expected"),
    [
        ({}, None, 0),
        ({"spec__nodeName": "n"}, None, 30),
        ({"spec__nodeName": "n"}, 5, 5),
        ({"spec__nodeName": "n"}, -5, 1),
        ({"spec__nodeName": "n", "status": {"phase": "Failed"}}, None, 0),
    ],
)
def test_how_long_has_a_pod_to_stop(changes: dict[str, Any], asked: int | None, expected: int) -> None:
    rules, _ = strategy("", "pods")
    assert rules.grace_period(read(made(POD, **changes)), asked) == expected


def test_may_a_kubelet_touch_owners_or_forget_the_class_of_service() -> None:
    rules, context = strategy("", "pods")
    owner = [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "1"}]
    old = read(made(POD, metadata__ownerReferences=owner, status={"phase": "Pending", "qosClass": "BestEffort"}))
    new = read(made(POD, spec__containers__0__image="other", status={"phase": "Running"}))
    rules.prepare_status(new, old, context)
    assert new["metadata"]["ownerReferences"] == owner
    assert new["spec"] == old["spec"]
    assert new["status"] == {"phase": "Running", "qosClass": "BestEffort"}


def test_does_a_resize_change_amounts_alone() -> None:
    rules, context = strategy("", "pods")
    context.subresource = "resize"
    old = read(POD)
    new = read(made(
        POD, metadata__labels={"a": "b"}, spec__containers__0__image="other",
        spec__containers__0__resources={"requests": {"cpu": "1"}},
    ))  # fmt: skip
    rules.prepare_update(new, old, context)
    assert new["spec"]["containers"][0]["image"] == "i"
    assert new["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "1"}}
    assert "labels" not in new["metadata"]


def test_what_counts_as_a_new_generation_of_a_deployment() -> None:
    rules, context = strategy("apps", "deployments")
    old = read(made(DEPLOYMENT, metadata__generation=4))
    for changes, expected in (
        ({}, 4),
        ({"metadata__labels": {"a": "b"}}, 4),
        ({"metadata__annotations": {"a": "b"}}, 5),
        ({"spec__replicas": 3}, 5),
    ):
        new = read(made(DEPLOYMENT, **changes))
        rules.prepare_update(new, old, context)
        assert new["metadata"]["generation"] == expected, changes


def test_is_the_template_of_a_daemon_set_numbered() -> None:
    key = "deprecated.daemonset.template.generation"
    old, context = created(DAEMON_SET, "apps", "daemonsets")
    assert old["metadata"]["annotations"] == {key: "1"}
    rules, context = strategy("apps", "daemonsets")
    new = read(made(DAEMON_SET, spec__template__spec__containers__0__image="other"))
    rules.prepare_update(new, copy.deepcopy(old), context)
    assert new["metadata"]["annotations"] == {key: "2"}


def test_are_selector_and_labels_of_a_job_made_from_its_uid() -> None:
    bare = made(JOB, spec__selector=None, spec__template__metadata={})
    job, _ = created(bare, "batch", "jobs")
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert job["spec"]["template"]["metadata"]["labels"] == JOB["spec"]["template"]["metadata"]["labels"]
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"]
    own, _ = created(made(bare, spec__manualSelector=True), "batch", "jobs")
    assert "selector" not in own["spec"]
