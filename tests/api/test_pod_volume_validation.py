"""Volumes: is each source told apart from the others, and are its own few rules kept?"""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asking import complaints, made
from tests.api.test_pod_validation import POD

V = "spec.volumes[0]"


def with_volume(**source: Any) -> list[str]:
    return complaints(made(POD, spec__volumes=[{"name": "v", **source}]))


@pytest.mark.parametrize(
    "source",
    [
        {},  # becomes an emptyDir
        {"hostPath": {"path": "/var/log"}},
        {"configMap": {"name": "a", "items": [{"key": "k", "path": "dir/k"}]}},
        {"nfs": {"server": "s", "path": "/x"}},
        {"csi": {"driver": "Example.com"}},
        {"iscsi": {"targetPortal": "p", "iqn": "iqn.2001-04.com.example:storage", "lun": 0}},
        {"ephemeral": {"volumeClaimTemplate": {"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        }}}},
        {"projected": {"sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
            {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        ]}},
    ],
)  # fmt: skip
def test_is_a_proper_volume_let_pass(source: dict[str, Any]) -> None:
    named = made(POD, spec__volumes=[{"name": "v", **source}], spec__serviceAccountName="default")
    assert complaints(named) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"hostPath": {"path": "/a/../b", "type": "Weird"}},
            [
                f"{V}.hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                f'{V}.hostPath.type: Unsupported value: "Weird": supported values: "", "BlockDevice", "CharDevice", '
                '"Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
            ],
        ),
        (
            {"secret": {"secretName": "s", "defaultMode": 4096}},
            [
                f"{V}.secret.defaultMode: Invalid value: 4096: must be a number between 0 and 0777 (octal), both "
                "inclusive"
            ],
        ),
        (
            {"configMap": {"name": "c", "items": [{"key": "k", "path": "..data"}]}},
            [f"{V}.configMap.items[0].path: Invalid value: \"..data\": must not start with '..'"],
        ),
        (
            {"projected": {"sources": [
                {"configMap": {"name": "a", "items": [{"key": "k", "path": "p"}]}},
                {"secret": {"name": "b", "items": [{"key": "k", "path": "p"}]}},
            ]}},
            [f'{V}.projected: Invalid value: "b": conflicting duplicate paths'],
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 10}}]}},
            [
                f"{V}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 10: may not specify "
                "a duration less than 10 minutes",
                f"{V}.projected.sources[0].serviceAccountToken: Forbidden: must not be specified when "
                "serviceAccountName is not set",
            ],
        ),
        (
            {"downwardAPI": {"items": [{"path": "x", "resourceFieldRef": {"resource": "limits.cpu"}}]}},
            [f"{V}.downwardAPI.resourceFieldRef.containerName: Required value"],
        ),
        (
            {"iscsi": {"targetPortal": "p", "iqn": "iqn.bad", "lun": 300}},
            [
                f'{V}.iscsi.iqn: Invalid value: "iqn.bad": must be valid format',
                f"{V}.iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive",
            ],
        ),
        ({"gcePersistentDisk": {"pdName": ""}}, [f"{V}.persistentDisk.pdName: Required value"]),
        (
            {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"]}}}},
            [f"{V}.ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value"],
        ),
        (
            {"image": {"reference": "", "pullPolicy": "Always"}},
            [f"{V}.image.reference: Required value"],
        ),
        (
            {"emptyDir": {}, "downwardAPI": {"items": []}},
            [f"{V}.downwarAPI: Forbidden: may not specify more than 1 volume type"],  # the real one's spelling
        ),
    ],
)  # fmt: skip
def test_what_is_said_about_a_mistake(source: dict[str, Any], expected: list[str]) -> None:
    assert with_volume(**source) == expected


def test_must_the_claim_of_an_ephemeral_volume_not_be_claimed_again() -> None:
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    volumes = [
        {"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": claim}}},
        {"name": "w", "persistentVolumeClaim": {"claimName": "p-v"}},
    ]
    assert complaints(made(POD, spec__volumes=volumes)) == [
        'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "p-v": must not reference a PVC that gets '
        "created for an ephemeral volume"
    ]
