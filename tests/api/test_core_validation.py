"""Mistakes in the kinds of the core group, and what the server says about them."""

from __future__ import annotations

import pytest

from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import services
from tests.api.judging import Object, changes, complaints, read, warnings

CLAIM = "{apiVersion: v1, kind: PersistentVolumeClaim, spec: %s}"
VOLUME = "{apiVersion: v1, kind: PersistentVolume, spec: %s}"
QUOTA = "{apiVersion: v1, kind: ResourceQuota, spec: %s}"
LIMITS = "{apiVersion: v1, kind: LimitRange, spec: {limits: [%s]}}"
SECRET = "{apiVersion: v1, kind: Secret, %s}"
NODE = "{apiVersion: v1, kind: Node, %s}"


def service(spec: str, before: str | None = None) -> list[str]:
    """A Service is judged when it has its addresses: here they are given."""
    manifest = "{apiVersion: v1, kind: Service, spec: %s}"
    errors = Errors()
    if before is None:
        services.create(read(manifest % spec), errors)
    else:
        services.update(read(manifest % spec), read(manifest % before), errors)
    return [str(error) for error in errors]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("{}", ["spec.ports: Required value"]),
        ("{ports: [{port: 80}]}", []),
        (
            "{ports: [{port: 80}, {port: 80, name: b}]}",
            [
                "spec.ports[0].name: Required value",
                'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,'
                '"TargetPort":0,"NodePort":0}',
            ],
        ),
        (
            "{type: NodePort, clusterIP: None, clusterIPs: [None], ports: [{port: 80}]}",
            ["spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services"],
        ),
        ("{type: ExternalName}", ["spec.externalName: Required value"]),
        ("{type: ExternalName, externalName: db.example.com.}", []),
        (
            "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 0}}, ports: [{port: 80}]}",
            [
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less "
                "than 86400"
            ],
        ),
        (
            "{type: LoadBalancer, externalTrafficPolicy: Local, ports: [{port: 80}]}",
            ["spec.healthCheckNodePort: Required value"],
        ),
        (
            "{externalIPs: [169.254.0.1], ports: [{port: 80}]}",
            [
                'spec.externalIPs[0]: Invalid value: "169.254.0.1": may not be in the link-local range '
                "(169.254.0.0/16, fe80::/10)"
            ],
        ),
        (
            "{clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 10.0.0.2], ports: [{port: 80}]}",
            [
                'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP '
                "family"
            ],
        ),
    ],
)
def test_a_service_that_is_wrong(spec: str, expected: list[str]) -> None:
    assert service(spec) == expected


def test_a_load_balancer_keeps_its_class() -> None:
    before = "{type: LoadBalancer, loadBalancerClass: a.io/b, ports: [{port: 80}]}"
    assert service(before.replace("a.io/b", "a.io/c"), before) == [
        'spec.loadBalancerClass: Invalid value: "a.io/c": may not change once set'
    ]


def test_a_service_is_warned_about_what_is_ignored() -> None:
    manifest = "{apiVersion: v1, kind: Service, spec: {clusterIP: None, externalIPs: [192.0.2.1], externalName: a.b}}"
    assert services.warnings(read(manifest), None) == [
        "spec.externalIPs is ignored for headless services",
        'spec.externalName is ignored when spec.type is not "ExternalName"',
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("type: kubernetes.io/tls", ["data[tls.crt]: Required value", "data[tls.key]: Required value"]),
        ("type: kubernetes.io/ssh-auth", ["data[ssh-privatekey]: Required value"]),
        ("type: kubernetes.io/basic-auth, stringData: {username: a}", []),
        (
            "type: kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: '[]'}",
            [
                'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": json: cannot unmarshal array '
                "into Go value of type map[string]interface {}"
            ],
        ),
        (
            "type: kubernetes.io/service-account-token",
            ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        ("type: example.com/anything", []),
    ],
)
def test_a_secret_must_hold_what_its_type_says(fields: str, expected: list[str]) -> None:
    assert complaints(SECRET % fields) == expected


def test_a_secret_over_a_mebibyte_is_too_long() -> None:
    text = "a" * ((1 << 20) + 1)
    manifest: Object = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": text}}
    assert complaints(manifest) == ["data: Too long: may not be more than 1048576 bytes"]


def test_an_immutable_secret_stays_what_it_is() -> None:
    before = SECRET % "immutable: true, stringData: {a: b}"
    assert changes(before, SECRET % "stringData: {a: c}") == [
        "immutable: Forbidden: field is immutable when `immutable` is set",
        "data: Forbidden: field is immutable when `immutable` is set",
    ]
    assert changes(before, SECRET % "immutable: true, type: other/x, stringData: {a: b}") == [
        'type: Invalid value: "other/x": field is immutable'
    ]


