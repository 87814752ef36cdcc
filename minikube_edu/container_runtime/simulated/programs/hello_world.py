"""hello-world: says that it works, and how it came to that."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process

MESSAGE = """
Hello from Docker!
This message shows that your installation appears to be working correctly.

It was pulled as an image, unpacked, started as a container of its own, and
what it printed went to its standard output, from where you read it now.

To try something more ambitious, run a shell in another image:
 $ kubectl run -it --rm box --image=busybox -- sh
"""


async def main(process: Process) -> int:
    await process.print(MESSAGE)
    return 0
