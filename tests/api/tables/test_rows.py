"""Tables: does each kind's row say what the real printers say, and do rows stay right as time goes by?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from minikube_edu.api import scheme, tables
from minikube_edu.api.scheme import Resource
from minikube_edu.api.tables.ages import Since, human_duration
from minikube_edu.lib import clock

Object = dict[str, Any]
BORN = "2026-01-01T00:00:00Z"
SCHEME = scheme.builtin()


@pytest.fixture(autouse=True)
def five_minutes_later() -> Iterator[clock.ManualClock]:
    manual = clock.ManualClock(clock.parse_rfc3339(BORN) + 300)
    before = clock.install(manual)
    yield manual
    clock.install(before)


def resource(group: str, name: str, version: str = "v1") -> Resource:
    found = SCHEME.find(group, version, name)
    assert found is not None
    return found


def cells(group: str, name: str, obj: Object, version: str = "v1") -> list[Any]:
    kind = resource(group, name, version)
    whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
    whole["metadata"] = {"name": "one", "creationTimestamp": BORN, **obj.get("metadata", {})}
    found: list[Any] = tables.table_of(kind, [whole])["rows"][0]["cells"]
    return found


POD_SPEC = {"spec": {"containers": [{"name": "c", "image": "i"}, {"name": "d", "image": "j"}]}}


def pod(status: Object, metadata: Object | None = None, **spec: Any) -> list[Any]:
    return cells("", "pods", {"spec": {**POD_SPEC["spec"], **spec}, "status": status, "metadata": metadata or {}})


def container(name: str, state: Object | None = None, ready: bool = False, restarts: int = 0, **more: Any) -> Object:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state or more}


RUNNING = {"running": {"startedAt": BORN}}


@pytest.mark.parametrize(
    ("status", "ready", "word"),
    [
        ({"phase": "Pending"}, "0/2", "Pending"),
        ({"phase": "Failed", "reason": "Evicted"}, "0/2", "Evicted"),
        (
            {
                "phase": "Pending",
                "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            },
            "0/2",
            "SchedulingGated",
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    container("c", RUNNING, ready=True),
                    container("d", waiting={"reason": "CrashLoopBackOff"}),
                ],
            },
            "1/2",
            "CrashLoopBackOff",
        ),
        ({"phase": "Running", "containerStatuses": [container("c", terminated={"exitCode": 3})]}, "0/2", "ExitCode:3"),
        ({"phase": "Running", "containerStatuses": [container("c", terminated={"signal": 9})]}, "0/2", "Signal:9"),
        (
            {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [
                    container("c", terminated={"reason": "Completed"}),
                    container("d", RUNNING, ready=True),
                ],
            },
            "1/2",
            "Running",
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [
                    container("c", terminated={"reason": "Completed"}),
                    container("d", RUNNING, ready=True),
                ],
            },
            "1/2",
            "NotReady",
        ),
    ],
)
def test_a_pods_status_is_worked_out_from_its_containers(status: Object, ready: str, word: str) -> None:
    assert pod(status)[1:3] == [ready, word]


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ({"terminated": {"exitCode": 1, "reason": "Error"}}, "Init:Error"),
        ({"terminated": {"exitCode": 7}}, "Init:ExitCode:7"),
        ({"waiting": {"reason": "ImagePullBackOff"}}, "Init:ImagePullBackOff"),
        ({"waiting": {"reason": "PodInitializing"}}, "Init:0/2"),
        ({"running": {}}, "Init:0/2"),
        ({"terminated": {"exitCode": 0}}, "Init:1/2"),
    ],
)
def test_the_first_unfinished_init_container_speaks_for_the_pod(state: Object, word: str) -> None:
    init = [{"name": "a"}, {"name": "b"}]
    statuses = [container("a", state), container("b", waiting={"reason": "PodInitializing"})]
    assert pod({"phase": "Pending", "initContainerStatuses": statuses}, initContainers=init)[2] == word


def test_a_sidecar_counts_among_the_containers() -> None:
    sidecar = {**container("s", RUNNING, ready=True, restarts=2), "started": True}
    status = {"phase": "Running", "initContainerStatuses": [sidecar],
              "containerStatuses": [container("c", RUNNING, ready=True)]}  # fmt: skip
    found = pod(status, initContainers=[{"name": "s", "restartPolicy": "Always"}])
    assert found[1:4] == ["2/3", "Running", "2"]


def test_restarts_tell_when_the_last_one_was() -> None:
    last = {"terminated": {"finishedAt": "2026-01-01T00:04:00Z"}}
    status = {"phase": "Running", "containerStatuses": [{**container("c", RUNNING, restarts=4), "lastState": last}]}
    assert pod(status)[3] == "4 (60s ago)"


def test_a_pod_that_goes_is_terminating_unless_it_is_done() -> None:
    going = {"deletionTimestamp": BORN}
    assert pod({"phase": "Running"}, going)[2] == "Terminating"
    assert pod({"phase": "Running", "reason": "NodeLost"}, going)[2] == "Unknown"
    assert pod({"phase": "Succeeded"}, going)[2] == "Succeeded"


def test_a_completed_pods_row_is_marked() -> None:
    obj = {"metadata": {"name": "p"}, "spec": {"containers": []}, "status": {"phase": "Succeeded"}}
    row = tables.table_of(resource("", "pods"), [obj])["rows"][0]
    message = "The pod has completed successfully."
    assert row["conditions"] == [{"type": "Completed", "status": "True", "reason": "Succeeded", "message": message}]
    assert row["cells"][4] == "<unknown>"


TEMPLATE = {"spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTOR = {"matchLabels": {"a": "b"}}


@pytest.mark.parametrize(
    ("group", "name", "obj", "expected"),
    [
        ("", "configmaps", {"data": {"a": "1"}, "binaryData": {"b": "AA=="}}, ["one", 2, "5m"]),
        ("", "secrets", {"type": "Opaque", "data": {"a": ""}}, ["one", "Opaque", 1, "5m"]),
        ("", "namespaces", {"status": {"phase": "Active"}}, ["one", "Active", "5m"]),
        ("", "limitranges", {}, ["one", BORN]),
        (
            "",
            "services",
            {
                "spec": {
                    "type": "NodePort",
                    "clusterIPs": ["10.0.0.1"],
                    "selector": {"a": "b"},
                    "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}],
                }
            },
            ["one", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP", "5m", "a=b"],
        ),
        (
            "",
            "services",
            {
                "spec": {"type": "LoadBalancer", "externalIPs": ["1.2.3.4"]},
                "status": {"loadBalancer": {"ingress": [{"hostname": "h"}, {"ip": "9.9.9.9"}]}},
            },
            ["one", "LoadBalancer", "<none>", "9.9.9.9,h,1.2.3.4", "<none>", "5m", "<none>"],
        ),
        (
            "",
            "services",
            {"spec": {"type": "LoadBalancer"}},
            ["one", "LoadBalancer", "<none>", "<pending>", "<none>", "5m", "<none>"],
        ),
        (
            "",
            "endpoints",
            {"subsets": [{"addresses": [{"ip": f"10.0.0.{n}"} for n in range(5)], "ports": [{"port": 80}]}]},
            ["one", "10.0.0.0:80,10.0.0.1:80,10.0.0.2:80 + 2 more...", "5m"],
        ),
        (
            "",
            "nodes",
            {
                "metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}},
                "spec": {"unschedulable": True},
                "status": {
                    "conditions": [{"type": "Ready", "status": "True"}],
                    "nodeInfo": {"kubeletVersion": "v1"},
                    "addresses": [{"type": "InternalIP", "address": "10.1.1.1"}],
                },
            },
            [
                "one",
                "Ready,SchedulingDisabled",
                "control-plane",
                "5m",
                "v1",
                "10.1.1.1",
                "<none>",
                "<unknown>",
                "<unknown>",
                "<unknown>",
            ],
        ),
        (
            "",
            "persistentvolumeclaims",
            {
                "spec": {"volumeName": "v", "storageClassName": "s", "volumeMode": "Filesystem"},
                "status": {
                    "phase": "Bound",
                    "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
                    "capacity": {"storage": "1Gi"},
                },
            },
            ["one", "Bound", "v", "1Gi", "RWO,RWX", "s", "<unset>", "5m", "Filesystem"],
        ),
        (
            "",
            "resourcequotas",
            {"status": {"hard": {"pods": "10", "limits.cpu": "2"}, "used": {"pods": "1"}}},
            ["one", "pods: 1/10", "limits.cpu: 0/2", "5m"],
        ),
        (
            "",
            "events",
            {
                "type": "Normal",
                "reason": "Started",
                "message": " hi\n",
                "count": 3,
                "lastTimestamp": BORN,
                "firstTimestamp": BORN,
                "source": {"component": "kubelet", "host": "n"},
                "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec"},
            },
            ["5m", "Normal", "Started", "pod/p", "spec", "kubelet, n", "hi", "5m", 3, "one"],
        ),
        (
            "events.k8s.io",
            "events",
            {
                "note": "n",
                "reason": "R",
                "type": "T",
                "eventTime": "2026-01-01T00:00:00.000000Z",
                "regarding": {"kind": "Node"},
                "reportingController": "c",
            },
            ["5m", "T", "R", "node", "", "c", "n", "5m", 1, "one"],
        ),
        (
            "apps",
            "deployments",
            {
                "spec": {"replicas": 3, "selector": SELECTOR, "template": TEMPLATE},
                "status": {"readyReplicas": 1, "updatedReplicas": 2},
            },
            ["one", "1/3", 2, 0, "5m", "c", "i", "a=b"],
        ),
        (
            "apps",
            "daemonsets",
            {"spec": {"selector": SELECTOR, "template": TEMPLATE}, "status": {"numberReady": 1}},
            ["one", 0, 0, 1, 0, 0, "<none>", "5m", "c", "i", "a=b"],
        ),
        (
            "apps",
            "controllerrevisions",
            {
                "revision": 2,
                "metadata": {
                    "ownerReferences": [
                        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s", "controller": True}
                    ]
                },
            },
            ["one", "statefulset.apps/s", 2, "5m"],
        ),
        (
            "batch",
            "jobs",
            {
                "spec": {"parallelism": 2, "selector": SELECTOR, "template": TEMPLATE},
                "status": {
                    "startTime": BORN,
                    "completionTime": "2026-01-01T00:00:42Z",
                    "succeeded": 1,
                    "conditions": [{"type": "Complete", "status": "True"}],
                },
            },
            ["one", "Complete", "1/1 of 2", "42s", "5m", "c", "i", "a=b"],
        ),
        (
            "batch",
            "cronjobs",
            {"spec": {"schedule": "* * * * *", "suspend": False, "jobTemplate": {"spec": {"template": TEMPLATE}}}},
            ["one", "* * * * *", "<none>", "False", 0, "<none>", "5m", "c", "i", "<none>"],
        ),
        (
            "networking.k8s.io",
            "ingresses",
            {"spec": {"tls": [{}], "rules": [{"host": h} for h in "abcd"]}},
            ["one", "<none>", "a,b,c + 1 more...", "", "80, 443", "5m"],
        ),
        ("networking.k8s.io", "networkpolicies", {"spec": {"podSelector": {}}}, ["one", "<none>", "5m"]),
        (
            "networking.k8s.io",
            "ipaddresses",
            {"spec": {"parentRef": {"resource": "services", "namespace": "n", "name": "s"}}},
            ["one", "services/n/s", "5m"],
        ),
        (
            "policy",
            "poddisruptionbudgets",
            {"spec": {"minAvailable": "50%"}, "status": {"disruptionsAllowed": 1}},
            ["one", "50%", "N/A", 1, "5m"],
        ),
        (
            "rbac.authorization.k8s.io",
            "rolebindings",
            {
                "roleRef": {"kind": "Role", "name": "r"},
                "subjects": [{"kind": "User", "name": "u"}, {"kind": "ServiceAccount", "namespace": "n", "name": "s"}],
            },
            ["one", "Role/r", "5m", "u", "", "n/s"],
        ),
        (
            "storage.k8s.io",
            "storageclasses",
            {"provisioner": "p", "metadata": {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}},
            ["one (default)", "p", "Delete", "Immediate", False, "5m"],
        ),
        ("storage.k8s.io", "csidrivers", {"spec": {}}, ["one", True, False, False, "<unset>", False, "<none>", "5m"]),
        (
            "discovery.k8s.io",
            "endpointslices",
            {"addressType": "IPv4", "ports": [{"port": 80}, {"name": "x"}], "endpoints": [{"addresses": ["1.1.1.1"]}]},
            ["one", "IPv4", "80,x", "1.1.1.1", "5m"],
        ),
        (
            "certificates.k8s.io",
            "certificatesigningrequests",
            {
                "spec": {"signerName": "s", "username": "u", "expirationSeconds": 3600},
                "status": {"certificate": "AA==", "conditions": [{"type": "Approved"}]},
            },
            ["one", "5m", "s", "u", "60m", "Approved,Issued"],
        ),
        (
            "apiregistration.k8s.io",
            "apiservices",
            {
                "spec": {"service": {"namespace": "n", "name": "s"}},
                "status": {"conditions": [{"type": "Available", "status": "False", "reason": "ServiceNotFound"}]},
            },
            ["one", "n/s", "False (ServiceNotFound)", "5m"],
        ),
        (
            "resource.k8s.io",
            "resourceclaims",
            {"status": {"allocation": {}, "reservedFor": [{}]}},
            ["one", "allocated,reserved", "5m"],
        ),
        (
            "admissionregistration.k8s.io",
            "validatingadmissionpolicybindings",
            {"spec": {"policyName": "p", "paramRef": {"selector": {"matchLabels": {"a": "b"}}}}},
            [
                "one",
                "p",
                "&LabelSelector{MatchLabels:map[string]string{a: b,},MatchExpressions:[]LabelSelectorRequirement{},}",
                "5m",
            ],
        ),
        ("apiextensions.k8s.io", "customresourcedefinitions", {}, ["one", BORN]),
    ],
)
def test_a_row_says_what_the_real_printer_says(group: str, name: str, obj: Object, expected: list[Any]) -> None:
    assert cells(group, name, obj) == expected


def test_an_autoscaler_tells_its_metrics() -> None:
    metrics = [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 80}}},
        {"type": "Pods", "pods": {"target": {"averageValue": "10"}}},
        {"type": "External", "external": {"target": {"value": "5"}}},
    ]
    now = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 12}}}]
    spec = {"scaleTargetRef": {"kind": "Deployment", "name": "d"}, "maxReplicas": 9, "metrics": metrics}
    found = cells("autoscaling", "horizontalpodautoscalers", {"spec": spec, "status": {"currentMetrics": now}}, "v2")
    assert found == ["one", "Deployment/d", "cpu: 12%/80%, <unknown>/10 + 1 more...", "<unset>", 9, 0, "5m"]


def test_an_old_autoscalers_row_is_that_of_its_new_form() -> None:
    spec = {
        "scaleTargetRef": {"kind": "Deployment", "name": "d"},
        "maxReplicas": 9,
        "minReplicas": 1,
        "targetCPUUtilizationPercentage": 80,
    }
    found = cells("autoscaling", "horizontalpodautoscalers", {"spec": spec, "status": {"currentReplicas": 2}})
    assert found == ["one", "Deployment/d", "cpu: <unknown>/80%", "1", 9, 2, "5m"]


@pytest.mark.parametrize("kind", [r for r in SCHEME.resources.values() if "list" in r.verbs], ids=lambda r: str(r.gvk))
def test_every_kind_has_a_cell_for_each_column_even_when_it_is_bare(kind: Resource) -> None:
    obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": {"name": "bare"}, "spec": {}}
    table = tables.table_of(kind, [obj])
    extra = 1 if kind.name == "ipaddresses" else 0  # the real one gives an age without a column, too
    assert len(table["rows"][0]["cells"]) == len(table["columnDefinitions"]) + extra
    assert all(column["name"] for column in table["columnDefinitions"])


def test_flow_schemas_are_told_in_the_order_in_which_they_are_tried() -> None:
    kind = resource("flowcontrol.apiserver.k8s.io", "flowschemas")
    found = [
        {"metadata": {"name": name}, "spec": {"matchingPrecedence": number}}
        for name, number in (("a", 9), ("c", 1), ("b", 1))
    ]
    assert [row["cells"][0] for row in tables.table_of(kind, found)["rows"]] == ["b", "c", "a"]
    encoded = tables.table_bytes(kind, [tables.row_bytes(kind, obj) for obj in found], {})
    assert [row["cells"][0] for row in orjson.loads(b"".join(encoded))["rows"]] == ["b", "c", "a"]


@pytest.mark.parametrize("include", ["Metadata", "Object", "None"])
def test_encoded_rows_equal_the_table_as_an_object(include: str) -> None:
    kind = resource("", "pods")
    obj = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p", "creationTimestamp": BORN}, **POD_SPEC,
           "status": {"phase": "Failed"}}  # fmt: skip
    table = tables.table_of(kind, [obj], include)
    row = tables.row_bytes(kind, orjson.dumps(obj), include)
    encoded = b"".join(tables.table_bytes(kind, [row], {"resourceVersion": "7"}))
    assert orjson.loads(encoded) == {**table, "metadata": {"resourceVersion": "7"}}


def test_the_age_in_an_encoded_row_goes_on(five_minutes_later: clock.ManualClock) -> None:
    kind = resource("", "configmaps")
    row = tables.row_bytes(kind, {"metadata": {"name": "c", "creationTimestamp": BORN}})
    ages = []
    for step in (0, 1, 600, 3600, 86_400 * 3):
        five_minutes_later.advance(step)
        ages.append(orjson.loads(row.at(clock.now()))["cells"][2])
    assert ages == ["5m", "5m1s", "15m", "75m", "3d1h"]


def test_a_cell_that_looks_like_a_hole_is_kept() -> None:
    event = {"metadata": {"name": "e", "creationTimestamp": BORN}, "message": "\0", "lastTimestamp": BORN}
    row = tables.row_bytes(resource("", "events"), event)
    found = orjson.loads(row.at(clock.now()))["cells"]
    assert (found[0], found[6], found[9]) == ("5m", "\0", "e")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_000, "3h3m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (180_000, "2d2h"),
        (691_200, "8d"),
        (63_072_000, "2y"),
        (70_000_000, "2y80d"),
        (252_288_000, "8y"),
    ],
)
def test_durations_have_two_figures(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_the_words_of_an_age_hold_until_they_change() -> None:
    since = Since(0)
    now = 0.5
    while now < 40 * 86_400:
        until = since.until(now)
        assert since.text(now) == since.text(until - 0.01)
        assert until > now
        now = until + 0.25 if now < 30_000 else until * 1.7


# ---------------------------------------------------------------- custom resources

DEFINITION = {
    "spec": {
        "versions": [
            {
                "name": "v1",
                "additionalPrinterColumns": [
                    {"name": "Replicas", "type": "integer", "jsonPath": ".spec.replicas", "description": "how many"},
                    {"name": "Color", "type": "string", "jsonPath": ".spec.color", "priority": 1},
                    {"name": "Ready", "type": "boolean", "jsonPath": ".status.ready"},
                    {"name": "When", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
                    {"name": "Cond", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
                    {"name": "Map", "type": "string", "jsonPath": ".spec"},
                    {"name": "Date", "type": "date", "jsonPath": ".spec.color"},
                    {"name": "Ratio", "type": "number", "jsonPath": ".spec.replicas"},
                ],
            },
            {"name": "v2"},
        ]
    }
}


def custom(version: str) -> Resource:
    return Resource("example.com", version, "widgets", "widget", "Widget", True, ("list",), custom=DEFINITION)


def test_a_custom_resources_columns_come_from_its_definition() -> None:
    obj = {"metadata": {"name": "o", "creationTimestamp": BORN}, "spec": {"replicas": 2, "color": "red"}}
    table = tables.table_of(custom("v1"), [obj])
    assert table["rows"][0]["cells"] == [
        "o",
        2,
        "red",
        None,
        "5m",
        None,
        '{"color":"red","replicas":2}',
        "<invalid>",
        2,
    ]
    names = [(column["name"], column["type"], column["priority"]) for column in table["columnDefinitions"]]
    assert names[:3] == [("Name", "string", 0), ("Replicas", "integer", 0), ("Color", "string", 1)]
    words = [column["description"] for column in table["columnDefinitions"]]
    assert words[1:3] == ["how many", "Custom resource definition column (in JSONPath format): .spec.color"]


def test_a_definition_without_columns_gets_the_age() -> None:
    table = tables.table_of(custom("v2"), [{"metadata": {"name": "o", "creationTimestamp": BORN}}])
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Age"]
    assert table["rows"][0]["cells"] == ["o", "5m"]


def test_the_table_of_a_scale() -> None:
    scale = {"metadata": {"name": "d", "creationTimestamp": BORN}, "spec": {"replicas": 3}, "status": {"replicas": 1}}
    table = tables.scale_table(scale)
    assert table["rows"][0]["cells"] == ["d", 3, 1, "5m"]
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Desired", "Available", "Age"]


def test_columns_are_explained_in_kubernetes_own_words() -> None:
    found = {column["name"]: column["description"] for column in tables.columns_of(resource("", "pods"))}
    assert found["Ready"] == "The aggregate readiness state of this pod for accepting traffic."
    assert found["IP"].startswith("podIP address allocated to the pod.")
    assert "\n\nPopulated by the system." in found["Age"]
