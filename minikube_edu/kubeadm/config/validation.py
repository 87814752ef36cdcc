"""What is wrong with a configuration, in the real kubeadm's words: all of it at once, `[a, b]` when it is several."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from minikube_edu.api import names
from minikube_edu.kubeadm import constants, releases
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration, split
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

TOKEN = re.compile(r"([a-z0-9]{6})\.([a-z0-9]{16})")
_TOKEN_PATTERN = r'"\\A([a-z0-9]{6})\\.([a-z0-9]{16})\\z"'
GROUP = re.compile(r"system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]")
USAGES = ("signing", "authentication")
_VERSION = re.compile(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)([-+][0-9A-Za-z.+-]+)?")
_LABEL = re.compile(r"((https?://)?[a-z./]+/)?(latest|stable|release|k8s-main|k8s-master)(-[0-9](\.[0-9]+)?)?(\.txt)?|"
                    r"(ci|release|ci-cross)/[-\w.+]+|stable(-1(\.[0-9]+)?)?|latest(-1(\.[0-9]+)?)?")  # fmt: skip


def resolved_version(text: str) -> str:
    """`v1.36.3`. Labels (`stable-1`) mean the newest of this kubeadm's series: no server is asked."""
    matched = _VERSION.fullmatch(text)
    if matched is None:
        if _LABEL.fullmatch(text):
            return releases.stable()
        raise CommandError(
            f"version {quote(text)} doesn't match patterns for neither semantic version nor labels (stable, "
            "latest, ...)"
        )
    version = text if text.startswith("v") else f"v{text}"
    if (int(matched[1]), int(matched[2])) < releases.oldest():
        oldest = ".".join(map(str, releases.oldest())) + ".0"
        raise CommandError(
            f"this version of kubeadm only supports deploying clusters with the control plane version >= {oldest}. "
            f"Current version: {version}"
        )
    return version


def check_token(token: str) -> None:
    if not TOKEN.fullmatch(token):
        raise CommandError(f"the bootstrap token {quote(token)} was not of the form {_TOKEN_PATTERN}")


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check(configuration: Configuration) -> None:
    problems = problems_of(configuration)
    if problems:
        raise CommandError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")


def problems_of(configuration: Configuration) -> list[str]:
    init, cluster = configuration.init, configuration.cluster
    return [
        *node_registration(init["nodeRegistration"]),
        *tokens(init["bootstrapTokens"]),
        *_cluster(cluster, configuration),
        *endpoint(init["localAPIEndpoint"]),
        *_key(init.get("certificateKey") or ""),
    ]


def node_registration(registration: Object, path: str = "nodeRegistration") -> list[str]:
    name, found = registration["name"], []
    if not name:
        found.append(
            f"{path}.name: Required value: --node-name or .nodeRegistration.name in the config file is a required value"
        )
    else:
        found += [f"{path}.name: Invalid value: {quote(name)}: {problem}" for problem in names.dns1123_subdomain(name)]
    return found + [f"{path}.criSocket: Invalid value: {quote(text)}: {why}" for text, why in _socket(registration)]


def _socket(registration: Object) -> list[tuple[str, str]]:
    text = registration.get("criSocket") or ""
    if text and "://" in text and not text.startswith(("unix://", "npipe://")):
        return [(text, f"only URL schemes [unix] are supported, got {quote(text.partition('://')[0])}")]
    if text and not text.removeprefix("unix://").startswith("/"):
        return [(text, f"path is not absolute: {text}")]
    return []


def tokens(listed: list[Object]) -> list[str]:
    found = []
    for index, token in enumerate(listed):
        path = f"bootstrapTokens.{index}"
        usages, groups = token.get("usages") or [], token.get("groups") or []
        found += [
            f"{path}.usages: Invalid value: {_listed(usages)}: invalid bootstrap token usage string: {usage}, valid "
            f"usage options: {','.join(USAGES)}"
            for usage in usages
            if usage not in USAGES
        ]
        if groups and "authentication" not in usages:
            found.append(
                f"{path}.groups: Invalid value: {_listed(groups)}: token groups cannot be specified unless --usages "
                'includes "authentication"'
            )
        found += [
            f"{path}.groups: Invalid value: {_listed(groups)}: bootstrap group {quote(group)} is invalid (must "
            r"match \Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z)"
            for group in groups
            if not GROUP.fullmatch(group)
        ]
    return found


