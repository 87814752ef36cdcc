"""Which fields the kinds of kubeadm.k8s.io have: v1beta4's, and where v1beta3's differ.

A field's shape is a type name, `[shape]` for a list, `{shape}` for a map of strings, or another table.
"""

from __future__ import annotations

from typing import Any

Shape = Any

STRING, BOOL, INT, DURATION, MAP = "string", "bool", "int32", "duration", "map"

_ARG: Shape = {"name": STRING, "value": STRING}
_TAINT: Shape = {"key": STRING, "value": STRING, "effect": STRING, "timeAdded": STRING}
_ENV: Shape = {"name": STRING, "value": STRING, "valueFrom": MAP}
_MOUNT: Shape = {"name": STRING, "hostPath": STRING, "mountPath": STRING, "readOnly": BOOL, "pathType": STRING}
_PATCHES: Shape = {"directory": STRING}
_TIMEOUTS: Shape = dict.fromkeys(
    ("controlPlaneComponentHealthCheck", "kubeletHealthCheck", "kubernetesAPICall", "etcdAPICall", "tlsBootstrap",
     "discovery", "upgradeManifests"),
    DURATION,
)  # fmt: skip
_COMPONENT: Shape = {"extraArgs": [_ARG], "extraVolumes": [_MOUNT], "extraEnvs": [_ENV]}
_REGISTRATION: Shape = {
    "name": STRING,
    "criSocket": STRING,
    "taints": [_TAINT],
    "kubeletExtraArgs": [_ARG],
    "ignorePreflightErrors": [STRING],
    "imagePullPolicy": STRING,
    "imagePullSerial": BOOL,
}
_ENDPOINT: Shape = {"advertiseAddress": STRING, "bindPort": INT}
_TOKEN: Shape = {
    "token": STRING,
    "description": STRING,
    "ttl": DURATION,
    "expires": STRING,
    "usages": [STRING],
    "groups": [STRING],
}
_IMAGE: Shape = {"imageRepository": STRING, "imageTag": STRING}
_UPGRADE_NODE: Shape = {
    "certificateRenewal": BOOL,
    "dryRun": BOOL,
    "etcdUpgrade": BOOL,
    "ignorePreflightErrors": [STRING],
    "skipPhases": [STRING],
    "patches": _PATCHES,
    "imagePullPolicy": STRING,
    "imagePullSerial": BOOL,
}

V1BETA4: dict[str, Shape] = {
    "InitConfiguration": {
        "bootstrapTokens": [_TOKEN],
        "dryRun": BOOL,
        "nodeRegistration": _REGISTRATION,
        "localAPIEndpoint": _ENDPOINT,
        "certificateKey": STRING,
        "skipPhases": [STRING],
        "patches": _PATCHES,
        "timeouts": _TIMEOUTS,
    },
    "ClusterConfiguration": {
        "etcd": {
            "local": {
                **_IMAGE,
                "dataDir": STRING,
                "extraArgs": [_ARG],
                "extraEnvs": [_ENV],
                "serverCertSANs": [STRING],
                "peerCertSANs": [STRING],
            },
            "external": {
                "endpoints": [STRING],
                "httpEndpoints": [STRING],
                "caFile": STRING,
                "certFile": STRING,
                "keyFile": STRING,
            },
        },
        "networking": {"serviceSubnet": STRING, "podSubnet": STRING, "dnsDomain": STRING},
        "kubernetesVersion": STRING,
        "controlPlaneEndpoint": STRING,
        "apiServer": {**_COMPONENT, "certSANs": [STRING]},
        "controllerManager": _COMPONENT,
        "scheduler": _COMPONENT,
        "dns": {**_IMAGE, "disabled": BOOL},
        "proxy": {"disabled": BOOL},
        "certificatesDir": STRING,
        "imageRepository": STRING,
        "featureGates": MAP,
        "clusterName": STRING,
        "encryptionAlgorithm": STRING,
        "certificateValidityPeriod": DURATION,
        "caCertificateValidityPeriod": DURATION,
    },
    "JoinConfiguration": {
        "dryRun": BOOL,
        "nodeRegistration": _REGISTRATION,
        "caCertPath": STRING,
        "discovery": {
            "bootstrapToken": {
                "token": STRING,
                "apiServerEndpoint": STRING,
                "caCertHashes": [STRING],
                "unsafeSkipCAVerification": BOOL,
            },
            "file": {"kubeConfigPath": STRING},
            "tlsBootstrapToken": STRING,
        },
        "controlPlane": {"localAPIEndpoint": _ENDPOINT, "certificateKey": STRING},
        "skipPhases": [STRING],
        "patches": _PATCHES,
        "timeouts": _TIMEOUTS,
    },
    "ResetConfiguration": {
        "cleanupTmpDir": BOOL,
        "certificatesDir": STRING,
        "criSocket": STRING,
        "dryRun": BOOL,
        "force": BOOL,
        "ignorePreflightErrors": [STRING],
        "skipPhases": [STRING],
        "unmountFlags": [STRING],
        "timeouts": _TIMEOUTS,
    },
    "UpgradeConfiguration": {
        "apply": {
            **_UPGRADE_NODE,
            "kubernetesVersion": STRING,
            "allowExperimentalUpgrades": BOOL,
            "allowRCUpgrades": BOOL,
            "forceUpgrade": BOOL,
            "printConfig": BOOL,
        },
        "diff": {"contextLines": INT},
        "node": _UPGRADE_NODE,
        "plan": {
            "kubernetesVersion": STRING,
            "allowExperimentalUpgrades": BOOL,
            "allowRCUpgrades": BOOL,
            "dryRun": BOOL,
            "etcdUpgrade": BOOL,
            "ignorePreflightErrors": [STRING],
            "printConfig": BOOL,
        },
        "timeouts": _TIMEOUTS,
    },
}

