"""Boot and shutdown of the scheduler as a program: configuration, health port, election, work."""

from __future__ import annotations

import argparse
from typing import Any

from minikube_edu.client import elected
from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.kube_scheduler import configuration
from minikube_edu.kube_scheduler.flags import seconds
from minikube_edu.kube_scheduler.metrics import CONTENT_TYPE, Metrics
from minikube_edu.kube_scheduler.scheduler import Scheduler
from minikube_edu.lib import version
from minikube_edu.lib.health_port import Health, open_port

NAME = "kube-scheduler"
QUIET = 1.0  # seconds in which a booting cluster has better to do than to write events


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
        user_agent=version.agent(NAME, "scheduler"),
        field_manager=NAME,
        qps=options.kube_api_qps,
        burst=options.kube_api_burst,
    )
    scheduler: Scheduler | None = None
    idle = Metrics()

    async def lead() -> None:
        nonlocal scheduler
        scheduler = Scheduler(client, configured, quiet=QUIET)
        await scheduler.run()

    def metrics() -> tuple[bytes, bytes]:
        return (scheduler.metrics if scheduler is not None else idle).text(), CONTENT_TYPE

    synced = {"informer-sync": lambda: scheduler is None or scheduler.has_synced()}
    health = Health(metrics, ready=synced, configz={"componentconfig": told})
    server = None
    if options.secure_port:
        files = (options.tls_cert_file, options.tls_private_key_file, options.cert_dir)
        server = await open_port(NAME, options.bind_address, options.secure_port, health, files)
    try:
        election = configured.leader_election
        if options.leader_elect != "true" or election.get("leaderElect") is False:
            await lead()
            return
        await elected.lead_alone(
            client,
            lead,
            election.get("resourceName") or options.leader_elect_resource_name,
            namespace=election.get("resourceNamespace") or options.leader_elect_resource_namespace,
            lease_duration=configuration.seconds(
                election.get("leaseDuration"), seconds(options.leader_elect_lease_duration)
            ),
            renew_deadline=configuration.seconds(
                election.get("renewDeadline"), seconds(options.leader_elect_renew_deadline)
            ),
            retry_period=configuration.seconds(election.get("retryPeriod"), seconds(options.leader_elect_retry_period)),
        )
    finally:
        if server is not None:
            await server.close()
        await client.close()


def run_forever(options: argparse.Namespace) -> int:
    return elected.run(work(options))
