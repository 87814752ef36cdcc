"""A container over the simulated kernel: the image's files, the pod's mounts, a main process, its streams.

The world (`machine`) is made when the container starts, and kept until it is removed, so that what it has written
counts. Output goes to the log through sinks, without a task; input is a pipe, or the terminal.
"""

from __future__ import annotations

import asyncio
import errno
import stat
from collections.abc import Callable, Mapping

import orjson
from msgspec.structs import replace

from minikube_edu.container_runtime.cri import (
    ContainerConfig,
    ContainerStats,
    Resources,
    RuntimeFailure,
    Streams,
)
from minikube_edu.container_runtime.simulated import start_errors
from minikube_edu.container_runtime.simulated.capabilities import capabilities
from minikube_edu.container_runtime.simulated.contract import Exited, OpenFile, Status
from minikube_edu.container_runtime.simulated.exec_sessions import attach, close_pipe, run
from minikube_edu.container_runtime.simulated.filesystem.device_tree import null
from minikube_edu.container_runtime.simulated.filesystem.host_tree import HostTree
from minikube_edu.container_runtime.simulated.filesystem.inode import Inode
from minikube_edu.container_runtime.simulated.filesystem.layer import ROOT, Entry, Layer
from minikube_edu.container_runtime.simulated.filesystem.memory_tree import MemoryTree
from minikube_edu.container_runtime.simulated.image_programs import GENERIC, software_of
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.images.root import root_of
from minikube_edu.container_runtime.simulated.invocation import Invocation, invocation
from minikube_edu.container_runtime.simulated.kernel.container_files import ContainerMount
from minikube_edu.container_runtime.simulated.kernel.executable import executable
from minikube_edu.container_runtime.simulated.kernel.limits import Limits
from minikube_edu.container_runtime.simulated.kernel.machine import Machine
from minikube_edu.container_runtime.simulated.kernel.pipe import Pipe, PipeEnd
from minikube_edu.container_runtime.simulated.kernel.process_table import ProcessTable
from minikube_edu.container_runtime.simulated.kernel.signals import number_of
from minikube_edu.container_runtime.simulated.kernel.sink import Sink
from minikube_edu.container_runtime.simulated.kernel.terminal import KernelTerminal
from minikube_edu.container_runtime.simulated.logs import LogFiles
from minikube_edu.container_runtime.simulated.outputs import Output
from minikube_edu.container_runtime.simulated.record import ContainerRecord
from minikube_edu.container_runtime.simulated.sandboxes import SimulatedSandbox
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import clock

SIGTERM = 15
PORTS = "io.kubernetes.container.ports"  # the kubelet's annotation: what the pod declares, as JSON


