"""Mistakes in networking, discovery, storage and event objects, and what the server says about them."""

from __future__ import annotations

import pytest

from minikube_edu.api.conversion import convert
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import validator
from tests.api.judging import changes, complaints, read, warnings

NETWORKING = "{apiVersion: networking.k8s.io/v1, kind: %s, %s}"
STORAGE = "{apiVersion: storage.k8s.io/v1, kind: %s, %s}"
SLICE = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: %s, endpoints: [%s], ports: []}"


def ingress(path: str) -> str:
    return NETWORKING % ("Ingress", f"spec: {{rules: [{{http: {{paths: [{path}]}}}}]}}")


BACKEND = "backend: {service: {name: s, port: {number: 80}}}"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{{path: /a, pathType: Prefix, {BACKEND}}}", []),
        (
            f"{{path: a, pathType: ImplementationSpecific, {BACKEND}}}",
            ['path: Invalid value: "a": must be an absolute path'],
        ),
        (f"{{path: /a/.., pathType: Exact, {BACKEND}}}", ["path: Invalid value: \"/a/..\": cannot end with '/..'"]),
        ("{path: /a, pathType: Exact, backend: {resource: {kind: K}}}", ["backend.resource.name: Required value"]),
        (
            "{path: /a, pathType: Exact, backend: {service: {name: s, port: {name: BAD}}}}",
            [
                'backend.service.port.name: Invalid value: "BAD": must contain only alpha-numeric characters (a-z, '
                "0-9), and hyphens (-)",
                'backend.service.port.name: Invalid value: "BAD": must contain at least one letter (a-z)',
            ],
        ),
    ],
)  # fmt: skip
def test_paths_of_an_ingress(path: str, expected: list[str]) -> None:
    assert complaints(ingress(path)) == [f"spec.rules[0].http.paths[0].{message}" for message in expected]


def test_a_secret_name_that_was_wrong_may_stay_wrong() -> None:
    wrong = NETWORKING % ("Ingress", "spec: {defaultBackend: {resource: {kind: K, name: n}}, tls: [{secretName: A_b}]}")
    assert len(complaints(wrong)) == 1
    assert changes(wrong, wrong) == []


def test_the_class_annotation_is_deprecated() -> None:
    fields = "metadata: {annotations: {kubernetes.io/ingress.class: a}}, spec: {}"
    manifest = NETWORKING % ("Ingress", fields)
    assert warnings(manifest) == [
        "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead"
    ]
    assert warnings(manifest, manifest) == []


def test_an_ingress_class_in_a_namespace_names_it() -> None:
    parameters = "spec: {controller: a.io/b, parameters: {kind: K, name: n, scope: Namespace}}"
    assert complaints(NETWORKING % ("IngressClass", parameters)) == [
        "spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"
    ]


def test_a_policy_may_keep_a_block_that_would_be_refused_today() -> None:
    policy = NETWORKING % ("NetworkPolicy", "spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: %s}}]}]}")
    assert complaints(policy % "10.1.2.3/8") == [
        'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.1.2.3/8": must not have bits set beyond the prefix '
        "length"
    ]
    assert changes(policy % "10.1.2.3/8", policy % "10.1.2.3/8") == []
    assert warnings(policy % "10.1.2.3/8")[0].startswith("spec.ingress[0].from[0].ipBlock.cidr: CIDR value")


def test_a_range_of_ports_has_two_ends() -> None:
    ports = "spec: {podSelector: {}, egress: [{ports: [{port: 10, endPort: 5}, {port: web, endPort: 5}]}]}"
    assert complaints(NETWORKING % ("NetworkPolicy", ports)) == [
        "spec.egress[0].ports[0].endPort: Invalid value: 10: must be greater than or equal to `port`",
        "spec.egress[0].ports[1].endPort: Invalid value: 5: may not be specified when `port` is non-numeric",
    ]


def test_an_address_object_is_called_by_its_canonical_address() -> None:
    fields = "metadata: {name: '2001:DB8::1'}, spec: {parentRef: {resource: services, name: a}}"
    assert complaints(NETWORKING % ("IPAddress", fields)) == [
        'metadata.name: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")'
    ]


def test_a_service_range_may_only_gain_a_second_family() -> None:
    cidr = NETWORKING % ("ServiceCIDR", "spec: {cidrs: [%s]}")
    assert changes(cidr % "10.0.0.0/24", cidr % "10.0.0.0/24, 'fd00::/112'") == []
    assert changes(cidr % "10.0.0.0/24", cidr % "10.0.0.0/24, 10.0.1.0/24") == [
        'spec.cidrs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one IP for each IP family, '
        "i.e 192.168.0.0/24 and 2001:db8::/64"
    ]
    assert changes(cidr % "10.0.0.0/24, 'fd00::/112'", cidr % "10.0.0.0/24") == [
        'spec.cidrs: Invalid value: ["10.0.0.0/24"]: field is immutable'
    ]


