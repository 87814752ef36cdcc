"""hello-world: says that it works, and how it came to that. The first lines are the real ones, the steps are ours."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process

MESSAGE = """
Hello from Docker!
This message shows that your installation appears to be working correctly.

To generate this message, these steps were taken:
 1. The kubelet asked the container runtime for the image.
 2. The runtime pulled "hello-world" from its registry, the variant that fits
    this machine. (amd64)
 3. The runtime made a container of that image, whose one program prints what
    you are reading.
 4. The output went to the container's log, and from there to your terminal.

To try something more ambitious, you can run an Ubuntu container with:
 $ kubectl run -it --rm box --image=ubuntu -- bash

For more examples and ideas, visit:
 https://kubernetes.io/docs/tutorials/
"""


async def main(process: Process) -> int:
    await process.print(MESSAGE)
    return 0
