"""Connections into a pod from the node: port-forward (to the pod's localhost) and dialling (to its address)."""

from __future__ import annotations

import asyncio
import errno

from minikube_edu.cni.contract import Connection, Fabric
from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.container_runtime.simulated.outputs import first_of
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.lib.streams.byte_stream import ByteStream, StreamReset
from minikube_edu.lib.streams.pipe import pipe

PATIENCE = 10.0  # seconds that a connection to a pod's localhost may take
WORDS = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ETIMEDOUT: "i/o timeout",
}


def words(error: OSError) -> str:
    """As Go says it."""
    if isinstance(error, TimeoutError):
        return "i/o timeout"
    return WORDS.get(error.errno or 0, f"connect: {(error.strerror or str(error)).lower()}")


async def port_forward(sandbox: SimulatedSandbox, port: int, stream: ByteStream) -> None:
    try:
        connection = await sandbox.network.connect("127.0.0.1", port, PATIENCE)
    except OSError as error:
        namespace = "host" if sandbox.config.host_network else f"/var/run/netns/cni-{sandbox.id[:8]}"
        raise RuntimeFailure(
            f'failed to execute portforward in network namespace "{namespace}": failed to connect to localhost:{port} '
            f'inside namespace "{sandbox.id}", IPv4: dial tcp4 127.0.0.1:{port}: {words(error)} '
            f"IPv6 dial tcp6 [::1]:{port}: {words(error)} "
        ) from None
    await joined(connection, stream)


async def dial(fabric: Fabric, sandbox: SimulatedSandbox, port: int) -> ByteStream:
    ips = sandbox.network.ips
    ip = ips[0] if ips else "127.0.0.1"
    try:
        connection = await fabric.connect_from_host(ip, port)
    except OSError as error:
        raise RuntimeFailure(f"dial tcp {ip}:{port}: {words(error)}", "Unavailable") from None
    near, far = pipe()
    task = asyncio.get_running_loop().create_task(joined(connection, far), name=f"dial {ip}:{port}")
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return near


_under_way: set[asyncio.Task[None]] = set()  # the loop itself holds tasks only weakly


async def joined(connection: Connection, stream: ByteStream) -> None:
    """Until the pod's side has ended, or the client has broken off."""
    upwards = asyncio.ensure_future(_up(connection, stream))
    downwards = asyncio.ensure_future(_down(connection, stream))
    gone = asyncio.ensure_future(stream.session.wait_closed())
    try:
        await first_of(downwards, gone, _broken(upwards))
    finally:
        upwards.cancel()
        await asyncio.gather(upwards, return_exceptions=True)
        connection.close()
        stream.end()


def _broken(task: asyncio.Task[bool]) -> asyncio.Task[None]:
    """Done only when the client has broken off; not when it has merely said all it had to say."""

    async def wait() -> None:
        if await task:
            await asyncio.Event().wait()

    return asyncio.ensure_future(wait())


async def _up(connection: Connection, stream: ByteStream) -> bool:
    """Whether the client's side came to its own end."""
    try:
        while data := await stream.read():
            await connection.write(data)
    except (StreamReset, OSError):
        return False
    connection.end()
    return True


async def _down(connection: Connection, stream: ByteStream) -> None:
    try:
        while data := await connection.read():
            stream.write(data)
            await stream.drained()
    except (StreamReset, OSError):
        stream.reset()
        return
    stream.end()
