"""Seats as programs of their own: started, found again by pid file, ended.

A pid file holds the pid and the moment when the process began, so that a number which the system has given to somebody
else since (after a reboot) is never taken for ours.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from minikube_edu.cluster.layout import Layout

TERM_SECONDS = 10.0


def _born(pid: int) -> str | None:
    """When a process began, in the system's own words; None when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        if sys.platform == "linux":
            return None
        found = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return found.stdout.strip() or None
    return None if fields[0] == "Z" else fields[19]


def start(layout: Layout, seat: str, module: str, arguments: list[str], ready_fd: int | None = None) -> int:
    """Start `python -m module` away from the terminal; its output goes to the seat's log."""
    layout.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    with layout.log_file(seat).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=() if ready_fd is None else (ready_fd,),
        )
    process.returncode = 0  # it is not ours to wait for: it outlives this command
    layout.pid_file(seat).write_text(f"{process.pid} {_born(process.pid) or ''}\n")
    return process.pid


def pid_of(layout: Layout, seat: str) -> int | None:
    """The pid of a seat that runs."""
    try:
        pid_text, _, born = layout.pid_file(seat).read_text().strip().partition(" ")
        pid = int(pid_text)
    except (OSError, ValueError):
        return None
    now = _born(pid)
    return pid if now is not None and (not born or now == born) else None


def running(layout: Layout) -> dict[str, int]:
    """seat -> pid"""
    found = {}
    for file in sorted(layout.run.glob("*.pid")) if layout.run.exists() else []:
        pid = pid_of(layout, file.stem)
        if pid is not None:
            found[file.stem] = pid
    return found


def stop(layout: Layout, seat: str) -> bool:
    """End a seat: SIGTERM, and SIGKILL when it does not go. False when it did not run."""
    pid = pid_of(layout, seat)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + TERM_SECONDS
        while pid_of(layout, seat) is not None:
            if time.monotonic() > deadline:
                _signal(pid, signal.SIGKILL)
            time.sleep(0.01)
    layout.pid_file(seat).unlink(missing_ok=True)
    return pid is not None


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def port_holder(port: int) -> str | None:
    """Who listens on a port of this host, as far as can be seen: `python (pid 12)`; None when it is free."""
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return _holder(port)
    return None


def _holder(port: int) -> str:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        try:
            if any(os.readlink(link) in inodes for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (pid {process.name})"
        except OSError:
            continue
    return "another process"
