"""Files of the machine: read and written below the host's root, named as the machine names them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from minikube_edu.api.wire import yaml_writer

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host


def write(host: Host, path: str, data: bytes | str, mode: int = 0o600) -> None:
    """The whole file or nothing: who watches the directory must not see half of it."""
    target = host.path(path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    raw = data.encode() if isinstance(data, str) else data
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
    partial.replace(target)


def read(host: Host, path: str) -> bytes:
    """OSError names the machine's path, in Go's words."""
    try:
        return host.path(path).read_bytes()
    except FileNotFoundError:
        raise OSError(f"open {path}: no such file or directory") from None


def exists(host: Host, path: str) -> bool:
    return host.path(path).exists()


def yaml(value: Any) -> str:
    return yaml_writer.encode(value).decode()


def parse_yaml(text: str | bytes) -> Any:
    import yaml as library

    return library.load(text, getattr(library, "CSafeLoader", library.SafeLoader))