def test_a_key_pair_that_is_none_is_only_a_warning() -> None:
    pair = SECRET % "type: kubernetes.io/tls, stringData: {tls.crt: a, tls.key: b}"
    assert complaints(pair) == []
    assert warnings(pair) == ["tls: failed to find any PEM data in certificate input"]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "{hard: {pods: '-1', nonsense: '1'}}",
            [
                'spec.hard[nonsense]: Invalid value: "nonsense": must be a standard resource type or fully qualified',
                'spec.hard[nonsense]: Invalid value: "nonsense": must be a standard resource for quota',
                'spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0',
            ],
        ),
        ("{hard: {count/deployments.apps: '5', requests.example.com/gpu: '2', hugepages-2Mi: 4Mi}}", []),
        (
            "{hard: {requests.storage: 1Gi}, scopes: [Terminating]}",
            ['spec.scopes: Invalid value: ["Terminating"]: unsupported scope applied to resource'],
        ),
        (
            "{scopes: [BestEffort, NotBestEffort]}",
            ['spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes'],
        ),
    ],
)
def test_a_quota_that_is_wrong(spec: str, expected: list[str]) -> None:
    assert complaints(QUOTA % spec) == expected


def test_a_quota_keeps_its_scopes() -> None:
    assert changes(QUOTA % "{scopes: [Terminating]}", QUOTA % "{scopes: [NotTerminating]}") == [
        'spec.scopes: Invalid value: ["NotTerminating"]: field is immutable'
    ]


def test_a_quota_whose_request_exceeds_its_limit_is_warned_about() -> None:
    manifest = QUOTA % "{hard: {cpu: '3', limits.cpu: '2'}}"
    assert warnings(manifest) == ["ResourceQuota cpu (3) should be less than limits.cpu (2)"]


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("{type: Container, max: {cpu: '2'}, min: {cpu: '1'}, maxLimitRequestRatio: {cpu: '2'}}", []),
        (
            "{type: Pod, max: {cpu: '2'}, min: {cpu: '1'}, maxLimitRequestRatio: {cpu: '3'}}",
            [
                'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = '
                "2.000000"
            ],
        ),
        (
            "{type: Container, max: {storage: 1Gi}}",
            [
                f'spec.limits[0].{field}[storage]: Invalid value: "storage": must be a standard resource for containers'
                for field in ("max", "default", "defaultRequest")
            ],
        ),
        (
            "{type: PersistentVolumeClaim, default: {storage: 1Gi}}",
            [
                "spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but "
                "neither was provided"
            ],
        ),
    ],
)
def test_a_limit_range_that_contradicts_itself(item: str, expected: list[str]) -> None:
    assert complaints(LIMITS % item) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            "spec: {taints: [{key: a, effect: NoSchedule}, {key: a, effect: NoSchedule}]}",
            [
                'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: '
                "taints must be unique by key and effect pair"
            ],
        ),
        (
            "spec: {taints: [{key: a, effect: Never}]}",
            [
                'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", '
                '"PreferNoSchedule", "NoExecute"'
            ],
        ),
        (
            "spec: {podCIDRs: [10.0.0.0/24, 10.0.1.0/24]}",
            [
                'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for '
                "each IP family"
            ],
        ),
        (
            "status: {capacity: {pods: '1.5'}}",
            [
                'status.capacity.pods: Invalid value: "1500m": must be an integer',
                'status.allocatable.pods: Invalid value: "1500m": must be an integer',
            ],
        ),
    ],
)
def test_a_node_that_is_wrong(fields: str, expected: list[str]) -> None:
    assert complaints(NODE % fields) == expected


def test_a_node_keeps_its_provider_and_its_pod_range() -> None:
    before = NODE % "spec: {providerID: 'a://1', podCIDRs: [10.0.0.0/24]}"
    assert changes(before, NODE % "spec: {providerID: 'a://2', podCIDRs: [10.0.1.0/24]}") == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
    ]
    assert changes(NODE % "spec: {}", before) == []


