"""What is filled in when it is not said: core, networking, discovery and storage kinds."""

from __future__ import annotations

from tests.api.judging import read


def test_a_service_is_a_cluster_ip_with_ports_that_lead_to_themselves() -> None:
    spec = read("{apiVersion: v1, kind: Service, spec: {ports: [{port: 80}, {port: 81, targetPort: web}]}}")["spec"]
    assert spec == {
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
        "ports": [
            {"port": 80, "protocol": "TCP", "targetPort": 80},
            {"port": 81, "protocol": "TCP", "targetPort": "web"},
        ],
    }


def test_a_service_that_is_reached_from_outside_has_a_policy_for_it() -> None:
    spec = read("{apiVersion: v1, kind: Service, spec: {type: LoadBalancer, sessionAffinity: ClientIP}}")["spec"]
    assert spec["externalTrafficPolicy"] == "Cluster"
    assert spec["allocateLoadBalancerNodePorts"] is True
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_text_of_a_secret_becomes_data_and_wins() -> None:
    secret = read("{apiVersion: v1, kind: Secret, data: {a: b2xk, b: YmI=}, stringData: {a: new}}")
    assert secret["data"] == {"a": "bmV3", "b": "YmI="}
    assert secret["type"] == "Opaque"
    assert "stringData" not in secret


def test_a_namespace_is_labelled_with_its_name() -> None:
    assert read("{apiVersion: v1, kind: Namespace, metadata: {name: a}}")["metadata"]["labels"] == {
        "kubernetes.io/metadata.name": "a"
    }


def test_limits_of_containers_follow_from_each_other() -> None:
    manifest = (
        "{apiVersion: v1, kind: LimitRange, spec: {limits: [{type: Container, max: {cpu: '2'}, min: {memory: 1Mi}}]}}"
    )
    [item] = read(manifest)["spec"]["limits"]
    assert item["default"] == {"cpu": "2"}
    assert item["defaultRequest"] == {"cpu": "2", "memory": "1Mi"}


def test_amounts_are_kept_in_thousandths_rounded_up() -> None:
    hard = read("{apiVersion: v1, kind: ResourceQuota, spec: {hard: {cpu: 1500100u, memory: 1Gi}}}")["spec"]["hard"]
    assert hard == {"cpu": "1501m", "memory": "1Gi"}


def test_a_node_can_allocate_what_it_has_when_it_does_not_say() -> None:
    status = read("{apiVersion: v1, kind: Node, status: {capacity: {cpu: '2'}}}")["status"]
    assert status["allocatable"] == {"cpu": "2"}


def test_a_volume_and_its_source_are_completed() -> None:
    volume = read("{apiVersion: v1, kind: PersistentVolume, spec: {rbd: {image: i, monitors: [m]}}}")
    assert volume["status"] == {"phase": "Pending"}
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert volume["spec"]["volumeMode"] == "Filesystem"
    assert volume["spec"]["rbd"] == {
        "image": "i", "monitors": ["m"], "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring",
    }  # fmt: skip


def test_a_policy_with_egress_rules_is_of_both_types() -> None:
    egress = "spec: {podSelector: {}, egress: [{ports: [{port: 1}]}]}"
    spec = read(f"{{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, {egress}}}")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    assert spec["egress"][0]["ports"] == [{"port": 1, "protocol": "TCP"}]


def test_a_csi_driver_says_all_that_it_can_do() -> None:
    spec = read("{apiVersion: storage.k8s.io/v1, kind: CSIDriver, spec: {}}")["spec"]
    assert spec == {
        "attachRequired": True,
        "podInfoOnMount": False,
        "storageCapacity": False,
        "fsGroupPolicy": "ReadWriteOnceWithFSType",
        "requiresRepublish": False,
        "seLinuxMount": False,
        "volumeLifecycleModes": ["Persistent"],
    }
