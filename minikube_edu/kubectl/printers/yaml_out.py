"""-o yaml: as the server writes YAML, but kubectl folds text that reaches beyond column 80."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.api.wire import yaml_writer

WIDTH = 80


# The real one makes JSON first and reads that as YAML: what YAML does not allow to stand there is a mistake.
_FORBIDDEN = re.compile("[\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")


def encode(value: Any) -> str:
    """Several lines, the last one ended."""
    import orjson

    raw = orjson.dumps(value)
    if (not raw.isascii() or b"\x7f" in raw) and _FORBIDDEN.search(raw.decode()):
        raise ValueError("yaml: control characters are not allowed")
    return yaml_writer.encode(value, width=WIDTH).decode()
