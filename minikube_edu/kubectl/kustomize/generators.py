"""configMapGenerator and secretGenerator: config maps and secrets from files, literals, env files."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any

from minikube_edu.kubectl.kustomize.resource import Resource

Object = dict[str, Any]
Read = Callable[[str], bytes]
_LINE = 70  # of base64; what is longer goes over several lines


def generate(kind: str, arguments: Object, common: Object, read: Read) -> Resource:
    """`kind` is ConfigMap or Secret, `common` the generatorOptions of the file."""
    name = arguments.get("name") or ""
    if not name:
        raise ValueError("a configmap must have a name")
    own = arguments.get("options") or {}
    metadata: Object = {"name": name}
    if arguments.get("namespace"):
        metadata["namespace"] = arguments["namespace"]
    for field in ("labels", "annotations"):
        merged = {**(common.get(field) or {}), **(own.get(field) or {})}
        if merged:
            metadata[field] = merged
    obj: Object = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    data = _pairs(name, arguments, read)
    if kind == "Secret":
        obj["type"] = arguments.get("type") or "Opaque"
        if data:
            obj["data"] = {key: _encoded(value) for key, value in data.items()}
    else:
        _put(obj, data)
    if own.get("immutable") or common.get("immutable"):
        obj["immutable"] = True
    unhashed = own.get("disableNameSuffixHash") or common.get("disableNameSuffixHash")
    return Resource(obj, needs_hash=not unhashed, behavior=arguments.get("behavior") or "create")


def _put(obj: Object, data: dict[str, bytes]) -> None:
    for key, value in data.items():
        try:
            obj.setdefault("data", {})[key] = value.decode()
        except UnicodeDecodeError:
            obj.setdefault("binaryData", {})[key] = _encoded(value)
    if not obj.get("data"):
        obj.pop("data", None)


def _encoded(value: bytes) -> str:
    text = base64.b64encode(value).decode()
    if len(text) < _LINE:
        return text
    return "".join(text[at : at + _LINE] + "\n" for at in range(0, len(text), _LINE))


def _pairs(name: str, arguments: Object, read: Read) -> dict[str, bytes]:
    found: list[tuple[str, bytes]] = []
    envs = [*(arguments.get("envs") or ()), *([arguments["env"]] if arguments.get("env") else ())]
    for path in envs:
        found += _env_file(_read(read, path, f"env source files: [{' '.join(envs)}]"))
    literals = arguments.get("literals") or []
    found += [_literal(text, literals) for text in literals]
    files = arguments.get("files") or []
    for entry in files:
        key, path = _file_source(entry, files)
        found.append((key, _read(read, path, f"file sources: [{' '.join(files)}]")))
    data: dict[str, bytes] = {}
    for key, value in found:
        if key in data:
            raise ValueError(f"configmap {name} illegally repeats the key `{key}`")
        data[key] = value
    return data


def _read(read: Read, path: str, context: str) -> bytes:
    try:
        return read(path)
    except ValueError as error:
        raise ValueError(f"loading KV pairs: {context}: {error}") from None


def _literal(text: str, every: list[str]) -> tuple[str, bytes]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        why = f"invalid literal source {text}, expected key=value"
        raise ValueError(f"loading KV pairs: literal sources [{' '.join(every)}]: {why}")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    return key, value.encode()


def _file_source(entry: str, every: list[str]) -> tuple[str, str]:
    key, equals, path = entry.partition("=")
    why = ""
    if not equals:
        return os.path.basename(entry), entry
    if entry.count("=") > 1:
        why = f"source \"{entry}\" key name or file path contains '='"
    elif not key:
        why = f'missing key name for file path "{path}" in source "{entry}"'
    elif not path:
        why = f'missing file path for key name "{key}" in source "{entry}"'
    if why:
        raise ValueError(f"loading KV pairs: file sources: [{' '.join(every)}]: {why}")
    return key, path


def _env_file(raw: bytes) -> list[tuple[str, bytes]]:
    pairs = []
    for line in raw.removeprefix(b"\xef\xbb\xbf").decode().splitlines():
        line = line.lstrip()
        if line and line[0] != "#":
            key, _, value = line.partition("=")
            pairs.append((key, value.encode()))
    return pairs
