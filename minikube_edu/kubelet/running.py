"""Boot and shutdown of the kubelet: from its flags to a node that runs its pods.

1. configuration; a client certificate, if the node has none yet (TLS bootstrap);
2. the runtime answers, and what runs is known;
3. static pods start, with or without an API server;
4. the node registers itself, and then the API's pods are followed.

`Seat` is one node's kubelet with everything around its core. Whoever hosts many of them in one process builds seats
with a shared client and runtime and runs them in one loop.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from minikube_edu.client.events import Correlator
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import configuration as configurations
from minikube_edu.kubelet.contract import ApiObjects, Configurer, Hooks, NodeIdentity, Object, Probes, Volumes
from minikube_edu.kubelet.events import KubeletRecorder
from minikube_edu.kubelet.kubelet import Kubelet
from minikube_edu.kubelet.node.described_machine import described_machine
from minikube_edu.kubelet.node.node_agent import NodeAgent
from minikube_edu.kubelet.node.node_object import NodeShape, capacity
from minikube_edu.kubelet.node.node_object import alone as alone_on
from minikube_edu.kubelet.sources.api import follow, pods_of
from minikube_edu.kubelet.sources.files import ManifestDirectory
from minikube_edu.kubelet.workers.assembling import Outside
from minikube_edu.lib import version
from minikube_edu.lib.klog import keyed
from minikube_edu.lib.loops import Loops
from minikube_edu.lib.node_root import SHARED_VOLUMES, VARIABLE, below

if TYPE_CHECKING:
    from minikube_edu.kubelet.api_objects import KubeletObjects

log = logging.getLogger(__name__)

NAME = "kubelet"


class Around(Struct):
    """The parts around a kubelet's core, as `contract` describes them."""

    volumes: Volumes
    configurer: Configurer
    probes: Probes
    hooks: Hooks
    objects: ApiObjects
    loops: Sequence[
        tuple[str, Callable[[], Coroutine[Any, Any, None]]]
    ] = ()  # that they need run, once there is an API
    close: Sequence[Callable[[], Awaitable[None]]] = ()


class Place(Struct):
    """Which node this is, and how it is set up."""

    identity: NodeIdentity
    shape: NodeShape
    configuration: Object
    certificates: Path = Path("/var/lib/kubelet/pki")
    shared_volumes: Path | None = None
    leisure: float = 1.0  # so much more seldom than usual it looks after what hardly ever changes by itself
    beat: float = 0.0  # leases are renewed together with those of others whose time comes within so many seconds
    on_static_pods: list[Callable[[], None]] = field(default_factory=list)


def around(
    place: Place,
    runtime: ContainerRuntime,
    client: Client | None,
    recorder: KubeletRecorder,
    objects: KubeletObjects | None = None,
) -> Around:
    """The real parts. `objects`: those of a kubelet that shares what it reads with others of its process."""
    from minikube_edu.kubelet.api_objects import KubeletObjects
    from minikube_edu.kubelet.configurer import PodConfigurer
    from minikube_edu.kubelet.hooks import LifecycleHooks
    from minikube_edu.kubelet.probes.prober import Prober
    from minikube_edu.kubelet.volumes.volumes import KubeletVolumes

    identity = place.identity
    objects = objects or KubeletObjects(client, identity.name)
    resolv_conf = str(place.configuration.get("resolvConf") or "")
    amounts = capacity(place.shape)
    volumes = KubeletVolumes(identity, objects, recorder, place.shared_volumes)
    prober = Prober(runtime, recorder)
    return Around(
        volumes,
        PodConfigurer(identity, runtime, objects, recorder, resolv_conf, amounts),
        prober,
        LifecycleHooks(runtime),
        objects,
        [("services and node", objects.run)] if client is not None else [],
        [prober.close, volumes.close, objects.close],
    )


