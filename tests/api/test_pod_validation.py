"""Would a user who makes a typical mistake in a pod be told what the real server tells?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import advice, complaints, made

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "p"},
    "spec": {"containers": [{"name": "c", "image": "i"}]},
}
C = "spec__containers__0__"
AT = "spec.containers[0]"
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def test_is_the_smallest_pod_fine() -> None:
    assert complaints(POD) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"spec__containers": []}, ["spec.containers: Required value"]),
        ({C + "name": "A_b"}, [f'{AT}.name: Invalid value: "A_b": {LABEL}']),
        ({C + "image": None}, [f"{AT}.image: Required value"]),
        (
            {C + "image": " i "},
            [f'{AT}.image: Invalid value: " i ": must not have leading or trailing whitespace'],
        ),
        (
            {C + "imagePullPolicy": "Sometimes"},
            [
                f'{AT}.imagePullPolicy: Unsupported value: "Sometimes": supported values: '
                '"Always", "IfNotPresent", "Never"'
            ],
        ),
        (
            {C + "ports": [{"containerPort": 80, "hostPort": 80}, {"containerPort": 81, "hostPort": 80}]},
            [f'{AT}.ports[1].hostPort: Duplicate value: "TCP//80"'],
        ),
        (
            {C + "env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            [f'{AT}.env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
        ),
        (
            {C + "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['a b']"}}}]},
            [
                f"{AT}.env[0].valueFrom.fieldRef: Invalid value: \"a b\": name part must consist of alphanumeric "
                "characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  "
                "or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
            ],
        ),
        (
            {C + "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
            [f'{AT}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
        ),
        (
            {C + "resources": {"limits": {"hugepages-2Mi": "3Mi", "cpu": "1"}}},
            [
                f'{AT}.resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of '
                "hugepages-2Mi",
                f'{AT}.resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple '
                "of hugepages-2Mi",
            ],
        ),
        (
            {C + "livenessProbe": {"exec": {"command": ["a"]}, "tcpSocket": {"port": 1}}},
            [f"{AT}.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
        ),
        (
            {C + "lifecycle": {"preStop": {"sleep": {"seconds": 60}}}},
            [
                f"{AT}.lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than "
                "terminationGracePeriodSeconds (30)"
            ],
        ),
        ({C + "volumeMounts": [{"name": "x", "mountPath": "/x"}]}, [f'{AT}.volumeMounts[0].name: Not found: "x"']),
        (
            {"spec__volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/x"}}]},
            ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            {"spec__volumes": [{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}]},
            ['spec.volumes[1].name: Duplicate value: "v"'],
        ),
        (
            {"spec__tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]},
            ['spec.tolerations[0].operator: Invalid value: "x": value must be empty when `operator` is \'Exists\''],
        ),
        (
            {"spec__securityContext": {"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]},
             "spec__hostNetwork": True},
            [
                'spec.securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when '
                "'hostNetwork' is true"
            ],
        ),
        (
            {"spec__os": {"name": "windows"}, "spec__hostPID": True},
            ["spec.hostPID: Forbidden: cannot be set for a windows pod"],
        ),
        (
            {"spec__schedulingGates": [{"name": "x"}], "spec__nodeName": "n"},
            ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
        ),
        (
            {"spec__topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
            ] * 2},
            ['spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: '
             '"{zone, DoNotSchedule}"'],
        ),
        (
            {"metadata__annotations": {"controller.kubernetes.io/pod-deletion-cost": "+5"}},
            ['metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+5": '
             "must be a 32bit integer"],
        ),
        (
            {"spec__ephemeralContainers": [{"name": "e", "image": "x"}]},
            ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
        ),
    ],
)  # fmt: skip
def test_what_is_said_about_a_mistake(changes: dict[str, Any], expected: list[str]) -> None:
    assert complaints(made(POD, **changes)) == expected


def test_is_a_security_context_printed_as_the_struct_that_it_is() -> None:
    context = {"privileged": True, "allowPrivilegeEscalation": False}
    [message] = complaints(made(POD, **{C + "securityContext": context}))
    assert message.startswith(f'{AT}.securityContext: Invalid value: {{"Capabilities":null,"Privileged":true,')
    assert message.endswith("cannot set `allowPrivilegeEscalation` to false and `privileged` to true")


def test_do_pod_level_resources_have_to_hold_the_containers() -> None:
    pod = made(POD, **{C + "resources": {"requests": {"cpu": "2"}}}, spec__resources={"requests": {"cpu": "1"}})
    assert complaints(pod) == [
        'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container '
        "requests of 2"
    ]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"metadata__name": "a.b"},
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label "
            "is recommended: [must not contain dots]",
        ),
        (
            {C + "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
            f'{AT}.env[1]: hides previous definition of "A", which may be dropped when using apply',
        ),
        (
            {C + "ports": [{"containerPort": 80, "name": "a"}, {"containerPort": 80, "name": "b"}]},
            f"{AT}.ports[1]: duplicate port definition with {AT}.ports[0]",
        ),
        (
            {C + "resources": {"limits": {"memory": "100m"}, "requests": {"memory": "0"}}},
            f'{AT}.resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
        ),
        (
            {"spec__nodeSelector": {"beta.kubernetes.io/os": "linux"}},
            'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
        ),
        ({"spec__imagePullSecrets": [{"name": ""}]}, 'spec.imagePullSecrets[0].name: invalid empty name ""'),
    ],
)
def test_what_is_advised_against(changes: dict[str, Any], expected: str) -> None:
    assert advice(made(POD, **changes)) == [expected]
