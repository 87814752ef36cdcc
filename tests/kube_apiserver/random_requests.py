"""Requests at random: made from the schema facts, mutated from objects that are right, and plainly broken.

All comes from one `random.Random`, so that a seed makes the same requests again.
"""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import orjson

from minikube_edu.api import schema
from minikube_edu.api.scheme import Resource, Scheme

Object = dict[str, Any]

TEXTS = (
    "", "a", "one", "two", "a/b", "Bad_Name", "a.b.c", "é", "\u0000", "\ud7ff", "a" * 70, "*", "None", "10.0.0.1",
    "::1",
    "10.96.0.7", "10.0.0.0/24", "TCP", "Exact", "ClusterIP", "NodePort", "LoadBalancer", "ExternalName", "Local",
    "IPv4",
    "kubernetes.io/tls", "In", "Gt", "Always", "Never", "0", "-1", "1Gi", "50%", "$patch", "2024-01-01T00:00:00Z",
    "default", "kubernetes", "true", "* * * * *", "self.x > 1", "{.a}", "system:masters", "foreground", "orphan",
)  # fmt: skip
SCALARS: dict[str, tuple[Any, ...]] = {
    "string": TEXTS,
    "bool": (True, False),
    "int32": (0, 1, -1, 3, 80, 443, 30000, 31000, 70000, 2**31 - 1, -(2**31)),
    "int64": (0, 1, -1, 30, 5000, 2**63 - 1, -(2**63)),
    "float": (1.5, 0, -1e300),
    "bytes": ("", "YQ==", "eyJhIjoxfQ==", "!"),
    "time": ("2024-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "now"),
    "microtime": ("2024-01-01T00:00:00.000000Z", "2024-01-01T00:00:00Z"),
    "quantity": ("0", "1", "-1", "1.5", "1Gi", "100m", "1n", "9999999999999999999", "1e3", "1e999", 5, 0.1, "x"),
    "intstr": (0, 80, "http", "", "50%", "101%", -5, "é"),
    "any": ({}, {"a": 1}, [], "x", None, {"$patch": "delete"}),
}
ANYTHING: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 1e400, 2**70, "", "x", "\u0000", [], [None], [[]], {}, {"": None}, {"name": {}}, ["x", "x"],
    [{}, {}], {"$patch": "replace"}, {"$patch": "what"}, {"$retainKeys": 5}, "z" * 5000,
)  # fmt: skip
NAMES = ("one", "two", "a", "default", "kubernetes", "absent", "kube-system", "A B", "..", "%00", "%", "é", "x" * 300)
NAMESPACES = ("default", "default", "default", "kube-system", "absent", "UPPER", "..")
QUERIES: dict[str, tuple[str, ...]] = {
    "dryRun": ("All", "All", "None", ""),
    "fieldManager": ("me", "", "x" * 200, "\u0007"),
    "fieldValidation": ("Strict", "Warn", "Ignore", "Other"),
    "force": ("true", "false", "maybe"),
    "labelSelector": ("a=b", "a in (b,c)", "!a", "a,b!=c", "a in (", "a>1", "=", "é=1", ",", "a notin ()", "a==b==c"),
    "fieldSelector": ("metadata.name=one", "metadata.namespace!=x", "spec.nodeName=", "a=b", "=", "a", "a\\,b=c"),
    "limit": ("1", "2", "0", "-1", "x", "99999999999999999999"),
    "continue": ("x", "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0", "e30", "bnVsbA", "W10", "=", "é"),
    "resourceVersion": ("0", "1", "5", "x", "-1", "1.5"),
    "resourceVersionMatch": ("Exact", "NotOlderThan", "x"),
    "sendInitialEvents": ("true", "false", "x"),
    "allowWatchBookmarks": ("true", "0"),
    "timeoutSeconds": ("1", "0", "-1", "x"),
    "timeout": ("1s", "x", "-5s", "0"),
    "watch": ("true", "1", "0", "x"),
    "pretty": ("true", "false", "x"),
    "includeObject": ("None", "Metadata", "Object", "x"),
    "gracePeriodSeconds": ("0", "-1", "30", "x", "9223372036854775807"),
    "propagationPolicy": ("Foreground", "Background", "Orphan", "x"),
    "orphanDependents": ("true", "x"),
    "exact": ("true",),
    "%zz": ("%",),
}  # fmt: skip
META = "g=meta.k8s.io;v=v1"
ACCEPTS = (
    "application/json", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "*/*", "",
    f"application/json;as=Table;{META}", f"application/json;as=PartialObjectMetadata;{META}",
    f"application/json;as=PartialObjectMetadataList;{META}", f"application/yaml;as=Table;{META}", "text/html", ";;",
    "é",
    f"application/vnd.kubernetes.protobuf;as=Table;{META}", "application/cbor", "application/json;as=Other;v=v9",
    f"application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;{META}", "application/json;q=0.5,application/yaml",
)  # fmt: skip
CONTENT = (
    "application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "text/plain", "", "a;b=c",
    "application/cbor",
    "application/json;charset=latin-1", "application/json-patch+json",
)  # fmt: skip
PATCHES = (
    "application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json",
    "application/apply-patch+yaml",
)  # fmt: skip
HEADERS = (
    ("impersonate-user", "somebody"), ("impersonate-group", "g"), ("impersonate-extra-a%zz", "b"),
    ("impersonate-uid", "1"),
    ("authorization", "Bearer x"), ("authorization", "Basic é"), ("authorization", ""), ("accept-encoding", "gzip"),
    ("user-agent", "\u00e9/1"), ("user-agent", ""), ("if-none-match", "x"), ("connection", "upgrade"), ("upgrade",
    "websocket"),
    ("expect", "100-continue"), ("kubectl-command", "x"), ("x-forwarded-for", "1.2.3.4"),
)  # fmt: skip


