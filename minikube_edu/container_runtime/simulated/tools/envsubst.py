"""envsubst: a text with the environment's values in place of $NAME and ${NAME}; those that are not set are empty."""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import parse, program
from minikube_edu.container_runtime.simulated.tools.streams import Batches, decode, encode

NAME = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")


@program("envsubst [-v] [SHELL-FORMAT]", version="GNU gettext-runtime) 0.23.1")
async def envsubst(process: Process) -> int:
    arguments = parse(process, "v", {"variables": "v"})
    named = [found[1] or found[2] for found in NAME.finditer(" ".join(arguments.operands))]
    if arguments.has("v"):
        await process.stdout.write(encode("".join(f"{name}\n" for name in named)))
        return 0
    only = set(named) if arguments.operands else None

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return found[0] if only is not None and name not in only else process.env.get(name, "")

    async for lines in Batches(process, process.stdin):
        await process.stdout.write(encode(NAME.sub(value, decode(b"".join(lines)))))
    return 0
