"""A configuration out of a command line, and out of the file that it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import defaults, loading, validation
from minikube_edu.kubeadm.config.configuration import Configuration

Object = dict[str, Any]

# Flags that may stand beside --config.
BESIDE = frozenset(
    [
        "allow-experimental-api",
        "allow-missing-template-keys",
        "cert-dir",
        "certificate-key",
        "cleanup-tmp-dir",
        "config",
        "control-plane",
        "cri-socket",
        "description",
        "dry-run",
        "force",
        "ignore-preflight-errors",
        "kubeconfig",
        "kubeconfig-dir",
        "machine",
        "new-config",
        "node-name",
        "old-config",
        "output",
        "patches",
        "print-join-command",
        "rootfs",
        "show-managed-fields",
        "skip-certificate-key-print",
        "skip-phases",
        "skip-token-print",
        "upload-certs",
        "usages",
        "v",
        "vmodule",
        "yes",
        "groups",
        "ttl",
    ]
)
_CONFIG_BOUND = frozenset(("cert-dir", "certificate-key"))  # beside a file only for single phases

INIT_FIELDS = {
    "apiserver-advertise-address": ("localAPIEndpoint", "advertiseAddress"),
    "apiserver-bind-port": ("localAPIEndpoint", "bindPort"),
    "node-name": ("nodeRegistration", "name"),
    "cri-socket": ("nodeRegistration", "criSocket"),
}
CLUSTER_FIELDS = {
    "cert-dir": ("certificatesDir",),
    "control-plane-endpoint": ("controlPlaneEndpoint",),
    "image-repository": ("imageRepository",),
    "kubernetes-version": ("kubernetesVersion",),
    "pod-network-cidr": ("networking", "podSubnet"),
    "service-cidr": ("networking", "serviceSubnet"),
    "service-dns-domain": ("networking", "dnsDomain"),
    "apiserver-cert-extra-sans": ("apiServer", "certSANs"),
}


def init_configuration(call: Call) -> Configuration:
    """What `init` and its phases run with."""
    flags = call.flags
    path = flags.get("config") or ""
    if path:
        refuse_mixed(call)
    check_flags(call)
    components: dict[str, Object] = {}
    if path:
        documents = loading.load(call, path)
        given, shared = documents.get("InitConfiguration") or {}, documents.get("ClusterConfiguration") or {}
        components = {kind: documents[kind] for kind in loading.COMPONENTS if kind in documents}
        if not any(kind in documents for kind in ("InitConfiguration", "ClusterConfiguration")):
            raise CommandError("no InitConfiguration or ClusterConfiguration kind was found in the YAML file")
        over = {name: field for name, field in INIT_FIELDS.items() if name in ("node-name", "cri-socket")}
        given = _with_flags(given, over, call)
    else:
        given, shared = _with_flags({}, INIT_FIELDS, call), _with_flags({}, CLUSTER_FIELDS, call)
        gates = feature_gates(flags.get("feature-gates") or "")
        if gates:
            shared["featureGates"] = gates
        token = {}
        if flags.get("token"):
            token["token"] = flags["token"]
        if "token-ttl" in flags:
            from minikube_edu.lib import durations

            token["ttl"] = durations.format(durations.parse(flags["token-ttl"]))
        given["bootstrapTokens"] = [token]
    shared = {**shared, "kubernetesVersion": validation.resolved_version(shared.get("kubernetesVersion") or "stable-1")}
    configuration = defaults.whole(given, shared, components, call.host)
    validation.check(configuration)
    return configuration


def check_flags(call: Call) -> None:
    """What the real kubeadm complains of before it looks at any file."""
    flags = call.flags
    address = flags.get("apiserver-advertise-address") or ""
    if address and not validation.is_address(address):
        raise CommandError(f'couldn\'t use "{address}" as "apiserver-advertise-address", must be ipv4 or ipv6 address')
    if flags.get("token"):
        validation.check_token(flags["token"])
    feature_gates(flags.get("feature-gates") or "")


def refuse_mixed(call: Call) -> None:
    mixed = sorted(name for name in call.flags.given if name not in BESIDE)
    if mixed:
        raise CommandError(f"can not mix '--config' with arguments [{' '.join(mixed)}]")


def ignored_errors(given: Sequence[str], registration_owner: Object) -> frozenset[str]:
    """Names of checks, in small letters, of the flag and the file."""
    asked = [*given, *((registration_owner.get("nodeRegistration") or {}).get("ignorePreflightErrors") or ())]
    names = sorted({name.strip().lower() for name in asked if name.strip()})
    if "all" in names and len(names) > 1:
        shown = ",".join(names)
        raise CommandError(
            f"ignore-preflight-errors: Invalid value: \"{shown}\": don't specify individual checks if 'all' is used"
        )
    return frozenset(names)


GATES = ("NodeLocalCRISocket", "PublicKeysECDSA", "RootlessControlPlane")


def feature_gates(text: str) -> dict[str, bool]:
    found = {}
    for pair in filter(None, text.split(",")):
        name, equals, value = pair.partition("=")
        name, value = name.strip(), value.strip()
        if not equals:
            raise CommandError(f"missing bool value for feature-gate key:{name}")
        if name not in GATES:
            raise CommandError(f"unrecognized feature-gate key: {name}")
        if value.lower() not in ("true", "false", "t", "f", "1", "0"):
            raise CommandError(f"invalid value {value} for feature-gate key: {name}, use true|false instead")
        found[name] = value.lower() in ("true", "t", "1")
    return found


def _with_flags(base: Object, fields: Mapping[str, tuple[str, ...]], call: Call) -> Object:
    """The document, with what the flags say put over it."""
    found = {key: dict(value) if isinstance(value, dict) else value for key, value in base.items()}
    for name, path in fields.items():
        if call.flags.changed(name):
            place = found
            for key in path[:-1]:
                place = place.setdefault(key, {})
            place[path[-1]] = call.flags[name]
    return found