class Seat:
    """One node's kubelet, assembled."""

    def __init__(
        self,
        place: Place,
        runtime: ContainerRuntime,
        client: Client | None,
        parts: Around | None = None,
        pods: Informer | None = None,
        objects: KubeletObjects | None = None,
        correlator: Correlator | None = None,
    ) -> None:
        """`pods`: an informer of all pods, or of this node's, that somebody else runs, where many seats share one;
        `objects` and `correlator` (of events): likewise."""
        self._shared_pods = pods
        self.place = place
        self.client = client
        self.recorder = KubeletRecorder(client, place.identity.name, correlator)
        self.parts = parts or around(place, runtime, client, self.recorder, objects)
        self.kubelet: Kubelet
        self.agent: NodeAgent | None = None
        self.loops = Loops(NAME)
        if client is not None:
            self.agent = NodeAgent(
                place.shape,
                client,
                runtime,
                self.recorder,
                lambda: self.kubelet.runtime_problem(),
                lambda: self.kubelet.gate.pressures,
                place.beat,
            )
        outside = Outside(
            runtime,
            self.parts.volumes,
            self.parts.configurer,
            self.parts.probes,
            self.parts.hooks,
            self.recorder,
            self.parts.objects,
            client,
            lambda: [address for address in place.shape.addresses if address],
        )
        agent = self.agent
        self.kubelet = Kubelet(
            place.identity,
            outside,
            place.configuration,
            agent.as_seen_here if agent is not None else lambda: alone_on(place.shape),
            (lambda: agent.node) if agent is not None else None,
        )
        self.kubelet.health.every *= place.leisure

    async def start(self) -> None:
        """Static pods are on their way when this returns."""
        kubelet, told = self.kubelet, self.place.configuration
        if self.agent is not None:
            self.kubelet.on_ready_change.append(self.agent.poke)
        await kubelet.start()
        if self.agent is not None:
            with contextlib.suppress(RuntimeFailure, OSError):
                await self.agent.prepare()
        self.recorder.node_event("Normal", "Starting", "Starting kubelet.")
        self._static_sources(told)
        kubelet.static_synced()
        for callback in self.place.on_static_pods:
            callback()
        self.loops.spawn("remains", kubelet.remains.run())
        if self.client is not None and self.agent is not None:
            self.agent.on_registered.append(self._registered)
            self.loops.spawn("node", self.agent.run())
        self._housekeeping()

    def _static_sources(self, told: Object) -> None:
        kubelet, name = self.kubelet, self.place.identity.name
        path = told.get("staticPodPath")
        if path:
            every = configurations.seconds(told, "fileCheckFrequency") or 20.0
            log.info("%s", keyed("Adding static pod path", path=path))
            source = ManifestDirectory(below(path), name, lambda pods: kubelet.set_static("file", pods), every=every)
            source.look()
            self.loops.spawn("manifests", source.run())
        if told.get("staticPodURL"):
            from minikube_edu.kubelet.sources.url import ManifestUrl

            url = ManifestUrl(
                told["staticPodURL"],
                name,
                lambda pods: kubelet.set_static("http", pods),
                headers=told.get("staticPodURLHeader"),
                every=configurations.seconds(told, "httpCheckFrequency") or 20.0,
            )
            self.loops.spawn("manifest URL", url.run())

    def _registered(self) -> None:
        """The API server is there, and knows this node."""
        assert self.client is not None
        assert self.agent is not None
        self.recorder.node_event("Normal", "NodeAllocatableEnforced", "Updated Node Allocatable limit across pods")
        pods = self._shared_pods
        if pods is None:
            pods = pods_of(self.client, self.place.identity.name)
            self.loops.spawn("pods", pods.run())
        self.loops.spawn("follow pods", follow(self.kubelet, pods))
        for name, begin in self.parts.loops:
            self.loops.spawn(name, begin())
        node_informer = getattr(self.parts.objects, "node_informer", None)
        if node_informer is not None:
            agent = self.agent
            node_informer.add_handler(agent.seen, lambda _, node: agent.seen(node))
        if self.place.configuration.get("rotateCertificates"):
            from minikube_edu.kubelet.certificates.bootstrap import rotate
            from minikube_edu.kubelet.certificates.store import CertificateStore

            store = CertificateStore(self.place.certificates, "kubelet-client")
            if store.current.exists():
                self.loops.spawn("client certificate", rotate(self.client, self.place.identity.name, store))

    def _housekeeping(self) -> None:
        from minikube_edu.kubelet.housekeeping import housekeeping

        for name, coroutine in housekeeping(self):
            self.loops.spawn(name, coroutine)

    async def stop(self) -> None:
        """The kubelet ends, its pods run on."""
        await self.loops.stop()
        await self.kubelet.stop()
        for close in self.parts.close:
            await close()
        await self.recorder.close()


def place_of(options: argparse.Namespace, told: Object) -> Place:
    """Which node the flags and the configuration describe."""
    from minikube_edu.kubelet.flags import pairs
    from minikube_edu.lib.localhost import NODE_ADDRESS, hostname

    root = Path(os.environ.get(VARIABLE) or "/")
    name = (options.hostname_override or hostname()).strip().lower()
    addresses = [one for one in options.node_ip.split(",") if one] or [os.environ.get(NODE_ADDRESS) or "127.0.0.1"]
    machine = described_machine(root, name, pairs(options.minikube_edu_capacity))
    labels: Mapping[str, str] = pairs(options.node_labels)
    external = options.cloud_provider == "external"
    shape = NodeShape(name, addresses, machine, told, labels=labels, external_cloud=external)
    identity = NodeIdentity(
        name,
        root,
        addresses[0],
        labels,
        tuple(told.get("clusterDNS") or ()),
        str(told.get("clusterDomain") or "cluster.local"),
        int(told["maxPods"]),
    )
    volumes = options.minikube_edu_shared_volumes or os.environ.get(SHARED_VOLUMES, "")
    shared = Path(volumes) if volumes else None
    return Place(identity, shape, told, Path(below(options.cert_dir)), shared)


