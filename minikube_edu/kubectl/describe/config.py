"""Config maps, secrets, service accounts."""

from __future__ import annotations

import base64
from typing import Any

from minikube_edu.kubectl.describe.page import NONE, Object, Page

_HEADER = "Image pull secrets:"


async def config_map(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    page.marked(obj)
    page.put(0, "\nData\n====\n")
    data = obj.get("data") or {}
    for key in sorted(data):
        page.put(0, f"{key}:\n----\n")
        page.line(0, data[key])
        page.line(0)
    page.put(0, "\nBinaryData\n====\n")
    binary = obj.get("binaryData") or {}
    for key in sorted(binary):
        page.line(0, f"{key}: {len(base64.b64decode(binary[key]))} bytes")
    page.line(0)


async def secret(page: Page, obj: Object, client: Any) -> None:
    """Values are not shown, only how long they are; but a service account's token is."""
    page.named(obj)
    page.marked(obj)
    kind = obj.get("type") or ""
    page.put(0, f"\nType:\t{kind}\n")
    page.put(0, "\nData\n====\n")
    data = obj.get("data") or {}
    for key in sorted(data):
        value = base64.b64decode(data[key] or "")
        if key == "token" and kind == "kubernetes.io/service-account-token":
            page.field(0, key, value.decode(errors="replace"))
        else:
            page.field(0, key, f"{len(value)} bytes")


async def service_account(page: Page, obj: Object, client: Any) -> None:
    page.named(obj)
    page.marked(obj)
    names = [found.get("name") or "" for found in obj.get("imagePullSecrets") or ()] or [NONE]
    for index, name in enumerate(names):
        page.columns(0, " " * len(_HEADER) if index else _HEADER, name)
