"""kube-proxy as a program in its container: `kube-proxy --config=… --hostname-override=…`.

It needs the privilege to administer the node's network (a privileged container on the host's network); without it, it
ends as the real one does without CAP_NET_ADMIN. Its rules outlive it, as those in a kernel do.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast

from minikube_edu.client import in_pod, kubeconfig
from minikube_edu.client.rest import Client
from minikube_edu.cni.contract import NetworkAdmin
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.kube_proxy import configuration, health
from minikube_edu.kube_proxy.balancer_health import BalancerHealth
from minikube_edu.kube_proxy.configuration import Configuration, Wrong
from minikube_edu.kube_proxy.doors import Door, Doors
from minikube_edu.kube_proxy.listing import NOTE
from minikube_edu.kube_proxy.proxier import Proxier
from minikube_edu.kube_proxy.rules import Rules
from minikube_edu.kube_proxy.services import ServicePort
from minikube_edu.lib import clock, version


def klog(process: Process, place: str, words: str, level: str = "I") -> bytes:
    now = clock.now()
    stamp = time.strftime("%m%d %H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}"
    return f"{level}{stamp} {process.pid:7d} {place}] {words}\n".encode()


async def main(process: Process) -> int:
    async def say(place: str, words: str, level: str = "I") -> None:
        await process.stderr.write(klog(process, place, words, level))

    own = version.of_program_in(process.container.image)
    if "--version" in process.argv[1:]:
        await process.print(f"Kubernetes {own}")
        return 0
    try:
        config = await configuration.load(process.argv, process.read_file)
        admin = cast(NetworkAdmin | None, process.container.notes.get("network_admin"))
        if admin is None:
            raise Wrong(
                "can't use kube-proxy: error creating iptables chain: exit status 4: iptables v1.8.11 (nf_tables): "
                "Could not fetch rule set generation id: Permission denied (you must be root)"
            )
        if config.cleanup:
            admin.set_translate(None)
            return 0
        client_config = await in_pod.from_kubeconfig(process.read_file, config.kubeconfig)
    except (Wrong, kubeconfig.ConfigError) as wrong:
        await say("server.go:114", f'"Error running ProxyServer" err="{wrong}"', "E")
        return 1
    client = kubeconfig.connect(
        client_config, user_agent=version.agent("kube-proxy", version=own), dial=process.network.connect
    )
    try:
        return await _run(process, config, admin, Rules(config.cluster_cidrs), client)
    finally:
        in_pod.leave(client.close())


async def _run(process: Process, config: Configuration, admin: NetworkAdmin, rules: Rules, client: Client) -> int:
    async def say(place: str, words: str, level: str = "I") -> None:
        await process.stderr.write(klog(process, place, words, level))

    node = config.node or process.container.hostname
    tasks: set[asyncio.Task[None]] = set()

    def door_failed(port: ServicePort, door: Door, error: OSError) -> None:
        where = f"{door[0]}:{door[1]}"
        words = f'"Cannot open port on this host" service="{port}" address="{where}" err="{error.strerror}"'
        task = asyncio.get_running_loop().create_task(say("proxier.go:1000", words, "W"))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    doors = Doors(admin, rules, door_failed)

    def installed(services: set[str]) -> None:
        rules.own = admin.addresses
        if proxier.syncs == 1:
            doors.forget_others()
            process.container.notes[NOTE] = rules
            admin.set_translate(rules.translate)
        admin.rules_changed()
        doors.follow(services)
        balancers.follow(services)

    proxier = Proxier(client, node, rules, installed)
    balancers = BalancerHealth(process, rules, lambda: proxier.synced)
    server = health.Health(process, config, proxier)
    try:
        await say("server_linux.go:53", '"Using iptables proxy"')
        ips = json.dumps(list(process.network.ips) or ["127.0.0.1"])
        await say("server.go:219", f'"Successfully retrieved NodeIPs" NodeIPs={ips} node="{node}"')
        await say("server_linux.go:132", '"Using iptables Proxier"')
        image = process.container.notes.get("image")
        await say("server.go:527", f'"Version info" version="v{getattr(image, "version", "")}"')
        for name in ("service config", "endpoint slice config", "node config"):
            await say("config.go:309", f'"Starting {name} controller"')
            await say("shared_informer.go:349", f'"Waiting for caches to sync" controller="{name}"')
        starting = asyncio.get_running_loop().create_task(_start(proxier, say))
        try:
            return await server.run()
        finally:
            starting.cancel()
    finally:
        balancers.close()
        in_pod.leave(proxier.stop())
        for task in list(tasks):
            task.cancel()


async def _start(proxier: Proxier, say: health.Say) -> None:
    await proxier.start()
    for name in ("service config", "endpoint slice config", "node config"):
        await say("shared_informer.go:356", f'"Caches are synced" controller="{name}"', "I")