def test_the_phase_of_a_namespace_follows_its_deletion() -> None:
    manifest = "{apiVersion: v1, kind: Namespace, status: {phase: Terminating}}"
    assert changes(manifest, manifest, "status") == [
        "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]


GOOD_VOLUME = "{capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], %s}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("hostPath: {path: /a/../b}", ["spec.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"]),
        ("nfs: {server: s, path: x}", ['spec.nfs.path: Invalid value: "x": must be an absolute path']),
        ("rbd: {image: i}", ["spec.rbd.monitors: Required value"]),
        (
            "iscsi: {targetPortal: p, iqn: wrong, lun: 300}",
            [
                'spec.iscsi.iqn: Invalid value: "wrong": must be valid format',
                "spec.iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive",
            ],
        ),
        ("flexVolume: {driver: a/b, options: {kubernetes.io/x: y}}", [
            'spec.flexVolume.options[kubernetes.io/x]: Invalid value: "kubernetes.io/x": kubernetes.io and k8s.io '
            "namespaces are reserved"
        ]),
        ("csi: {driver: d, volumeHandle: h, nodePublishSecretRef: {name: s}}", [
            "spec.csi.nodePublishSecretRef.namespace: Required value"
        ]),
        ("hostPath: {path: /a}, nfs: {server: s, path: /b}, cephfs: {}", [
            "spec.nfs: Forbidden: may not specify more than 1 volume type",
            "spec.cephFS: Forbidden: may not specify more than 1 volume type",
        ]),
        ("gcePersistentDisk: {pdName: '', partition: 300}", [
            "spec.persistentDisk.pdName: Required value",
            "spec.persistentDisk.partition: Invalid value: 300: must be between 1 and 255, inclusive",
        ]),
        (
            "local: {path: /mnt}, nodeAffinity: {required: {nodeSelectorTerms: []}}",
            [
                "spec.nodeAffinity.required.nodeSelectorTerms: Required value: must have at least one node selector "
                "term"
            ],
        ),
    ],
)  # fmt: skip
def test_a_volume_needs_one_right_source(source: str, expected: list[str]) -> None:
    assert complaints(VOLUME % GOOD_VOLUME % source) == expected


def test_a_volume_keeps_its_source_but_may_gain_an_expansion_secret() -> None:
    before = VOLUME % GOOD_VOLUME % "csi: {driver: d, volumeHandle: h}"
    secret = "controllerExpandSecretRef: {name: a, namespace: b}"
    assert changes(before, VOLUME % GOOD_VOLUME % f"csi: {{driver: d, volumeHandle: h, {secret}}}") == []
    [message] = changes(before, VOLUME % GOOD_VOLUME % "csi: {driver: d, volumeHandle: other}")
    assert message.startswith(
        "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -22,7"
    )
    assert '-  "VolumeHandle": "h",\n+  "VolumeHandle": "other",\n' in message


def test_a_volume_on_an_old_plugin_is_warned_about() -> None:
    manifest = VOLUME % GOOD_VOLUME % "cephfs: {monitors: [m]}, persistentVolumeReclaimPolicy: Recycle"
    assert warnings(manifest) == [
        "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
        "approach is to use dynamic provisioning.",
        "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
    ]


GOOD_CLAIM = "{accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}, %s}"


def claim(size: str = "2Gi", more: str = "storageClassName: a", status: str = "{}") -> str:
    spec = GOOD_CLAIM % (size, more)
    return f"{{apiVersion: v1, kind: PersistentVolumeClaim, spec: {spec}, status: {status}}}"


def test_a_claim_names_its_source_twice_the_same_way() -> None:
    more = "dataSource: {kind: PersistentVolumeClaim, name: a}, dataSourceRef: {kind: PersistentVolumeClaim, name: b}"
    assert complaints(claim(more=more)) == ['spec: Invalid value: "spec.dataSource": must match dataSourceRef']


def test_a_bound_claim_may_grow_and_others_may_not() -> None:
    bound = "{phase: Bound, capacity: {storage: 2Gi}}"
    assert changes(claim(status=bound), claim("3Gi", status=bound)) == []
    assert changes(claim(), claim("3Gi"))[0].startswith("spec: Forbidden: spec is immutable after creation except")
    assert changes(claim("3Gi", status=bound), claim("1Gi", status=bound)) == [
        "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity"
    ]


def test_a_claim_without_a_class_may_get_one_later() -> None:
    without = claim(more="volumeName: ''")
    assert changes(without, claim(more="storageClassName: fast")) == []
    assert changes(without, claim(more="volumeName: pv")) == []


def test_bytes_come_whole() -> None:
    assert warnings(claim("'1.5'")) == [
        'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
    ]


def test_endpoints_that_are_stored_may_stay_wrong() -> None:
    wrong = "{apiVersion: v1, kind: Endpoints, subsets: [{ports: [{port: 80}]}]%s}"
    assert changes(wrong % "", wrong % ", metadata: {labels: {a: b}}") == []
    assert complaints(wrong % "") == ["subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"]
