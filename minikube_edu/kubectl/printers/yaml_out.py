"""-o yaml: as the server writes YAML, but kubectl folds text that reaches beyond column 80."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.wire import yaml_writer

WIDTH = 80


def encode(value: Any) -> str:
    """Several lines, the last one ended."""
    return yaml_writer.encode(value, width=WIDTH).decode()
