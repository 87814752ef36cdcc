"""Indexes of an indexed job, as its status and its success policy write them: `0,2-5,9`."""

from __future__ import annotations

from minikube_edu.lib.gotext import atoi, quote


def count(text: str, completions: int) -> int:
    """How many indexes there are; ValueError when the text is wrong."""
    total, last = 0, -1
    for part in text.split(",") if text else ():
        first, end = _interval(part, completions)
        if total and last >= first:
            raise ValueError(f"non-increasing order, previous: {last}, current: {first}")
        total += end - first + 1
        last = end
    return total


def _interval(text: str, completions: int) -> tuple[int, int]:
    parts = text.split("-")
    if len(parts) > 2:
        rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
        raise ValueError(f"the fragment {quote(text)} {rule}")
    first = _index(parts[0], completions)
    if len(parts) == 1:
        return first, first
    end = _index(parts[1], completions)
    if first >= end:
        raise ValueError(f"non-increasing order, previous: {first}, current: {end}")
    return first, end


def _index(text: str, completions: int) -> int:
    try:
        index = atoi(text)
    except ValueError:
        raise ValueError(f"cannot convert string to integer for index: {quote(text)}") from None
    if index >= completions:
        raise ValueError(f"too large index: {quote(text)}")
    return index


def overlap(completed: str, failed: str, completions: int) -> int | None:
    """The first index that is said to be both completed and failed."""
    done, lost = _intervals(completed, completions), _intervals(failed, completions)
    while done and lost:
        (a, b), (c, d) = done[0], lost[0]
        if a <= d and c <= b:
            return max(a, c)
        (done if a <= c else lost).pop(0)
    return None


def _intervals(text: str, completions: int) -> list[tuple[int, int]]:
    """The sound ones."""
    found = []
    for part in text.split(",") if text else ():
        try:
            found.append(_interval(part, completions))
        except ValueError:
            continue
    return found
