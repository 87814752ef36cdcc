"""Names of container images: `nginx`, `docker.io/library/nginx:1.27`, `registry.local:5000/team/app@sha256:…`.

`parse` follows the rules that containers' tools share: a first part without a dot, a colon or an upper-case letter is
no registry; without a tag and a digest the tag is `latest`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_DOMAIN_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_PATH_PART = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_reference = re.compile(
    rf"(?P<name>{_DOMAIN}/{_PATH_PART}(?:/{_PATH_PART})*)(?::(?P<tag>{_TAG}))?(?:@(?P<digest>{_DIGEST}))?", re.ASCII
).fullmatch
_identifier = re.compile("[a-f0-9]{64}").fullmatch


class Image(NamedTuple):
    name: str  # with the registry: docker.io/library/nginx
    tag: str  # "" when there is a digest alone
    digest: str


@lru_cache(maxsize=1024)
def parse(text: str) -> Image:
    """ValueError when it is no image's name."""
    if _identifier(text):
        raise ValueError(f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings")
    first, slash, rest = text.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost" or first.lower() != first):
        first, rest = "docker.io", text
    if first in ("docker.io", "index.docker.io"):
        first = "docker.io"
        if "/" not in rest:
            rest = "library/" + rest
    remote = rest.partition(":")[0]
    if remote.lower() != remote:
        raise ValueError(f"invalid reference format: repository name ({remote}) must be lowercase")
    found = _reference(f"{first}/{rest}")
    if found is None:
        raise ValueError("invalid reference format")
    if len(found["name"]) > 255:
        raise ValueError("repository name must not be more than 255 characters")
    tag, digest = found["tag"] or "", found["digest"] or ""
    return Image(found["name"], tag or ("" if digest else "latest"), digest)


@lru_cache(maxsize=1024)
def pull_policy(text: str) -> str:
    """The imagePullPolicy when none is given: `latest` may change, other tags should not."""
    try:
        return "Always" if parse(text).tag == "latest" else "IfNotPresent"
    except ValueError:
        return "IfNotPresent"
