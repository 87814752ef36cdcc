"""Looks at the machine before anything is done to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from minikube_edu.kubeadm import images, preflight

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.config.configuration import Configuration
    from minikube_edu.kubeadm.phases.init_data import InitData


async def init(data: InitData) -> None:
    call = data.call
    call.say("[preflight] Running pre-flight checks")
    await preflight.run(preflight.checks_root(call.host), data.ignored, call.err)
    await preflight.run(preflight.checks_init(call.host, data.configuration), data.ignored, call.err)
    if data.dry_run:
        call.say("[preflight] Would pull the required images (like 'kubeadm config images pull')")
        return
    call.say("[preflight] Pulling images required for setting up a Kubernetes cluster")
    call.say("[preflight] This might take a minute or two, depending on the speed of your internet connection")
    call.say("[preflight] You can also perform this action beforehand using 'kubeadm config images pull'")
    await pull_images(call, data.configuration, data.ignored)


async def pull_images(call: Call, configuration: Configuration, ignored: frozenset[str]) -> None:
    registration = configuration.init["nodeRegistration"]
    policy = registration.get("imagePullPolicy") or "IfNotPresent"
    if policy == "Never":
        return
    sandbox, wanted = call.host.machine.sandbox_image, images.pause(configuration)
    if sandbox and sandbox != wanted:
        call.warn(
            "checks.go:830",
            f'detected that the sandbox image "{sandbox}" of the container runtime is inconsistent with that used by '
            f'kubeadm. It is recommended to use "{wanted}" as the CRI sandbox image.',
        )

    async def look() -> preflight.Found:
        pulled = await asyncio.gather(*(images.pull(call.host, one, policy) for one in images.of(configuration)))
        return [], [complaint for complaint in pulled if complaint]

    await preflight.run([preflight.Check("ImagePull", look)], ignored, call.err)
