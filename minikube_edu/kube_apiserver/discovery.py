"""Discovery: what this server serves. kubectl asks for it before anything else.

`/api` and `/apis` answer in two shapes: the old lists of groups, resource by resource to be asked for, and the
aggregated list (`apidiscovery.k8s.io/v2`), which has everything in one answer and an ETag. All of it is made from the
scheme, encoded once for each form, and made anew when a resource has been added or removed.

Which methods a path takes is the real server's accident: paths of go-restful refuse all but GET, those of the plain
mux take anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import orjson

from minikube_edu.api.errors import MethodNotAllowed, PathNotFound
from minikube_edu.api.scheme import Kind, Resource, Scheme, Subresource
from minikube_edu.api.wire import negotiation
from minikube_edu.kube_apiserver.version import info
from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

Object = dict[str, Any]
AGGREGATED = "APIGroupDiscoveryList"


def answer(server: ApiServer, request: Request) -> Response | None:
    """The answer to a path of discovery, or to one of the pages beside it; None for any other path."""
    found = respond(
        server.scheme,
        request.method,
        request.path,
        (request.header(b"accept") or b"").decode("latin-1"),
        query=request.query,
        agent=(request.header(b"user-agent") or b"").decode("latin-1"),
        address=request.peer.local_address,
        if_none_match=(request.header(b"if-none-match") or b"").decode("latin-1"),
    )
    if found is None and request.path.startswith("/api/"):
        raise PathNotFound()
    if found is None:
        from minikube_edu.kube_apiserver import zpages

        return zpages.answer(server, request)
    return found


def respond(
    scheme: Scheme, method: str, path: str, accept: str = "", *, query: str = "", agent: str = "", address: str = "",
    if_none_match: str = "",
) -> Response | None:  # fmt: skip
    """The answer to one path, from the scheme alone."""
    bare = path.rstrip("/") or "/"
    documents = _documents(scheme)
    make, restful = documents.maker(bare, address)
    if make is None:
        return None
    if restful and method != "GET":
        raise MethodNotAllowed()
    if bare in ("/", "/version"):
        return Response(200, documents.indented(bare, make))
    offer = negotiation.DISCOVERY if bare in ("/api", "/apis") else negotiation.PLAIN
    form = negotiation.negotiate(accept, offer)
    if form.kind == AGGREGATED:
        return documents.aggregated(bare, form, if_none_match)
    pretty = negotiation.pretty(form, _pretty_value(query), agent)
    return Response(200, documents.encoded(bare, address, form, pretty, make), form.media_type.encode())


def _pretty_value(query: str) -> str | None:
    if "pretty" not in query:
        return None
    from urllib.parse import parse_qs

    return parse_qs(query).get("pretty", [""])[0]


# ---------------------------------------------------------------- documents


class _Documents:
    """The encoded documents of one state of the scheme."""

    def __init__(self, scheme: Scheme, resources: list[Resource]) -> None:
        self.scheme = scheme
        self.resources = resources
        self.cache: dict[Any, Any] = {}

    def maker(self, path: str, address: str) -> tuple[Callable[[], Object] | None, bool]:
        """What makes a path's document, and whether only GET may ask for it."""
        groups = self.scheme.groups
        match path[1:].split("/"):
            case [""]:
                return self.root, False
            case ["version"]:
                return info, True
            case ["api"]:
                return lambda: self.core_versions(address), True
            case ["apis"]:
                return self.group_list, False
            case ["api", version] if version in groups.get("", ()):
                return lambda: self.resource_list("", version), True
            case ["apis", group] if group in groups and group:
                return lambda: {"kind": "APIGroup", "apiVersion": "v1", **self.group(group)}, False
            case ["apis", group, version] if version in groups.get(group, ()) and group:
                return lambda: self.resource_list(group, version), True
            case ["apis", group, _] if group in groups and group:
                raise PathNotFound()
        return None, False

    def indented(self, path: str, make: Callable[[], Object]) -> bytes:
        if path not in self.cache:
            self.cache[path] = orjson.dumps(make(), option=orjson.OPT_INDENT_2)
        found: bytes = self.cache[path]
        return found

    def encoded(
        self, path: str, address: str, form: negotiation.Form, pretty: bool, make: Callable[[], Object]
    ) -> bytes:
        key = (path, address if path == "/api" else "", form.media_type, pretty)
        found: bytes | None = self.cache.get(key)
        if found is None:
            found = self.cache[key] = encode(make(), form.media_type, pretty)
        return found

    def aggregated(self, path: str, form: negotiation.Form, if_none_match: str) -> Response:
        found = self.cache.get((path, form))
        if found is None:
            groups = [""] if path == "/api" else [group for group in self.scheme.groups if group]
            document = {
                "kind": AGGREGATED,
                "apiVersion": form.api_version,
                "metadata": {},
                "items": [self.discovery_of(group) for group in groups if group in self.scheme.groups],
            }
            body = encode(document, form.media_type, form.pretty)
            etag = '"' + hashlib.sha512(body).hexdigest().upper() + '"'
            found = self.cache[path, form] = (body, etag)
        body, etag = found
        headers = [(b"Vary", b"Accept"), (b"ETag", etag.encode()), (b"Cache-Control", b"public")]
        if if_none_match == etag:
            return Response(304, b"", b"", headers)
        shape = f";g={form.group};v={form.version};as={form.kind}"
        return Response(200, body, (form.media_type + shape).encode(), headers)

    # ------------------------------------------------------------ the old shape

    def root(self) -> Object:
        from minikube_edu.kube_apiserver import health

        paths = {"/.well-known/openid-configuration", "/api", "/apis", "/apis/", "/flagz", "/metrics", "/metrics/slis",
                 "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks", "/statusz", "/version"}  # fmt: skip
        for group, versions in self.scheme.groups.items():
            if group:
                paths.add(f"/apis/{group}")
            paths |= {f"/apis/{group}/{version}" if group else f"/api/{version}" for version in versions}
        for place, names in health.CHECKS.items():
            paths |= {f"/{place}", *(f"/{place}/{name}" for name in names)}
        return {"paths": sorted(paths)}

    def core_versions(self, address: str) -> Object:
        served = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
        versions = self.scheme.groups.get("", [])
        return {"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": [served]}

    def group(self, group: str) -> Object:
        versions = [{"groupVersion": f"{group}/{v}", "version": v} for v in self.scheme.groups[group]]
        return {"name": group, "versions": versions, "preferredVersion": versions[0]}

    def group_list(self) -> Object:
        groups = [self.group(group) for group in self.scheme.groups if group]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def resource_list(self, group: str, version: str) -> Object:
        head: Object = {"kind": "APIResourceList"}
        if group:
            head["apiVersion"] = "v1"
        entries = [entry for r in self.scheme.of_group_version(group, version) for entry in _entries(r)]
        return {**head, "groupVersion": f"{group}/{version}" if group else version, "resources": entries}

    # ------------------------------------------------------------ the aggregated shape

    def discovery_of(self, group: str) -> Object:
        versions = [
            {
                "version": version,
                "resources": [_discovery(r) for r in self.scheme.of_group_version(group, version)],
                "freshness": "Current",
            }
            for version in self.scheme.groups[group]
        ]
        return {"metadata": {"name": group} if group else {}, "versions": versions}


