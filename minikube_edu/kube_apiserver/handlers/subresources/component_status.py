"""`componentstatuses`: is the control plane well? Asked of each part when somebody asks for it; nothing is stored.

Deprecated since v1.19, and still what `kubectl get cs` shows. Like the real one, it knows the parts by their usual
ports on this machine, and says so when nobody answers there.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from functools import cache
from typing import TYPE_CHECKING, Any

from minikube_edu.api import tables
from minikube_edu.api.errors import MethodNotAllowed, NotFound
from minikube_edu.etcd.contract import StoreError
from minikube_edu.kube_apiserver.context import Context
from minikube_edu.kube_apiserver.handlers import answers
from minikube_edu.kube_apiserver.query import Query
from minikube_edu.kube_apiserver.request_info import Route
from minikube_edu.lib.web.messages import Answer, Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]

PORTS = {"controller-manager": 10257, "scheduler": 10259}
ETCD = "etcd-0"
PATIENCE = 5.0  # seconds


def answer(
    server: ApiServer, request: Request, context: Context, query: Query, route: Route
) -> Answer | Awaitable[Answer]:
    if context.verb not in ("get", "list"):
        raise MethodNotAllowed()
    return get(server, request, context, query) if context.name else list_all(server, request, context, query)


async def get(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    if context.name not in PORTS and context.name != ETCD:
        raise NotFound("", "componentstatuses", context.name)
    return respond(request, context, query, await status_of(server, context.name))


async def list_all(server: ApiServer, request: Request, context: Context, query: Query) -> Response:
    found = await asyncio.gather(*(status_of(server, name) for name in ("scheduler", "controller-manager", ETCD)))
    items = [{key: value for key, value in one.items() if key not in ("kind", "apiVersion")} for one in found]
    whole = {"kind": "ComponentStatusList", "apiVersion": "v1", "metadata": {}, "items": items}
    return respond(request, context, query, whole, list(found))


def respond(
    request: Request, context: Context, query: Query, obj: Object, parts: list[Object] | None = None
) -> Response:
    form = answers.form_of(request, context.resource, collection=parts is not None)
    if form.is_table:
        table = tables.table_of(context.resource, parts or [obj], answers.include_object(query))
        obj = {**table, "apiVersion": form.api_version, "metadata": {}}
    body, content_type = answers.encoded(obj, form, answers.wants_pretty(request, query))
    return Response(200, body, content_type, answers.warning_headers(context.warnings))


async def status_of(server: ApiServer, name: str) -> Object:
    try:
        async with asyncio.timeout(PATIENCE):
            healthy, message = await (ask_store(server) if name == ETCD else ask(PORTS[name]))
    except TimeoutError:
        healthy, message = False, "context deadline exceeded"
    condition = {"type": "Healthy", "status": "True" if healthy else "False", "message": message}
    return {
        "kind": "ComponentStatus",
        "apiVersion": "v1",
        "metadata": {"name": name},
        "conditions": [condition],
    }


async def ask_store(server: ApiServer) -> tuple[bool, str]:
    try:
        await server.registry.store.status()
    except StoreError as error:
        return False, str(error)
    return True, "ok"


@cache
def trusting() -> ssl.SSLContext:
    """Not the default one: loading the system's authorities takes longer than all the rest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def ask(port: int) -> tuple[bool, str]:
    """The part's own /healthz. Its certificate is its own affair: this is a question of health, not of trust."""
    from minikube_edu.lib.web.client import Client

    client = Client("127.0.0.1", port, tls=trusting())
    try:
        found = await client.request("GET", "/healthz", timeout=PATIENCE)
    except OSError:
        return False, (
            f'Get "https://127.0.0.1:{port}/healthz": dial tcp 127.0.0.1:{port}: connect: connection refused'
        )
    finally:
        await client.close()
    return found.status == 200, found.body.decode(errors="replace")
