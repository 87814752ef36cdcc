"""The text of a Warning header: `299 - "unknown field \\"spec.x\\""`."""

from __future__ import annotations

import re

_QUOTED = re.compile(r'^299 \S+ "((?:[^"\\]|\\.)*)"')


def text_of(header: str) -> str:
    found = _QUOTED.match(header)
    return re.sub(r"\\(.)", r"\1", found[1]) if found else header
