"""Paths and operations of a group version, from the resources that it serves.

Each verb of a resource is an operation on one of its paths; parameters that all operations of a path share are moved
to the path. The ids (`listAppsV1NamespacedDeployment`) are what generators of clients name their functions by.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from minikube_edu.api.scheme import Kind, Resource
from minikube_edu.kube_apiserver.openapi import parameters
from minikube_edu.kube_apiserver.openapi.schemas import reference

Object = dict[str, Any]

FORMS = ("application/json", "application/vnd.kubernetes.protobuf", "application/yaml")
STREAMED = ("application/json", "application/json;stream=watch", "application/vnd.kubernetes.protobuf",
            "application/vnd.kubernetes.protobuf;stream=watch", "application/yaml")  # fmt: skip
PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json",
           "application/strategic-merge-patch+json")  # fmt: skip
CUSTOM_PATCHES = ("application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json")
CUSTOM_FORMS = ("application/json", "application/yaml")
_PREFIXES = {"get": "read", "post": "create", "put": "replace", "deletecollection": "delete", "watchlist": "watch"}
_VERBS = {"create": "post", "update": "put", "patch": "patch", "delete": "delete", "get": "get"}
_OPTIONS_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
# Deletion answers with the object itself where it always did.
_DELETE_GIVES_OBJECT = {
    "Pod", "PersistentVolumeClaim", "PersistentVolume", "PodTemplate", "ResourceQuota", "ServiceAccount", "Service",
    "CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass", "DeviceClass", "ResourceClaim",
    "ResourceClaimTemplate", "ResourceSlice",
}  # fmt: skip
_WATCH_ONE = (
    "watch changes to an object of kind {}. deprecated: use the 'watch' parameter with a list operation instead, "
    "filtered to a single item with the 'fieldSelector' parameter."
)
_WATCH_LIST = (
    "watch individual changes to a list of {}. deprecated: use the 'watch' parameter with a list operation instead."
)


def camel(group: str) -> str:
    """`rbac.authorization.k8s.io` -> `RbacAuthorization`."""
    return "".join(part[:1].upper() + part[1:] for part in (group or "core").removesuffix(".k8s.io").split("."))


def tag_of(group: str, version: str) -> str:
    name = camel(group)
    return f"{name[0].lower()}{name[1:]}_{version}"


class Paths:
    """Collects the operations of one group version."""

    def __init__(self, group: str, version: str) -> None:
        self.group = group
        self.version = version
        self.prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
        self.title = camel(group) + version[:1].upper() + version[1:]
        self.items: dict[str, dict[str, tuple[Object, list[Object]]]] = {}

    def document(self) -> dict[str, Object]:
        """path -> path item, parameters in common moved up."""
        found: dict[str, Object] = {}
        for path in sorted(self.items):
            operations = self.items[path]
            lists = [given for _, given in operations.values()]
            common = [one for one in lists[0] if all(one in other for other in lists[1:])]
            item: Object = {}
            for method, (operation, given) in operations.items():
                own = [one for one in given if one not in common]
                item[method] = _with_parameters(operation, own)
            if common:
                item["parameters"] = sorted(common, key=lambda one: (one["name"], one["in"]))
            found[path] = item
        return found

    def put(self, path: str, method: str, operation: Object, given: Iterable[Object]) -> None:
        self.items.setdefault(self.prefix + path, {})[method] = (operation, list(given))

    def operation(self, action: str, words: str, name: str, kind: Kind, responses: Object, body: Any = None) -> Object:
        found: Object = {"tags": [tag_of(self.group, self.version)], "description": words, "operationId": name}
        if body is not None:
            found["requestBody"] = body
        found["responses"] = {**responses, "401": {"description": "Unauthorized"}}
        found["x-kubernetes-action"] = action
        shown = {"group": kind.group, "version": kind.version, "kind": kind.kind}
        found["x-kubernetes-group-version-kind"] = shown
        return found

    # ------------------------------------------------------------ resources

    def available(self) -> None:
        """`/apis/apps/v1/`: the list of resources."""
        operation = {
            "tags": [tag_of(self.group, self.version)],
            "description": "get available resources",
            "operationId": f"get{self.title}APIResources",
            "responses": {
                "200": _response("OK", reference("meta.v1.APIResourceList"), FORMS),
                "401": {"description": "Unauthorized"},
            },
        }
        self.put("/", "get", operation, [])

    def resource(self, resource: Resource, own: Object, its_list: Object) -> None:
        """All operations of a resource; `own` and `its_list` are references to its schemas."""
        forms = FORMS if resource.custom is None else CUSTOM_FORMS
        place = "/namespaces/{namespace}" if resource.namespaced else ""
        scope = [parameters.namespace()] if resource.namespaced else []
        named = [*scope, parameters.path("name", f"name of the {resource.kind}")]
        many, one = f"{place}/{resource.name}", f"{place}/{resource.name}/{{name}}"
        if "list" in resource.verbs:
            self._list(resource, many, scope, its_list, resource.namespaced)
            if resource.namespaced:
                self._list(resource, f"/{resource.name}", [], its_list, False)
        if "create" in resource.verbs:
            self._write(resource, many, "post", scope, own, forms)
        if "deletecollection" in resource.verbs:
            self._delete(resource, many, "deletecollection", scope, forms, reference("meta.v1.Status"))
        if "get" in resource.verbs:
            self._read(resource, one, named, own, forms)
        if "update" in resource.verbs:
            self._write(resource, one, "put", named, own, forms)
        if "delete" in resource.verbs:
            given = own if resource.kind in _DELETE_GIVES_OBJECT else reference("meta.v1.Status")
            self._delete(resource, one, "delete", named, forms, given)
        if "patch" in resource.verbs:
            self._write(resource, one, "patch", named, own, forms)
        if "watch" in resource.verbs and resource.custom is None:
            self._watches(resource, many, one, scope, named)

    def _id(self, action: str, resource: Resource, ending: str = "", everywhere: bool = False) -> str:
        prefix = _PREFIXES.get(action, action)
        middle = "Collection" if action == "deletecollection" else ""
        scope = "Namespaced" if resource.namespaced and not everywhere else ""
        tail = "ForAllNamespaces" if everywhere else ""
        many = "List" if action == "watchlist" else ""
        return f"{prefix}{self.title}{middle}{scope}{resource.kind}{ending}{many}{tail}"

    def _list(self, resource: Resource, path: str, scope: list[Object], its_list: Object, namespaced: bool) -> None:
        everywhere = resource.namespaced and not namespaced
        words = "list or watch objects" if "watch" in resource.verbs else "list objects"
        forms = STREAMED if resource.custom is None else CUSTOM_FORMS
        operation = self.operation(
            "list", f"{words} of kind {resource.kind}", self._id("list", resource, "", everywhere), resource.gvk,
            {"200": _response("OK", its_list, forms)},
        )  # fmt: skip
        self.put(path, "get", operation, [*scope, *_query("list")])

    def _read(
        self, resource: Resource, path: str, named: list[Object], own: Object, forms: tuple[str, ...],
        kind: Kind | None = None, sub: str = "",
    ) -> None:  # fmt: skip
        words = f"read {sub} of the specified {resource.kind}" if sub else f"read the specified {resource.kind}"
        name = self._id("get", resource, _title(sub))
        operation = self.operation("get", words, name, kind or resource.gvk, {"200": _response("OK", own, forms)})
        self.put(path, "get", operation, [*named, *_query("get")])

    def _write(
        self, resource: Resource, path: str, action: str, scope: list[Object], own: Object, forms: tuple[str, ...],
        kind: Kind | None = None, sub: str = "",
    ) -> None:  # fmt: skip
        target = kind or resource.gvk
        if action == "post":
            words = f"create {sub} of a {resource.kind}" if sub else f"create {_article(resource.kind)}{resource.kind}"
        else:
            verb = "replace" if action == "put" else "partially update"
            words = f"{verb} {sub} of the specified {resource.kind}" if sub else f"{verb} the specified {resource.kind}"
        codes = {"200": "OK", "201": "Created"} | ({"202": "Accepted"} if action == "post" else {})
        responses = {code: _response(text, own, forms) for code, text in codes.items()}
        body: Object = {"content": {"*/*": {"schema": own}}, "required": True}
        if action == "patch":
            accepted = PATCHES if resource.custom is None else CUSTOM_PATCHES
            body["content"] = {form: {"schema": reference("meta.v1.Patch")} for form in accepted}
        name = self._id(action, resource, _title(sub))
        operation = self.operation(action, words, name, target, responses, body)
        self.put(path, action, operation, [*scope, *_query(action)])

    def _delete(
        self, resource: Resource, path: str, action: str, scope: list[Object], forms: tuple[str, ...], given: Object
    ) -> None:
        collection = action == "deletecollection"
        what = f"collection of {resource.kind}" if collection else f"{_article(resource.kind)}{resource.kind}"
        codes = {"200": "OK"} if collection else {"200": "OK", "202": "Accepted"}
        body = {"content": {"*/*": {"schema": reference("meta.v1.DeleteOptions")}}}
        responses = {code: _response(text, given, forms) for code, text in codes.items()}
        name = self._id(action, resource)
        operation = self.operation(action, f"delete {what}", name, resource.gvk, responses, body)
        self.put(path, "delete", operation, [*scope, *_query(action)])

    def _watches(self, resource: Resource, many: str, one: str, scope: list[Object], named: list[Object]) -> None:
        answer = {"200": _response("OK", reference("meta.v1.WatchEvent"), STREAMED)}
        lists = [(f"/watch{many}", scope, False)]
        if resource.namespaced:
            lists.append((f"/watch/{resource.name}", [], True))
        for path, given, everywhere in lists:
            name = self._id("watchlist", resource, "", everywhere)
            words = _WATCH_LIST.format(resource.kind)
            operation = self.operation("watchlist", words, name, resource.gvk, answer)
            self.put(path, "get", operation, [*given, *_query("watchlist")])
        words = _WATCH_ONE.format(resource.kind)
        operation = self.operation("watch", words, self._id("watch", resource), resource.gvk, answer)
        self.put(f"/watch{one}", "get", operation, [*named, *_query("watch")])

    # ------------------------------------------------------------ subresources

    def subresource(self, resource: Resource, sub: str, kind: Kind, verbs: tuple[str, ...], own: Object | None) -> None:
        place = "/namespaces/{namespace}" if resource.namespaced else ""
        scope = [parameters.namespace()] if resource.namespaced else []
        path = f"{place}/{resource.name}/{{name}}/{sub}"
        if own is None:
            self._connect(resource, sub, kind, verbs, path, scope)
            return
        forms = FORMS if resource.custom is None else CUSTOM_FORMS
        target = kind.kind if (kind.group, kind.version) != (resource.group, resource.version) else resource.kind
        if sub == "binding":
            target = kind.kind
        named = [*scope, parameters.path("name", f"name of the {target}")]
        if sub == "log":
            self._log(resource, path, named)
            return
        for verb in verbs:
            action = _VERBS[verb]
            if action == "get":
                self._read(resource, path, named, own, forms, kind, sub)
            elif action != "delete":
                self._write(resource, path, action, named, own, forms, kind, sub)

    def _log(self, resource: Resource, path: str, named: list[Object]) -> None:
        answer = {"200": _response("OK", {"type": "string"}, (*FORMS, "text/plain"))}
        words = f"read log of the specified {resource.kind}"
        operation = self.operation("get", words, self._id("get", resource, "Log"), resource.gvk, answer)
        options = [parameters.query(name, *about) for name, about in parameters.OPTIONS["log"].items()]
        self.put(path, "get", operation, [*named, *options, *_query("get")])

    def _connect(
        self, resource: Resource, sub: str, kind: Kind, verbs: tuple[str, ...], path: str, scope: list[Object]
    ) -> None:
        """Streams and proxies: the connection itself is the answer."""
        methods = _OPTIONS_METHODS if sub == "proxy" else ("get", "post")
        named = [*scope, parameters.path("name", f"name of the {kind.kind}")]
        options = [parameters.query(name, *about) for name, about in parameters.OPTIONS[kind.kind].items()]
        answer = {"200": _response("OK", {"type": "string"}, ("*/*",))}
        endings = (
            [("", "", [])] if sub != "proxy" else [("", "", []), ("/{path}", "WithPath", [parameters.rest_of_path()])]
        )
        for tail, ending, more in endings:
            for method in methods:
                scope_word = "Namespaced" if resource.namespaced else ""
                name = f"connect{self.title}{method.title()}{scope_word}{resource.kind}{_title(sub)}{ending}"
                words = f"connect {method.upper()} requests to {sub} of {resource.kind}"
                operation = self.operation("connect", words, name, kind, answer)
                self.put(path + tail, method, operation, [*named, *options, *more])


def _article(kind: str) -> str:
    """A plural has none."""
    if kind.endswith("s") and not kind.endswith("ss"):
        return ""
    return "an " if kind[0] in "AEIOU" else "a "


def _title(sub: str) -> str:
    return sub[:1].upper() + sub[1:]


def _query(action: str) -> list[Object]:
    found = [parameters.query(name) for name in parameters.OF_ACTION[action]]
    return [*found, parameters.query("pretty")]


def _response(words: str, schema: Object, forms: tuple[str, ...]) -> Object:
    return {"description": words, "content": {form: {"schema": schema} for form in forms}}


def _with_parameters(operation: Object, own: list[Object]) -> Object:
    """The operation with its own parameters, where Go's encoder writes them: before the body."""
    if not own:
        return operation
    head = {name: operation[name] for name in ("tags", "description", "operationId")}
    ordered = sorted(own, key=lambda one: (one["name"], one["in"]))
    return {**head, "parameters": ordered, **{k: v for k, v in operation.items() if k not in head}}
