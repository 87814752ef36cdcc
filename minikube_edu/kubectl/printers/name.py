"""-o name, and the lines that most commands end with: `deployment.apps/web created`."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def name_of(obj: Object) -> str:
    """`pod/web`, `deployment.apps/web`."""
    kind = str(obj.get("kind") or "")
    if not kind:
        raise ValueError("missing apiVersion or kind; try GetObjectKind().SetGroupVersionKind() if you know the type")
    group = str(obj.get("apiVersion") or "").rpartition("/")[0]
    name = (obj.get("metadata") or {}).get("name") or "<unknown>"
    return f"{kind.lower()}.{group}/{name}" if group else f"{kind.lower()}/{name}"


class NamePrinter:
    """With an operation (`created`, `configured (dry run)`), it is told after the name; -o name leaves it out."""

    def __init__(self, operation: str = "", *, short: bool = False) -> None:
        self.suffix = "" if short or not operation else " " + operation

    def print(self, obj: Object, event: str = "") -> str:
        items = obj.get("items") if str(obj.get("kind", "")).endswith("List") else None
        objects = items if isinstance(items, list) else [obj]
        return "".join(f"{name_of(item)}{self.suffix}\n" for item in objects)
