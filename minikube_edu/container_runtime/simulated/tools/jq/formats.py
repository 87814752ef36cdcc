"""@text, @json, @csv and their like: a value in the clothes of another language."""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import Any

from minikube_edu.container_runtime.simulated.tools.jq.values import Fault, described, dumped, kind

ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "'": "&#39;", '"': "&quot;"}


def formatted(layout: str, value: Any) -> str:
    text = value if isinstance(value, str) else dumped(value)
    if layout == "@text":
        return text
    if layout == "@json":
        return dumped(value)
    if layout == "@base64":
        return base64.b64encode(text.encode(errors="surrogateescape")).decode()
    if layout == "@base64d":
        return _from_base64(text, value)
    if layout == "@base32":
        return base64.b32encode(text.encode(errors="surrogateescape")).decode()
    if layout == "@base32d":
        try:
            return base64.b32decode(text).decode(errors="replace")
        except ValueError:
            raise Fault(f"{described(value)} is not valid base32 data") from None
    if layout == "@uri":
        return urllib.parse.quote(text, safe="-_.~")
    if layout == "@html":
        return re.sub("[<>&'\"]", lambda found: ENTITIES[found[0]], text)
    if layout in ("@csv", "@tsv"):
        if not isinstance(value, list):
            raise Fault(f"{described(value)} cannot be {layout[1:]}-formatted, only an array can be")
        return ",".join(map(_csv, value)) if layout == "@csv" else "\t".join(map(_tsv, value))
    if layout == "@sh":
        return " ".join(map(_sh, value if isinstance(value, list) else [value]))
    raise Fault(f"{layout[1:]} is not a valid format")


def _from_base64(text: str, value: Any) -> str:
    letters = text.rstrip("=")
    try:
        if len(letters) % 4 == 1 or (text and not letters):
            raise ValueError
        return base64.b64decode(letters + "=" * (-len(letters) % 4), validate=True).decode("utf-8", "replace")
    except ValueError:
        raise Fault(f"{described(value)} is not valid base64 data") from None


def _csv(item: Any) -> str:
    if isinstance(item, str):
        return '"' + item.replace('"', '""') + '"'
    return _plain(item, "csv")


def _tsv(item: Any) -> str:
    if isinstance(item, str):
        return item.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    return _plain(item, "tsv")


def _plain(item: Any, layout: str) -> str:
    if kind(item) in ("array", "object"):
        raise Fault(f"{described(item)} is not valid in a {'csv' if layout == 'csv' else 'tsv'} row")
    return "" if item is None else dumped(item)


def _sh(item: Any) -> str:
    if kind(item) in ("array", "object"):
        raise Fault(f"{described(item)} can not be escaped for shell")
    return "'" + item.replace("'", "'\\''") + "'" if isinstance(item, str) else dumped(item)
