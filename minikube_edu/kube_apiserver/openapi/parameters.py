"""Query and path parameters. kubectl looks them up: it sends `fieldValidation` only where the document has it."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

_STRING, _INTEGER, _BOOLEAN = "string", "integer", "boolean"

# name -> (type, what it does, in our words)
_QUERY: dict[str, tuple[str, str]] = {
    "pretty": (_STRING, "'true' prints the answer indented; the default for browsers and command-line programs."),
    "allowWatchBookmarks": (_BOOLEAN, "Ask a watch for events of type BOOKMARK, which carry a resource version alone."),
    "continue": (_STRING, "Where the next page of a list begins: the token that came with the page before it."),
    "fieldSelector": (_STRING, "Only objects whose fields match; all by default."),
    "labelSelector": (_STRING, "Only objects whose labels match; all by default."),
    "limit": (_INTEGER, "How many objects a page of the list has at most; the answer's continue leads to the next."),
    "resourceVersion": (_STRING, "The resource version from which a list or watch is served. Unset: the newest."),
    "resourceVersionMatch": (_STRING, "How resourceVersion is meant for a list: Exact or NotOlderThan."),
    "sendInitialEvents": (_BOOLEAN, "A watch begins with the objects that exist, followed by a bookmark."),
    "shardSelector": (_STRING, "Only the part of the collection that the selector of shards names."),
    "timeoutSeconds": (_INTEGER, "How long a list or watch may take, no matter what happens."),
    "watch": (_BOOLEAN, "Stream the changes as events of type ADDED, MODIFIED and DELETED."),
    "dryRun": (_STRING, "All: go through every stage of the request, but store nothing."),
    "fieldManager": (_STRING, "Who makes the change: up to 128 printable characters. Required for apply patches."),
    "fieldValidation": (_STRING, "What becomes of unknown and duplicate fields: Ignore, Warn (the default) or Strict."),
    "force": (_BOOLEAN, "An apply patch takes over fields that others own. Not for other patches."),
    "gracePeriodSeconds": (_INTEGER, "Seconds until the object goes. Zero: at once. Unset: as its kind has it."),
    "ignoreStoreReadErrorWithClusterBreakingPotential": (
        _BOOLEAN, "Delete an object that can no longer be read from the store. Finalizers are passed over.",
    ),
    "orphanDependents": (_BOOLEAN, "Deprecated, use propagationPolicy. Whether dependents are orphaned."),
    "propagationPolicy": (_STRING, "What becomes of dependents: Orphan, Background or Foreground."),
}  # fmt: skip
_LIST = ("allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
         "resourceVersionMatch", "sendInitialEvents", "shardSelector", "timeoutSeconds", "watch")  # fmt: skip
_DELETE = ("dryRun", "gracePeriodSeconds", "ignoreStoreReadErrorWithClusterBreakingPotential", "orphanDependents",
           "propagationPolicy")  # fmt: skip
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
OF_ACTION: dict[str, tuple[str, ...]] = {
    "get": (),
    "list": _LIST,
    "watch": _LIST,
    "watchlist": _LIST,
    "post": _WRITE,
    "put": _WRITE,
    "patch": (*_WRITE, "force"),
    "delete": _DELETE,
    "deletecollection": tuple(
        sorted({*_DELETE, *_LIST} - {"allowWatchBookmarks", "watch"})
    ),
}  # fmt: skip

# Options of a subresource: name -> (type, words).
_STREAMS: dict[str, tuple[str, str]] = {
    "container": (_STRING, "Which container of the pod; the only one by default."),
    "stderr": (_BOOLEAN, "Redirect the standard error of the process."),
    "stdin": (_BOOLEAN, "Redirect the standard input of the process."),
    "stdout": (_BOOLEAN, "Redirect the standard output of the process."),
    "tty": (_BOOLEAN, "Give the process a terminal."),
}
OPTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "PodAttachOptions": _STREAMS,
    "PodExecOptions": {"command": (_STRING, "The program and its arguments; no shell is involved."), **_STREAMS},
    "PodPortForwardOptions": {"ports": (_INTEGER, "Ports to forward, when WebSockets are used.")},
    "PodProxyOptions": {"path": (_STRING, "The path of the request to the pod.")},
    "ServiceProxyOptions": {"path": (_STRING, "The path of the request to the service.")},
    "NodeProxyOptions": {"path": (_STRING, "The path of the request to the node.")},
    "log": {
        "container": (_STRING, "Which container's log; that of the only one by default."),
        "follow": (_BOOLEAN, "Go on with the log as it is written."),
        "insecureSkipTLSVerifyBackend": (_BOOLEAN, "Do not verify the certificate of the kubelet."),
        "limitBytes": (_INTEGER, "End the log after so many bytes."),
        "previous": (_BOOLEAN, "The log of the container's run before this one."),
        "sinceSeconds": (_INTEGER, "Only lines of the last so many seconds."),
        "stream": (_STRING, "Which stream: All, Stdout or Stderr."),
        "tailLines": (_INTEGER, "Only the last so many lines."),
        "timestamps": (_BOOLEAN, "Put the time before each line."),
    },
}


def query(name: str, kind: str = "", words: str = "") -> Object:
    if not kind:
        kind, words = _QUERY[name]
    return {"name": name, "in": "query", "description": words, "schema": {"type": kind, "uniqueItems": True}}


def path(name: str, words: str) -> Object:
    value = {"type": "string", "uniqueItems": True}
    return {"name": name, "in": "path", "description": words, "required": True, "schema": value}


def namespace() -> Object:
    return path("namespace", "object name and auth scope, such as for teams and projects")


def rest_of_path() -> Object:
    return path("path", "path to the resource")
