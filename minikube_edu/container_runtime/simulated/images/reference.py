"""An image's name, as registries and containerd understand it.

A short name is Docker Hub's: `nginx` is docker.io/library/nginx:latest, `org/app:1` is docker.io/org/app:1. The first
part is a registry when it has a dot, a colon, capital letters or is `localhost`. containerd does the same
(github.com/distribution/reference).
"""

from __future__ import annotations

import re

from msgspec import Struct

from minikube_edu.container_runtime.cri import RuntimeFailure

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_PART}(?:/{_PART})*")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::\d+)?")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
MAX_NAME = 255


class Reference(Struct, frozen=True):
    host: str  # docker.io
    path: str  # library/nginx
    tag: str = ""
    digest: str = ""  # sha256:…

    @property
    def name(self) -> str:
        return f"{self.host}/{self.path}"

    @property
    def official(self) -> bool:
        """One of Docker Hub's own: a misspelt name among these is just that."""
        return self.host == "docker.io" and self.path.startswith("library/")

    def __str__(self) -> str:
        text = f"{self.name}:{self.tag}" if self.tag else self.name
        return f"{text}@{self.digest}" if self.digest else text


def _refused(image: str, why: str) -> RuntimeFailure:
    return RuntimeFailure(f'failed to parse image reference "{image}": {why}', "InvalidArgument")


def parse(image: str) -> Reference:
    """Raises RuntimeFailure with containerd's words."""
    rest, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _refused(image, "invalid reference format")
    head, slash, tail = rest.rpartition("/")
    last, colon, tag = tail.partition(":")
    if colon and not _TAG.fullmatch(tag):
        raise _refused(image, "invalid reference format")
    rest = head + slash + last
    host, slash, path = rest.partition("/")
    if not slash or not (set(".:") & set(host) or host == "localhost" or host != host.lower()):
        host, path = "docker.io", rest
    if host == "index.docker.io":
        host = "docker.io"
    if host == "docker.io" and "/" not in path:
        path = f"library/{path}"
    if path != path.lower():
        raise _refused(image, f"invalid reference format: repository name ({path}) must be lowercase")
    if not _PATH.fullmatch(path) or not _HOST.fullmatch(host):
        raise _refused(image, "invalid reference format")
    if len(path) > MAX_NAME:
        raise _refused(image, f"repository name must not be more than {MAX_NAME} characters")
    return Reference(host, path, tag if colon else "" if at else "latest", digest)
