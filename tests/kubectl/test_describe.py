"""Descriptions, line by line as the real kubectl wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.describe import describe
from minikube_edu.kubectl.describe.generic import label
from minikube_edu.lib import clock

Object = dict[str, Any]


class Cluster:
    """Answers get and list from what it was given: plural -> objects."""

    def __init__(self, **objects: list[Object]) -> None:
        self.objects = objects
        self.selectors: list[str] = []

    async def get(self, resource: Resource, name: str, namespace: str = "") -> Object:
        for found in self.objects.get(resource.plural, []):
            if found["metadata"]["name"] == name:
                return found
        message = f'{resource} "{name}" not found'
        raise ApiError({"code": 404, "reason": "NotFound", "message": message})

    async def list(
        self, resource: Resource, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> Object:
        self.selectors.append(field_selector or label_selector)
        return {"items": self.objects.get(resource.plural, [])}


@pytest.fixture(autouse=True)
def _utc(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def object_(kind: str, api_version: str = "v1", **fields: Any) -> Object:
    metadata = {"name": "x", "namespace": "d", "uid": "u1", **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


async def test_a_pod_is_described_as_the_real_one_does() -> None:
    pod = object_(
        "Pod",
        metadata={"labels": {"tier": "web", "app": "full"}, "annotations": {"owner": "ada"}},
        spec={
            "priority": 0,
            "nodeName": "worker-1",
            "serviceAccountName": "default",
            "containers": [
                {
                    "name": "web",
                    "image": "nginx:1.27",
                    "ports": [{"name": "http", "containerPort": 80, "protocol": "TCP"}],
                    "args": ["-g", "daemon off;"],
                    "resources": {"limits": {"cpu": "1", "memory": "128Mi"}},
                    "env": [
                        {"name": "PLAIN", "value": "text"},
                        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "s", "key": "color"}}},
                        {"name": "NODE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}},
                        {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                    ],
                    "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
                                      "timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1,
                                      "failureThreshold": 3, "initialDelaySeconds": 3},
                    "volumeMounts": [{"name": "keys", "mountPath": "/etc/keys", "subPath": "pass"}],
                }
            ],
            "volumes": [
                {"name": "cache", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}},
                {"name": "keys", "secret": {"secretName": "login"}},
            ],
            "tolerations": [{"key": "dedicated", "operator": "Equal", "value": "gpu", "effect": "NoSchedule"},
                            {"key": "n", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}],
        },
        status={
            "phase": "Running",
            "qosClass": "Burstable",
            "podIP": "10.0.0.1",
            "podIPs": [{"ip": "10.0.0.1"}],
            "hostIP": "10.9.9.9",
            "startTime": "2026-01-02T03:04:05Z",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": "web", "imageID": "id", "containerID": "c://1", "ready": True, "restartCount": 1,
                 "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}},
                 "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}}
            ],
        },
    )  # fmt: skip
    text = await describe(Cluster(), pod)
    assert (
        text
        == """\
Name:             x
Namespace:        d
Priority:         0
Service Account:  default
Node:             worker-1/10.9.9.9
Start Time:       Fri, 02 Jan 2026 03:04:05 +0000
Labels:           app=full
                  tier=web
Annotations:      owner: ada
Status:           Running
IP:               10.0.0.1
IPs:
  IP:  10.0.0.1
Containers:
  web:
    Container ID:  c://1
    Image:         nginx:1.27
    Image ID:      id
    Port:          80/TCP (http)
    Host Port:     0/TCP (http)
    Args:
      -g
      daemon off;
    State:          Running
      Started:      Fri, 02 Jan 2026 03:04:05 +0000
    Last State:     Terminated
      Reason:       Error
      Exit Code:    1
      Started:      Mon, 01 Jan 0001 00:00:00 +0000
      Finished:     Mon, 01 Jan 0001 00:00:00 +0000
    Ready:          True
    Restart Count:  1
    Limits:
      cpu:     1
      memory:  128Mi
    Liveness:  http-get http://:http/healthz delay=3s timeout=1s period=10s #success=1 #failure=3
    Environment:
      PLAIN:  text
      COLOR:  <set to the key 'color' of config map 's'>  Optional: false
      NODE:    (v1:spec.nodeName)
      CPU:    1 (limits.cpu)
    Mounts:
      /etc/keys from keys (rw,path="pass")
Conditions:
  Type    Status
  Ready   True\x20
