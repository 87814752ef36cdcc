"""/docker-entrypoint.sh of nginx's image: prepares the configuration, says so, and becomes nginx."""

from __future__ import annotations

import os
import re

from minikube_edu.container_runtime.simulated.contract import Process

ME = "/docker-entrypoint.sh"
FOLDER = "/docker-entrypoint.d"
DEFAULT = "/etc/nginx/conf.d/default.conf"
TEMPLATES = "/etc/nginx/templates"


async def entrypoint(process: Process) -> int:
    command = process.argv[1:]
    if command and command[0] in ("nginx", "nginx-debug") and "NGINX_ENTRYPOINT_QUIET_LOGS" not in process.env:
        await prepare(process)
    return await process.exec(command) if command else 0


async def prepare(process: Process) -> None:
    try:
        names = sorted(process.listdir(FOLDER))
    except OSError:
        names = []
    if not names:
        await process.print(f"{ME}: No files found in {FOLDER}/, skipping configuration")
        return
    await process.print(f"{ME}: {FOLDER}/ is not empty, will attempt to perform configuration")
    await process.print(f"{ME}: Looking for shell scripts in {FOLDER}/")
    for name in names:
        await _perform(process, name)
    await process.print(f"{ME}: Configuration complete; ready for start up")


async def _perform(process: Process, name: str) -> None:
    path = f"{FOLDER}/{name}"
    if not name.endswith((".sh", ".envsh")):
        await process.print(f"{ME}: Ignoring {path}")
        return
    if not process.access(path, os.X_OK):
        await process.print(f"{ME}: Ignoring {path}, not executable")
        return
    await process.print(f"{ME}: {'Sourcing' if name.endswith('.envsh') else 'Launching'} {path}")
    if name == "10-listen-on-ipv6-by-default.sh":
        await _listen_on_six(process)
    elif name == "20-envsubst-on-templates.sh":
        await _templates(process)
    elif name not in ("15-local-resolvers.envsh", "30-tune-worker-processes.sh"):
        child = process.spawn(["/bin/sh", path])
        await process.wait(child)


async def _listen_on_six(process: Process) -> None:
    me = "10-listen-on-ipv6-by-default.sh: info:"
    try:
        text = (await process.read_file(DEFAULT)).decode("utf-8", "surrogateescape")
    except OSError:
        await process.print(f"{me} {DEFAULT} is not a file or does not exist")
        return
    if not process.access(DEFAULT, os.W_OK):
        await process.print(f"{me} can not modify {DEFAULT} (read-only file system?)")
        return
    if "listen  [::]" in text or "listen [::]" in text:
        await process.print(f"{me} IPv6 listen already enabled")
        return
    await process.print(f"{me} Getting the checksum of {DEFAULT}")
    found = re.search(r"^( *)listen( +)(\d+);$", text, re.M)
    if found is None or "server_name  localhost" not in text:
        await process.print(f"{me} {DEFAULT} differs from the packaged version")
        return
    six = f"{found[0]}\n{found[1]}listen{found[2][:2]}[::]:{found[3]};"
    try:
        await process.write_file(DEFAULT, text.replace(found[0], six, 1).encode("utf-8", "surrogateescape"))
    except OSError:
        await process.print(f"{me} can not modify {DEFAULT} (read-only file system?)")
        return
    await process.print(f"{me} Enabled listen on IPv6 in {DEFAULT}")


async def _templates(process: Process) -> None:
    try:
        names = sorted(name for name in process.listdir(TEMPLATES) if name.endswith(".template"))
    except OSError:
        return
    for name in names:
        source = (await process.read_file(f"{TEMPLATES}/{name}")).decode("utf-8", "surrogateescape")
        target = f"/etc/nginx/conf.d/{name.removesuffix('.template')}"
        await process.print(f"20-envsubst-on-templates.sh: Running envsubst on {TEMPLATES}/{name} to {target}")
        filled = re.sub(
            r"\$\{(\w+)\}|\$(\w+)", lambda match: process.env.get(match[1] or match[2], match[0]), source
        )  # names that are no variables of the environment are nginx's own
        await process.write_file(target, filled.encode("utf-8", "surrogateescape"))
