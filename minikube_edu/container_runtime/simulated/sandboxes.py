"""A pod's sandbox: its name on the network, what its containers share, and the files that the runtime writes for them.

/etc/hostname and /etc/resolv.conf are mounted into every container of the pod, /dev/shm is one tmpfs for all. With a
shared process namespace the pause program is process 1 and adopts orphans; otherwise nobody needs one here, and it
costs nothing.
"""

from __future__ import annotations

import stat
from collections.abc import Sequence

from minikube_edu.cni.contract import Namespace
from minikube_edu.container_runtime.cri import DnsConfig, Sandbox, SandboxConfig, SandboxState
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.filesystem.inode import Inode
from minikube_edu.container_runtime.simulated.filesystem.layer import ROOT, Entry, Layer, layer_of
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.host_ports import HostPorts
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.process_table import ProcessTable
from minikube_edu.container_runtime.simulated.kernel.software import Software
from minikube_edu.container_runtime.simulated.life_signs import LifeSigns
from minikube_edu.container_runtime.simulated.moods import Moods
from minikube_edu.container_runtime.simulated.record import ContainerRecord
from minikube_edu.lib import clock

SHM_BYTES = 64 << 20
SHM = Layer.empty(0o1777)
PAUSE_ROOT = layer_of({"/pause": Entry(executable("pause"), mode=0o755), "/proc/": Entry(kind="directory")})


async def pause(process: Process) -> int:
    """Waits, and reaps what others leave behind."""
    told: list[int] = []
    for number in (2, 15):
        process.on_signal(number, told.append)
    while not told:
        try:
            if process.children():
                await process.wait()
            else:
                await process.sleep(1e9)
        except (InterruptedError, ChildProcessError):
            continue
    return 0


def file_tree(data: bytes, mode: int = 0o644) -> MemoryTree:
    """A tree that is one file: what is mounted over /etc/hostname."""
    file = Inode(stat.S_IFREG | mode, data, time=clock.now())
    return MemoryTree(Layer({ROOT: file}, ROOT + 1), type="ext4", source="/dev/sda1", device=52)


def resolv_conf(dns: DnsConfig) -> bytes:
    lines = []
    if dns.searches:
        lines.append(f"search {' '.join(dns.searches)}")
    lines += [f"nameserver {server}" for server in dns.servers]
    if dns.options:
        lines.append(f"options {' '.join(dns.options)}")
    return "".join(f"{line}\n" for line in lines).encode()


class SimulatedSandbox:
    def __init__(
        self,
        id: str,
        config: SandboxConfig,
        network: Namespace,
        signs: LifeSigns,
        moods: Moods,
        node_name: str,
        state: SandboxState = SandboxState.READY,
    ) -> None:
        self.id = id
        self.config = config
        self.network = network
        self.signs = signs
        self.moods = moods
        self.mood = moods.of(config.annotations)
        self.state = state
        self.created_at = clock.now()
        self.hostname = node_name if config.host_network else config.hostname or config.name[:63]
        self.containers: dict[str, ContainerRecord] = {}
        self.table: ProcessTable | None = None  # of a shared process namespace
        self.pause: Machine | None = None
        self.host_ports: HostPorts | None = None
        self.recorded = False  # a seat runs here: the sandbox survives the runtime
        self._mounts: list[ContainerMount] | None = None
        self.ips: Sequence[str] = () if config.host_network else tuple(network.ips)
        if config.share_process_namespace and state is SandboxState.READY:
            self._share_processes()

    def _share_processes(self) -> None:
        self.table = ProcessTable()
        self.pause = Machine(
            PAUSE_ROOT,
            network=self.network,
            hostname=self.hostname,
            table=self.table,
            software=Software({"pause": pause}),
        )
        self.pause.start(["/pause"], files={number: null() for number in range(3)})

    def mounts(self) -> list[ContainerMount]:
        """What every container of the pod sees, unless the kubelet mounts something of its own there."""
        if self._mounts is None:
            self._mounts = [
                ContainerMount("/etc/hostname", file_tree(f"{self.hostname}\n".encode())),
                ContainerMount("/etc/resolv.conf", file_tree(resolv_conf(self.config.dns))),
                ContainerMount(
                    "/dev/shm", MemoryTree(SHM, type="tmpfs", source="shm", device=53, size_limit=SHM_BYTES)
                ),
            ]
        return self._mounts

    def status(self) -> Sandbox:
        return Sandbox(self.id, self.config, self.state, self.created_at, tuple(self.ips))

    def stopped(self) -> None:
        self.state = SandboxState.NOT_READY
        if self.host_ports is not None:
            self.host_ports.close()
            self.host_ports = None
        if self.pause is not None:
            self.pause.kill()
            self.pause = None

    def processes(self) -> int:
        """How many run in it, the sandbox's own included."""
        return 1 + sum(container.process_count() for container in self.containers.values())
