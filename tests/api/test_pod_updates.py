"""What of a pod that exists may change, and what is said about the rest?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import made, update_complaints
from tests.api.test_pod_validation import POD

OLD = made(
    POD,
    metadata__uid="u1",
    spec__serviceAccountName="default",
    spec__containers__0__imagePullPolicy="Always",
    spec__containers__0__resources={"requests": {"cpu": "200m"}},
    spec__tolerations=[{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
    status={"phase": "Pending", "qosClass": "Burstable"},
)
CHANGEABLE = (
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
    "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


@pytest.mark.parametrize(
    "changes",
    [
        {"spec__containers__0__image": "new:2"},
        {"spec__activeDeadlineSeconds": 100},
        {"spec__tolerations": [*OLD["spec"]["tolerations"], {"key": "new", "operator": "Exists"}]},
        {"metadata__labels": {"a": "b"}},
    ],
)
def test_may_this_change(changes: dict[str, Any]) -> None:
    assert update_complaints(OLD, made(OLD, **changes)) == []


def test_is_the_difference_shown_when_something_else_changes() -> None:
    [message] = update_complaints(OLD, made(OLD, spec__containers__0__env=[{"name": "A", "value": "b"}]))
    assert message.startswith(CHANGEABLE + "@@ -10,7 +10,13 @@\n")
    assert '-   "Env": null,\n+   "Env": [\n+    {\n+     "Name": "A",\n+     "Value": "b",\n' in message


def test_is_the_host_network_a_part_of_the_security_context_there() -> None:
    [message] = update_complaints(OLD, made(OLD, spec__hostNetwork=True))
    assert '  "SecurityContext": {\n-  "HostNetwork": false,\n+  "HostNetwork": true,\n' in message.replace(
        ' "SecurityContext": {\n', '  "SecurityContext": {\n', 1
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            {},
            {"spec__tolerations": []},
            "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
        ),
        (
            {"spec__activeDeadlineSeconds": 100},
            {"spec__activeDeadlineSeconds": 200},
            "spec.activeDeadlineSeconds: Invalid value: 200: must be less than or equal to previous value",
        ),
        (
            {},
            {"spec__containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "i"}]},
            "spec.containers: Forbidden: pod updates may not add or remove containers",
        ),
        (
            {"spec__schedulingGates": [{"name": "a"}], "spec__nodeSelector": {"x": "y"}},
            {"spec__schedulingGates": [{"name": "a"}], "spec__nodeSelector": {"x": "z"}},
            'spec.nodeSelector: Invalid value: {"x":"z"}: only additions to spec.nodeSelector are allowed '
            "(no mutations or deletions)",
        ),
        (
            {},
            {"metadata__uid": "u2"},
            'metadata.uid: Invalid value: "u2": field is immutable',
        ),
    ],
)
def test_what_may_not_change(old: dict[str, Any], new: dict[str, Any], expected: str) -> None:
    assert update_complaints(made(OLD, **old), made(made(OLD, **old), **new)) == [expected]


def test_may_a_stored_fault_stay_when_the_update_is_about_something_else() -> None:
    """A selector that was let in when the rules were laxer does not keep its pod from getting another image."""
    term = {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}}
    lax = made(OLD, spec__affinity={"podAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{**term, "topologyKey": "zone"}]
    }})  # fmt: skip
    assert update_complaints(lax, made(lax, spec__containers__0__image="new")) == []


# ---------------------------------------------------------------- subresources


def test_may_an_ephemeral_container_be_added_but_not_changed() -> None:
    debugger = {"name": "dbg", "image": "busybox", "targetContainerName": "c"}
    added = made(OLD, spec__ephemeralContainers=[debugger])
    assert update_complaints(OLD, added, "ephemeralcontainers") == []
    changed = made(added, spec__ephemeralContainers__0__image="other")
    [message] = update_complaints(added, changed, "ephemeralcontainers")
    assert message == (
        'spec.ephemeralContainers: Forbidden: existing ephemeral containers "dbg" may not be changed\n'
        '@@ -1,6 +1,6 @@\n {\n  "Name": "dbg",\n- "Image": "busybox",\n+ "Image": "other",\n'
        '  "Command": null,\n  "Args": null,\n  "WorkingDir": "",\n'
    )
    [message] = update_complaints(added, OLD, "ephemeralcontainers")
    assert message.endswith('existing ephemeral containers "dbg" may not be removed\n')


def test_what_may_an_ephemeral_container_not_have() -> None:
    bad = {
        "name": "d2", "image": "busybox", "targetContainerName": "nope", "ports": [{"containerPort": 80}],
        "resources": {"limits": {"cpu": "1"}},
    }  # fmt: skip
    at = "spec.ephemeralContainers[0]"
    assert update_complaints(OLD, made(OLD, spec__ephemeralContainers=[bad]), "ephemeralcontainers") == [
        f'{at}.targetContainerName: Not found: "nope"',
        f"{at}.ports: Forbidden: cannot be set for an Ephemeral Container",
        f"{at}.resources: Forbidden: cannot be set for an Ephemeral Container",
    ]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({"requests": {"cpu": "300m"}}, []),
        ({"requests": {"cpu": "200m"}, "limits": {"memory": "1Gi"}}, []),
        (
            {},
            [
                'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
                "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
            ],
        ),
        (
            {"requests": {"cpu": "200m", "ephemeral-storage": "1Gi"}},
            ["spec: Forbidden: only cpu and memory resources are mutable"],
        ),
    ],
)
def test_what_may_a_resize_do(resources: dict[str, Any], expected: list[str]) -> None:
    assert update_complaints(OLD, made(OLD, spec__containers__0__resources=resources), "resize") == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"podIP": "10.1.2.3"}, []),
        (
            {"podIPs": [{"ip": "x"}]},
            ['status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
        ),
        (
            {"podIPs": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]},
            [
                'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP '
                "for each IP family"
            ],
        ),
        ({"qosClass": "Guaranteed"}, ['status.qosClass: Invalid value: "Guaranteed": field is immutable']),
    ],
)
def test_what_may_a_kubelet_report(status: dict[str, Any], expected: list[str]) -> None:
    assert update_complaints(OLD, made(OLD, status=OLD["status"] | status), "status") == expected


def test_may_a_finished_container_come_back_when_it_is_never_restarted() -> None:
    over = {"name": "c", "image": "i", "imageID": "", "ready": False, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0}}}  # fmt: skip
    old = made(OLD, spec__restartPolicy="Never", status=OLD["status"] | {"containerStatuses": [over]})
    new = made(old, status__containerStatuses__0__state={"running": {}})
    assert update_complaints(old, new, "status") == [
        "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"
    ]
    always = made(old, spec__restartPolicy="Always")
    assert update_complaints(always, made(new, spec__restartPolicy="Always"), "status") == []
