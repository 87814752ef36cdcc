"""Deployments, sets, jobs, autoscalers, budgets: are the typical mistakes told in the real words?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import advice, complaints, made, update_complaints

TEMPLATE: dict[str, Any] = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTOR: dict[str, Any] = {"matchLabels": {"a": "b"}}


def of(api_version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "d", "uid": "u"}, "spec": spec}


DEPLOYMENT = of("apps/v1", "Deployment", {"selector": SELECTOR, "template": TEMPLATE})
REPLICA_SET = of("apps/v1", "ReplicaSet", {"selector": SELECTOR, "template": TEMPLATE})
DAEMON_SET = of("apps/v1", "DaemonSet", {"selector": SELECTOR, "template": TEMPLATE})
STATEFUL_SET = of("apps/v1", "StatefulSet", {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "s"})
CONTROLLER = of("v1", "ReplicationController", {"template": TEMPLATE})
_LABELS = {"controller-uid": "u", "job-name": "d"}
_LABELS |= {f"batch.kubernetes.io/{key}": value for key, value in _LABELS.items()}
JOB = of("batch/v1", "Job", {
    "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}},
    "template": {"metadata": {"labels": _LABELS}, "spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}},
})  # fmt: skip
CRON_JOB = of("batch/v1", "CronJob", {
    "schedule": "0 0 1 1 *",
    "jobTemplate": {"spec": {"template": {"spec": {**TEMPLATE["spec"], "restartPolicy": "Never"}}}},
})  # fmt: skip
SCALER = of("autoscaling/v2", "HorizontalPodAutoscaler", {
    "maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
})  # fmt: skip
BUDGET = of("policy/v1", "PodDisruptionBudget", {"minAvailable": 1, "selector": SELECTOR})
ALL = (DEPLOYMENT, REPLICA_SET, DAEMON_SET, STATEFUL_SET, CONTROLLER, JOB, CRON_JOB, SCALER, BUDGET)
MISMATCH = "`selector` does not match template `labels`"


@pytest.mark.parametrize("obj", ALL, ids=lambda obj: str(obj["kind"]))
def test_is_the_plain_object_fine_and_free_to_stay_as_it_is(obj: dict[str, Any]) -> None:
    assert complaints(obj) == []
    assert update_complaints(obj, obj) == []
    assert update_complaints(obj, obj, "status") == []
    assert advice(obj) == []


@pytest.mark.parametrize(
    ("obj", "changes", "expected"),
    [
        (
            DEPLOYMENT,
            {"spec__selector": None},
            [
                "spec.selector: Required value",
                f'spec.template.metadata.labels: Invalid value: {{"a":"b"}}: {MISMATCH}',
            ],
        ),
        (
            DEPLOYMENT,
            {"spec__strategy": {"type": "BlueGreen"}},
            [
                'spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: '
                '"Recreate", "RollingUpdate"'
            ],
        ),
        (
            DEPLOYMENT,
            {"spec__strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}},
            [
                'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0'
            ],
        ),
        (
            DEPLOYMENT,
            {"spec__template__spec__restartPolicy": "Never"},
            ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
        ),
        (
            REPLICA_SET,
            {"spec__selector": {}},
            ["spec.selector: Invalid value: {}: empty selector is invalid for deployment"],
        ),
        (
            DAEMON_SET,
            {"spec__updateStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}}},
            [
                "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is "
                "non-zero"
            ],
        ),
        (
            STATEFUL_SET,
            {"spec__podManagementPolicy": "Random"},
            ['spec.podManagementPolicy: Invalid value: "Random": must be \'OrderedReady\' or \'Parallel\''],
        ),
        (CONTROLLER, {"spec__template": None}, ["spec.selector: Required value", "spec.template: Required value"]),
        (
            JOB,
            {"spec__template__spec__restartPolicy": "Always"},
            ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
        ),
        (
            JOB,
            {"spec__template__metadata__labels__job-name": "other"},
            [
                "spec.template.metadata.labels[job-name]: Invalid value: "
                '{"batch.kubernetes.io/controller-uid":"u","batch.kubernetes.io/job-name":"d","controller-uid":"u",'
                "\"job-name\":\"other\"}: must be 'd'"
            ],
        ),
        (
            JOB,
            {"spec__completionMode": "Indexed", "spec__completions": 3,
             "spec__successPolicy": {"rules": [{"succeededIndexes": "0-1", "succeededCount": 3}]}},
            [
                "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 "
                "(the number of indexes in the specified succeededIndexes field)"
            ],
        ),
        (
            JOB,
            {"spec__podFailurePolicy": {"rules": [{"action": "Ignore"}]}},
            [
                "spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is "
                "required"
            ],
        ),
        (
            CRON_JOB,
            {"spec__schedule": "61 0 1 1 *"},
            ['spec.schedule: Invalid value: "61 0 1 1 *": end of range (61) above maximum (59): 61'],
        ),
        (
            CRON_JOB,
            {"spec__timeZone": "Mars/Olympus"},
            ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
        ),
        (
            CRON_JOB,
            {"metadata__name": "a" * 53},
            [f'metadata.name: Invalid value: "{"a" * 53}": must be no more than 52 characters'],
        ),
        (
            SCALER,
            {"spec__minReplicas": 5},
            ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
        ),
        (
            SCALER,
            {"spec__scaleTargetRef": {"kind": "Deployment", "name": "d"}},
            ['spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group'],
        ),
        (
            SCALER,
            {"spec__metrics": [{"type": "Resource"}]},
            ["spec.metrics[0].resource: Required value: must populate information for the given metric source"],
        ),
        (
            SCALER,
            {"spec__behavior": {"scaleDown": {"policies": []}}},
            ["spec.behavior.scaleDown.policies: Required value: must specify at least one Policy"],
        ),
        (
            BUDGET,
            {"spec__maxUnavailable": 1},
            [
                'spec: Invalid value: {"MinAvailable":1,"Selector":{"matchLabels":{"a":"b"}},"MaxUnavailable":1,'
                '"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set'
            ],
        ),
        (
            BUDGET,
            {"spec__minAvailable": "120%"},
            ['spec.minAvailable: Invalid value: "120%": must not be greater than 100%'],
        ),
    ],
)  # fmt: skip
def test_what_is_said_about_a_mistake(obj: dict[str, Any], changes: dict[str, Any], expected: list[str]) -> None:
    assert complaints(made(obj, **changes)) == expected


@pytest.mark.parametrize("data", [None, "text"])
def test_must_the_data_of_a_revision_be_an_object(data: str | None) -> None:
    revision = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "c"}, "revision": 1}
    text = "data is mandatory" if data is None else "data must be a valid JSON object"
    assert complaints(revision | ({} if data is None else {"data": data})) == [f"data: Required value: {text}"]


# ---------------------------------------------------------------- updates


@pytest.mark.parametrize("obj", [DEPLOYMENT, REPLICA_SET, DAEMON_SET], ids=lambda obj: str(obj["kind"]))
def test_is_a_selector_for_ever(obj: dict[str, Any]) -> None:
    new = made(obj, spec__selector={"matchLabels": {"x": "y"}}, spec__template__metadata__labels={"x": "y"})
    assert update_complaints(obj, new) == [
        'spec.selector: Invalid value: {"matchLabels":{"x":"y"}}: field is immutable'
    ]


def test_what_of_a_stateful_set_may_change() -> None:
    assert update_complaints(STATEFUL_SET, made(STATEFUL_SET, spec__replicas=3)) == []
    [message] = update_complaints(STATEFUL_SET, made(STATEFUL_SET, spec__serviceName="other"))
    assert message.startswith("spec: Forbidden: updates to statefulset spec for fields other than 'replicas',")


def test_is_the_template_of_a_running_job_fixed_and_that_of_a_suspended_one_not_quite() -> None:
    image = {"spec__template__spec__containers__0__image": "other"}
    [message] = update_complaints(JOB, made(JOB, **image))
    assert message.startswith('spec.template: Invalid value: {"labels":{')
    assert message.endswith('"SchedulingGroup":null}}: field is immutable')
    suspended = made(JOB, spec__suspend=True)
    [message] = update_complaints(suspended, made(suspended, **image))
    assert message.startswith('spec.template.spec: Invalid value: {"Volumes":null,')
    sized = made(suspended, spec__template__spec__containers__0__resources={"requests": {"cpu": "1"}})
    placed = made(sized, spec__template__spec__nodeSelector={"disk": "ssd"})
    assert update_complaints(suspended, placed) == []


def test_may_the_completions_of_an_indexed_job_follow_its_parallelism() -> None:
    indexed = made(JOB, spec__completionMode="Indexed", spec__completions=3, spec__parallelism=3)
    assert update_complaints(indexed, made(indexed, spec__completions=5, spec__parallelism=5)) == []
    assert update_complaints(indexed, made(indexed, spec__completions=5)) == [
        "spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism"
    ]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"failed": 2}, {"failed": 1}, ["status.failed: Invalid value: 1: cannot decrease the failed counter"]),
        (
            {},
            {"conditions": [{"type": "Complete", "status": "True"}], "completionTime": "2026-01-01T00:00:00Z"},
            [
                "status.conditions: Invalid value: cannot set Complete=True condition without the "
                "SuccessCriteriaMet=true condition",
                "status.startTime: Required value: startTime is required for finished job",
            ],
        ),
        (
            {},
            {"completedIndexes": "0,1"},
            [
                'status.completedIndexes: Invalid value: "0,1": error parsing completedIndexes: too large index: "1"',
                'status.completedIndexes: Invalid value: "0,1": cannot set non-empty completedIndexes when '
                "non-indexed completion mode",
            ],
        ),
    ],
)
def test_does_the_status_of_a_job_only_move_forward(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    assert update_complaints(made(JOB, status=before), made(JOB, status=after), "status") == expected


def test_are_the_counts_of_a_deployment_consistent() -> None:
    status = {"replicas": 1, "readyReplicas": 2, "availableReplicas": 3}
    at = "status."
    assert update_complaints(DEPLOYMENT, made(DEPLOYMENT, status=status), "status") == [
        f"{at}readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        f"{at}availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
        f"{at}availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
    ]


def test_is_a_name_with_dots_advised_against_where_pods_are_named_by_it() -> None:
    [text] = advice(made(DEPLOYMENT, metadata__name="a.b"))
    assert text.startswith("metadata.name: this is used in Pod names and hostnames,")
    assert advice(made(DAEMON_SET, metadata__name="a.b")) == []
