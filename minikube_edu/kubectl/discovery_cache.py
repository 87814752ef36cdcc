"""What a server serves, kept on disk for six hours: `~/.kube/cache/discovery/HOST_PORT/`, in the real kubectl's files,
so that either finds what the other has left.

    servergroups.json                            all groups with their versions
    GROUP/VERSION/serverresources.json           what one of them serves (`v1/…` is the core group's)

A name that is not in it makes kubectl ask anew. What cannot be read counts as not there; what cannot be written is
not written. KUBECACHEDIR or --cache-dir name another directory than ~/.kube/cache.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Any

import orjson

from minikube_edu.client.discovery import ServedResource, legacy_resources
from minikube_edu.lib import clock

Object = dict[str, Any]
KEPT = 6 * 3600.0  # seconds
_UNSAFE = re.compile(r"[^(\w/.)]")


def directory(flag: str) -> str:
    """Of all caches; `flag` is --cache-dir."""
    home = os.environ.get("HOME") or os.path.expanduser("~")
    return flag or os.environ.get("KUBECACHEDIR") or os.path.join(home, ".kube", "cache")


class DiscoveryCache:
    def __init__(self, directory: str, url: str) -> None:
        host = url.partition("://")[2].rstrip("/")
        self.folder = os.path.join(directory, "discovery", _UNSAFE.sub("_", host))

    def read(self) -> list[ServedResource] | None:
        """None when anything is missing or too old."""
        try:
            groups = self._file("servergroups.json")["groups"]
            found: list[ServedResource] = []
            for group in groups:
                preferred = (group.get("preferredVersion") or {}).get("version")
                for version in group["versions"]:
                    entries = self._file(f"{version['groupVersion']}/serverresources.json").get("resources") or []
                    is_preferred = version["version"] == preferred
                    found += legacy_resources(group["name"], version["version"], entries, is_preferred)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return found or None

    def _file(self, name: str) -> Object:
        path = os.path.join(self.folder, name)
        with open(path, "rb") as file:
            if clock.now() > os.fstat(file.fileno()).st_mtime + KEPT:
                raise ValueError("too old")
            document: Object = orjson.loads(file.read())
            return document

    def write(self, documents: list[Object]) -> None:
        """`documents`: the lists of aggregated discovery."""
        groups = [item for document in documents for item in document.get("items") or ()]
        with contextlib.suppress(OSError):
            for group in groups:
                for version in group.get("versions") or ():
                    listed = _resources(_name(group), version)
                    self._put(f"{listed['groupVersion']}/serverresources.json", listed)
            listed = {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(group) for group in groups]}
            self._put("servergroups.json", listed)  # last: with it the others count

    def _put(self, name: str, document: Object) -> None:
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), mode=0o750, exist_ok=True)
        fresh = f"{path}.{os.getpid()}"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o660), "wb") as file:
            file.write(orjson.dumps(document))
        os.replace(fresh, path)

    def forget(self) -> None:
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, "servergroups.json"))


def _name(group: Object) -> str:
    return str((group.get("metadata") or {}).get("name") or "")


def _group(group: Object) -> Object:
    name = _name(group)
    versions = [
        {"groupVersion": f"{name}/{one['version']}" if name else one["version"], "version": one["version"]}
        for one in group.get("versions") or ()
    ]
    return {"name": name, "versions": versions, "preferredVersion": versions[0] if versions else {}}


def _resources(group: str, version: Object) -> Object:
    """An APIResourceList: subresources stand as `pods/log` beside what they belong to."""
    found: list[Object] = []
    for entry in version.get("resources") or ():
        namespaced = entry.get("scope") == "Namespaced"
        kind = entry.get("responseKind") or {}
        whole: Object = {
            "name": entry["resource"],
            "singularName": entry.get("singularResource") or "",
            "namespaced": namespaced,
            "group": kind.get("group") or "",
            "version": kind.get("version") or "",
            "kind": kind.get("kind") or "",
            "verbs": entry.get("verbs") or [],
            "shortNames": entry.get("shortNames"),
            "categories": entry.get("categories"),
        }
        found.append({key: value for key, value in whole.items() if value or key in ("singularName", "namespaced")})
        found += [_subresource(entry["resource"], namespaced, below) for below in entry.get("subresources") or ()]
    name = f"{group}/{version['version']}" if group else version["version"]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": found}


def _subresource(name: str, namespaced: bool, below: Object) -> Object:
    return {
        "name": f"{name}/{below['subresource']}",
        "singularName": "",
        "namespaced": namespaced,
        "kind": (below.get("responseKind") or {}).get("kind") or "",
        "verbs": below.get("verbs") or [],
    }