@pytest.mark.parametrize(
    ("kind", "endpoint", "expected"),
    [
        ("IPv4", "{addresses: [10.0.0.1]}", []),
        ("IPv4", "{addresses: ['::1']}", [
            'endpoints[0].addresses: Invalid value: "::1": must be an IPv4 address',
            'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        ]),
        ("FQDN", "{addresses: [localhost]}", [
            'endpoints[0].addresses[0]: Invalid value: "localhost": should be a domain with at least two segments '
            "separated by dots"
        ]),
        ("IPv4", "{addresses: [10.0.0.1], hints: {forZones: [{name: a}, {name: a}]}}", [
            'endpoints[0].hints.forZones[1].name: Duplicate value: "a"'
        ]),
    ],
)  # fmt: skip
def test_endpoints_of_a_slice(kind: str, endpoint: str, expected: list[str]) -> None:
    assert complaints(SLICE % (kind, endpoint)) == expected


def test_a_slice_keeps_its_address_type() -> None:
    assert changes(SLICE % ("IPv4", ""), SLICE % ("IPv6", "")) == [
        'addressType: Invalid value: "IPv6": field is immutable'
    ]


def test_an_attachment_never_changes() -> None:
    manifest = STORAGE % ("VolumeAttachment", "spec: {attacher: a, nodeName: %s, source: {persistentVolumeName: p}}")
    assert changes(manifest % "n", manifest % "m") == [
        'spec: Invalid value: {"Attacher":"a","Source":{"PersistentVolumeName":"p","InlineVolumeSpec":null},'
        '"NodeName":"m"}: field is immutable'
    ]


def test_an_inline_volume_is_csi_without_a_claim() -> None:
    volume = "{accessModes: [ReadWriteOnce], nfs: {server: s, path: /x}}"
    spec = f"{{attacher: a, nodeName: n, source: {{inlineVolumeSpec: {volume}}}}}"
    assert complaints(STORAGE % ("VolumeAttachment", f"spec: {spec}")) == [
        "spec.source.inlineVolumeSpec.csi: Required value: has to be specified in the context of inline volumes"
    ]


def test_a_csi_driver_is_warned_about_tokens_in_logs() -> None:
    manifest = STORAGE % ("CSIDriver", "spec: {tokenRequests: [{audience: a, expirationSeconds: 5}]}")
    assert complaints(manifest) == [
        "spec.tokenRequests[0].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes"
    ]
    assert warnings(manifest)[0].startswith("spec.serviceAccountTokenInSecrets is unset")


def test_a_driver_on_a_node_may_change_only_how_much_it_takes() -> None:
    manifest = STORAGE % ("CSINode", "spec: {drivers: [{name: a, nodeID: %s, allocatable: {count: %d}}]}")
    assert changes(manifest % ("n", 1), manifest % ("n", 2)) == []
    assert changes(manifest % ("n", 1), manifest % ("m", 1)) == [
        'spec.drivers: Invalid value: {"Name":"a","NodeID":"m","TopologyKeys":null,"Allocatable":null}: field is '
        "immutable"
    ]


def test_a_storage_class_with_twice_the_same_topology() -> None:
    term = "{matchLabelExpressions: [{key: zone, values: [a, a]}]}"
    assert complaints(STORAGE % ("StorageClass", f"provisioner: p, allowedTopologies: [{term}, {term}]")) == [
        'allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        'allowedTopologies[1].matchLabelExpressions[0].values[1]: Duplicate value: "a"',
        'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
    ]


EVENT = (
    "{apiVersion: events.k8s.io/v1, kind: Event, eventTime: '2024-01-01T00:00:00.000000Z', type: Normal, action: A, "
    "reason: R, reportingController: a.io/c, reportingInstance: i, regarding: {namespace: default}, note: hello}"
)


def test_an_event_goes_to_core_and_back_unchanged() -> None:
    event = read(EVENT)
    core = convert(event, "v1")
    assert core["message"] == "hello"
    assert core["involvedObject"] == {"namespace": "default"}
    assert core["reportingComponent"] == "a.io/c"
    assert convert(core, "events.k8s.io/v1") == event


def test_the_newer_group_is_strict_about_events_and_core_is_not() -> None:
    event = convert(read(EVENT), "v1")
    event.update(type="Whatever", count=5)
    strict, lenient = Errors(), Errors()
    validator("events.k8s.io", "Event").create(event, strict)
    validator("", "Event").create(event, lenient)
    assert [str(error) for error in strict] == [
        'type: Invalid value: "": has invalid value: Whatever',
        'count: Invalid value: "": needs to be unset',
    ]
    assert lenient == []


def test_an_event_of_the_newer_group_changes_only_its_series() -> None:
    old = convert(read(EVENT), "v1")
    errors = Errors()
    new = {**old, "message": "bye", "series": {"count": 1, "lastObservedTime": "2024-01-01T00:00:00.000000Z"}}
    validator("events.k8s.io", "Event").update(new, old, errors)
    assert [str(error) for error in errors] == [
        'series.count: Invalid value: "": should be at least 2',
        'message: Invalid value: "bye": field is immutable',
    ]
