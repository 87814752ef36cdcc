"""The frame of a program that leads or waits to lead: loop, signals, log, election, exit code.

    def run_forever(options): return run(NAME, work(options))

`work` returns only when it is cancelled or deposed. SIGTERM and SIGINT cancel it: it ends with 0, and gives the crown
back. What cannot be helped (no kubeconfig, a taken port) is one line on standard error and exit code 1.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from minikube_edu.client.kubeconfig import ConfigError
from minikube_edu.client.leader import LeaderElector, LeadershipLost
from minikube_edu.client.rest import Client
from minikube_edu.lib import collecting, ids, klog

log = logging.getLogger(__name__)


async def lead_alone(
    client: Client,
    lead: Callable[[], Awaitable[None]],
    name: str,
    *,
    namespace: str = "kube-system",
    lease_duration: float = 15.0,
    renew_deadline: float = 10.0,
    retry_period: float = 2.0,
) -> None:
    """Run `lead` while this process holds the Lease `name`."""
    identity = f"{socket.gethostname()}_{ids.uid()}"
    elector = LeaderElector(
        client,
        namespace,
        name,
        identity,
        lease_duration=lease_duration,
        renew_deadline=renew_deadline,
        retry_period=retry_period,
    )
    await elector.run(lead)


def run(work: Coroutine[Any, Any, None]) -> int:
    """To the end; returns the exit code."""
    klog.begin()
    collecting.seldom()
    collecting.give_back()
    if os.environ.get("MINIKUBE_EDU_UVLOOP", "1") == "1":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.run(_until_told(work))
    return asyncio.run(_until_told(work))


async def _until_told(work: Coroutine[Any, Any, None]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except LeadershipLost as lost:
        log.error("leaderelection lost: %s", lost)
    except (ValueError, ConfigError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
    return 1
