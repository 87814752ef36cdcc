"""Boot and shutdown of the cloud controller manager as a program."""

from __future__ import annotations

import argparse
import asyncio
import logging
from typing import Any

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.client import elected
from minikube_edu.client.events import EventRecorder
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.kubeconfig import connect, default_client_config
from minikube_edu.client.rest import Client
from minikube_edu.cloud_controller_manager.local_cloud import LocalCloud
from minikube_edu.cloud_controller_manager.loops import Loop
from minikube_edu.cloud_controller_manager.nodes import NODES, NodeLifecycle, NodeLoop, RouteLoop
from minikube_edu.cloud_controller_manager.services import SERVICES, ServiceLoop
from minikube_edu.lib import version

log = logging.getLogger(__name__)

NAME = "cloud-controller-manager"


async def manage(
    client: Client,
    cloud: LocalCloud,
    controllers: tuple[str, ...] = ("*",),
    *,
    routes: bool = False,
    node_monitor_period: float = 5.0,
) -> None:
    """All loops, until cancelled."""
    informers = InformerFactory(client)
    services, nodes = informers.informer(SERVICES), informers.informer(NODES)
    recorders = [EventRecorder(client, name) for name in ("service-controller", "cloud-node-controller")]
    loops: list[Loop] = [
        ServiceLoop(client, services, cloud, recorders[0]),
        NodeLoop(client, nodes, cloud, recorders[1]),
        *([RouteLoop(client, nodes)] if routes else []),
    ]
    lifecycle = NodeLifecycle(client, nodes, cloud, recorders[1])

    async def watch_machines() -> None:
        while True:
            try:
                await lifecycle.look()
            except Exception as error:
                log.warning("%s: %s", lifecycle.name, error)
            await asyncio.sleep(node_monitor_period)

    try:
        async with informers, asyncio.TaskGroup() as group:
            learn_balancers(cloud, services.index.list())
            for loop in loops:
                if is_chosen(loop.name, controllers):
                    group.create_task(loop.run(), name=loop.name)
            if is_chosen(lifecycle.name, controllers):
                group.create_task(watch_machines(), name=lifecycle.name)
    finally:
        for recorder in recorders:
            await recorder.stop()


def learn_balancers(cloud: LocalCloud, services: list[dict[str, Any]]) -> None:
    """Which addresses are given out: the cloud forgets them when it stops, the services do not."""
    for service in services:
        for one in service.get("status", {}).get("loadBalancer", {}).get("ingress", []):
            if one.get("ip"):
                cloud.balancers.setdefault(one["ip"], service["metadata"]["uid"])


def is_chosen(name: str, controllers: tuple[str, ...]) -> bool:
    return f"-{name}" not in controllers and ("*" in controllers or name in controllers)


def cloud_of(options: argparse.Namespace) -> LocalCloud:
    config: dict[str, Any] = {}
    if options.cloud_config:
        import yaml

        with open(options.cloud_config, encoding="utf-8") as file:
            config = yaml.safe_load(file) or {}
    return LocalCloud.from_config(options.load_balancer_range, config)


async def work(options: argparse.Namespace) -> None:
    """Lead, or wait to lead; returns only when cancelled or deposed."""
    client = connect(default_client_config(options.kubeconfig), user_agent=version.agent(NAME), field_manager=NAME)

    async def lead() -> None:
        await manage(
            client,
            cloud_of(options),
            tuple(options.controllers.split(",")),
            routes=options.configure_cloud_routes == "true",
            node_monitor_period=parse_duration(options.node_monitor_period) / 1e9,
        )

    try:
        if options.leader_elect == "true":
            await elected.lead_alone(client, lead, NAME)
        else:
            await lead()
    finally:
        await client.close()


def run_forever(options: argparse.Namespace) -> int:
    return elected.run(work(options))
