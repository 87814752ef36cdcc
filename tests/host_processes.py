"""A cluster's processes as this host sees them: which there are, what they hold, how much they have worked."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def of_home(home: Path | str) -> dict[int, str]:
    """All that belong to the cluster in this home, by their environment, but for the one that asks: pid -> command."""
    mark = f"MINIKUBE_EDU_HOME={home}".encode()
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:
            continue
    found.pop(os.getpid(), None)
    return found


def pss(pid: int) -> float:
    """MiB of its own, and its share of what it shares."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def busy(pid: int) -> float:
    """Seconds of processor time so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
