"""pause: waits for a signal; as process 1 it reaps orphans."""

from __future__ import annotations

import signal

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import idle


async def main(process: Process) -> int:
    if process.argv[1:2] == ["-v"]:
        await process.print("pause.c 3.10.1")
        return 0
    code = await idle(process, {signal.SIGTERM: 0, signal.SIGINT: 0})
    await process.stderr.write(b"Shutting down, got signal: Terminated\n")
    return code
