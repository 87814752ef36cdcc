"""Machines from outside: found, started, ended. What `up`, `init`, `join`, `down` and `reset` use.

The starter binds the socket and hands it over, so that it can be called at once, before the machine listens.
A second machine on the same host is a fork of the first: its code is warm already.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from minikube_edu.cluster.machine import unborn
from minikube_edu.lib.machine.calls import Calls, NoMachine
from minikube_edu.lib.machine.socket_path import prepared, reachable

END_SECONDS = 40.0


def find(path: Path) -> Calls | None:
    """The machine that listens here, if there is one."""
    try:
        return Calls.open(reachable(str(path)))
    except NoMachine:
        return None


def runs(path: Path) -> bool:
    machine = find(path)
    if machine is None:
        return False
    machine.close()
    return True


def start(path: Path, root: Path, environment: Mapping[str, str], beside: Calls | None = None) -> Calls:
    """A machine for the node in `root`, away from the terminal; the one that runs already, if there is one. It is a
    fork of the machine `beside` it, or the unborn one of this command, or else a process of its own."""
    running = find(path)
    if running is not None:
        return running
    (root / "var/log").mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with listener:
        listener.bind(prepared(str(path)))
        os.chmod(listener.getsockname(), 0o600)
        listener.listen(64)
        if beside is not None:
            beside.ask("machine", [listener.fileno()], root=str(root), environment=dict(environment))
        elif not unborn.bear(listener.fileno(), str(root), dict(environment)):
            _spawn(listener, root, environment)
    return Calls.open(reachable(str(path)))


def _spawn(listener: socket.socket, root: Path, environment: Mapping[str, str]) -> None:
    with (root / "var/log/machine.log").open("ab") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "minikube_edu.cluster.machine",
                f"--root={root}",
                f"--socket-fd={listener.fileno()}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(listener.fileno(),),
            env={**os.environ, **environment},
            cwd="/",
        )
    process.returncode = 0  # it is not ours to wait for: it outlives this command


def leave_home(root: Path, listener: int, environment: Mapping[str, str]) -> None:
    """In the fork of a command that becomes a machine: nothing of the command stays but `listener` and the code."""
    from minikube_edu.cluster.machine import offspring

    log = os.open(root / "var/log/machine.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    nothing = os.open(os.devnull, os.O_RDONLY)
    offspring.leave_nothing_of_the_machine((nothing, log, log), dies_with_machine=False, keep=listener)
    offspring.dress({**os.environ, **environment}, "/")


def end(path: Path) -> bool:
    """Shut a machine down with all that runs on it; False when there was none."""
    machine = find(path)
    if machine is None:
        Path(reachable(str(path))).unlink(missing_ok=True)
        return False
    with machine:
        machine.connection.settimeout(END_SECONDS)
        try:
            machine.ask("shutdown")
            machine.connection.recv(1)  # its end closes the connection
        except (NoMachine, OSError):
            return True  # it went without a word
    return True