class Ask(NamedTuple):
    method: str
    target: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@cache
def right_objects() -> list[Object]:
    """An object or two of each kind that every server takes: {"path": of the collection, "object": …}."""
    found: list[Object] = orjson.loads((Path(__file__).parent / "recorded" / "objects.json").read_bytes())
    return found


class RandomRequests:
    def __init__(self, scheme: Scheme, seed: int) -> None:
        self.random = random.Random(seed)
        known = [r for r in scheme.resources.values() if r.type_name]
        self.resources = self.random.sample(known, 12)  # few, so that objects meet again
        by_path: dict[str, list[Object]] = {}
        for each in right_objects():
            by_path.setdefault(each["path"], []).append(each["object"])
        self.right = by_path

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    def anything(self) -> Any:
        return copy.deepcopy(self.random.choice(ANYTHING))

    # ------------------------------------------------------------ bodies

    def value(self, kind: str, depth: int, enum: list[str]) -> Any:
        if enum and self.chance(0.7):
            return self.random.choice(enum)
        if self.chance(0.02):
            return self.anything()
        if kind[0] == "=":
            return self.struct(kind[1:], depth + 1)
        if kind.startswith("[]"):
            return [self.value(kind[2:], depth + 1, enum) for _ in range(self.random.randint(0, 2))]
        if kind.startswith("{}"):
            names = self.random.sample((*TEXTS, "cpu", "memory", "storage", "pods"), self.random.randint(0, 2))
            return {name: self.value(kind[2:], depth + 1, enum) for name in names}
        return copy.deepcopy(self.random.choice(SCALARS[kind]))

    def struct(self, name: str, depth: int) -> Object:
        chance = 0.6 if depth < 4 else 0.35 if depth < 8 else 0.0
        return {
            field.name: self.value(field.kind, depth, field.enum)
            for field in schema.struct(name).fields.values()
            if self.chance(chance)
        }

    def object(self, resource: Resource, path: str) -> Object:
        right = self.right.get(path)
        if right and self.chance(0.75):
            made = copy.deepcopy(self.random.choice(right))
            for _ in range(self.random.choice((0, 1, 1, 2, 3))):
                self.mutate(made, "=" + str(resource.type_name))
            return made
        made = self.struct(str(resource.type_name), 1)
        made.update(apiVersion=resource.api_version, kind=resource.kind)
        metadata = made.get("metadata")
        made["metadata"] = {
            **(metadata if isinstance(metadata, dict) else {}),
            "name": self.random.choice(("one", "two")),
        }
        if resource.namespaced:
            made["metadata"]["namespace"] = "default"
        return made

    def mutate(self, obj: Object, kind: str) -> None:
        """Change one place, deeper down more often than not: a new value of its type, another type, gone, doubled."""
        while kind[0] == "=" and kind[1:] in schema.type_names():
            fields = schema.struct(kind[1:]).fields
            inside = [
                name for name, value in obj.items() if name in fields and isinstance(value, dict | list) and value
            ]
            if not inside or self.chance(0.3):
                field = self.random.choice(list(fields.values())) if fields else None
                if field is None or self.chance(0.05):
                    obj[self.random.choice(("bogus", "$patch", ""))] = self.anything()
                elif field.name in obj and self.chance(0.2):
                    del obj[field.name]
                elif self.chance(0.15):
                    obj[field.name] = self.anything()
                else:
                    obj[field.name] = self.value(field.kind, 5, field.enum)
                return
            name = self.random.choice(inside)
            kind, child = fields[name].kind, obj[name]
            if isinstance(child, list) and kind.startswith("[]"):
                kind = kind[2:]
                if self.chance(0.15):
                    child.append(copy.deepcopy(self.random.choice(child)))
                    return
                place = self.random.randrange(len(child))
                if not isinstance(child[place], dict):
                    child[place] = self.value(kind, 5, fields[name].enum)
                    return
                child = child[place]
            elif kind.startswith("{}") and isinstance(child, dict):
                key = self.random.choice(list(child)) if self.chance(0.5) else self.random.choice(TEXTS)
                child[key] = self.value(kind[2:], 5, fields[name].enum)
                return
            if not isinstance(child, dict):
                obj[name] = self.anything()
                return
            obj = child

    def json_patch(self, obj: Object) -> list[Object]:
        def pointer() -> str:
            here: Any = obj
            path = ""
            while isinstance(here, dict | list) and here and not self.chance(0.2):
                key: Any = self.random.choice(list(here) if isinstance(here, dict) else range(len(here)))
                here = here[key]
                path += "/" + str(key).replace("~", "~0").replace("/", "~1")
            return path + self.random.choice(("", "", "", "/-", "/0", "/x", "/-1", "/99", "~"))

        made: list[Object] = []
        for _ in range(self.random.randint(0, 3)):
            operation = self.random.choice(("add", "remove", "replace", "move", "copy", "test", "what"))
            one: Object = {"op": operation, "path": pointer()}
            if operation in ("move", "copy"):
                one["from"] = pointer()
            if operation not in ("remove",) and self.chance(0.9):
                one["value"] = self.random.choice((*ANYTHING, *TEXTS))
            made.append(one)
        return made

    def bytes_of(self, value: Any) -> bytes:
        data = json.dumps(value, allow_nan=True).encode()
        if self.chance(0.03) and data:
            place = self.random.randrange(len(data))
            data = data[:place] + bytes([self.random.randrange(256)]) + data[place + self.random.randint(0, 3) :]
        return data

    # ------------------------------------------------------------ requests

    def query(self, names: tuple[str, ...] = tuple(QUERIES)) -> str:
        chosen = self.random.choices(names, k=self.random.choice((0, 0, 0, 0, 0, 1, 1, 2)))
        return urlencode([(name, self.random.choice(QUERIES[name])) for name in chosen])

    def __next__(self) -> Ask:
        resource = self.random.choice(self.resources)
        path = resource.collection_path
        if resource.namespaced and self.chance(0.97):
            path += "/namespaces/" + quote(self.random.choice(NAMESPACES) if self.chance(0.2) else "default")
        path += "/" + resource.name
        obj = self.object(resource, path)
        method = self.random.choice(("POST",) * 5 + ("PUT",) * 4 + ("PATCH",) * 5 + ("GET",) * 3 + ("DELETE",))
        if method != "POST" and self.chance(0.9 if method != "GET" else 0.5):
            known = self.random.choice(("one", "two"))
            path += "/" + (known if self.chance(0.85) else quote(self.random.choice(NAMES), safe="%"))
        subresources = list(resource.subresources)
        if subresources and self.chance(0.25):
            if method == "POST":
                path += "/" + self.random.choice(("one", "two"))
            path += "/" + self.random.choice(subresources)
        elif self.chance(0.01):
            path += self.random.choice(("/status", "/scale", "/x/y/z", "/", "//", "/%2e%2e", "/finalize"))
        accept, content = "application/json", "application/json"
        headers: list[tuple[bytes, bytes]] = []
        if self.chance(0.2):
            accept = self.random.choice(ACCEPTS)
        body = b""
        if method in ("POST", "PUT"):
            body = self.bytes_of(obj)
            content = self.random.choice(CONTENT) if self.chance(0.05) else content
        elif method == "PATCH":
            content = self.random.choice(PATCHES)
            patch: Any = obj
            if content == "application/json-patch+json":
                patch = self.json_patch(obj)
            elif self.chance(0.7) and isinstance(obj.get("spec", obj), dict):
                name = self.random.choice(list(obj))
                patch = {name: obj[name]}
            if content == "application/apply-patch+yaml" and isinstance(patch, dict):
                patch.update(apiVersion=resource.api_version, kind=resource.kind)
            body = self.bytes_of(self.anything() if self.chance(0.03) else patch)
        elif method == "DELETE" and self.chance(0.5):
            options = self.struct("meta.v1.DeleteOptions", 3) if self.chance(0.5) else {}
            body = self.bytes_of({"kind": "DeleteOptions", "apiVersion": "v1", **options})
        headers += [(b"accept", accept.encode())] if self.chance(0.98) else []
        if body:
            headers.append((b"content-type", content.encode()))
        if self.chance(0.05):
            name, value = self.random.choice(HEADERS)
            headers.append((name.encode(), value.encode()))
        query = self.query()
        if content == PATCHES[3] and self.chance(0.9):
            query = (query + "&" if query else "") + "fieldManager=fuzz&force=true"
        return Ask(method, path + ("?" + query if query else ""), tuple(headers), body)