class SimulatedContainer(ContainerRecord):
    simulated = True
    __slots__ = ("crash", "definition", "invocation", "logs", "machine", "settings", "stdin", "target", "terminal")

    def __init__(
        self,
        id: str,
        sandbox: SimulatedSandbox,
        config: ContainerConfig,
        definition: Definition,
        image_ref: str,
        *,
        settings: Settings,
        logs: LogFiles,
        target: SimulatedContainer | None = None,
    ) -> None:
        super().__init__(id, sandbox, config, definition.id, image_ref)
        self.definition = definition
        self.settings = settings
        self.logs = logs
        self.target = target
        self.invocation: Invocation = invocation(definition, config, sandbox.hostname)
        self.uid = self.invocation.user.uid
        self.machine: Machine | None = None
        self.stdin: Pipe | None = None
        self.terminal: KernelTerminal | None = None
        self.crash: asyncio.TimerHandle | None = None

    # -- its beginning -----------------------------------------------------------------------------------------------

    async def start(self) -> None:
        output = self.output = Output(self.logs.log(self.log_path) if self.log_path else self.logs.nowhere())
        machine = self.machine = self._machine(root_of(self.definition))
        try:
            self._run(machine, output)
        except OSError as error:
            if self.definition.lenient and error.errno == errno.ENOENT and not self._has_a_script(error):
                self._run_generic(output)
                return
            if not start_errors.breaks_after_start(error, self.invocation.argv):
                words = start_errors.in_runc_words(error, self.invocation.argv)
                raise self.failed_to_start(start_errors.CREATE + words) from None
            output.write("stderr", start_errors.log_line(error, self.invocation.argv))
            self.has_started()
            self.has_ended(255)

    def _has_a_script(self, error: OSError) -> bool:
        return start_errors.breaks_after_start(error, self.invocation.argv)

    def _run_generic(self, output: Output) -> None:
        """Nobody knows what is in this image: the command that the pod names is there, and does what it should."""
        name = self.invocation.argv[0]
        path = name if name.startswith("/") else f"/usr/local/bin/{name.rpartition('/')[2]}"
        root = root_of(self.definition).extended({path: Entry(executable(GENERIC), mode=0o755)})
        self.machine = self._machine(root)
        self._run(self.machine, output, [path, *self.invocation.argv[1:]])

    def _machine(self, root: Layer) -> Machine:
        config, sandbox = self.config, self.sandbox
        security = config.security
        if self.invocation.cwd != "/":
            root = root.with_mountpoints([(self.invocation.cwd, True)])  # runc makes it where the image has none
        try:
            machine = Machine(
                root,
                id=self.id,
                network=sandbox.network,
                hostname=sandbox.hostname,
                image=config.image,
                limits=limits_of(config.resources, self.settings),
                software=software_of(self.definition),
                mounts=self._mounts(),
                table=self._table(),
                shell_is_bash=self.definition.shell == "bash",
                privileged=security.privileged,
                capabilities=capabilities(security),
                readonly_root=security.readonly_rootfs,
                no_new_privileges=security.no_new_privileges,
                sysctls=sandbox.config.sysctls,
                notes=self._notes(),
            )
        except OSError as error:
            words = f"error mounting {error.filename!r}: {(error.strerror or str(error)).lower()}"
            raise self.failed_to_start(start_errors.CREATE + words) from None
        machine.on_exit = self._exited
        return machine

    def _notes(self) -> dict[str, object]:
        """What programs find there: their image; and, with the privilege, the node's network to administer."""
        notes: dict[str, object] = {"image": self._described()}
        if self.config.security.privileged and self.sandbox.config.host_network:
            notes["network_admin"] = getattr(self.sandbox.network, "admin", None)
        return notes

    def _mounts(self) -> list[ContainerMount]:
        given = {mount.container_path.rstrip("/") or "/": mount for mount in self.config.mounts}
        mounts = [mount for mount in self.sandbox.mounts() if mount.path not in given]
        for path, mount in given.items():
            tree = HostTree(mount.host_path, inside=self.settings.boundary(mount.host_path))
            mounts.append(ContainerMount(path, tree, mount.readonly))
        if self.config.security.readonly_rootfs:  # elsewhere nobody can tell an image's volume from its root
            mounts += [
                ContainerMount(path, self._volume(path)) for path in self.definition.volumes if path not in given
            ]
        return mounts

    def _volume(self, path: str) -> MemoryTree:
        """An image's VOLUME: empty, and its owner's."""
        said = self.definition.files.get(f"{path}/")
        found = said if isinstance(said, Mapping) else {}
        mode = stat.S_IFDIR | int(str(found.get("mode", "0755")), 8)
        owner = (int(found.get("uid", 0)), int(found.get("gid", 0)))
        folder = Inode(mode, {}, *owner, time=clock.now(), links=2)
        return MemoryTree(Layer({ROOT: folder}, ROOT + 1), type="ext4", source="/dev/sda1", device=52)

    def _table(self) -> ProcessTable | None:
        if self.target is not None and self.target.machine is not None:
            return self.target.machine.table
        return self.sandbox.table

    def _described(self) -> Definition:
        """The image as its programs see it. Of an image that nobody described, the pod knows the ports."""
        declared = self.config.annotations.get(PORTS)
        if not declared or not self.definition.lenient:
            return self.definition
        try:
            ports = [f"{one['containerPort']}/{one.get('protocol', 'TCP').lower()}" for one in orjson.loads(declared)]
        except (ValueError, KeyError, TypeError, AttributeError):
            return self.definition
        return replace(self.definition, ports=tuple(dict.fromkeys([*ports, *self.definition.ports])))

    def _run(self, machine: Machine, output: Output, argv: list[str] | None = None) -> None:
        run_as = self.invocation
        files: dict[int, OpenFile] | None = None
        if self.config.tty:
            self.terminal = KernelTerminal(output.from_terminal)
            self.terminal.drained = output.drained
        else:
            files = {0: self._input(), 1: Sink(output.stdout), 2: Sink(output.stderr)}
        machine.start(
            argv or list(run_as.argv),
            env=run_as.env,
            cwd=run_as.cwd,
            user=run_as.user,
            files=files,
            terminal=self.terminal,
        )
        self.has_started()
        self._plan_a_crash()

    def _input(self) -> OpenFile:
        if not self.config.stdin:
            return null()
        self.stdin = Pipe()
        self.stdin.writers = 1  # whoever attaches
        return PipeEnd(self.stdin, True, False)

    def _plan_a_crash(self) -> None:
        mood, key = self.sandbox.mood, (self.sandbox.config.namespace, self.sandbox.config.name, self.config.name)
        moods = self.sandbox.moods
        if moods.happens(mood.crashes, "crash", *key, self.config.attempt):
            after = moods.seconds(mood.crash_after, "after", *key, self.config.attempt)
            loop = asyncio.get_running_loop()
            self.crash = loop.call_later(after, self._crash, mood.crash_code)

    def _crash(self, code: int) -> None:
        if self.machine is not None and self.machine.main is not None:
            self.machine.main.end(Exited(code))

    # -- its end -----------------------------------------------------------------------------------------------------

    def _exited(self, machine: Machine, status: Status) -> None:
        if self.crash is not None:
            self.crash.cancel()
            self.crash = None
        self.has_ended(status.code, status.signal, machine.memory.oom_killed)

    def deliver(self, signal: int) -> None:
        if self.machine is not None:
            self.machine.signal(signal)

    def kill(self) -> None:
        if self.machine is not None:
            self.machine.kill()

    @property
    def stop_signal(self) -> int:
        try:
            return number_of(self.invocation.stop_signal)
        except ValueError:
            return SIGTERM

    async def removed(self) -> None:
        if self.crash is not None:
            self.crash.cancel()
        self.machine = self.terminal = self.stdin = self.target = None

    # -- looking into it ---------------------------------------------------------------------------------------------

    def the_machine(self) -> Machine:
        if self.machine is None:
            raise RuntimeFailure("failed to exec in container: container is in CONTAINER_CREATED state")
        return self.machine

    async def exec(self, command: list[str], streams: Streams, timeout: float = 0) -> int:
        self.must_run()
        run_as = self.invocation
        env = {**run_as.env, "TERM": "xterm"} if streams.tty else run_as.env
        return await run(self.the_machine(), command, env, run_as.cwd, run_as.user, streams, timeout)

    async def attach(self, streams: Streams) -> None:
        self.must_run()
        assert self.output is not None
        close: Callable[[], None] | None = self._close_stdin if self.config.stdin_once else None
        await attach(self.output, streams, self.stdin, self.terminal, close, self.until_ended)

    def _close_stdin(self) -> None:
        """The only client that may write has gone."""
        if self.stdin is not None:
            close_pipe(self.stdin)

    def measure(self) -> ContainerStats:
        machine = self.machine
        used = int(machine.cpu_seconds() * 1e9) if machine is not None else 0
        memory = machine.memory_used() if machine is not None else 0
        return ContainerStats(
            id=self.id,
            timestamp=clock.now(),
            cpu_nanoseconds=used,
            cpu_nanocores=self.nanocores(used),
            memory_working_set=memory,
            memory_rss=memory,
            memory_limit=self.config.resources.memory_bytes,
            filesystem_used=machine.written.used_bytes if machine is not None else 0,
            filesystem_inodes=machine.written.used_inodes if machine is not None else 0,
        )

    def process_count(self) -> int:
        return len(self.machine.own) if self.machine is not None else 0

    def update(self, resources: Resources) -> None:
        self.config = replace(self.config, resources=resources)
        if self.machine is not None:
            self.machine.set_limits(limits_of(resources, self.settings))


def limits_of(resources: Resources, settings: Settings) -> Limits:
    return Limits(
        memory=resources.memory_bytes,
        cpu=resources.cpu_millis / 1000,
        cpu_weight=max(1, resources.cpu_request_millis * 100 // 1024) if resources.cpu_request_millis else 100,
        disk=settings.disk,
        host_cpus=settings.cpus,
        host_memory=settings.memory,
    )