_cached: WeakKeyDictionary[Scheme, _Documents] = WeakKeyDictionary()


def _documents(scheme: Scheme) -> _Documents:
    """The documents of the scheme as it is now: resources are compared by identity, a new definition makes new ones."""
    resources = list(scheme.resources.values())
    found = _cached.get(scheme)
    if found is None or found.resources != resources:
        found = _cached[scheme] = _Documents(scheme, resources)
    return found


def _entries(resource: Resource) -> list[Object]:
    """A resource and its subresources, as APIResources."""
    entry: Object = {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
    }
    for name, value in (
        ("shortNames", resource.short_names),
        ("categories", resource.categories),
        ("storageVersionHash", resource.storage_hash),
    ):
        if value:
            entry[name] = value
    found = [entry] if resource.verbs else []
    return found + [_sub_entry(resource, sub) for sub in resource.subresources.values()]


def _sub_entry(resource: Resource, sub: Subresource) -> Object:
    entry: Object = {"name": f"{resource.name}/{sub.name}", "singularName": "", "namespaced": resource.namespaced}
    if (sub.kind.group, sub.kind.version) != (resource.group, resource.version):
        entry |= {name: value for name, value in (("group", sub.kind.group), ("version", sub.kind.version)) if value}
    return {**entry, "kind": sub.kind.kind, "verbs": sub.verbs}


def _response_kind(kind: Kind, resource: Resource) -> Object:
    """Group and version are left out when they are those of the list; a custom resource always says them."""
    same = (kind.group, kind.version) == (resource.group, resource.version) and resource.custom is None
    group, version = ("", "") if same else (kind.group, kind.version)
    return {"group": group, "version": version, "kind": kind.kind}


def _discovery(resource: Resource) -> Object:
    found: Object = {
        "resource": resource.name,
        "responseKind": _response_kind(resource.gvk, resource),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": resource.verbs,
    }
    if resource.short_names:
        found["shortNames"] = resource.short_names
    if resource.categories:
        found["categories"] = resource.categories
    if resource.subresources:
        found["subresources"] = [
            {"subresource": sub.name, "responseKind": _response_kind(sub.kind, resource), "verbs": sub.verbs}
            for sub in resource.subresources.values()
        ]
    return found


def encode(document: Object, media_type: str, pretty: bool) -> bytes:
    """A document in the form asked for."""
    if media_type == negotiation.JSON:
        return orjson.dumps(document, option=orjson.OPT_INDENT_2 if pretty else None) + b"\n"
    plain = orjson.loads(orjson.dumps(document))  # tuples become lists
    if media_type == negotiation.YAML:
        from minikube_edu.api.wire import yaml_form

        return yaml_form.encode(plain)
    from minikube_edu.api.wire import protobuf

    if plain.get("apiVersion") is None:
        plain["apiVersion"] = "v1"
    return protobuf.encode(plain)
