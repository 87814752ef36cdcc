"""The real programs as processes, for tests and benchmarks: started in a directory of their own, ended by their pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 20.0


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Program:
    """`python -m MODULE FLAGS…`; its output is in DIRECTORY/NAME.log."""

    def __init__(self, directory: Path, module: str, *flags: str) -> None:
        self.log = directory / f"{module.rpartition('.')[2]}.log"
        self.command = [sys.executable, "-m", module, *flags]
        self.process: subprocess.Popen[bytes] | None = None
        self.seconds_to_ready = 0.0

    def start(self, ready_fd: bool = False) -> None:
        """With `ready_fd`, wait until the program says that it is ready."""
        reading, writing = os.pipe()
        begun = time.perf_counter()
        command = [*self.command, f"--ready-fd={writing}"] if ready_fd else self.command
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, pass_fds=(writing,), stdout=log, stderr=log, env=environment)
        os.close(writing)
        if ready_fd:
            os.read(reading, 1)
        os.close(reading)
        self.seconds_to_ready = time.perf_counter() - begun
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.command} ended:\n{self.log.read_text()[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        assert self.process is not None
        code = self.process.wait(PATIENCE)
        self.process = None
        return code

    def stop(self) -> int:
        """Ask it to end, wait; the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.wait()

    def end(self) -> None:
        """Whatever state it is in."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait(PATIENCE)
        self.process = None

    @property
    def resident(self) -> float:
        """MiB of memory in use."""
        assert self.process is not None
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0


class ApiServerProgram(Program):
    def __init__(self, directory: Path, *flags: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.kubeconfig = directory / "kubeconfig"
        self.certificates = directory / "pki"
        super().__init__(
            directory,
            "minikube_edu.kube_apiserver",
            f"--secure-port={self.port}",
            f"--cert-dir={self.certificates}",
            f"--admin-kubeconfig={self.kubeconfig}",
            *flags,
        )


@contextlib.contextmanager
def api_server_program(directory: Path, *flags: str) -> Iterator[ApiServerProgram]:
    """A running API server; without other flags, on an embedded store that does not wait for the disk."""
    program = ApiServerProgram(directory, *(flags or (f"--data-file={directory}/state.db", "--unsafe-no-fsync")))
    try:
        program.start(ready_fd=True)
        yield program
    finally:
        program.end()


@contextlib.contextmanager
def etcd_program(directory: Path, *flags: str) -> Iterator[Program]:
    """Our etcd, behind the private socket DIRECTORY/etcd.sock and whatever else the flags say."""
    path = directory / "etcd.sock"
    program = Program(
        directory, "minikube_edu.etcd", f"--data-dir={directory}/etcd", f"--private-socket={path}", *flags
    )
    try:
        program.start()
        wait_for_socket(path)
        yield program
    finally:
        program.end()


def wait_for_socket(path: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
                return
            except OSError:
                if time.monotonic() > give_up:
                    raise
        time.sleep(0.01)
