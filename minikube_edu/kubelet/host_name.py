"""How a pod calls itself: hostname, and the domain that a subdomain gives it."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubelet.contract import SyncFailure

Object = dict[str, Any]

LONGEST = 63  # a kernel's hostname has 64 bytes, one of them the end
LONGEST_FQDN = 64


def name_and_domain(pod: Object, cluster_domain: str) -> tuple[str, str]:
    spec, metadata = pod["spec"], pod["metadata"]
    if spec.get("hostnameOverride") is not None:
        return truncated(spec["hostnameOverride"]), ""
    domain = ""
    if spec.get("subdomain"):
        domain = f"{spec['subdomain']}.{metadata.get('namespace', '')}.svc.{cluster_domain}"
    return truncated(spec.get("hostname") or metadata["name"]), domain


def truncated(name: str) -> str:
    return name if len(name) <= LONGEST else name[:LONGEST].rstrip("-.")


def in_the_kernel(pod: Object, cluster_domain: str, node_name: str) -> str:
    """What `hostname` prints: with setHostnameAsFQDN the whole name. A pod on the host's network has the node's."""
    if pod["spec"].get("hostNetwork"):
        return node_name
    name, domain = name_and_domain(pod, cluster_domain)
    if not (pod["spec"].get("setHostnameAsFQDN") and domain):
        return name
    whole = f"{name}.{domain}"
    if len(whole) > LONGEST_FQDN:
        raise SyncFailure(
            "FailedCreatePodSandBox",
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {whole} is too long "
            f"({LONGEST_FQDN} characters is the max, {len(whole)} characters requested)",
        )
    return whole
