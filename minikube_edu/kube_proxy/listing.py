"""The node's rules as `iptables-save` and `iptables -t nat -L` show them: the chains of kube-proxy's iptables mode.

    KUBE-SERVICES -> KUBE-SVC-… (a cluster IP) -> KUBE-SEP-… (an endpoint: DNAT)
    KUBE-NODEPORTS -> KUBE-EXT-… (from outside) -> KUBE-SVC-…, or KUBE-SVL-… where the policy is Local

Names are the real ones (a hash of the service port's name), so that what a book says about chains can be followed. Both
programs are in kube-proxy's own image: `kubectl -n kube-system exec ds/kube-proxy -- iptables-save`.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence

from msgspec import Struct

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.kube_proxy.endpoints import Endpoint
from minikube_edu.kube_proxy.rules import CLUSTER_IP, Rule, Rules
from minikube_edu.kube_proxy.services import ServicePort

NOTE = "network_rules"  # in the container's notes
MARK = "KUBE-MARK-MASQ"
BUILT_IN = {"nat": ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"), "filter": ("INPUT", "FORWARD", "OUTPUT")}
OWN = {
    "nat": ("KUBE-KUBELET-CANARY", "KUBE-MARK-MASQ", "KUBE-NODEPORTS", "KUBE-POSTROUTING", "KUBE-SERVICES"),
    "filter": ("KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL", "KUBE-FORWARD", "KUBE-NODEPORTS", "KUBE-SERVICES"),
}


class Line(Struct, frozen=True):
    """One rule of a chain."""

    chain: str
    target: str
    comment: str = ""
    source: str = ""  # `! 10.244.0.0/16`
    destination: str = ""
    protocol: str = ""
    port: int = 0
    match: str = ""  # other matches, as iptables-save has them
    after: str = ""  # what follows the target

    def saved(self) -> str:
        words = [f"-A {self.chain}"]
        if self.source:
            words.append(f"! -s {self.source[2:]}" if self.source.startswith("! ") else f"-s {self.source}")
        words += [f"-d {self.destination}"] if self.destination else []
        words += [f"-p {self.protocol}"] if self.protocol else []
        words += [f'-m comment --comment "{self.comment}"'] if self.comment else []
        words += [f"-m {self.protocol}"] if self.protocol and (self.port or self.target == "DNAT") else []
        words += [f"--dport {self.port}"] if self.port else []
        words += [self.match] if self.match else []
        words += [f"-j {self.target}"]
        return " ".join([*words, self.after] if self.after else words)

    def listed(self) -> str:
        source = self.source.replace("! ", "!") or "0.0.0.0/0"
        words = [f"/* {self.comment} */"] if self.comment else []
        words += [f"{self.protocol} dpt:{self.port}"] if self.port else []
        words += [self.match.replace("-m ", "").replace("--", "")] if self.match else []
        words += [self.after.replace("--to-destination ", "to:").replace("--", "")] if self.after else []
        ends = f"{source.removesuffix('/32'):<20} {(self.destination or '0.0.0.0/0').removesuffix('/32'):<20}"
        return f"{self.target:<10} {self.protocol or 'all':<4} --  {ends} {' '.join(words)}"


def name(kind: str, port: ServicePort, endpoint: Endpoint | None = None) -> str:
    """KUBE-SVC-TCOU7JCQXEZGVUNU"""
    text = f"{port}{port.protocol.lower()}" + (f"{endpoint.ip}:{endpoint.port}" if endpoint else "")
    return f"KUBE-{kind}-" + base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()[:16]


def nat(rules: Rules) -> Iterator[Line]:
    portals = "kubernetes service portals"
    yield Line("PREROUTING", "KUBE-SERVICES", portals)
    yield Line("OUTPUT", "KUBE-SERVICES", portals)
    yield Line("POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules")
    yield Line(MARK, "MARK", after="--set-xmark 0x4000/0x4000")
    yield Line("KUBE-POSTROUTING", "RETURN", match="-m mark ! --mark 0x4000/0x4000")
    yield Line("KUBE-POSTROUTING", "MARK", after="--set-xmark 0x4000/0x0")
    words = "kubernetes service traffic requiring SNAT"
    yield Line("KUBE-POSTROUTING", "MASQUERADE", words, after="--random-fully")
    for (ip, port, protocol), (rule, kind) in sorted(rules.by_address.items(), key=lambda one: one[0]):
        if rule.choice.any:
            inner = "SVL" if rule.port.internal_local else "SVC"
            chain = name(inner if kind == CLUSTER_IP else "EXT", rule.port)
            comment = f"{rule.port} {kind}"
            yield Line("KUBE-SERVICES", chain, comment, destination=f"{ip}/32", protocol=protocol.lower(), port=port)
    words = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
    yield Line("KUBE-SERVICES", "KUBE-NODEPORTS", words, match="-m addrtype --dst-type LOCAL")
    for (port, protocol), rule in sorted(rules.by_node_port.items(), key=lambda one: one[0]):
        if rule.choice.any:
            chain = name("EXT", rule.port)
            yield Line("KUBE-NODEPORTS", chain, str(rule.port), protocol=protocol.lower(), port=port)
    cidr = str(rules.cluster_cidrs[0]) if rules.cluster_cidrs else ""
    for found in rules.by_service.values():
        for rule in found:
            if rule.choice.any:
                yield from _service(rule, cidr)


def _service(rule: Rule, cidr: str) -> Iterator[Line]:
    port, label, protocol = rule.port, str(rule.port), rule.port.protocol.lower()
    cluster, local, external = name("SVC", port), name("SVL", port), name("EXT", port)
    if cidr:
        for ip in port.cluster_ips:
            yield Line(cluster, MARK, f"{label} {CLUSTER_IP}", f"! {cidr}", f"{ip}/32", protocol, port.port)
    yield from _shared_out(cluster, rule, rule.choice.cluster)
    if port.internal_local or port.external_local:
        yield from _shared_out(local, rule, rule.choice.local)
    if port.node_port or port.external_ips or port.ingress_ips:
        if port.external_local and cidr:
            words = f"pod traffic for {label} external destinations"
            yield Line(external, cluster, words, cidr)
        else:
            yield Line(external, MARK, f"masquerade traffic for {label} external destinations")
        yield Line(external, local if port.external_local else cluster)
    for endpoint in dict.fromkeys([*rule.choice.cluster, *rule.choice.local]):
        chain = name("SEP", port, endpoint)
        yield Line(chain, MARK, label, f"{endpoint.ip}/32")
        recent = f"-m recent --set --name {chain} --mask 255.255.255.255 --rsource" if port.affinity else ""
        to = f"--to-destination {endpoint.ip}:{endpoint.port}"
        yield Line(chain, "DNAT", label, protocol=protocol, match=recent, after=to)


def _shared_out(chain: str, rule: Rule, endpoints: Sequence[Endpoint]) -> Iterator[Line]:
    """Each rule takes its share of what is left: 1/3, 1/2, all."""
    for endpoint in endpoints if rule.port.affinity else ():
        target = name("SEP", rule.port, endpoint)
        words = f"{rule.port} -> {endpoint.ip}:{endpoint.port}"
        recent = f"-m recent --rcheck --seconds {rule.port.affinity} --reap --name {target}"
        yield Line(chain, target, words, match=f"{recent} --mask 255.255.255.255 --rsource")
    for index, endpoint in enumerate(endpoints):
        left = len(endpoints) - index
        share = f"-m statistic --mode random --probability {1 / left:.11f}" if left > 1 else ""
        words = f"{rule.port} -> {endpoint.ip}:{endpoint.port}"
        yield Line(chain, name("SEP", rule.port, endpoint), words, match=share)


def filtered(rules: Rules) -> Iterator[Line]:
    """Who is refused."""
    reject = "--reject-with icmp-port-unreachable"
    for (ip, port, protocol), (rule, _) in sorted(rules.by_address.items(), key=lambda one: one[0]):
        if not rule.choice.any:
            words = f"{rule.port} has no endpoints"
            yield Line("KUBE-SERVICES", "REJECT", words, "", f"{ip}/32", protocol.lower(), port, after=reject)
    for (port, protocol), rule in sorted(rules.by_node_port.items(), key=lambda one: one[0]):
        if not rule.choice.any:
            words = f"{rule.port} has no endpoints"
            local = "-m addrtype --dst-type LOCAL"
            yield Line("KUBE-EXTERNAL-SERVICES", "REJECT", words, "", "", protocol.lower(), port, local, reject)


def table(rules: Rules, which: str) -> tuple[list[str], list[Line]]:
    """(its chains, its rules)"""
    lines = list(nat(rules) if which == "nat" else filtered(rules))
    chains = dict.fromkeys([*OWN[which], *sorted({line.chain for line in lines} - set(BUILT_IN[which]))])
    return list(chains), lines


async def iptables_save(process: Process) -> int:
    rules = _rules(process)
    wanted = process.argv[process.argv.index("-t") + 1 :][:1] if "-t" in process.argv else ["filter", "nat"]
    for which in wanted:
        if which not in BUILT_IN:
            continue
        chains, lines = table(rules, which)
        shown = [f"*{which}", *(f":{chain} ACCEPT [0:0]" for chain in BUILT_IN[which])]
        shown += [f":{chain} - [0:0]" for chain in chains]
        await process.print("\n".join([*shown, *(line.saved() for line in lines), "COMMIT"]))
    return 0


async def iptables(process: Process) -> int:
    """`iptables -t nat -L [CHAIN] [-n]`, `-S [CHAIN]`: a look, not a change."""
    which, action, chain = "filter", "", ""
    words = list(process.argv[1:])
    while words:
        word = words.pop(0)
        if word in ("-t", "--table") and words:
            which = words.pop(0)
        elif word in ("-L", "--list", "-S", "--list-rules") or (word.startswith("-") and "L" in word[1:]):
            action = "S" if word in ("-S", "--list-rules") else "L"
            if words and not words[0].startswith("-"):
                chain = words.pop(0)
    if which not in BUILT_IN:
        await process.complain(f"can't initialize iptables table `{which}': Table does not exist")
        return 3
    if not action:
        await process.complain("only -L and -S are simulated")
        return 2
    own, lines = table(_rules(process), which)
    chains = [*BUILT_IN[which], *own]
    if chain and chain not in chains:
        await process.complain("No chain/target/match by that name.")
        return 1
    for one in [chain] if chain else chains:
        inside = [line for line in lines if line.chain == one]
        if action == "S":
            first = f"-P {one} ACCEPT" if one in BUILT_IN[which] else f"-N {one}"
            await process.print("\n".join([first, *(line.saved() for line in inside)]))
            continue
        references = sum(line.target == one for line in lines)
        what = "policy ACCEPT" if one in BUILT_IN[which] else f"{references} references"
        head = [f"Chain {one} ({what})", "target     prot opt source               destination         "]
        await process.print("\n".join([*head, *(line.listed() for line in inside)]) + ("" if chain else "\n"))
    return 0


def _rules(process: Process) -> Rules:
    found = process.container.notes.get(NOTE)
    return found if isinstance(found, Rules) else Rules()
