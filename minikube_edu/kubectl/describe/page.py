"""The sheet that a description is written on, and the forms that every describer uses: labels, annotations, times.

Text is laid out as it was in the real one: levels of two blanks, tabs that become columns when all is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from minikube_edu.api.output.tabwriter import DESCRIPTION, align
from minikube_edu.api.tables.ages import human_duration
from minikube_edu.lib import clock
from minikube_edu.lib.govalue import show

Object = dict[str, Any]

NONE = "<none>"
UNSET = "<unset>"
NEVER = "Mon, 01 Jan 0001 00:00:00 +0000"  # how Go writes a time that is not set
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST = 140  # of an annotation


class Page:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self.margin = 0  # levels that all of a part is moved to the right

    def put(self, level: int, text: str) -> None:
        """Text without a line end."""
        self._parts.append("  " * (level + self.margin) + text.replace("\x1b", "^[").replace("\r", "\\r"))

    def line(self, level: int, text: str = "") -> None:
        self.put(level, text + "\n")

    def field(self, level: int, label: str, value: Any) -> None:
        """`Label:   value`."""
        self.put(level, f"{label}:\t{value if isinstance(value, str) else show(value)}\n")

    def columns(self, level: int, *cells: Any) -> None:
        self.put(level, "\t".join(cell if isinstance(cell, str) else show(cell) for cell in cells) + "\n")

    def header(self, level: int, *names: str) -> None:
        """Names of columns, underlined."""
        self.columns(level, *names)
        self.columns(level, *("-" * len(name) for name in names))

    def text(self) -> str:
        return align("".join(self._parts), DESCRIPTION)

    # ---------------------------------------------------------------- forms

    def several(self, title: str, items: Iterable[str], indent: str = "", inner: str = "\t", level: int = 0) -> None:
        """One item a line; the title stands before the first."""
        self.put(level, f"{indent}{title}:{inner}")
        found = list(items)
        if not found:
            self._parts.append(NONE + "\n")
        for index, item in enumerate(found):
            if index:
                self.put(level, indent + inner)
            self._parts.append(item.replace("\x1b", "^[").replace("\r", "\\r") + "\n")

    def labels(self, title: str, labels: Object | None, indent: str = "") -> None:
        found = labels or {}
        self.several(title, (f"{key}={found[key]}" for key in sorted(found)), indent)

    def annotations(self, title: str, annotations: Object | None) -> None:
        """What kubectl apply remembers is left out, long values are cut."""
        found = {key: value for key, value in (annotations or {}).items() if key != _LAST_APPLIED}
        items = []
        for key in sorted(found):
            value = found[key].removesuffix("\n")
            if len(value.encode()) + len(key) + 2 > _LONGEST or "\n" in value:
                lines = [f"\t  {_shortened(line)}" for line in value.split("\n")]
                items.append("\n".join([f"{key}:", *lines]))
            else:
                items.append(f"{key}: {value}")
        self.several(title, items)

    def named(self, obj: Object, *, namespaced: bool = True) -> None:
        """How nearly every description begins."""
        metadata = obj.get("metadata") or {}
        self.field(0, "Name", metadata.get("name") or "")
        if namespaced:
            self.field(0, "Namespace", metadata.get("namespace") or "")

    def marked(self, obj: Object) -> None:
        """Labels and annotations."""
        metadata = obj.get("metadata") or {}
        self.labels("Labels", metadata.get("labels"))
        self.annotations("Annotations", metadata.get("annotations"))


def _shortened(text: str) -> str:
    raw = text.encode()
    return raw[: _LONGEST - 2].decode(errors="ignore") + "..." if len(raw) > _LONGEST - 2 else text


def moment(timestamp: Any) -> str:
    """`Mon, 02 Jan 2006 15:04:05 +0000`, in local time."""
    if not timestamp:
        return NEVER
    found = datetime.fromtimestamp(clock.parse_rfc3339(timestamp)).astimezone()
    return found.strftime("%a, %d %b %Y %H:%M:%S %z")


def since(timestamp: Any) -> str:
    return human_duration(clock.now() - clock.parse_rfc3339(timestamp)) if timestamp else "<unknown>"


def pairs(found: Object | None) -> str:
    """`a=b,c=d`."""
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) if found else NONE


def controller(obj: Object) -> str:
    """`ReplicaSet/web-1`, or nothing."""
    for owner in (obj.get("metadata") or {}).get("ownerReferences") or ():
        if owner.get("controller"):
            return f"{owner['kind']}/{owner['name']}"
    return ""


def truth(value: Any) -> str:
    return UNSET if value is None else "True" if value else "False"
