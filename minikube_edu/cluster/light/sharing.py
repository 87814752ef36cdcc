"""One watch for all the nodes of a process: what it tells is dealt out to informers that watch nothing themselves.

    pods = Dealer(client, PODS, lambda pod: pod["spec"].get("nodeName", ""), field_selector="spec.nodeName!=")
    mine = pods.hand("light-7")     # an Informer like any other, with the pods of light-7

A kubelet sees no difference. Objects are held once, by the hand that they are in. Those of nodes that are elsewhere
have hands too: who comes later finds what was dealt before.

In the real system each kubelet watches for itself, and the API server has a cache to make that cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minikube_edu.client.informer import Informer, without_managed_fields
from minikube_edu.client.reflector import Reflector
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kubelet.api_objects import KubeletObjects, Listener

Object = dict[str, Any]


class Dealer:
    """A reflector's sink; `owner` says whose an object is ("": nobody's)."""

    def __init__(
        self, client: Client, resource: Resource, owner: Callable[[Object], str], *, field_selector: str = ""
    ) -> None:
        self.told: list[Callable[[Object], None]] = []  # are told of every object, before its hand is
        self._client, self._resource, self._owner = client, resource, owner
        self._hands: dict[str, Informer] = {}
        self._synced = False
        self.reflector = Reflector(client, resource, self, field_selector=field_selector)

    def hand(self, name: str) -> Informer:
        found = self._hands.get(name)
        if found is None:
            found = self._hands[name] = Informer(self._client, self._resource)
            if self._synced:
                found.replace([])
        return found

    async def run(self) -> None:
        """Until it is cancelled."""
        await self.reflector.run()

    # the reflector's side

    def replace(self, objects: list[Object]) -> None:
        dealt: dict[str, list[Object]] = {name: [] for name in self._hands}
        for one in objects:
            self._tell(one)
            if owner := self._owner(one):
                dealt.setdefault(owner, []).append(one)
        self._synced = True
        for name, theirs in dealt.items():
            self.hand(name).replace(theirs)

    def added_or_updated(self, obj: Object) -> None:
        self._tell(obj)
        if owner := self._owner(obj):
            self.hand(owner).added_or_updated(obj)

    def deleted(self, obj: Object) -> None:
        self._tell(obj)
        if owner := self._owner(obj):
            self.hand(owner).deleted(obj)

    def _tell(self, obj: Object) -> None:
        without_managed_fields(obj)
        for told in self.told:
            told(obj)


class SharedObjects(KubeletObjects):
    """What one light node reads of the API. Services, its own node, config maps and secrets come from what the process
    has read; tokens and claims it asks for itself, as the node that it is."""

    def __init__(self, client: Client, node_name: str, common: KubeletObjects, services: Informer, node: Informer):
        super().__init__(None, node_name)  # no informers of its own
        self.client = client
        self.service_informer, self.node_informer = services, node
        self._common = common

    async def run(self) -> None:
        """Others do."""

    def listen(self, listener: Listener) -> None:
        self._common.listen(listener)

    def services(self, namespace: str) -> Sequence[Object]:
        return super().services(namespace)

    async def config_map(self, namespace: str, name: str) -> Object | None:
        return await self._common.config_map(namespace, name)

    async def secret(self, namespace: str, name: str) -> Object | None:
        return await self._common.secret(namespace, name)
