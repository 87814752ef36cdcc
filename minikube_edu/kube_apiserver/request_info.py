"""What a path asks for: a resource (group, version, namespace, plural, name, subresource) or something else.

The rules are those of the real RequestInfoResolver, with its special cases: `/api/v1/namespaces/x/finalize` is a
subresource of the namespace, not a resource in it; `/api/v1/watch/…` is the old form of a watch; `proxy` subresources
take the rest of the path.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

NAMESPACE_SUBRESOURCES = ("status", "finalize")


class Route(NamedTuple):
    """One path taken apart. `group is None`: not a resource's path."""

    group: str | None
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""  # what follows the subresource: a proxy's path
    watch: bool = False  # /watch/ prefix
    segments: int = 0  # of the path below the resource's collection, to find odd ones


NOT_A_RESOURCE = Route(None)


@lru_cache(maxsize=16384)
def parse(path: str) -> Route:
    """Take a raw path apart."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 3:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) >= 4:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return NOT_A_RESOURCE
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) >= 2:
        namespace = rest[1]
        if len(rest) > 2 and rest[2] not in NAMESPACE_SUBRESOURCES:
            rest = rest[2:]
    resource = rest[0]
    name = rest[1] if len(rest) > 1 else ""
    subresource = rest[2] if len(rest) > 2 else ""
    below = "/".join(path.strip("/").split("/")[-(len(rest) - 3) :]) if len(rest) > 3 else ""
    if below and path.endswith("/"):
        below += "/"
    return Route(group, version, namespace, resource, name, subresource, below, watch, len(rest))
