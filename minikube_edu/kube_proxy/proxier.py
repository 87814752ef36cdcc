"""From what the API says to the node's rules: watches, and nothing else.

A change of a service or of one of its slices makes its rules anew, at the end of the loop's turn in which the event
came; what other services have is not touched. Rules are first installed when everything has been seen once: a proxy
that has restarted leaves the old ones in place until then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import last_state, without_managed_fields
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_proxy.endpoints import Choice, Place, endpoints_of
from minikube_edu.kube_proxy.rules import Rule, Rules
from minikube_edu.kube_proxy.services import SELECTOR, ports_of

SERVICES = Resource("", "v1", "services", kind="Service")
SLICES = Resource("discovery.k8s.io", "v1", "endpointslices", kind="EndpointSlice")
NODES = Resource("", "v1", "nodes", namespaced=False, kind="Node")
SERVICE_NAME = "kubernetes.io/service-name"
ZONE = "topology.kubernetes.io/zone"
Object = dict[str, Any]


def service_of(one: Object) -> str:
    metadata = one["metadata"]
    name = (metadata.get("labels") or {}).get(SERVICE_NAME) or ""
    return f"{metadata.get('namespace')}/{name}" if name else ""


class Proxier:
    def __init__(self, client: Client, node: str, rules: Rules, installed: Callable[[set[str]], None]) -> None:
        """`installed` is told which services have new rules, after each change; first of all."""
        self.node = node
        self.rules = rules
        self.place = Place(node)
        self.synced = False
        self.syncs = 0
        self._installed = installed
        self._dirty: set[str] = set()
        self._planned = False
        self.factory = InformerFactory(client)
        informer = self.factory.informer
        self.services = informer(SERVICES, label_selector=SELECTOR, transform=without_managed_fields)
        self.slices = informer(SLICES, label_selector=SELECTOR, transform=without_managed_fields)
        self.nodes = informer(NODES, field_selector=f"metadata.name={node}", transform=without_managed_fields)
        self.slices.add_indexer("service", lambda one: [service_of(one)])

    async def start(self) -> None:
        """Returns when the first rules are in place."""
        self.services.add_key_handler(self._changed)
        self.slices.add_handler(
            lambda one: self._changed(service_of(one)),
            lambda _, one: self._changed(service_of(one)),
            lambda one: self._changed(service_of(last_state(one))),
        )
        self.nodes.add_handler(self._node_is, lambda _, node: self._node_is(node))
        self.factory.start()
        await self.factory.wait_synced()
        self.synced = True
        self._dirty.update(key_of(service) for service in self.services.index.list())
        self._apply()

    async def stop(self) -> None:
        await self.factory.stop()

    def _node_is(self, node: Object) -> None:
        place = Place(self.node, (node["metadata"].get("labels") or {}).get(ZONE, ""))
        if place != self.place:
            self.place = place
            for key in map(key_of, self.services.index.list()):
                self._changed(key)

    def _changed(self, key: str) -> None:
        if not key:
            return
        self._dirty.add(key)
        if self.synced and not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._apply)

    def _apply(self) -> None:
        self._planned = False
        dirty, self._dirty = self._dirty, set()
        for key in dirty:
            self.rules.set_service(key, self.rules_of(key))
        self.syncs += 1
        self._installed(dirty)

    def rules_of(self, key: str) -> list[Rule]:
        namespace, _, name = key.partition("/")
        service = self.services.index.find(name, namespace)
        if service is None:
            return []
        slices = self.slices.index.by("service", key)
        made = []
        for port in ports_of(service):
            family = "IPv6" if ":" in port.cluster_ips[0] else "IPv4"
            made.append(Rule(port, Choice.of(port, endpoints_of(port, slices, family), self.place)))
        return made
