"""/logs/: the files of the node's /var/log, as a file server shows them: directories as lists of links."""

from __future__ import annotations

import html
import os
from pathlib import Path
from urllib.parse import quote, unquote

from minikube_edu.kubelet.node_paths import below
from minikube_edu.lib.web.messages import Answer, BodyWriter, Response, Streaming

PIECE = 64 * 1024


def answer(root: Path, path: str) -> Answer:
    """`path` is what follows /logs/, percent-encoded."""
    base = below(root, "var/log")
    try:
        found = below(base, unquote(path))
    except OSError:
        found = base / "missing"
    if found.is_dir():
        if path and not path.endswith("/"):
            return Response(301, b"", b"", [(b"Location", f"{path.rpartition('/')[2]}/".encode())])
        return Response(200, _listing(found), b"text/html; charset=utf-8")
    if not found.is_file():
        return Response(404, b"404 page not found\n", b"text/plain; charset=utf-8")

    async def send(writer: BodyWriter) -> None:
        with found.open("rb") as file:
            while data := file.read(PIECE):
                writer.write(data)
                await writer.drained()
        writer.end()

    return Streaming(send, b"text/plain; charset=utf-8")


def _listing(directory: Path) -> bytes:
    names = sorted(entry.name + ("/" if entry.is_dir() else "") for entry in os.scandir(directory))
    lines = "".join(f'<a href="{quote(name)}">{html.escape(name)}</a>\n' for name in names)
    return f'<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n{lines}</pre>\n'.encode()
