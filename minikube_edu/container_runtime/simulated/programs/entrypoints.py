"""Entrypoint scripts of images, which end in `exec "$@"`."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process


async def exec(process: Process) -> int:
    """tini, dumb-init, and entrypoints that only pass on."""
    words = process.argv[1:]
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--":
            break
    return await process.exec(words) if words else 0


async def node(process: Process) -> int:
    """Options and unknown words are node's own."""
    words = process.argv[1:]
    if not words or words[0].startswith("-") or not _in_path(process, words[0]):
        words = ["node", *words]
    return await process.exec(words)


async def curlimages(process: Process) -> int:
    """curlimages/curl: a first word that is no command is curl's."""
    words = process.argv[1:]
    if not words or words[0].startswith("-") or not _in_path(process, words[0]):
        words = ["curl", *words]
    return await process.exec(words)


def _in_path(process: Process, name: str) -> bool:
    candidates = [name] if "/" in name else [f"{part}/{name}" for part in process.env.get("PATH", "").split(":")]
    for path in candidates:
        try:
            process.stat(path)
        except OSError:
            continue
        return True
    return False
