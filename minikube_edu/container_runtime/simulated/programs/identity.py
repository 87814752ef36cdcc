"""What demonstration servers tell about themselves: host name, addresses, the time, the image's version."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from datetime import UTC, datetime

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.lib import clock

# A Go program without a handler of its own: the runtime turns the signal into an exit with code 2.
GO: Mapping[int, int] = {signal.SIGTERM: 2, signal.SIGINT: 2}
GRACEFUL: Mapping[int, int] = {signal.SIGTERM: 0, signal.SIGINT: 0}
# node and python as process 1 do not hear SIGTERM at all, and are killed after the grace period.
DEAF: Mapping[int, int] = {signal.SIGINT: 130}


def hostname(process: Process) -> str:
    return process.env.get("HOSTNAME") or process.container.hostname


def address(process: Process) -> str:
    ips = process.network.ips
    return ips[0] if ips else "127.0.0.1"


def tag(process: Process) -> str:
    """Of the container's image; `latest` without one."""
    name = process.container.image.partition("@")[0].rpartition("/")[2]
    return name.partition(":")[2] or "latest"


def image_name(process: Process) -> str:
    """The last part of the image's name: `gb-frontend`."""
    return process.container.image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def now(form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(clock.now(), UTC).strftime(form)


def go_log_time() -> str:
    """What Go's log package puts before each line."""
    return now("%Y/%m/%d %H:%M:%S")


def port_of(process: Process, default: int, variable: str = "PORT") -> int:
    text = process.env.get(variable, "")
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else default
