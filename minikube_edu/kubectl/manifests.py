"""Files, directories, URLs and stdin, taken apart into objects.

Directories give their .json, .yaml and .yml files in the order of their names, with `recursive` those below as well. A
text that begins with `{` is JSON, one document behind the other; any other is YAML, documents parted by `---`.
"""

from __future__ import annotations

import glob
import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TextIO

from msgspec import Struct

from minikube_edu.kubectl.failures import CommandError, Unreachable
from minikube_edu.lib.gotext import quote

EXTENSIONS = (".json", ".yaml", ".yml")
_SEPARATOR = re.compile(r"^---(?=\s|$).*\n?", re.MULTILINE)


class Document(Struct, frozen=True):
    """A document, not yet known to be an object, and the file that it stands in."""

    value: Any
    source: str


class Source:
    """A file, a URL or stdin: its name, and how to read it."""

    def __init__(self, name: str, read: Callable[[], str]) -> None:
        self.name = name
        self.read = read

    def documents(self) -> Iterator[Document]:
        for value in parse(self.read(), self.name):
            yield Document(value, self.name)


def sources(names: Sequence[str], recursive: bool, stdin: TextIO) -> list[Source]:
    """What -f names. Raises when a path is not there: all of them are looked at before anything is read."""
    found: list[Source] = []
    for name in names:
        if name == "-":
            found.append(Source("STDIN", stdin.read))
        elif name.startswith(("http://", "https://")):
            found.append(Source(name, partial(download, name)))
        else:
            matches = [name] if os.path.exists(name) else sorted(glob.glob(name))
            if not matches:
                raise CommandError(f"the path {quote(name)} does not exist")
            for match in matches:
                found += _paths(match, recursive)
    return found


def _paths(path: str, recursive: bool) -> list[Source]:
    if not os.path.isdir(path):
        return [Source(path, lambda: _read(path))]
    files = list(_walk(path, recursive))
    if not files:
        raise CommandError(f"error reading [{path}]: recognized file extensions are [{' '.join(EXTENSIONS)}]")
    return [Source(file, partial(_read, file)) for file in files]


def _walk(folder: str, recursive: bool) -> Iterator[str]:
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isdir(path):
            if recursive:
                yield from _walk(path, True)
        elif name.endswith(EXTENSIONS):
            yield path


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError as error:
        raise CommandError(f"error reading [{path}]: {error.strerror}") from None


def download(url: str) -> str:
    """Like kubectl, three tries."""
    import urllib.error
    import urllib.request
    from urllib.parse import urlsplit

    problem: Exception | None = None
    for _ in range(3):
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                text: str = answer.read().decode("utf-8", "replace")
                return text
        except urllib.error.HTTPError as error:
            problem = CommandError(
                f"unable to read URL {quote(url)}, server reported {error.code} {error.reason}, "
                f"status code={error.code}"
            )
            if error.code < 500:
                break
        except (urllib.error.URLError, OSError) as error:
            why = str(getattr(error, "reason", error))
            parts = urlsplit(url)
            if "refused" in why:
                port = parts.port or (443 if parts.scheme == "https" else 80)
                why = f"dial tcp {parts.hostname}:{port}: connect: connection refused"
            problem = Unreachable("Get", url, why)
            break
    assert problem is not None
    raise problem


def parse(text: str, name: str) -> Iterator[Any]:
    """The documents of a text, empty ones left out."""
    if text.lstrip().startswith("{"):
        yield from _json(text, name)
        return
    for chunk in _SEPARATOR.split(text):
        value = parse_yaml(chunk, name) if chunk.strip() else None
        if value is not None:
            yield value


def _json(text: str, name: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while True:
        while at < len(text) and text[at] in " \t\r\n":
            at += 1
        if at >= len(text):
            return
        if text.startswith("---", at):
            yield from parse(text[at + 3 :].partition("\n")[2], name)
            return
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as error:
            if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
                raise CommandError(f"error parsing {name}: unexpected EOF") from None
            if at:
                raise CommandError(f"error parsing {name}: json: trailing data") from None
            yield from (value for value in [parse_yaml(text, name)] if value is not None)
            return
        yield _in_range(value)


def _in_range(value: Any) -> Any:
    """Numbers beyond 64 bits become floats, as in Go."""
    if isinstance(value, dict):
        return {key: _in_range(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_in_range(item) for item in value]
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        return float(value)
    return value


def parse_yaml(text: str, name: str) -> Any:
    from minikube_edu.api.wire import yaml_form

    try:
        return _in_range(yaml_form.parse(text.encode()))
    except yaml_form.YamlError as error:
        raise CommandError(f"error parsing {name}: error converting YAML to JSON: {error}") from None
