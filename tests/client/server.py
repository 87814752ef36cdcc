"""A small API server for tests: one handler, objects with resource versions, a history, and ways to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

import orjson

from minikube_edu.lib import jsonpatch
from minikube_edu.lib.web.messages import Answer, BodyWriter, Request, Response, Streaming

Object = dict[str, Any]
INITIAL_END = {"k8s.io/initial-events-end": "true"}
KINDS = {"configmaps": "ConfigMap", "pods": "Pod", "leases": "Lease", "events": "Event", "namespaces": "Namespace"}


def failure(code: int, reason: str, message: str = "", **details: Any) -> Response:
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return Response(code, orjson.dumps({**status, "message": message or reason, "details": details}))


class Server:
    def __init__(self, watch_lists: bool = True) -> None:
        self.objects: dict[tuple[str, str], Object] = {}  # (plural, key)
        self.history: list[tuple[int, str, str, Object]] = []  # (version, plural, type, object)
        self.version = 100
        self.compacted = 0  # watches from before this version are answered with 410
        self.watch_lists = watch_lists
        self.requests: list[Request] = []
        self.before: Callable[[Request], Answer | None] = lambda request: None  # may answer instead, or raise
        self.watchers: list[tuple[str, BodyWriter]] = []
        self.hold: asyncio.Event | None = None

    # what tests do

    def put(self, plural: str, name: str, namespace: str = "default", **fields: Any) -> Object:
        key = f"{namespace}/{name}" if namespace else name
        before = self.objects.get((plural, key))
        self.version += 1
        metadata = {"name": name, "resourceVersion": str(self.version), "uid": f"uid-{name}"}
        if namespace:
            metadata["namespace"] = namespace
        obj = {"apiVersion": "v1", "kind": KINDS.get(plural, "Thing"), **fields}
        obj["metadata"] = {**fields.get("metadata", {}), **metadata}
        self._happened(plural, "MODIFIED" if before else "ADDED", key, obj)
        return obj

    def drop(self, plural: str, name: str, namespace: str = "default") -> None:
        key = f"{namespace}/{name}" if namespace else name
        self.version += 1
        obj = jsonpatch.copy_json(self.objects.pop((plural, key)))
        obj["metadata"]["resourceVersion"] = str(self.version)
        self._happened(plural, "DELETED", key, obj)

    def bookmark(self, plural: str) -> None:
        for watched, writer in self.watchers:
            if watched == plural:
                self._write(writer, "BOOKMARK", self._marked())

    def end_watches(self, cut: bool = False) -> None:
        watchers, self.watchers = self.watchers, []
        for _, writer in watchers:
            writer.abort() if cut else writer.end()

    def compact(self) -> None:
        self.compacted = self.version
        self.history.clear()

    def asked(self, method: str, part: str = "") -> list[Request]:
        return [r for r in self.requests if r.method == method and part in f"{r.path}?{r.query}"]

    # what it does

    def __call__(self, request: Request) -> Answer:
        self.requests.append(request)
        answer = self.before(request)
        if answer is not None:
            return answer
        plural, namespace, name, subresource = self._parsed(request.path)
        query = {key: values[0] for key, values in parse_qs(request.query).items()}
        key = f"{namespace}/{name}" if namespace else name
        body: Any = orjson.loads(request.body) if request.body else None
        match request.method:
            case "GET" if name:
                found = self.objects.get((plural, key))
                return Response(200, orjson.dumps(found)) if found else failure(404, "NotFound", name=name)
            case "GET" if query.get("watch"):
                return self._watch(plural, namespace, query)
            case "GET":
                return self._list(plural, namespace, query)
            case "POST" if not subresource:
                name = body["metadata"]["name"]
                if (plural, f"{namespace}/{name}" if namespace else name) in self.objects:
                    return failure(409, "AlreadyExists", name=name)
                return Response(201, orjson.dumps(self._stored(plural, namespace, name, body)))
            case "PUT" | "PATCH":
                return self._write_existing(request, plural, namespace, name, body)
            case "DELETE" if name:
                if (plural, key) not in self.objects:
                    return failure(404, "NotFound", name=name)
                self.drop(plural, name, namespace)
                return Response(200, b'{"kind":"Status","status":"Success"}')
        return Response(404, b"404 page not found", b"text/plain")

    def _write_existing(self, request: Request, plural: str, namespace: str, name: str, body: Any) -> Answer:
        found = self.objects.get((plural, f"{namespace}/{name}" if namespace else name))
        if found is None:
            return failure(404, "NotFound", name=name)
        if request.method == "PATCH":
            body = jsonpatch.apply_merge_patch(found, body)
        wanted = body["metadata"].get("resourceVersion")
        if wanted and wanted != found["metadata"]["resourceVersion"]:
            return failure(409, "Conflict", name=name)
        return Response(200, orjson.dumps(self._stored(plural, namespace, name, body)))

    def _stored(self, plural: str, namespace: str, name: str, body: Object) -> Object:
        fields = {key: value for key, value in body.items() if key not in ("apiVersion", "kind")}
        return self.put(plural, name, namespace, **fields)

    def _parsed(self, path: str) -> tuple[str, str, str, str]:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        parts += ["", ""]
        return parts[0], namespace, parts[1], parts[2]

    def _of(self, plural: str, namespace: str) -> list[Object]:
        return [
            obj
            for (kind, _), obj in sorted(self.objects.items())
            if kind == plural and (not namespace or obj["metadata"].get("namespace") == namespace)
        ]

    def _list(self, plural: str, namespace: str, query: dict[str, str]) -> Answer:
        items = self._of(plural, namespace)
        metadata: Object = {"resourceVersion": str(self.version)}
        if limit := int(query.get("limit", 0)):
            start = int(query.get("continue") or 0)
            if start and self.compacted:
                return failure(410, "Expired")
            if start + limit < len(items) and query.get("resourceVersion") != "0":
                metadata["continue"] = str(start + limit)
                items = items[: start + limit]
            items = items[start:]
        bare = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")} for item in items]
        kind = KINDS.get(plural, "Thing") + "List"
        return Response(200, orjson.dumps({"kind": kind, "apiVersion": "v1", "metadata": metadata, "items": bare}))

    def _watch(self, plural: str, namespace: str, query: dict[str, str]) -> Answer:
        initial = "sendInitialEvents" in query
        if initial and not self.watch_lists:
            return failure(422, "Invalid", "sendInitialEvents is forbidden")
        version = int(query.get("resourceVersion") or 0)

        def start(writer: BodyWriter) -> None:
            if not initial and version < self.compacted:
                status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
                self._write(writer, "ERROR", status)
                writer.end()
                return
            if initial:
                for obj in self._of(plural, namespace):
                    self._write(writer, "ADDED", obj)
                self._write(writer, "BOOKMARK", self._marked(INITIAL_END))
            else:
                for at, kind, event, obj in self.history:
                    if kind == plural and at > version:
                        self._write(writer, event, obj)
            self.watchers.append((plural, writer))

        return Streaming(start)

    def _marked(self, annotations: dict[str, str] | None = None) -> Object:
        return {"kind": "X", "metadata": {"resourceVersion": str(self.version), "annotations": annotations or {}}}

    def _happened(self, plural: str, event: str, key: str, obj: Object) -> None:
        if event != "DELETED":
            self.objects[plural, key] = obj
        self.history.append((self.version, plural, event, obj))
        for watched, writer in self.watchers:
            if watched == plural:
                self._write(writer, event, obj)

    def _write(self, writer: BodyWriter, event: str, obj: Object) -> None:
        writer.write(orjson.dumps({"type": event, "object": obj}) + b"\n")
