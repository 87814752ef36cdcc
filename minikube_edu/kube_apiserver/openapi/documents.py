"""The v3 document behind each entry of the index."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import schema
from minikube_edu.api.scheme import Kind, Scheme
from minikube_edu.kube_apiserver.openapi import custom, schemas
from minikube_edu.kube_apiserver.openapi.operations import FORMS, Paths, camel
from minikube_edu.kube_apiserver.openapi.schemas import reference
from minikube_edu.lib import version as version_of

Object = dict[str, Any]

_KEY = {"BearerToken": {"type": "apiKey", "description": "Bearer Token authentication", "name": "authorization",
                        "in": "header"}}  # fmt: skip
# Single paths outside of any group: tag, id, words, type of the answer, forms.
_SINGLE: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    ".well-known/openid-configuration": (
        "WellKnown", "getServiceAccountIssuerOpenIDConfiguration",
        "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'", "", FORMS[:1],
    ),
    "api": ("core", "getCoreAPIVersions", "get available API versions", "meta.v1.APIVersions", FORMS),
    "apis": ("apis", "getAPIVersions", "get available API versions", "meta.v1.APIGroupList", FORMS),
    "openid/v1/jwks": (
        "openid", "getServiceAccountIssuerOpenIDKeyset",
        "get service account issuer OpenID JSON Web Key Set (contains public token verification keys)", "",
        ("application/jwk-set+json",),
    ),
    "version": (
        "version", "getCodeVersion", "get the version information for this server", "version.Info", FORMS[:1],
    ),
}  # fmt: skip


def names(scheme: Scheme) -> list[str]:
    """The entries of the index."""
    found = set(_SINGLE)
    for group, versions in scheme.groups.items():
        if group and any(r.custom is None for v in versions for r in scheme.of_group_version(group, v)):
            found.add(f"apis/{group}")
        found |= {f"apis/{group}/{version}" if group else f"api/{version}" for version in versions}
    return sorted(found)


def make(scheme: Scheme, name: str) -> Object:
    more: dict[str, Object] = {}
    parts = name.split("/")
    if name in _SINGLE:
        paths = {f"/{name}/": _single(*_SINGLE[name])}
    elif parts[0] == "apis" and len(parts) == 2:
        words = "get information of a group"
        title = camel(parts[1])
        tag = title[0].lower() + title[1:]
        paths = {f"/{name}/": _single(tag, f"get{title}APIGroup", words, "meta.v1.APIGroup", FORMS)}
    else:
        group, version = (parts[1], parts[2]) if parts[0] == "apis" else ("", parts[1])
        paths, more = _resources(scheme, group, version)
    found = schemas.closure(paths, more)
    if parts[0] == "apis" and len(parts) == 3:
        _join_group(found, parts[1], parts[2])
    components: Object = {"schemas": found} if found else {}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": ".".join(version_of.major_minor(version_of.running()))},
        "paths": paths,
        "components": {**components, "securitySchemes": _KEY},
    }


def _join_group(found: dict[str, Object], group: str, version: str) -> None:
    """Options and events belong to every group; a document names its own."""
    for type_name in ("meta.v1.DeleteOptions", "meta.v1.WatchEvent"):
        name = schemas.definition_name(type_name)
        if name in found:
            kinds = found[name]["x-kubernetes-group-version-kind"]
            own = {"group": group, "kind": type_name.rpartition(".")[2], "version": version}
            found[name] = {**found[name], "x-kubernetes-group-version-kind": [*kinds, own]}


def _single(tag: str, name: str, words: str, type_name: str, forms: tuple[str, ...]) -> Object:
    answer = reference(type_name) if type_name else {"type": "string"}
    content = {form: {"schema": answer} for form in forms}
    responses = {"200": {"description": "OK", "content": content}, "401": {"description": "Unauthorized"}}
    return {"get": {"tags": [tag], "description": words, "operationId": name, "responses": responses}}


def _resources(scheme: Scheme, group: str, version: str) -> tuple[dict[str, Object], dict[str, Object]]:
    """Paths of a group version, and the schemas of its custom resources."""
    paths = Paths(group, version)
    more: dict[str, Object] = {}
    for resource in scheme.of_group_version(group, version):
        if resource.custom is not None:
            more |= custom.schemas(resource)
            own, its_list = custom.references(resource)
        else:
            paths.available()
            own = _reference_to(resource.gvk) or {}
            its_list = _reference_to(resource.gvk._replace(kind=f"{resource.kind}List")) or own
        paths.resource(resource, own, its_list)
        for sub in resource.subresources.values():
            target = own if sub.kind == resource.gvk else _reference_to(sub.kind)
            paths.subresource(resource, sub.name, sub.kind, sub.verbs, target)
    return paths.document(), more


def _reference_to(kind: Kind) -> Object | None:
    """None for options that have no schema: streams and proxies."""
    name = schema.type_of(*kind)
    return reference(name) if name else None
