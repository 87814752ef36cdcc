"""kube-proxy's configuration: the file that kubeadm's ConfigMap mounts, and the flags that win over it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

API_VERSION = "kubeproxy.config.k8s.io/v1alpha1"
Read = Callable[[str], Awaitable[bytes]]


class Wrong(Exception):
    """The configuration cannot be used; the text is the real one's."""


class Configuration(Struct, frozen=True):
    kubeconfig: str = ""
    cluster_cidrs: tuple[str, ...] = ()
    node: str = ""
    mode: str = "iptables"
    healthz: str = "0.0.0.0:10256"
    metrics: str = "127.0.0.1:10249"
    cleanup: bool = False


def flags_of(argv: Sequence[str]) -> dict[str, str]:
    """`--name=value`, `--name value`, `--name`."""
    found: dict[str, str] = {}
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if not word.startswith("-"):
            raise Wrong(f'unknown command "{word}" for "kube-proxy"')
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("-") else "true"
        found[name] = value
    return found


async def load(argv: Sequence[str], read: Read) -> Configuration:
    flags = flags_of(argv)
    told: Mapping[str, Any] = {}
    if path := flags.get("config"):
        told = await _document(path, read)
    cidrs = flags.get("cluster-cidr") or told.get("clusterCIDR") or ""
    mode = flags.get("proxy-mode") or told.get("mode") or "iptables"
    if mode not in ("iptables", "ipvs", "nftables"):
        raise Wrong(
            f'KubeProxyConfiguration.Mode: Invalid value: "{mode}": must be iptables, ipvs, nftables or blank '
            "(blank means the best-available proxy [currently iptables])"
        )
    return Configuration(
        kubeconfig=flags.get("kubeconfig") or (told.get("clientConnection") or {}).get("kubeconfig") or "",
        cluster_cidrs=tuple(one.strip() for one in cidrs.split(",") if one.strip()),
        node=(flags.get("hostname-override") or told.get("hostnameOverride") or "").strip().lower(),
        mode=mode,
        healthz=flags.get("healthz-bind-address") or told.get("healthzBindAddress") or "0.0.0.0:10256",
        metrics=flags.get("metrics-bind-address") or told.get("metricsBindAddress") or "127.0.0.1:10249",
        cleanup=flags.get("cleanup") == "true",
    )


async def _document(path: str, read: Read) -> Mapping[str, Any]:
    import yaml

    try:
        found = yaml.load(await read(path), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise Wrong(f"failed to load config: open {path}: {(error.strerror or str(error)).lower()}") from None
    except yaml.YAMLError as error:
        raise Wrong(f"failed to load config: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != "KubeProxyConfiguration":
        raise Wrong(f"failed to load config: no kind KubeProxyConfiguration in {path}")
    if found.get("apiVersion") != API_VERSION:
        raise Wrong(
            f'failed to load config: no kind "KubeProxyConfiguration" is registered for version '
            f'"{found.get("apiVersion")}" in scheme "k8s.io/kubernetes/pkg/proxy/apis/config/scheme/scheme.go:31"'
        )
    return found


def host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "0.0.0.0", int(port)
