"""--from-literal, --from-file, --from-env-file: where the data of config maps and secrets comes from."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from minikube_edu.kubectl.failures import CommandError
from minikube_edu.lib.gotext import quote

Put = Callable[[str, bytes], None]


def literals(entries: list[str]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        key, equals, value = entry.partition("=")
        if not equals or not key:
            raise CommandError(f"invalid literal source {entry}, expected key=value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        yield key, value.encode("utf-8", "surrogateescape")


def files(entries: list[str]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        key, equals, path = entry.partition("=")
        if not equals:
            key, path = "", entry
        elif not key:
            raise CommandError(f"key name for file path {path} missing")
        elif not path:
            raise CommandError(f"file path for key name {key} missing")
        elif "=" in path:
            raise CommandError("key names or file paths cannot contain '='")
        if not os.path.exists(path):
            raise CommandError(f"error reading {path}: no such file or directory")
        if os.path.isdir(path):
            if key:
                raise CommandError("cannot give a key name for a directory path")
            for name in sorted(os.listdir(path)):
                below = os.path.join(path, name)
                if os.path.isfile(below):
                    yield name, _read(below)
        else:
            yield key or os.path.basename(path), _read(path)


def environment_files(paths: list[str]) -> Iterator[tuple[str, bytes]]:
    from minikube_edu.api import names

    for path in paths:
        if not os.path.exists(path):
            raise CommandError(f"error reading {path}: no such file or directory")
        if os.path.isdir(path):
            raise CommandError(f"env config file {path} cannot be a directory")
        text = _read(path).decode("utf-8", "replace").removeprefix("\ufeff")
        for line in text.split("\n"):
            line = line.removesuffix("\r").lstrip()
            if not line or line.startswith("#"):
                continue
            key, equals, value = line.partition("=")
            if problems := names.env_var_name(key):
                raise CommandError(f"{quote(key)} is not a valid key name: {';'.join(problems)}")
            yield key, (value if equals else os.environ.get(key, "")).encode()


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CommandError(f"open {path}: {(error.strerror or '').lower()}") from None
