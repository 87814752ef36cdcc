"""Boot and shutdown of the controller manager as a program: connect, win the election, run."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket

from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.client.leader import LeaderElector
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager.flags import seconds, settings
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib import ids

NAME = "kube-controller-manager"


async def work(options: argparse.Namespace) -> None:
    """Lead, or wait to lead; returns only when cancelled or deposed."""
    config = default_client_config(options.kubeconfig)

    def client_of(component: str) -> Client:
        agent = NAME if component == NAME else f"{NAME}/{component}"
        return connect(
            config, user_agent=agent, field_manager=NAME, qps=options.kube_api_qps, burst=options.kube_api_burst
        )

    async def lead() -> None:
        await Manager(client_of, settings(options), options.controllers.split(",")).run()

    if options.leader_elect != "true":
        await lead()
        return
    client = client_of("leader-election")
    try:
        elector = LeaderElector(
            client,
            "kube-system",
            NAME,
            f"{socket.gethostname()}_{ids.uid()}",
            lease_duration=seconds(options.leader_elect_lease_duration),
            renew_deadline=seconds(options.leader_elect_renew_deadline),
            retry_period=seconds(options.leader_elect_retry_period),
        )
        await elector.run(lead)
    finally:
        await client.close()


async def _run(options: argparse.Namespace) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work(options))
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    return 1


def run_forever(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if os.environ.get("MINIKUBE_EDU_UVLOOP", "1") == "1":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.run(_run(options))
    return asyncio.run(_run(options))