Volumes:
  cache:
    Type:       EmptyDir (a temporary directory that shares a pod's lifetime)
    Medium:     Memory
    SizeLimit:  64Mi
  keys:
    Type:        Secret (a volume populated by a Secret)
    SecretName:  login
    Optional:    false
QoS Class:       Burstable
Node-Selectors:  <none>
Tolerations:     dedicated=gpu:NoSchedule
                 n:NoExecute op=Exists for 300s
Events:          <none>
""".replace("NODE:    (v1", "NODE:   worker-1 (v1")
    )


async def test_events_are_a_table_at_the_end_oldest_first() -> None:
    before = clock.install(clock.ManualClock(clock.parse_rfc3339("2026-01-01T00:10:00Z")))
    try:
        events: list[Object] = [
            {"type": "Warning", "reason": "BackOff", "message": " late\n", "source": {"component": "kubelet"},
             "count": 3, "firstTimestamp": "2026-01-01T00:05:00Z", "lastTimestamp": "2026-01-01T00:09:30Z",
             "involvedObject": {"fieldPath": "spec.containers{c}"}},
            {"type": "Normal", "reason": "Scheduled", "message": "m", "reportingComponent": "default-scheduler",
             "eventTime": "2026-01-01T00:04:00.000000Z"},
        ]  # fmt: skip
        cluster = Cluster(events=events)
        text = await describe(cluster, object_("ServiceAccount"))
    finally:
        clock.install(before)
    assert text.splitlines()[-5:] == [
        "Events:",
        "  Type     Reason     Age               From               Message",
        "  ----     ------     ----              ----               -------",
        "  Normal   Scheduled  6m                default-scheduler  m",
        "  Warning  BackOff    30s (x3 over 5m)  kubelet            spec.containers{c}: late",
    ]
    wanted = "involvedObject.name=x,involvedObject.namespace=d,involvedObject.kind=ServiceAccount,involvedObject.uid=u1"
    assert cluster.selectors == [wanted]


async def test_a_deployment_tells_old_and_new_replica_sets() -> None:
    template = {"metadata": {"labels": {"app": "w"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    hashed = {**template, "metadata": {"labels": {"app": "w", "pod-template-hash": "1"}}}
    owner = [{"controller": True, "uid": "u1", "kind": "Deployment", "name": "x"}]

    def replica_set(name: str, of: Object) -> Object:
        return {"metadata": {"name": name, "ownerReferences": owner}, "spec": {"replicas": 2, "template": of},
                "status": {"replicas": 2}}  # fmt: skip

    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "w"}}, "template": template,
            "strategy": {"type": "Recreate"}}  # fmt: skip
    sets = [replica_set("x-1", hashed), replica_set("x-0", {"metadata": {}, "spec": {}})]
    text = await describe(Cluster(replicasets=sets), object_("Deployment", "apps/v1", spec=spec), events=False)
    assert "Selector:           app=w\n" in text
    assert "Replicas:           2 desired | 0 updated | 0 total | 0 available | 0 unavailable\n" in text
    assert "OldReplicaSets:    x-0 (2/2 replicas created)\nNewReplicaSet:     x-1 (2/2 replicas created)\n" in text


async def test_a_service_shows_its_first_three_endpoints() -> None:
    endpoints = [{"addresses": [f"10.0.0.{n}"], "conditions": {"ready": n != 2}} for n in range(1, 7)]
    slices = [{"endpoints": endpoints, "ports": [{"name": "http", "port": 8080}]}]
    spec = {"type": "ClusterIP", "clusterIP": "10.96.0.1", "sessionAffinity": "None",
            "ports": [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]}  # fmt: skip
    text = await describe(Cluster(endpointslices=slices), object_("Service", spec=spec))
    assert "Port:              http  80/TCP\nTargetPort:        8080/TCP\n" in text
    assert "Endpoints:         10.0.0.1:8080,10.0.0.3:8080,10.0.0.4:8080 + 2 more...\n" in text


async def test_a_secret_hides_its_values_and_a_config_map_does_not() -> None:
    secret = await describe(Cluster(), object_("Secret", type="Opaque", data={"pass": "bG92ZQ=="}))
    assert secret.endswith("\nType:  Opaque\n\nData\n====\npass:  4 bytes\n")
    config = await describe(Cluster(), object_("ConfigMap", data={"a": "1\n2"}))
    assert config.endswith("\nData\n====\na:\n----\n1\n2\n\n\nBinaryData\n====\n\nEvents:  <none>\n")


async def test_rules_of_a_role_are_gathered_by_resource() -> None:
    rules = [{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "update"]},
             {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}]  # fmt: skip
    text = await describe(Cluster(), object_("Role", "rbac.authorization.k8s.io/v1", rules=rules))
    assert text.splitlines()[3:] == [
        "PolicyRule:",
        "  Resources               Non-Resource URLs  Resource Names  Verbs",
        "  ---------               -----------------  --------------  -----",
        "  deployments.apps/scale  []                 []              [get update]",
        "                          [/healthz]         []              [get]",
    ]


async def test_an_unknown_kind_is_shown_field_by_field() -> None:
    gadget = object_("Gadget", "e.com/v1", spec={"size": 3, "shortNames": ["x"], "empty": None, "list": [{"a": True}]})
    text = await describe(Cluster(), gadget)
    assert (
        text
        == """\
Name:         x
Namespace:    d
Labels:       <none>
Annotations:  <none>
API Version:  e.com/v1
Kind:         Gadget
Metadata:
  UID:  u1
Spec:
  Empty:  <nil>
  List:
    A:  true
  Short Names:
    x
  Size:  3
Events:  <none>
"""
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("apiVersion", "API Version"),
        ("lastTransitionTime", "Last Transition Time"),
        ("openAPIV3Schema", "openAPIV3Schema"),
        ("nonResourceURLs", "Non Resource URLs"),
        ("jsonPath", "Json Path"),
        ("podCIDR", "Pod CIDR"),
    ],
)
def test_names_of_fields_become_words(name: str, words: str) -> None:
    assert label(name) == words


async def test_what_cannot_be_read_is_an_error_but_events_are_optional() -> None:
    class Closed(Cluster):
        async def list(self, resource: Resource, namespace: str = "", **selectors: str) -> Object:
            raise ApiError({"code": 403, "reason": "Forbidden", "message": "no"})

    assert "Events:" in await describe(Closed(), object_("ServiceAccount"))
    with pytest.raises(ApiError):
        await describe(Closed(), object_("PersistentVolumeClaim"))
