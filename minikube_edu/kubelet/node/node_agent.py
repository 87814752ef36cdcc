"""Keeps the node's object and lease in the API: registers it, reports how it is, renews the lease.

Registration is tried every 50 to 200 ms while the control plane boots (this node may be the one that boots it), and
every few seconds later. The status is looked at every ten seconds, and at once when something has happened; it is sent
when it has changed, or five minutes after the last time. The lease is the heartbeat, every ten seconds.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from minikube_edu.client.errors import ApiError
from minikube_edu.client.informer import without_managed_fields
from minikube_edu.client.rest import STRATEGIC_PATCH, Client, Resource
from minikube_edu.container_runtime.cri import ContainerRuntime, Image, RuntimeFailure
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import Object
from minikube_edu.kubelet.events import KubeletRecorder
from minikube_edu.kubelet.node.node_conditions import node_conditions
from minikube_edu.kubelet.node.node_object import NodeShape, fixed_status, image_list, labels, node_object
from minikube_edu.kubelet.status.status_patch import status_patch
from minikube_edu.lib import clock, ids
from minikube_edu.lib.klog import keyed

log = logging.getLogger(__name__)

NODES = Resource("", "v1", "nodes", False, "Node")
LEASES = Resource("coordination.k8s.io", "v1", "leases", kind="Lease")
LEASE_NAMESPACE = "kube-node-lease"
BOOT_SECONDS = 60.0  # for so long the API server is expected at any moment
RUSH_SECONDS = 1.0  # and for so long at this very moment
EVENTS_AFTER = 1.0  # seconds: a node that comes has better things to do first
DEFAULT_LABELS = ("beta.kubernetes.io/arch", "beta.kubernetes.io/os", "kubernetes.io/arch", "kubernetes.io/os")


class NodeAgent:
    def __init__(
        self,
        shape: NodeShape,
        client: Client,
        runtime: ContainerRuntime,
        recorder: KubeletRecorder,
        problem: Callable[[], str],
        pressures: Callable[[], Sequence[str]],
        beat: float = 0.0,
    ) -> None:
        self.shape = shape
        self.node: Object | None = None  # as the API has it, None before it is registered
        self.on_registered: list[Callable[[], None]] = []
        self._client = client
        self._runtime = runtime
        self._recorder = recorder
        self._problem = problem
        self._pressures = pressures
        self._beat = beat
        self._fixed: Object | None = None
        self._images: Sequence[Image] = ()
        self._reported = float("-inf")
        self._poked = asyncio.Event()
        self._pod_cidr = ""
        self._lease: Object | None = None

    def as_seen_here(self) -> Object:
        """The node for admission and allocation: the API's object where there is one, with what is known here."""
        fixed = self._fixed or {}
        node = self.node
        if node is None:
            made = node_object(self.shape)
            return {**made, "status": fixed}
        return {**node, "status": {**(node.get("status") or {}), **fixed}}

    def seen(self, node: Object) -> None:
        """The watch has told of it; it may be behind what a request of ours has answered. Pods wait for the node's
        addresses: those are passed on at once."""
        if self.node is not None and _version(node) < _version(self.node):
            return
        self.node = node
        if ",".join((node.get("spec") or {}).get("podCIDRs") or ()) not in ("", self._pod_cidr):
            self.poke()

    def poke(self) -> None:
        """Something has happened that the status should show."""
        self._poked.set()

    def listens_on(self, port: int) -> None:
        """The kubelet's port is another than was told (0: any free one)."""
        if self._fixed is not None:
            self._fixed["daemonEndpoints"] = {"kubeletEndpoint": {"Port": port}}
        self.poke()

    async def prepare(self) -> None:
        """Ask the runtime what has to be asked."""
        if self._fixed is None:
            self._fixed = fixed_status(self.shape, await self._runtime.version())

    async def run(self) -> None:
        await self.register()
        self._recorder.release(EVENTS_AFTER)
        for told in self.on_registered:
            told()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._report_for_ever(), name="node status")
            group.create_task(self._renew_for_ever(), name="node lease")

    # registration

    async def register(self) -> None:
        began = clock.monotonic()
        pause = 0.03
        log.info("%s", keyed("Attempting to register node", node=self.shape.name))
        while True:
            try:
                await self.prepare()
                self._images = await self._runtime.list_images()
                self.node = without_managed_fields(await self._register())
                self._reported = clock.monotonic()
                log.info("%s", keyed("Successfully registered node", node=self.shape.name))
                return
            except (ApiError, OSError, RuntimeFailure) as error:
                young = clock.monotonic() - began < BOOT_SECONDS
                answered = isinstance(error, ApiError) and error.code < 500
                if answered or not young:  # while a cluster boots, its API server is not there yet
                    told = keyed("Unable to register node with API server", err=error, node=self.shape.name)
                    log.error("%s", told)
                await asyncio.sleep(pause * ids.uniform(0.8, 1.2))
                if clock.monotonic() - began > RUSH_SECONDS:
                    pause = min(pause * 1.3, 0.2 if young else 7.0)

    async def _register(self) -> Object:
        mine = node_object(self.shape)
        if not self.shape.configuration.get("registerNode", True):
            return await self._client.get(NODES, self.shape.name)
        try:
            return await self._client.create(NODES, {**mine, "status": self.status([])})
        except ApiError as error:
            if not error.already_exists:
                raise
        known = await self._client.get(NODES, self.shape.name)
        return await self._reconciled(known, mine)

    async def _reconciled(self, known: Object, mine: Object) -> Object:
        """The node was here before: labels and annotations that are the kubelet's to say, a new boot."""
        told = (known.get("status") or {}).get("nodeInfo") or {}
        boot = self.shape.machine.boot_id
        if told.get("bootID") and told["bootID"] != boot:
            message = f"Node {self.shape.name} has been rebooted, boot id: {boot}"
            self._recorder.node_event("Warning", "Rebooted", message)
        has = known["metadata"].get("labels") or {}
        wanted = {name: text for name, text in labels(self.shape).items() if has.get(name) != text}
        if self.shape.name != has.get("kubernetes.io/hostname"):
            wanted.setdefault("kubernetes.io/hostname", labels(self.shape)["kubernetes.io/hostname"])
        notes = known["metadata"].get("annotations") or {}
        missing = {name: text for name, text in mine["metadata"]["annotations"].items() if notes.get(name) != text}
        metadata: Object = {}
        if wanted:
            metadata["labels"] = wanted
        if missing:
            metadata["annotations"] = missing
        if metadata:
            known = await self._client.patch(NODES, self.shape.name, {"metadata": metadata}, kind=STRATEGIC_PATCH)
        self.node = known
        await self._send()
        return self.node

    # status

    def status(self, before: Sequence[Object]) -> Object:
        found = dict(self._fixed or {})
        found["conditions"] = node_conditions(before, self._pressures(), self._problem(), self._tell)
        found["images"] = image_list(self._images, int(self.shape.configuration.get("nodeStatusMaxImages", 50)))
        return found

    def _tell(self, reason: str) -> None:
        self._recorder.node_event("Normal", reason, f"Node {self.shape.name} status is now: {reason}")

    async def _report_for_ever(self) -> None:
        every = seconds(self.shape.configuration, "nodeStatusUpdateFrequency") or 10.0
        while True:
            self._poked.clear()
            try:
                await self._follow_pod_cidr()
                self._images = await self._runtime.list_images()
                await self._send()
            except (ApiError, OSError, RuntimeFailure) as error:
                log.error("%s", keyed("Error updating node status, will retry", err=error))
            try:
                async with asyncio.timeout(every):
                    await self._poked.wait()
            except TimeoutError:
                pass

    async def _send(self) -> None:
        """Patch what has changed; heartbeats alone are no reason."""
        if self.node is None:
            return
        known = self.node.get("status") or {}
        now = self.status(known.get("conditions") or [])
        frequency = seconds(self.shape.configuration, "nodeStatusReportFrequency") or 300.0
        due = clock.monotonic() - self._reported >= frequency
        if not due and not status_patch(_without_heartbeats(known), _without_heartbeats(now)):
            return
        patch = status_patch(known, now)
        if not patch:
            return
        answer = await self._client.patch(
            NODES, self.shape.name, {"status": patch}, kind=STRATEGIC_PATCH, subresource="status"
        )
        if self.node is None or _version(self.node) < _version(answer):  # else the watch was quicker
            self.node = without_managed_fields(answer)
        self._reported = clock.monotonic()

    async def _follow_pod_cidr(self) -> None:
        cidr = ",".join(((self.node or {}).get("spec") or {}).get("podCIDRs") or ())
        cidr = cidr or str(self.shape.configuration.get("podCIDR") or "")
        if cidr and cidr != self._pod_cidr:
            await self._runtime.update_runtime_config(cidr)
            self._pod_cidr = cidr

    # lease

    async def _renew_for_ever(self) -> None:
        duration = float(self.shape.configuration.get("nodeLeaseDurationSeconds") or 40)
        while True:
            pause = duration * 0.25
            try:
                await self.renew()
            except (ApiError, OSError) as error:
                log.error("%s", keyed("Failed to update lease", err=error))
                self._lease = None
                pause = min(1.0, pause)
            await asyncio.sleep(self._with_others(pause * ids.uniform(1.0, 1.04)))

    def _with_others(self, pause: float) -> float:
        """A little longer, so that writes of many nodes reach the store together: it makes them durable in one go."""
        if not self._beat:
            return pause
        now = asyncio.get_running_loop().time()
        return (now + pause) // self._beat * self._beat + self._beat - now

    async def renew(self) -> None:
        spec = {
            "holderIdentity": self.shape.name,
            "leaseDurationSeconds": int(self.shape.configuration.get("nodeLeaseDurationSeconds") or 40),
            "renewTime": clock.rfc3339_micro(),
        }
        if self._lease is None:
            self._lease = without_managed_fields(await self._first_lease(spec))
            return
        body = {**self._lease, "spec": {**self._lease["spec"], **spec}}
        try:
            self._lease = without_managed_fields(await self._client.update(LEASES, body, LEASE_NAMESPACE))
        except ApiError:
            self._lease = None
            raise

    async def _first_lease(self, spec: Object) -> Object:
        name = self.shape.name
        metadata: Object = {"name": name, "namespace": LEASE_NAMESPACE}
        if self.node is not None and self.node["metadata"].get("uid"):
            owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": self.node["metadata"]["uid"]}
            metadata["ownerReferences"] = [owner]
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
        try:
            return await self._client.create(LEASES, body, LEASE_NAMESPACE)
        except ApiError as error:
            if not error.already_exists:
                raise
        known = await self._client.get(LEASES, name, LEASE_NAMESPACE)
        known["metadata"].update({key: value for key, value in metadata.items() if key == "ownerReferences"})
        return await self._client.update(LEASES, {**known, "spec": {**known["spec"], **spec}}, LEASE_NAMESPACE)


def _version(node: Object) -> int:
    text = str(node["metadata"].get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0


def _without_heartbeats(status: Object) -> Object:
    conditions = [
        {key: value for key, value in one.items() if key != "lastHeartbeatTime"}
        for one in status.get("conditions") or ()
    ]
    return {**status, "conditions": conditions}
