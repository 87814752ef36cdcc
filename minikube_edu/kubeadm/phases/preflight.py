"""Looks at the machine before anything is done to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from minikube_edu.kubeadm import images, preflight

if TYPE_CHECKING:
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.config.configuration import Configuration
    from minikube_edu.kubeadm.phases.init_data import InitData

OF_THE_RUNTIME = ("CRI", "ContainerRuntimeVersion")


async def init(data: InitData) -> None:
    call = data.call
    call.say("[preflight] Running pre-flight checks")
    await preflight.run(preflight.checks_root(call.host), data.ignored, call.err)
    checks = preflight.checks_init(call.host, data.configuration)
    booting = call.host.switching_on if call.host.machine.runtime == "running" else None
    late = [check for check in checks if booting is not None and check.name in OF_THE_RUNTIME]
    await preflight.run((check for check in checks if check not in late), data.ignored, call.err)
    if data.dry_run:
        call.say("[preflight] Would pull the required images (like 'kubeadm config images pull')")
    else:
        call.say("[preflight] Pulling images required for setting up a Kubernetes cluster")
        call.say("[preflight] This might take a minute or two, depending on the speed of your internet connection")
        call.say("[preflight] You can also perform this action beforehand using 'kubeadm config images pull'")

    async def look_at_runtime() -> None:
        if booting is not None:
            await booting
        await preflight.run(late, data.ignored, call.err)
        if not data.dry_run:
            await pull_images(call, data.configuration, data.ignored)

    if booting is None:
        await look_at_runtime()
    else:  # it must be there when the kubelet starts; certificates need none
        data.unsettled.append(look_at_runtime)


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
