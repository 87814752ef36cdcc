"""Boot and shutdown of the scheduler as a program: configuration, health port, election, work."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from typing import Any

from minikube_edu.client.kubeconfig import ConfigError, connect, default_client_config
from minikube_edu.client.leader import LeaderElector, LeadershipLost
from minikube_edu.kube_scheduler import configuration
from minikube_edu.kube_scheduler.flags import seconds
from minikube_edu.kube_scheduler.metrics import Metrics
from minikube_edu.kube_scheduler.scheduler import Scheduler
from minikube_edu.lib import ids

log = logging.getLogger(__name__)

NAME = "kube-scheduler"


def document(path: str) -> dict[str, Any]:
    """The configuration file's object."""
    if not path:
        return {"apiVersion": configuration.API_VERSION, "kind": configuration.KIND}
    import yaml

    with open(path, encoding="utf-8") as file:
        found = yaml.safe_load(file)
    if not isinstance(found, dict):
        raise ValueError(f"{path}: Object 'Kind' is missing")
    return found


async def work(options: argparse.Namespace) -> None:
    """Lead, or wait to lead; returns only when cancelled or deposed."""
    told = document(options.config)
    configured = configuration.parse(told)
    path = options.kubeconfig or configured.client_connection.get("kubeconfig") or ""
    client = connect(
        default_client_config(path),
        user_agent=f"{NAME}/scheduler",
        field_manager=NAME,
        qps=options.kube_api_qps,
        burst=options.kube_api_burst,
    )
    scheduler: Scheduler | None = None
    idle = Metrics()

    async def lead() -> None:
        nonlocal scheduler
        scheduler = Scheduler(client, configured)
        await scheduler.run()

    def metrics() -> Metrics:
        return scheduler.metrics if scheduler is not None else idle

    server = await _serve(options, metrics, lambda: scheduler is None or scheduler.has_synced(), told)
    try:
        election = configured.leader_election
        if options.leader_elect != "true" or election.get("leaderElect") is False:
            await lead()
            return
        elector = LeaderElector(
            client,
            election.get("resourceNamespace") or options.leader_elect_resource_namespace,
            election.get("resourceName") or options.leader_elect_resource_name,
            f"{socket.gethostname()}_{ids.uid()}",
            lease_duration=configuration.seconds(
                election.get("leaseDuration"), seconds(options.leader_elect_lease_duration)
            ),
            renew_deadline=configuration.seconds(
                election.get("renewDeadline"), seconds(options.leader_elect_renew_deadline)
            ),
            retry_period=configuration.seconds(election.get("retryPeriod"), seconds(options.leader_elect_retry_period)),
        )
        await elector.run(lead)
    finally:
        if server is not None:
            await server.close()
        await client.close()


async def _serve(options: argparse.Namespace, metrics: Any, ready: Any, told: dict[str, Any]) -> Any:
    if not options.secure_port:
        return None
    from minikube_edu.kube_scheduler import serving
    from minikube_edu.lib.web.server import serve
    from minikube_edu.lib.web.tls import server_context

    paths = serving.certificate(options.tls_cert_file, options.tls_private_key_file, options.cert_dir)
    handler = serving.handler(metrics, ready, told)
    return await serve(handler, options.bind_address, options.secure_port, tls=server_context(*paths), name=NAME)


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
    except LeadershipLost as lost:
        log.error("leaderelection lost: %s", lost)
    except (ValueError, ConfigError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
    return 1


def run_forever(options: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if os.environ.get("MINIKUBE_EDU_UVLOOP", "1") == "1":
        with contextlib.suppress(ImportError):
            import uvloop

            return uvloop.run(_run(options))
    return asyncio.run(_run(options))
