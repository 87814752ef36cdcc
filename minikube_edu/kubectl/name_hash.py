"""--append-hash: ten letters that change with the data, so that a changed config map is another one."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

Object = dict[str, Any]
_SWAPPED = str.maketrans({"0": "g", "1": "h", "3": "k", "a": "m", "e": "t"})


def of(obj: Object) -> str:
    kept: Object = {"data": obj.get("data") or "", "kind": obj["kind"], "name": obj["metadata"]["name"]}
    if obj["kind"] == "Secret":
        kept["type"] = obj.get("type") or ""
        if obj.get("stringData"):
            kept["stringData"] = obj["stringData"]
    elif obj.get("binaryData"):
        kept["binaryData"] = obj["binaryData"]
    text = orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()
    text = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_SWAPPED)