_OLD_COMPONENT: Shape = {"extraArgs": MAP, "extraVolumes": [_MOUNT]}
_OLD_REGISTRATION: Shape = {
    **{key: value for key, value in _REGISTRATION.items() if key != "imagePullSerial"},
    "kubeletExtraArgs": MAP,
}


def _without(table: Shape, *names: str) -> Shape:
    return {key: value for key, value in table.items() if key not in names}


_CLUSTER = V1BETA4["ClusterConfiguration"]
_OLD_LOCAL = {**_without(_CLUSTER["etcd"]["local"], "extraEnvs"), "extraArgs": MAP}
V1BETA3: dict[str, Shape] = {
    "InitConfiguration": {
        **_without(V1BETA4["InitConfiguration"], "dryRun", "timeouts"),
        "nodeRegistration": _OLD_REGISTRATION,
    },
    "ClusterConfiguration": {
        **_without(
            _CLUSTER, "proxy", "encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod"
        ),
        "etcd": {"local": _OLD_LOCAL, "external": _without(_CLUSTER["etcd"]["external"], "httpEndpoints")},
        "apiServer": {**_OLD_COMPONENT, "certSANs": [STRING], "timeoutForControlPlane": DURATION},
        "controllerManager": _OLD_COMPONENT,
        "scheduler": _OLD_COMPONENT,
        "dns": _IMAGE,
    },
    "JoinConfiguration": {
        **_without(V1BETA4["JoinConfiguration"], "dryRun", "timeouts"),
        "nodeRegistration": _OLD_REGISTRATION,
        "discovery": {**V1BETA4["JoinConfiguration"]["discovery"], "timeout": DURATION},
    },
}
VERSIONS = {"kubeadm.k8s.io/v1beta4": V1BETA4, "kubeadm.k8s.io/v1beta3": V1BETA3}


def unknown_fields(document: Any, shape: Shape, path: str = "") -> list[str]:
    """`unknown field "netwrking"`, in the order of the document's keys."""
    if isinstance(shape, list):
        items = document if isinstance(document, list) else []
        return [one for i, item in enumerate(items) for one in unknown_fields(item, shape[0], f"{path}[{i}]")]
    if not isinstance(shape, dict) or not isinstance(document, dict):
        return []
    found = []
    for key, value in sorted(document.items()):
        place = f"{path}.{key}" if path else key
        if not path and key in ("apiVersion", "kind"):
            continue
        if key not in shape:
            found.append(f'unknown field "{place}"')
        else:
            found += unknown_fields(value, shape[key], place)
    return found


def misfit(document: Any, shape: Shape, path: str = "") -> str:
    """Where a value has not the type of its field, as Go's JSON decoder says it; empty when all fit."""
    if document is None:
        return ""
    if isinstance(shape, list):
        if not isinstance(document, list):
            return _cannot(document, path, "[]")
        return next((text for item in document if (text := misfit(item, shape[0], path))), "")
    if isinstance(shape, dict):
        if not isinstance(document, dict):
            return _cannot(document, path, "struct")
        items = (
            (value, shape[key], f"{path}.{key}" if path else key) for key, value in document.items() if key in shape
        )
        return next((text for value, inner, place in items if (text := misfit(value, inner, place))), "")
    wanted = {STRING: str, DURATION: str, BOOL: bool, INT: int, MAP: dict}[shape]
    if not isinstance(document, wanted) or (wanted is int and isinstance(document, bool)):
        return _cannot(document, path, "map[string]string" if shape == MAP else str(shape))
    return ""


def _cannot(value: Any, path: str, kind: str) -> str:
    called = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return f"json: cannot unmarshal {called[type(value)]} into Go struct field {path} of type {kind}"
