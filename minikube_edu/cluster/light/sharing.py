"""One watch for all the nodes of a process: what it tells is dealt out to informers that watch nothing themselves.

    pods = Dealer(client, PODS, lambda pod: pod["spec"].get("nodeName", ""), field_selector="spec.nodeName!=")
    mine = pods.hand("light-7")     # an Informer like any other, with the pods of light-7

A kubelet sees no difference. Objects are held once, by the hand that they are in. Those of nodes that are elsewhere
have hands too: who comes later finds what was dealt before.

In the real system each kubelet watches for itself, and the API server has a cache to make that cheap.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from minikube_edu.client.alike import Alike
from minikube_edu.client.index import key_of
from minikube_edu.client.informer import Informer, without_managed_fields
from minikube_edu.client.reflector import Reflector
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kubelet.api_objects import KubeletObjects, Listener
from minikube_edu.kubelet.status.reporting import PODS
from minikube_edu.lib import clock

Object = dict[str, Any]

STARTING, PATIENCE = 200, 15.0
AT_ONCE = 32  # hands that are dealt without a pause
TURN = 0.05  # seconds: a loop that needs longer for a turn has enough to do


class Dealer:
    """A reflector's sink; `owner` says whose an object is ("": nobody's).

    Where `patient`, what there is at the beginning is dealt hand by hand, as fast as the process gets on: a kubelet
    that has not got its hand waits for it. Thousands of pods that all have to be started again would keep the loop from
    its heartbeats.
    """

    patient = False

    def __init__(
        self, client: Client, resource: Resource, owner: Callable[[Object], str], *, field_selector: str = ""
    ) -> None:
        self.told: list[Callable[[Object], None]] = []  # are told of every object, before its hand is
        self._client, self._resource, self._owner = client, resource, owner
        self._hands: dict[str, Informer] = {}
        self._synced = False
        self._undealt: dict[str, dict[str, Object]] = {}  # hand -> key -> object
        self._begun = asyncio.Event()
        self.busy: Callable[[], bool] = lambda: False
        self.reflector = Reflector(client, resource, self, field_selector=field_selector)

    def hand(self, name: str) -> Informer:
        found = self._hands.get(name)
        if found is None:
            found = self._hands[name] = Informer(self._client, self._resource)
            if self._synced and name not in self._undealt:
                found.replace([])
        return found

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.reflector.run(), name=f"all {self._resource.plural}")
            group.create_task(self._deal_the_rest(), name=f"dealing {self._resource.plural}")

    async def _deal_the_rest(self) -> None:
        await self._begun.wait()
        while self._undealt:
            began = clock.monotonic()
            await asyncio.sleep(0)
            if clock.monotonic() - began > TURN or self.busy():
                await asyncio.sleep(TURN)
            else:
                self._deal_one()

    def _deal_one(self) -> None:
        name = next(iter(self._undealt))
        self.hand(name).replace(list(self._undealt.pop(name).values()))

    # the reflector's side

    def replace(self, objects: list[Object]) -> None:
        dealt: dict[str, list[Object]] = {name: [] for name in self._hands}
        for one in objects:
            self._tell(one)
            if owner := self._owner(one):
                dealt.setdefault(owner, []).append(one)
        first, self._synced = self.patient and not self._synced, True
        self._begun.set()
        for name, theirs in dealt.items():
            if name in self._undealt or (first and theirs):
                self._undealt[name] = {key_of(one): one for one in theirs}
            else:
                self.hand(name).replace(theirs)
        for _ in range(min(AT_ONCE, len(self._undealt)) if first else 0):
            self._deal_one()

    def added_or_updated(self, obj: Object) -> None:
        self._tell(obj)
        owner = self._owner(obj)
        if owner in self._undealt:
            self._undealt[owner][key_of(obj)] = obj
        elif owner:
            self.hand(owner).added_or_updated(obj)

    def deleted(self, obj: Object) -> None:
        self._tell(obj)
        owner = self._owner(obj)
        if owner in self._undealt:
            self._undealt[owner].pop(key_of(obj), None)
        elif owner:
            self.hand(owner).deleted(obj)

    def _tell(self, obj: Object) -> None:
        without_managed_fields(obj)
        for told in self.told:
            told(obj)


class PodDealer(Dealer):
    """Deals new pods out as fast as they can be started: at most `STARTING` of the process's pods are on their way, the
    others wait here in the order in which they came. Ten thousand at once would be ten thousand half-started pods, and
    a heartbeat behind all of their requests. A pod that does not get on (its image cannot be pulled) holds nobody up
    for longer than `PATIENCE`."""

    patient = True

    def __init__(self, client: Client, mine: Callable[[str], bool]) -> None:
        super().__init__(client, PODS, _node_of, field_selector="spec.nodeName!=")
        self._mine = mine  # whether a node of this name is the process's
        self._starting: dict[str, float] = {}  # uid -> since when
        self._waiting: dict[str, Object] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._alike = Alike()

    def replace(self, objects: list[Object]) -> None:
        objects = [self._kept(one) for one in objects]
        known = {_uid(one) for hand in self._hands.values() for one in hand.index.list()}
        there = {_uid(one) for one in objects}
        self._starting = {uid: since for uid, since in self._starting.items() if uid in there}
        self._waiting = {_uid(one): one for one in objects if _uid(one) not in known and self._is_new(one)}
        super().replace([one for one in objects if _uid(one) not in self._waiting])
        self._go_on()

    def added_or_updated(self, obj: Object) -> None:
        obj = self._kept(obj)
        uid, new = _uid(obj), self._is_new(obj)
        if uid in self._starting:
            if not new:
                del self._starting[uid]
        elif new and (uid in self._waiting or not self._known(obj)):
            self._waiting[uid] = obj
            self._go_on()
            return
        self._waiting.pop(uid, None)
        super().added_or_updated(obj)
        self._go_on()

    def deleted(self, obj: Object) -> None:
        self._waiting.pop(_uid(obj), None)
        self._starting.pop(_uid(obj), None)
        super().deleted(obj)
        self._go_on()

    def _kept(self, pod: Object) -> Object:
        found: Object = self._alike.shared(without_managed_fields(pod))
        return found

    def _is_new(self, pod: Object) -> bool:
        waits = (pod.get("status") or {}).get("phase") in (None, "", "Pending")
        return waits and "deletionTimestamp" not in pod["metadata"] and self._mine(self._owner(pod))

    def _known(self, pod: Object) -> bool:
        metadata = pod["metadata"]
        found = self.hand(self._owner(pod)).index.find(metadata["name"], metadata.get("namespace", ""))
        return found is not None and _uid(found) == _uid(pod)

    def _go_on(self) -> None:
        while self._waiting and len(self._starting) < STARTING:
            uid = next(iter(self._waiting))
            self._starting[uid] = clock.monotonic()
            super().added_or_updated(self._waiting.pop(uid))
        if self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(1.0, self._look)

    def _look(self) -> None:
        self._timer = None
        late = clock.monotonic() - PATIENCE
        self._starting = {uid: since for uid, since in self._starting.items() if since > late}
        self._go_on()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _uid(pod: Object) -> str:
    return str(pod["metadata"].get("uid") or "")


def _node_of(pod: Object) -> str:
    return str(pod["spec"].get("nodeName") or "")


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
