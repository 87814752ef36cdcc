"""Tables of the server, as a reader sees them: `kubectl get` without -o, and with -o wide.

The server decides on columns and cells (meta.k8s.io/v1 Table); here they are chosen (those of priority 0, or all),
decorated (namespace, labels, kind, event) and laid out. One printer serves one table over many calls: during a watch
the header comes once and widths are remembered. What is no Table (a server that knows none) shows name and age.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.api.tables.ages import human_duration
from minikube_edu.lib import clock, govalue

Object = dict[str, Any]
Column = dict[str, Any]

_OWN_COLUMNS: list[Column] = [{"name": "Name", "type": "string", "format": "name"}, {"name": "Age", "type": "string"}]
_STATUS_COLUMNS: list[Column] = [{"name": name, "type": "string"} for name in ("Status", "Reason", "Message")]
_BREAKS = "\f\n\r"


class TableOptions(Struct):
    """The flags that change a table. `kind` is `pod` or `deployment.apps`: the prefix that --show-kind asks for."""

    wide: bool = False
    no_headers: bool = False
    with_namespace: bool = False
    show_labels: bool = False
    column_labels: list[str] = field(default_factory=list)
    kind: str = ""


class TablePrinter:
    def __init__(self, options: TableOptions) -> None:
        self.options = options
        self._columns: list[Column] | None = None
        self._headed = False
        self._widths: list[int] = []

    def print(self, obj: Object, event: str = "") -> str:
        """The text of a Table (or of any object). `event`: ADDED, MODIFIED, DELETED with --output-watch-events."""
        if obj.get("kind") != "Table":
            obj = _own_table(obj)
        columns: list[Column] = obj.get("columnDefinitions") or []
        rows: list[Object] = obj.get("rows") or []
        headless = self.options.no_headers or (self._headed and (not columns or columns == self._columns))
        if not columns:
            columns = self._columns or []
        elif columns != self._columns:
            self._columns = columns
        if not rows:
            return ""
        self._headed = True
        lines = [] if headless else [self._header(columns, bool(event))]
        lines += [self._row(columns, row, event) for row in rows]
        return align("".join(lines), TABLE, remembered=self._widths)

    def _shown(self, columns: list[Column]) -> list[int]:
        return [index for index, column in enumerate(columns) if self.options.wide or not column.get("priority")]

    def _header(self, columns: list[Column], with_event: bool) -> str:
        names = ["EVENT"] if with_event else []
        names += ["NAMESPACE"] if self.options.with_namespace else []
        names += [str(columns[index]["name"]).upper() for index in self._shown(columns)]
        names += [label.rpartition("/")[2].upper() for label in self.options.column_labels]
        names += ["LABELS"] if self.options.show_labels else []
        return "\t".join(names) + "\n"

    def _row(self, columns: list[Column], row: Object, event: str) -> str:
        metadata: Object = (row.get("object") or {}).get("metadata") or {}
        labels: dict[str, str] = metadata.get("labels") or {}
        values: list[Any] = list(row.get("cells") or [])
        if self.options.kind:
            for index, column in enumerate(columns):
                if column.get("format") == "name" and column.get("type") == "string" and index < len(values):
                    values[index] = f"{self.options.kind.lower()}/{values[index]}"
                    break
        cells = [event.ljust(8)] if event else []
        cells += [metadata.get("namespace") or ""] if self.options.with_namespace else []
        cells += [_cell(values[index]) for index in self._shown(columns) if index < len(values)]
        cells += [labels.get(name, "") for name in self.options.column_labels]
        if self.options.show_labels:
            cells.append(",".join(f"{key}={labels[key]}" for key in sorted(labels)) or "<none>")
        return "\t".join(cells) + "\n"


def _cell(value: Any) -> str:
    """One line, with nothing in it that a terminal would obey."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else govalue.show(value)
    cut = min((at for at in (text.find(mark) for mark in _BREAKS) if at >= 0), default=-1)
    if cut >= 0:
        text = text[:cut] + "..."
    return text.replace("\x1b", "^[").replace("\r", "\\r")


def _own_table(obj: Object) -> Object:
    """Name and age of objects that came without a table; of a Status, what it says."""
    if obj.get("kind") == "Status":
        cells = [obj.get("status") or "", obj.get("reason") or "", obj.get("message") or ""]
        return {"columnDefinitions": _STATUS_COLUMNS, "rows": [{"cells": cells}]}
    items = obj["items"] if isinstance(obj.get("items"), list) else [obj]
    rows = []
    for item in items:
        metadata = item.get("metadata") or {}
        rows.append({"cells": [metadata.get("name") or "", age(metadata.get("creationTimestamp"))], "object": item})
    return {"columnDefinitions": _OWN_COLUMNS, "rows": rows}


def age(timestamp: Any) -> str:
    """`5m12s` since then; `<unknown>` when there is no time."""
    return human_duration(clock.now() - clock.parse_rfc3339(timestamp)) if timestamp else "<unknown>"
