"""A pod's resolv.conf: whom it asks for names, and what is appended to short ones.

ClusterFirst (the default) asks the cluster's DNS and searches the pod's namespace, all services, the cluster's domain,
then what the node searches; a pod on the host's network needs ClusterFirstWithHostNet for that, else it gets Default.
Default is the node's own resolv.conf. None is empty. `dnsConfig` is added to each of them; an option replaces the one
of the same name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from minikube_edu.container_runtime.cri import DnsConfig
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.pod_facts import described

Object = dict[str, Any]

OPTIONS = ("ndots:5",)  # so that a name with a service, a namespace, "svc" and a domain is searched first
NOTHING = DnsConfig(("127.0.0.1",), (".",))  # of a node that resolves nothing: its pods ask themselves
MOST_SERVERS, MOST_SEARCHES, LONGEST_SEARCHES, LONGEST_SEARCH = 3, 32, 2048, 253

Warn = Callable[[str, str], None]  # reason, message


def resolution(pod: Object, node: NodeIdentity, resolv_conf: Path | None, warn: Warn) -> DnsConfig:
    """`warn` records an event about the pod. Without a resolv.conf the node resolves nothing."""
    spec, policy = pod["spec"], pod["spec"].get("dnsPolicy", "ClusterFirst")
    found = DnsConfig() if policy == "None" else node_config(resolv_conf)
    cluster = policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork"))
    if cluster and node.cluster_dns:
        searches = cluster_searches(pod["metadata"].get("namespace", ""), node.cluster_domain)
        found = DnsConfig(tuple(node.cluster_dns), _once([*searches, *found.searches]), OPTIONS)
    elif cluster:
        warn(
            "MissingClusterDNS",
            f'pod: "{described(pod)}". kubelet does not have ClusterDNS IP configured and cannot create Pod using '
            '"ClusterFirst" policy. Falling back to "Default" policy.',
        )
    if policy != "None" and not (cluster and node.cluster_dns) and not found.servers:
        found = NOTHING
    if spec.get("dnsConfig"):
        found = _with(found, spec["dnsConfig"])
    return _within_limits(found, warn)


def cluster_searches(namespace: str, domain: str) -> list[str]:
    return [f"{namespace}.svc.{domain}", f"svc.{domain}", domain] if domain else []


def node_config(path: Path | None) -> DnsConfig:
    try:
        return parse(path.read_text()) if path is not None else DnsConfig()
    except OSError:
        return DnsConfig()


def parse(text: str) -> DnsConfig:
    """nameserver lines add up, of search and options the last counts."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "nameserver" and len(words) > 1:
            servers.append(words[1])
        elif words[0] == "search":
            searches = [word if word == "." else word.removesuffix(".") for word in words[1:]]
        elif words[0] == "options":
            options = words[1:]
    return DnsConfig(tuple(servers), tuple(searches), tuple(options))


def _with(found: DnsConfig, more: Object) -> DnsConfig:
    options = dict(option.partition(":")[::2] for option in found.options)
    options.update({option["name"]: option.get("value") or "" for option in more.get("options") or ()})
    return DnsConfig(
        _once([*found.servers, *(more.get("nameservers") or ())]),
        _once([*found.searches, *(more.get("searches") or ())]),
        tuple(f"{name}:{value}" if value else name for name, value in options.items()),
    )


def _within_limits(found: DnsConfig, warn: Warn) -> DnsConfig:
    servers, searches = list(found.servers), list(found.searches)
    if len(servers) > MOST_SERVERS:
        servers = servers[:MOST_SERVERS]
        warn(
            "DNSConfigForming",
            "Nameserver limits were exceeded, some nameservers have been omitted, "
            f"the applied nameserver line is: {' '.join(servers)}",
        )
    kept = [search for search in searches[:MOST_SEARCHES] if len(search) <= LONGEST_SEARCH]
    while len(" ".join(kept)) > LONGEST_SEARCHES:
        kept.pop()
    if kept != searches:
        warn(
            "DNSConfigForming",
            "Search Line limits were exceeded, some search paths have been omitted, "
            f"the applied search line is: {' '.join(kept)}",
        )
    return DnsConfig(tuple(servers), tuple(kept), found.options)


def _once(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(words))
