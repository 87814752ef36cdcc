"""-o custom-columns=NAME:.metadata.name,…, and custom-columns-file: a table whose columns the caller names."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from minikube_edu.api.jsonpath import JsonPath
from minikube_edu.api.output import PartialOutput
from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.lib.govalue import show

_PATH = re.compile(r"\{\.?([^{}]+)\}\Z|\.?([^{}]+)\Z")
_LINES = "Expected format is one line of space separated headers, one line of space separated column specs."


class Column(NamedTuple):
    header: str
    text: str

    @property
    def path(self) -> JsonPath:
        return JsonPath(self.text, allow_missing=True)


def relaxed_path(text: str) -> str:
    """`metadata.name`, `.metadata.name` and `{metadata.name}` all mean `{.metadata.name}`."""
    if not text:
        return text
    found = _PATH.match(text)
    if found is None:
        raise ValueError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return "{." + (found[1] or found[2]) + "}"


class CustomColumnsPrinter:
    def __init__(self, columns: list[Column], *, no_headers: bool = False) -> None:
        self.columns = columns
        self._headed = no_headers
        self._widths: list[int] = []

    @classmethod
    def from_spec(cls, spec: str, *, no_headers: bool = False) -> CustomColumnsPrinter:
        if not spec:
            raise ValueError("custom-columns format specified but no custom columns given")
        columns = []
        for part in spec.split(","):
            header, colon, path = part.partition(":")
            if not colon:
                raise ValueError(f"unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
            columns.append(Column(header, relaxed_path(path)))
        return cls(columns, no_headers=no_headers)

    @classmethod
    def from_file(cls, text: str) -> CustomColumnsPrinter:
        """Two lines: the headers, and below them the paths."""
        lines = text.splitlines()
        for index, what in enumerate(("header", "spec")):
            if len(lines) <= index:
                raise ValueError(f"invalid template, missing {what} line. {_LINES}")
        headers, paths = lines[0].split(), lines[1].split()
        if len(headers) != len(paths):
            counts = f"number of headers ({len(headers)}) and field specifications ({len(paths)})"
            raise ValueError(f"{counts} don't match")
        pairs = zip(headers, paths, strict=True)
        return cls([Column(header, relaxed_path(path)) for header, path in pairs])

    def print(self, obj: Any, event: str = "") -> str:
        items = obj["items"] if isinstance(obj.get("items"), list) else [obj]
        if event:
            items = [{"type": event, "object": obj}]
        lines = [] if self._headed else ["\t".join(column.header for column in self.columns) + "\n"]
        self._headed = True
        try:
            paths = [column.path for column in self.columns]
        except ValueError as error:
            raise PartialOutput(align("".join(lines), TABLE), str(error)) from None
        lines += ["\t".join(_cell(path, item) for path in paths) + "\n" for item in items]
        return align("".join(lines), TABLE, remembered=self._widths)


def _cell(path: JsonPath, item: Any) -> str:
    results = path.find(item)
    shown = [] if results and results[0] else ["<none>"]
    shown += [show(value).replace("\x1b", "^[").replace("\r", "\\r") for values in results for value in values]
    return ",".join(shown)
