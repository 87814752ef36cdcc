"""The `kubernetes` plugin: what the cluster's names mean (the DNS-based service discovery specification).

    web.default.svc.cluster.local                    the cluster IP; of a headless service, its endpoints
    web-0.web.default.svc.cluster.local              one endpoint, by its host name, or 10-244-1-2
    _http._tcp.web.default.svc.cluster.local         SRV: port and name
    10-244-1-2.default.pod.cluster.local             a pod (`pods insecure`: whatever the address is)
    1.0.96.10.in-addr.arpa                           PTR
    dns-version.cluster.local                        TXT

A name that exists with other types only is NOERROR without answers, one that does not is NXDOMAIN; both name the zone's
SOA. Until the API has been seen, what is not known is SERVFAIL.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from msgspec import Struct

from minikube_edu.coredns.chain import Failure, Next, Query, matching, soa
from minikube_edu.coredns.cluster_view import ClusterView, cluster_ips
from minikube_edu.coredns.corefile import Directive, absolute
from minikube_edu.lib import dns_messages as dns
from minikube_edu.lib.dns_messages import Message, Record

VERSION = "1.1.0"  # of the specification
MOST_ALIASES = 7
REVERSE = ("in-addr.arpa.", "ip6.arpa.")


class Options(Struct, frozen=True):
    zones: tuple[str, ...]
    pods: str = "disabled"  # insecure, verified
    ttl: int = 5
    fallthrough: tuple[str, ...] | None = None  # zones; None: never
    namespaces: tuple[str, ...] = ()
    endpoint_pod_names: bool = False
    ignore_empty: bool = False

    @staticmethod
    def of(directive: Directive, server_zones: Sequence[str]) -> Options:
        zones = tuple(_zone(arg) for arg in directive.args) or tuple(server_zones)
        through = directive.options("fallthrough")
        return Options(
            zones=zones,
            pods=directive.option("pods", "disabled"),
            ttl=int(directive.option("ttl", "5")),
            fallthrough=tuple(map(absolute, through[-1])) or zones if through else None,
            namespaces=tuple(name for line in directive.options("namespaces") for name in line),
            endpoint_pod_names=bool(directive.options("endpoint_pod_names")),
            ignore_empty=any(line[:1] == ("empty_service",) for line in directive.options("ignore")),
        )

    @property
    def primary(self) -> str:
        return next((zone for zone in self.zones if not zone.endswith(REVERSE)), self.zones[0])


def _zone(text: str) -> str:
    """A name, or a range of addresses, whose reverse zone is meant."""
    if "/" not in text:
        return absolute(text)
    network = ipaddress.ip_network(text, strict=False)
    labels = str(network.network_address.reverse_pointer).split(".")
    width = 8 if network.version == 4 else 4
    return absolute(".".join(labels[(network.max_prefixlen - network.prefixlen) // width :]))


class Target(Struct, frozen=True):
    """One thing that a name leads to."""

    host: str  # an address, or another name
    name: str  # its own, for SRV
    port: int = -1

    @property
    def type(self) -> int:
        try:
            return dns.A if ipaddress.ip_address(self.host).version == 4 else dns.AAAA
        except ValueError:
            return dns.CNAME


class Unknown(Exception):
    """NXDOMAIN."""


class Kubernetes:
    def __init__(self, view: ClusterView, options: Options) -> None:
        self.view = view
        self.options = options

    async def answer(self, query: Query, following: Next) -> Message:
        zone = matching(query.name, self.options.zones)
        if not zone:
            return await following(query)
        try:
            answers, additional = self._records(query, zone)
            if not answers and query.type in (dns.A, dns.AAAA):
                answers = await self._aliased(query, zone, following)
        except Unknown:
            if self.options.fallthrough is not None and matching(query.name, self.options.fallthrough):
                return await following(query)
            if not self.view.synced:
                raise Failure("plugin/kubernetes: kubernetes API not yet synced") from None
            return self._nothing(query, zone, dns.NXDOMAIN)
        if not answers:
            return self._nothing(query, zone, dns.NOERROR)
        return query.message.reply(dns.NOERROR, tuple(answers), additional=tuple(additional), authoritative=True)

    def _nothing(self, query: Query, zone: str, code: int) -> Message:
        return query.message.reply(code, authority=(self._soa(zone),), authoritative=True)

    def _soa(self, zone: str) -> Record:
        return soa(zone, self.options.ttl, self.view.serial)

    # -- records of one type -----------------------------------------------------------------------------------------

    def _records(self, query: Query, zone: str) -> tuple[list[Record], list[Record]]:
        kind, ttl = query.type, self.options.ttl
        if kind == dns.PTR and (ip := _reversed(query.name)):
            return [Record(query.asked, dns.PTR, name, ttl) for name in self._names_of(ip)], []
        if kind == dns.SOA and query.name == zone:
            return [self._soa(zone)], []
        if kind == dns.NS and query.name == zone:
            servers = self._own_addresses()
            name = f"ns.dns.{zone}"
            return [Record(query.asked, dns.NS, name, ttl)], [Record(name, one.type, one.host, ttl) for one in servers]
        if kind == dns.TXT and query.name == f"dns-version.{zone}":
            return [Record(query.asked, dns.TXT, (VERSION.encode(),), 28800)], []
        targets = self._targets(query.name, zone)
        if kind in (dns.A, dns.AAAA):
            hosts = dict.fromkeys(one.host for one in targets if one.type == kind)
            return [Record(query.asked, kind, host, ttl) for host in hosts], []
        if kind == dns.CNAME:
            aliases = dict.fromkeys(absolute(one.host) for one in targets if one.type == dns.CNAME)
            return [Record(query.asked, dns.CNAME, host, ttl) for host in aliases], []
        if kind == dns.SRV:
            return self._services(query, targets)
        return [], []

    def _services(self, query: Query, targets: Sequence[Target]) -> tuple[list[Record], list[Record]]:
        """Equal weights, a hundred together; who has no port cannot be one."""
        ttl = self.options.ttl
        weight = max(1, 100 // len(targets)) if targets else 0
        answers: dict[Record, None] = {}
        additional: dict[Record, None] = {}
        for one in targets:
            if one.port < 0:
                continue
            name = one.name if one.type != dns.CNAME else absolute(one.host)
            answers[Record(query.asked, dns.SRV, (0, weight, one.port, name), ttl)] = None
            if one.type != dns.CNAME:
                additional[Record(name, one.type, one.host, ttl)] = None
        return list(answers), list(additional)

    async def _aliased(self, query: Query, zone: str, following: Next) -> list[Record]:
        """ExternalName: the alias, and what it leads to: in the cluster, or out there."""
        target = next((one for one in self._targets(query.name, zone) if one.type == dns.CNAME), None)
        if target is None:
            return []
        found: list[Record] = []
        name, seen = query.asked, {query.name}
        for _ in range(MOST_ALIASES):
            host = absolute(target.host)
            found.append(Record(name, dns.CNAME, host, self.options.ttl))
            if host in seen:
                break
            seen.add(host)
            inner = query.renamed(host)
            inside = matching(host, self.options.zones)
            if not inside:
                try:
                    found += (await following(inner)).answers
                except Failure:
                    pass  # the alias is still worth telling
                break
            try:
                targets = self._targets(host, inside)
            except Unknown:
                break
            hosts = dict.fromkeys(one.host for one in targets if one.type == query.type)
            found += [Record(host, query.type, ip, self.options.ttl) for ip in hosts]
            following_alias = next((one for one in targets if one.type == dns.CNAME), None)
            if following_alias is None:
                break
            name, target = host, following_alias
        return found

    # -- names -------------------------------------------------------------------------------------------------------

    def _targets(self, name: str, zone: str) -> list[Target]:
        """What a name leads to; nothing for names that exist above others; Unknown for all else."""
        if zone.endswith(REVERSE) or zone in REVERSE:
            raise Unknown
        base = name[: -len(zone)].rstrip(".") if zone != "." else name.rstrip(".")
        if base == "ns.dns":
            return self._own_addresses()
        if base in ("", "svc", "pod"):
            return []
        *labels, kind = base.split(".")
        if kind not in ("svc", "pod"):
            raise Unknown
        namespace = labels.pop()
        if not self._exposed(namespace):
            raise Unknown
        if not labels:
            return []
        service = labels.pop()
        if kind == "pod":
            return self._pod(service, namespace, name)
        if len(labels) > 2:
            raise Unknown
        if len(labels) == 2:
            port, protocol = (label.removeprefix("_") for label in labels)
            return self._service(namespace, service, zone, port=port, protocol=protocol)
        return self._service(namespace, service, zone, endpoint=labels[0] if labels else "")

    def _exposed(self, namespace: str) -> bool:
        wanted = self.options.namespaces
        return (not wanted or namespace in wanted) and self.view.has_namespace(namespace)

    def _pod(self, label: str, namespace: str, name: str) -> list[Target]:
        if self.options.pods == "disabled":
            raise Unknown
        dotted = label.count("-") == 3 and "--" not in label
        ip = label.replace("-", "." if dotted else ":")
        try:
            ipaddress.ip_address(ip)
        except ValueError:
            raise Unknown from None
        if self.options.pods == "verified" and not self.view.has_pod(namespace, ip):
            raise Unknown
        return [Target(ip, name)]

    def _service(
        self, namespace: str, name: str, zone: str, *, endpoint: str = "", port: str = "", protocol: str = ""
    ) -> list[Target]:
        service = self.view.service(namespace, name)
        if service is None:
            raise Unknown
        spec = service.get("spec") or {}
        full = f"{name}.{namespace}.svc.{zone}"

        def wanted(its_name: str, its_protocol: str) -> bool:
            return port in ("", its_name.lower()) and protocol in ("", its_protocol.lower())

        found: list[Target] = []
        if spec.get("type") == "ExternalName":
            if endpoint or port or protocol:
                raise Unknown
            return [Target(spec.get("externalName") or "", full)]
        ips = cluster_ips(service)
        if not ips or endpoint:
            for address in self.view.endpoints(namespace, name):
                label = address.label(self.options.endpoint_pod_names)
                if endpoint and label.lower() != endpoint:
                    continue
                for its_name, its_protocol, number in address.ports:
                    if wanted(its_name, its_protocol):
                        found.append(Target(address.ip, f"{label}.{full}", number))
        elif not (self.options.ignore_empty and not any(self.view.endpoints(namespace, name))):
            for one in spec.get("ports") or ():
                if wanted(one.get("name") or "", one.get("protocol") or "TCP"):
                    found += [Target(ip, full, int(one["port"])) for ip in ips]
        if not found:
            raise Unknown
        return found

    def _names_of(self, ip: str) -> list[str]:
        zone = self.options.primary
        services = self.view.services_at(ip)
        if services:
            return [f"{one['metadata']['name']}.{one['metadata']['namespace']}.svc.{zone}" for one in services]
        found = []
        for end in self.view.endpoints_at(ip):
            namespace, _, name = end.service.partition("/")
            if name and self.view.service(namespace, name) is not None:
                label = end.label(self.options.endpoint_pod_names)
                found.append(f"{label}.{name}.{namespace}.svc.{zone}")
        if not found:
            raise Unknown
        return list(dict.fromkeys(found))

    def _own_addresses(self) -> list[Target]:
        """Of the name service itself."""
        service = self.view.service("kube-system", "kube-dns")
        name = f"ns.dns.{self.options.primary}"
        return [Target(ip, name) for ip in cluster_ips(service)] if service is not None else []


def _reversed(name: str) -> str:
    """The address whose reverse name this is; empty when it is none."""
    if name.endswith(".in-addr.arpa."):
        labels = name.removesuffix(".in-addr.arpa.").split(".")
        text = ".".join(reversed(labels)) if len(labels) == 4 else ""
    elif name.endswith(".ip6.arpa."):
        digits = "".join(reversed(name.removesuffix(".ip6.arpa.").split(".")))
        text = ":".join(digits[at : at + 4] for at in range(0, 32, 4)) if len(digits) == 32 else ""
    else:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return ""
