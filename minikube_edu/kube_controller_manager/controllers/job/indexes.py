"""Sets of completion indexes, as people write them: `1,3-5,7`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Object = dict[str, Any]

ANNOTATION = "batch.kubernetes.io/job-completion-index"


def parse(text: str, completions: int) -> set[int]:
    """Those below `completions`; what cannot be read is left out."""
    found: set[int] = set()
    for part in text.split(",") if text else ():
        first, _, last = part.partition("-")
        if first.isdecimal() and (not last or last.isdecimal()):
            found.update(range(int(first), min(int(last or first), completions - 1) + 1))
    return found


def write(indexes: Iterable[int]) -> str:
    """Two neighbours with a comma, more with a dash."""
    parts: list[str] = []
    run: list[int] = []
    for index in [*sorted(set(indexes)), None]:
        if run and (index is None or index != run[-1] + 1):
            parts.append(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)))
            run = []
        if index is not None:
            run.append(index)
    return ",".join(parts)


def of(pod: Object) -> int:
    """The pod's index; -1 when it has none."""
    text = (pod["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    return int(text) if text.isdecimal() else -1
