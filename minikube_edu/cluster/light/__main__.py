"""`light-nodes`: the process that hosts a cluster's light nodes, a service of its first node's machine.

It knows who it is by the environment that the machine gives its programs, and how many nodes there are to be by the
file `count` (see `place`), which it follows. Its nodes act as themselves: the process authenticates with a certificate
of its own, over a few shared connections, and each request names the node in whose name it is made (Impersonate-User:
system:node:light-7). The API server judges it as that node's, NodeRestriction included. A certificate for each node
would be a connection for each node.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from minikube_edu.client.transport import ClientResponse, Connection, Endpoint, Headers, IncomingBody, Upgraded

log = logging.getLogger(__name__)

AT_ONCE = 20  # requests that are under way; the others wait here rather than in the API server
QUEUE = 200  # with so many that wait, no more pods are begun of those that were there before
HEARTBEATS = 32  # beside them: leases and what nodes say of themselves wait for nothing else
URGENT = ("/apis/coordination.k8s.io/", "/api/v1/nodes")
LOOK = 0.25  # at the file `count`


class FewAtOnce:
    """A Caller that lets so many requests out at the same time; streams are not counted."""

    def __init__(self, caller: Connection) -> None:
        self._caller = caller
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._urgent = asyncio.Semaphore(HEARTBEATS)
        self._asking = 0

    def busy(self) -> bool:
        """More wait than can be asked for some time to come."""
        return self._asking > QUEUE

    async def request(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> ClientResponse:
        self._asking += 1
        try:
            async with self._urgent if target.startswith(URGENT) else self._gate:
                return await self._caller.request(method, target, headers, body, timeout)
        finally:
            self._asking -= 1

    async def stream(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> IncomingBody:
        return await self._caller.stream(method, target, headers, body, timeout)

    async def upgrade(
        self, method: str, target: str, headers: Headers = (), body: bytes = b"", timeout: float | None = None
    ) -> Upgraded | ClientResponse:
        return await self._caller.upgrade(method, target, headers, body, timeout)

    async def close(self) -> None:
        await self._caller.close()


async def _run() -> None:
    """Ends the process: to take thousands of kubelets apart, one by one, would take longer than anybody waits."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    async with _fleet() as host:
        waiting = [asyncio.ensure_future(one) for one in (stop.wait(), host)]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
    os._exit(0 if stop.is_set() else 1)


@asynccontextmanager
async def _fleet() -> AsyncIterator[asyncio.Future[None]]:
    """Yields what ends when the nodes can go on no longer."""
    from minikube_edu.client.credentials import Nobody
    from minikube_edu.client.rest import Client
    from minikube_edu.client.sending import Impersonation, Sender
    from minikube_edu.cluster import nodes
    from minikube_edu.cluster.layout import Layout, Request
    from minikube_edu.cluster.light.fleet import Fleet
    from minikube_edu.cluster.light.place import LightPlace
    from minikube_edu.cni.outside import SEAT_PORTS
    from minikube_edu.container_runtime.running import Neighbours
    from minikube_edu.kubelet import configuration
    from minikube_edu.lib import node_addresses, packages, version
    from minikube_edu.lib.web import tls

    layout = Layout()
    first, place = nodes.of(layout)[0], LightPlace(layout)
    if told_version := packages.kubelet(first.path(packages.FILE)):
        os.environ[version.VARIABLE] = told_version  # light nodes are as old as the control plane's kubelet
    port = (layout.read_request() or Request()).port
    ca = str(first.path("/etc/kubernetes/pki/ca.crt"))
    certificate, key = (str(path) for path in place.client)
    identity = Nobody(cert_file=certificate, key_file=key)
    connection = Connection(Endpoint(f"https://{first.address}:{port}", ca_file=ca), identity.certificate)
    caller = FewAtOnce(connection)

    def client_of(name: str) -> Client:
        sender = Sender(
            caller,
            impersonate=Impersonation(f"system:node:{name}"),
            user_agent=version.agent("kubelet"),
            refused_retries=0,
        )
        return Client(sender, "kubelet")

    told = configuration.with_defaults(configuration.load(str(first.path("/var/lib/kubelet/config.yaml")), ""))
    told["authentication"]["x509"]["clientCAFile"] = ca
    fleet = Fleet(
        place.root,
        told,
        Client(Sender(caller, user_agent="light-nodes"), "light-nodes"),
        client_of,
        lambda number: node_addresses.light_address(port, number),
        network=layout.network,
        neighbours=Neighbours(layout.network),
        seat_ports=SEAT_PORTS | {port},
        tls=tls.server_context(str(place.server[0]), str(place.server[1]), ca),
        busy=caller.busy,
        volumes=layout.volumes,
    )

    noted: asyncio.TimerHandle | None = None

    def note() -> None:
        nonlocal noted
        if noted is None:
            noted = asyncio.get_running_loop().call_later(LOOK, write)

    def write() -> None:
        nonlocal noted
        noted = None
        place.ready = len(fleet.ready)

    fleet.on_ready.append(note)
    place.ready = 0

    async def follow() -> None:
        await fleet.start()
        finished = asyncio.ensure_future(fleet.finished())
        try:
            while not finished.done():
                gone = place.gone
                await fleet.shed(gone)
                await fleet.grow(place.count, gone)
                await asyncio.wait([finished], timeout=LOOK)
            await finished
        finally:
            finished.cancel()

    following = asyncio.ensure_future(follow())
    try:
        yield following
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        if noted is not None:
            noted.cancel()
        await fleet.leave()


def main() -> None:
    from minikube_edu.lib import collecting, klog

    klog.begin(int(os.environ.get("MINIKUBE_EDU_LIGHT_LOG", logging.WARNING)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:  # a listener for each node
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    collecting.seldom()
    collecting.give_back()
    try:
        import uvloop
    except ImportError:
        asyncio.run(_run())
    else:
        uvloop.run(_run())


if __name__ == "__main__":
    main()
