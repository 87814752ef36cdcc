"""Real ports of this host for what services open: node ports, and a load balancer's addresses out of 127/8.

They make `curl localhost:30080` work outside of the cluster. A port that somebody else has costs a warning, no more:
inside the cluster it works all the same. The real kube-proxy opens nothing; the kernel's tables do it all.
"""

from __future__ import annotations

from collections.abc import Callable

from minikube_edu.cni.contract import NetworkAdmin
from minikube_edu.kube_proxy.rules import LOCALHOST, Rule, Rules
from minikube_edu.kube_proxy.services import ServicePort

Door = tuple[str, int]
Failed = Callable[[ServicePort, Door, OSError], None]


class Doors:
    def __init__(self, admin: NetworkAdmin, rules: Rules, failed: Failed) -> None:
        self._admin = admin
        self._rules = rules
        self._failed = failed
        self._open: dict[str, dict[Door, bool]] = {}  # by service; False: somebody else has it

    def follow(self, services: set[str]) -> None:
        """These have new rules."""
        for key in services:
            wanted = {door: rule.port for rule in self._rules.by_service.get(key, ()) for door in self._of(rule)}
            have = self._open.setdefault(key, {})
            for door in [door for door in have if door not in wanted]:
                if have.pop(door):
                    self._admin.close_door(*door)
            for door, port in wanted.items():
                if door not in have:
                    have[door] = self._try(door, port)
            if not have:
                del self._open[key]

    def _of(self, rule: Rule) -> list[Door]:
        """None where nobody would answer: then this host itself refuses."""
        port = rule.port
        if port.protocol != "TCP":
            return []
        addresses = self._admin.door_addresses()
        doors = [(ip, port.node_port) for ip in addresses] if port.node_port else []
        if len(addresses) > 1:  # one node opens them for all
            doors += [(ip, port.port) for ip in port.ingress_ips if ip.startswith("127.")]
        return [door for door in doors if (rule.choice.cluster if door[0] == LOCALHOST else rule.external)]

    def _try(self, door: Door, port: ServicePort) -> bool:
        try:
            self._admin.open_door(*door)
        except OSError as error:
            self._failed(port, door, error)
            return False
        return True

    def forget_others(self) -> None:
        """An earlier kube-proxy's doors, like its rules, are still there: those that nobody wants any more go."""
        services = self._rules.by_service.values()
        wanted = {door for rules in services for rule in rules for door in self._of(rule)}
        for door in self._admin.open_doors():
            if door not in wanted:
                self._admin.close_door(*door)
