"""`kubectl explain`, the part that asks the server: which resource is meant, and its OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from minikube_edu.client.discovery import ServedResource
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import explain as pages
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, PlainError
from minikube_edu.kubectl.mapping import NoResource


async def explain(call: Call) -> None:
    flags = call.flags
    output, wanted = flags["output"], flags["api-version"]
    mapper = call.factory.mapper
    served = await mapper.resources()
    if not mapper.discovery.fresh and not mapper.everything(served, call.args[0].partition(".")[0]):
        mapper.discovery.forget()
        served = await mapper.resources()

    def candidates(name: str) -> Sequence[pages.Place]:
        found = mapper.everything(served, name)
        if not found:
            raise PlainError(str(NoResource(name)))
        return [(one.resource.group, one.resource.version, one.resource.plural) for one in found]

    try:
        group, version, resource, path = pages.locate(call.args[0], candidates)
    except pages.ExplainError as error:
        raise CommandError(str(error)) from None
    if wanted:
        group, version = _chosen(served, wanted, resource, group)
    try:
        if output == "plaintext-openapiv2":
            document = await call.factory.send("GET", "/openapi/v2")
            text = pages.explain_v2(document, group, version, resource, path, flags["recursive"])
        elif output == "plaintext":
            document = await _document(call, group, version)
            text = pages.explain(document, group, version, resource, path, flags["recursive"])
        else:
            raise CommandError(f"unrecognized format: {output}")
    except pages.ExplainError as error:
        call.out.write(error.text)
        raise CommandError(str(error)) from None
    call.out.write(text)


def _chosen(served: list[ServedResource], wanted: str, resource: str, group: str) -> tuple[str, str]:
    new_group, _, version = wanted.rpartition("/")
    for one in served:
        if (one.resource.group, one.resource.version, one.resource.plural) == (new_group, version, resource):
            return new_group, version
    raise CommandError(f'couldn\'t find resource for "{new_group}/{version}, Resource={resource}"')


async def _document(call: Call, group: str, version: str) -> pages.Object:
    where = f"apis/{group}/{version}" if group else f"api/{version}"
    try:
        index = await call.factory.send("GET", "/openapi/v3")
        path = ((index.get("paths") or {}).get(where) or {}).get("serverRelativeURL") or f"/openapi/v3/{where}"
        reply = await call.factory.raw("GET", path)
    except ApiError as error:
        if error.not_found:
            raise CommandError(f'couldn\'t find resource for "{group}/{version}"') from None
        raise
    document: pages.Object = orjson.loads(reply.body)
    return document