def _cluster(cluster: Object, configuration: Configuration) -> list[str]:
    networking, found = cluster["networking"], []
    found += [
        f"networking.dnsDomain: Invalid value: {quote(networking['dnsDomain'])}: {problem}"
        for problem in names.dns1123_subdomain(networking["dnsDomain"])
    ]
    found += _subnet(networking["serviceSubnet"], "networking.serviceSubnet", 10)
    if networking.get("podSubnet"):
        found += _subnet(networking["podSubnet"], "networking.podSubnet", 10)
    for san in cluster["apiServer"].get("certSANs") or ():
        if not is_address(san) and names.dns1123_subdomain(san.removeprefix("*.")):
            found.append(
                f"apiServer.certSANs: Invalid value: {quote(san)}: altname is not a valid IP address, DNS label or a "
                f"DNS label with subdomain wildcards: {'; '.join(names.dns1123_subdomain(san))}"
            )
    found += absolute(cluster["certificatesDir"], "certificatesDir")
    local = cluster["etcd"].get("local")
    if local:
        found += absolute(local["dataDir"], "etcd.local.dataDir")
    found += [
        f"featureGates: Invalid value: {quote(name)}: {name} is not a valid feature name."
        for name in cluster.get("featureGates") or {}
        if name not in ("NodeLocalCRISocket", "PublicKeysECDSA", "RootlessControlPlane")
    ]
    if cluster["encryptionAlgorithm"] not in constants.ALGORITHMS:
        supported = ", ".join(quote(one) for one in sorted(constants.ALGORITHMS))
        found.append(
            f"encryptionAlgorithm: Unsupported value: {quote(cluster['encryptionAlgorithm'])}: supported "
            f"values: {supported}"
        )
    shared = cluster.get("controlPlaneEndpoint") or ""
    if shared:
        found += host_port(shared)
    return found


def host_port(text: str) -> list[str]:
    host, port = split(text)
    if not is_address(host) and names.dns1123_subdomain(host):
        return [f"hostport {text}: host '{host}' must be a valid IP address or a valid RFC-1123 DNS subdomain"]
    if port and not (port.isdigit() and 1 <= int(port) <= 65535):
        return [f"hostport {text}: port {port} must be a valid number between 1 and 65535, inclusive"]
    return []


def endpoint(point: Object, path: str = "localAPIEndpoint") -> list[str]:
    found = []
    if not is_address(point["advertiseAddress"]):
        found.append(
            f"{path}.advertiseAddress: Invalid value: {quote(point['advertiseAddress'])}: ip address is not valid"
        )
    if not 1 <= int(point["bindPort"]) <= 65535:
        found.append(f"{path}.bindPort: Invalid value: {point['bindPort']}: port number is not valid")
    return found


def absolute(path: str, field: str) -> list[str]:
    return [] if path.startswith("/") else [f"{field}: Invalid value: {quote(path)}: path is not absolute"]


def _subnet(text: str, field: str, least: int) -> list[str]:
    parts = text.split(",")
    if len(parts) > 2:
        return [
            f"{field}: Invalid value: {quote(text)}: expected one (IPv4 or IPv6) CIDR or two CIDRs from each "
            "family for dual-stack networking"
        ]
    found = []
    for part in parts:
        network = _network(part)
        if network is None:
            found.append(f"{field}: Invalid value: {quote(text)}: couldn't parse subnet")
        elif network.num_addresses < least:
            found.append(
                f"{field}: Invalid value: {quote(part)}: subnet with {network.num_addresses} address(es) is too small, "
                f"the minimum is {least}"
            )
    return found


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _key(key: str) -> list[str]:
    if not key:
        return []
    try:
        size = len(bytes.fromhex(key))
    except ValueError:
        return [
            f"certificateKey: Invalid value: {quote(key)}: certificate key is not hex encoded: encoding/hex: "
            "invalid byte"
        ]
    if size != 32:
        return [f"certificateKey: Invalid value: {quote(key)}: the certificate key must be 32 bytes, got {size}"]
    return []


def _listed(items: list[str]) -> str:
    return "[" + ",".join(quote(item) for item in items) + "]"