def configured(options: argparse.Namespace) -> Object:
    """The configuration in use; ValueError with all that is wrong with it."""
    from minikube_edu.kubelet.flags import over

    try:
        told = configurations.load(below(options.config), below(options.config_dir))
    except configurations.BadConfiguration as error:
        raise ValueError(f"failed to load kubelet config file, path: {options.config}, error: {error}") from None
    found = configurations.with_defaults(over(told, options))
    wrong = configurations.problems(found)
    if wrong:
        text = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]"
        raise ValueError(f"failed to validate kubelet configuration, error: {text}, path: {options.config}")
    return found


async def connected(options: argparse.Namespace, place: Place, runtime: ContainerRuntime) -> Client | None:
    """A client for the API server, after TLS bootstrap if need be. None: standalone."""
    if not options.kubeconfig:
        return None
    from minikube_edu.client import kubeconfig

    path, told = below(options.kubeconfig), place.configuration
    if options.bootstrap_kubeconfig:
        from minikube_edu.kubelet.before_certificate import alone
        from minikube_edu.kubelet.certificates import bootstrap
        from minikube_edu.kubelet.certificates.store import CertificateStore

        first = below(options.bootstrap_kubeconfig)
        if bootstrap.needed(path) and (os.path.exists(first) or not os.path.exists(path)):
            if not os.path.exists(first):
                why = f"stat {options.bootstrap_kubeconfig}: no such file or directory"
                raise ValueError(f"unable to load bootstrap kubeconfig: {why}")
            store = CertificateStore(place.certificates, "kubelet-client")
            async with alone(place, runtime):
                await bootstrap.bootstrap(path, first, place.identity.name, store)
    config = kubeconfig.load(path).client_config()
    if told.get("rotateCertificates"):
        from minikube_edu.kubelet.certificates.bootstrap import followed

        config = await followed(config, place.certificates)
    return kubeconfig.connect(
        config,
        user_agent=version.agent("kubelet"),
        field_manager="kubelet",
        qps=float(told.get("kubeAPIQPS") or 0),
        burst=int(told.get("kubeAPIBurst") or 0),
        refused_retries=0,
    )


async def run(options: argparse.Namespace) -> None:
    """Until it is cancelled."""
    from minikube_edu.kubelet.runtime_connection import RuntimeConnection, connection

    log.info("%s", keyed("Kubelet version", kubeletVersion=version.running()))
    told = configured(options)
    place = place_of(options, told)
    if options.ready_fd:
        place.on_static_pods.append(lambda: os.close(int(options.ready_fd)))
    if told.get("shutdownGracePeriod", "0s") != "0s" or told.get("shutdownGracePeriodByPodPriority"):
        from minikube_edu.kubelet import node_shutdown

        node_shutdown.announce(place.identity.root, told)
    path = below(str(told["containerRuntimeEndpoint"]).removeprefix("unix://"))
    runtime = connection(path)
    client = await connected(options, place, runtime)
    seat = Seat(place, runtime, client)
    if isinstance(runtime, RuntimeConnection):
        runtime.reconnected = seat.kubelet.runtime_is_back
    server, ends = None, machine_ends()
    try:
        await seat.start()
        server = await serve(seat)
        log.info("%s", keyed("Started kubelet"))
        await seat.loops.finished()
    finally:
        if ends.is_set():
            await shut_down(seat)
        if server is not None:
            await server()
        await seat.stop()
        if client is not None:
            await client.close()
        if isinstance(runtime, RuntimeConnection):
            await runtime.close()


async def serve(seat: Seat) -> Callable[[], Awaitable[None]] | None:
    """The kubelet's ports; returns what closes them."""
    from minikube_edu.kubelet import ports

    return await ports.open_ports(seat)


def machine_ends() -> asyncio.Event:
    """Set by SIGPWR, which ends this task too: the whole node goes down, not the kubelet alone."""
    told, task = asyncio.Event(), asyncio.current_task()

    def power_fails() -> None:
        told.set()
        if task is not None:
            task.cancel()

    with contextlib.suppress(NotImplementedError, AttributeError, RuntimeError):  # not this system; not the main thread
        asyncio.get_running_loop().add_signal_handler(signal.SIGPWR, power_fails)
    return told


async def shut_down(seat: Seat) -> None:
    """Graceful node shutdown, where it is configured."""
    from minikube_edu.kubelet.node_shutdown import shut_down as end_pods

    await end_pods(seat.kubelet, seat.place.configuration)


def run_forever(options: argparse.Namespace) -> int:
    from minikube_edu.client.elected import run as until_told

    return until_told(run(options))
