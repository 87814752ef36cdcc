"""kubeconfig files to write to: each entry is changed in the file that it stands in.

`client.kubeconfig` reads them merged, to reach a cluster; this is for `kubectl config`, which puts back
what it read.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from minikube_edu.api.wire import yaml_form
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

INNER = {"clusters": "cluster", "users": "user", "contexts": "context"}
PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class Files:
    def __init__(self, named: str = "") -> None:
        """`named` is --kubeconfig: then there is only this one."""
        home = os.path.join(os.environ.get("HOME") or os.path.expanduser("~"), ".kube", "config")
        listed = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
        self.paths = [named] if named else list(dict.fromkeys(listed)) or [home]
        self.documents: dict[str, Object] = {path: _read(path) for path in self.paths if os.path.exists(path)}

    @property
    def default(self) -> str:
        """Where something new goes: the first file that is there, else the last of the list."""
        return next((path for path in self.paths if path in self.documents), self.paths[-1])

    def merged(self) -> Object:
        """What all files say together, the first to say a thing wins; sections are lists sorted by name, or None."""
        found: Object = {"apiVersion": "v1", "kind": "Config", "current-context": ""}
        for section, inner in INNER.items():
            entries: dict[str, Object] = {}
            for path, document in self.documents.items():
                for entry in document.get(section) or ():
                    entries.setdefault(
                        entry.get("name") or "",
                        {inner: entry.get(inner) or {}, "name": entry.get("name") or "", "_path": path},
                    )
            found[section] = [entries[name] for name in sorted(entries)] or None
        for document in self.documents.values():
            found["current-context"] = found["current-context"] or document.get("current-context") or ""
        return found

    def holder(self, section: str, name: str) -> str:
        """The file of an entry; "" when there is none."""
        for path, document in self.documents.items():
            if any(entry.get("name") == name for entry in document.get(section) or ()):
                return path
        return ""

    def entry(self, section: str, name: str, *, make: bool = False) -> Object | None:
        """The inner part of an entry, to be changed in place."""
        path = self.holder(section, name)
        if not path:
            if not make:
                return None
            made: Object = {INNER[section]: {}, "name": name}
            document = self.document(self.default)
            document[section] = [*(document.get(section) or ()), made]
            inner: Object = made[INNER[section]]
            return inner
        for entry in self.documents[path].get(section) or ():
            if entry.get("name") == name:
                if entry.get(INNER[section]) is None:
                    entry[INNER[section]] = {}
                found: Object = entry[INNER[section]]
                return found
        return None

    def remove(self, section: str, name: str) -> str:
        """The file it was taken from; "" when there is none."""
        path = self.holder(section, name)
        if path:
            document = self.documents[path]
            document[section] = [entry for entry in document[section] if entry.get("name") != name]
        return path

    def document(self, path: str) -> Object:
        return self.documents.setdefault(path, {"apiVersion": "v1", "kind": "Config"})

    def set_current(self, name: str) -> None:
        holders = [path for path, document in self.documents.items() if document.get("current-context")]
        for path in holders or [self.default]:
            self.document(path)["current-context"] = name

    def save(self) -> None:
        for path, document in self.documents.items():
            whole: Object = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": None,
                "contexts": None,
                "users": None,
                "current-context": "",
                **document,
            }
            for section in INNER:
                whole[section] = sorted(whole.get(section) or (), key=lambda entry: str(entry.get("name"))) or None
            whole.pop("preferences", None)
            text = yaml_form.encode(whole)
            if os.path.exists(path) and Path(path).read_bytes() == text:
                continue
            folder = os.path.dirname(os.path.abspath(path))
            os.makedirs(folder, exist_ok=True)
            with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(text)
            os.replace(path + ".new", path)


def _read(path: str) -> Object:
    try:
        found = yaml_form.parse(Path(path).read_bytes())
    except yaml_form.YamlError as error:
        raise CommandError(f"error loading config file {quote(path)}: {error}") from None
    except OSError as error:
        raise CommandError(f"error loading config file {quote(path)}: {error.strerror}") from None
    return found if isinstance(found, dict) else {}


def absolute(inner: Object, path: str) -> Object:
    """Paths in a file are relative to it."""
    folder = os.path.dirname(os.path.abspath(path))
    return {key: os.path.join(folder, value) if key in PATHS and value else value for key, value in inner.items()}
