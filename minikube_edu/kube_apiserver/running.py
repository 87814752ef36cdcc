"""Boot and shutdown of the API server as a program: one line a part, in the order in which they come up.

SIGTERM drains: the listener closes, watches end, writes under way finish; then the store is closed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import ssl
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from minikube_edu.api import scheme as scheme_module
from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.etcd.contract import Store
from minikube_edu.kube_apiserver import bootstrap, warm
from minikube_edu.kube_apiserver.admission import plugins
from minikube_edu.kube_apiserver.admission.chain import Chain
from minikube_edu.kube_apiserver.authn.bearer import BearerTokens, TokenAuthenticator
from minikube_edu.kube_apiserver.authn.bootstrap_tokens import BootstrapTokens
from minikube_edu.kube_apiserver.authn.certificates import ClientCertificates
from minikube_edu.kube_apiserver.authn.chain import AuthenticationChain
from minikube_edu.kube_apiserver.authn.issuer import Issuer
from minikube_edu.kube_apiserver.authn.service_accounts import ServiceAccountTokens
from minikube_edu.kube_apiserver.authn.static_tokens import StaticTokens
from minikube_edu.kube_apiserver.authz.chain import AlwaysAllow, AlwaysDeny, AuthorizationChain, Authorizer
from minikube_edu.kube_apiserver.authz.escalation import Escalation
from minikube_edu.kube_apiserver.authz.node import NodeAuthorizer
from minikube_edu.kube_apiserver.authz.rbac import Rbac
from minikube_edu.kube_apiserver.backends import Backends
from minikube_edu.kube_apiserver.crd.definitions import Definitions
from minikube_edu.kube_apiserver.flags import is_true
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.server import ApiServer
from minikube_edu.kube_apiserver.serving_certs import Serving, prepare
from minikube_edu.kube_apiserver.upkeep import Upkeep
from minikube_edu.lib import collecting, klog
from minikube_edu.lib.localhost import listening
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.server import Server, serve

if TYPE_CHECKING:
    from minikube_edu.etcd.side_door import SideDoor

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
REPAIR_DELAY = 1.0  # seconds
TOKENS_REMEMBERED = 10.0  # seconds that a recognized token is good without another look, as with the real server


class Running(Struct):
    """An API server that is up."""

    server: ApiServer
    listener: Server
    store: Store
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    side_door: SideDoor | None = None

    async def stop(self, grace: float = 2.0) -> None:
        closing = asyncio.ensure_future(self.listener.close(grace))
        await asyncio.sleep(0)
        await self.server.drain()
        await closing
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.side_door is not None:
            await self.side_door.close()
        await self.store.close()


async def open_store(options: argparse.Namespace) -> Store:
    """The store that the flags name: a real etcd, our own behind its socket, or the embedded one."""
    servers = [url for url in options.etcd_servers.split(",") if url]
    if not servers:
        from minikube_edu.etcd.opening import open_store as open_embedded

        return await open_embedded(options.data_file or None, fsync=not is_true(options.unsafe_no_fsync))
    from minikube_edu.etcd.private_socket import socket_of

    path = servers[0].removeprefix("unix://") if servers[0].startswith("unix://") else await socket_of(servers[0])
    if path:
        from minikube_edu.etcd.socket_driver import SocketStore

        return await SocketStore.open(path)
    from minikube_edu.etcd.grpc_driver import GrpcStore

    return await GrpcStore.open(
        servers, cafile=options.etcd_cafile, certfile=options.etcd_certfile, keyfile=options.etcd_keyfile
    )


def authentication(options: argparse.Namespace, registry: Registry, issuer: Issuer) -> AuthenticationChain:
    audiences = issuer.api_audiences
    tokens: list[TokenAuthenticator] = [ServiceAccountTokens(registry, issuer)]
    if options.token_auth_file:
        with open(options.token_auth_file, encoding="utf-8") as lines:
            tokens.insert(0, StaticTokens.from_lines(lines, audiences))
    if is_true(options.enable_bootstrap_token_auth):
        tokens.append(BootstrapTokens(registry, audiences))
    return AuthenticationChain(
        [ClientCertificates()],
        is_true(options.anonymous_auth),
        BearerTokens(tokens, audiences, remembered=TOKENS_REMEMBERED),
    )


def authorization(options: argparse.Namespace, registry: Registry, rbac: Rbac) -> AuthorizationChain:
    links: list[Authorizer] = []
    for mode in options.authorization_mode.split(","):
        if mode == "AlwaysAllow":
            links.append(AlwaysAllow())
        elif mode == "AlwaysDeny":
            links.append(AlwaysDeny())
        elif mode == "RBAC":
            links.append(rbac)
        elif mode == "Node":
            links.append(NodeAuthorizer(registry))
        else:
            raise SystemExit(f'Error: unsupported authorization mode "{mode}"')
    return AuthorizationChain(links)


def assemble(options: argparse.Namespace, store: Store, directory: str) -> ApiServer:
    """All parts between a store and a handler, joined; `directory` is where keys of our own making lie."""
    registry = Registry(scheme_module.builtin(), store)  # all kinds
    registry.configure(
        service_range=options.service_cluster_ip_range,
        node_ports=options.service_node_port_range,
        event_ttl=parse_duration(options.event_ttl) // 1_000_000_000,
    )
    rbac = Rbac(registry)
    allowed = authorization(options, registry, rbac)  # who may do what
    chosen = [*plugins.enabled(registry, options), Escalation(registry, rbac)]
    for plugin in chosen:
        plugin.authorization = allowed
    registry.admission = Chain(chosen)  # the last say before a write
    issuer = Issuer.from_flags(options, directory)  # of service account tokens
    backends = Backends.from_flags(options, registry)  # kubelets and pods, for logs, exec and proxies
    return ApiServer(registry, authentication(options, registry, issuer), allowed, issuer, backends)


async def begin(registry: Registry) -> asyncio.Task[None]:
    """Fill the cache, and the store with what every cluster has; the task goes on following the store."""
    task = asyncio.create_task(registry.cache.run(), name="watch cache")  # every read is answered from it
    await registry.cache.ready.wait()
    await bootstrap.make(registry)  # namespaces, priority classes, …
    registry.cache.forget_past()
    return task


async def repair(registry: Registry) -> None:
    """Addresses are looked after once the server is at work: that may wait, and so may loading the code for it."""
    await asyncio.sleep(REPAIR_DELAY)
    from minikube_edu.kube_apiserver.registry.allocators.repair import keep_repaired

    await keep_repaired(registry)


async def listen(server: ApiServer, options: argparse.Namespace, context: ssl.SSLContext) -> Server:
    """Whichever address its node has, people look for it at 127.0.0.1: there too, unless the API server of another node
    of this host was there first."""
    own, port = listening(options.bind_address), options.secure_port
    if not options.bind_address and LOOPBACK not in own:
        with contextlib.suppress(OSError):
            return await serve(server.handle, [*own, LOOPBACK], port, tls=context, name="kube-apiserver")
    return await serve(server.handle, own, port, tls=context, name="kube-apiserver")


async def start(options: argparse.Namespace) -> Running:
    """The boot order."""
    serving: Serving = prepare(options)  # certificates
    opening = asyncio.create_task(open_store(options))
    await asyncio.sleep(0)
    warm.load()  # meanwhile
    store = await opening  # the store
    server = assemble(options, store, os.path.dirname(serving.certificate))
    registry = server.registry
    tasks: list[asyncio.Task[Any]] = [await begin(registry)]
    definitions = Definitions(registry)
    await definitions.prepare()  # custom resources
    context = tls.server_context(serving.certificate, serving.key, serving.client_ca)
    listener = await listen(server, options, context)
    upkeep = Upkeep(registry, port=listener.port, advertise=options.advertise_address, client_ca=serving.client_ca)
    await upkeep.prepare()  # the kubernetes service
    tasks.append(asyncio.create_task(upkeep.run(), name="upkeep"))  # what the server keeps in order
    tasks.append(asyncio.create_task(repair(registry), name="repair"))  # addresses that crashes left behind
    tasks.append(asyncio.create_task(definitions.run(), name="definitions"))  # what is defined is served
    running = Running(server, listener, store, tasks)
    if options.store_socket:
        from minikube_edu.etcd.side_door import SideDoor

        running.side_door = await SideDoor.open(store, options.store_socket)  # for etcdctl
    return running


async def _run(options: argparse.Namespace) -> int:
    running = await start(options)
    if options.ready_fd:
        os.close(int(options.ready_fd))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    log.info("Serving securely on %s:%s", ",".join(listening(options.bind_address)), running.listener.port)
    await stop.wait()
    await running.stop()
    return 0


def run_forever(options: argparse.Namespace) -> int:
    klog.begin()
    collecting.seldom()
    collecting.give_back()
    try:
        import uvloop
    except ImportError:
        return asyncio.run(_run(options))
    return uvloop.run(_run(options))
