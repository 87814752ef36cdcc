"""Waiting, without ever sleeping a fixed time: for the kubelet, then for the control plane that it boots.

The real kubeadm asks twice a second. Ours asks as soon as there could be an answer, and less often the longer it takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import joined
from minikube_edu.kubeadm.constants import API_PORT, CONTROL_PLANE, MANAGER_PORT, SCHEDULER_PORT
from minikube_edu.kubeadm.phases import dry_run_files
from minikube_edu.lib import clock, durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.api_access import Api
    from minikube_edu.kubeadm.command import Call
    from minikube_edu.kubeadm.phases.init_data import InitData

FIRST, LONGEST = 0.01, 0.25  # seconds between two questions

KUBELET_FAILED = """
Unfortunately, an error has occurred, likely caused by:
	- The kubelet is not running
	- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)

If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:
	- 'systemctl status kubelet'
	- 'journalctl -xeu kubelet'
"""
COMPONENT_FAILED = """
A control plane component may have crashed or exited when started by the container runtime.
To troubleshoot, list all containers using your preferred container runtimes CLI.
Here is one example how you may list all running Kubernetes containers by using crictl:
	- 'crictl --runtime-endpoint {socket} ps -a | grep kube | grep -v pause'
	Once you have found the failing container, you can inspect its logs with:
	- 'crictl --runtime-endpoint {socket} logs CONTAINERID'
"""


async def init(data: InitData) -> None:
    if data.dry_run:
        dry_run_files.show(data)
    configuration, call = data.configuration, data.call
    data.say(
        "[wait-control-plane] Waiting for the kubelet to boot up the control plane as static Pods from directory "
        f'"{data.manifest_directory}"'
    )
    kubelet = configuration.kubelet
    address, port = kubelet.get("healthzBindAddress") or "127.0.0.1", int(kubelet.get("healthzPort") or 0)
    if data.dry_run:
        data.say(f"[dryrun] Would make sure the kubelet returns 'ok' at http://{address}:{port}/healthz")
        return
    try:
        await kubelet_healthy(call, address, port, configuration.timeout("kubeletHealthCheck"))
    except CommandError:
        call.out.write(KUBELET_FAILED)
        raise
    api = await data.bootstrap_api()
    try:
        await components_healthy(
            call,
            api,
            data.manifest_directory,
            configuration.advertise,
            configuration.timeout("controlPlaneComponentHealthCheck"),
        )
    except CommandError as error:
        call.out.write(COMPONENT_FAILED.format(socket=configuration.init["nodeRegistration"]["criSocket"]) + "\n")
        raise CommandError(f"failed while waiting for the control plane to start: {error}") from None


async def kubelet_healthy(call: Call, address: str, port: int, patience: float) -> None:
    if not port:
        call.say("[kubelet-check] Skipping the kubelet health check because the healthz port is set to 0")
        return
    url = f"http://{joined(address, port)}/healthz"
    call.say(f"[kubelet-check] Waiting for a healthy kubelet at {url}. This can take up to {_shown(patience)}")

    async def ask() -> str:
        try:
            status = await call.host.status_of(url)
        except OSError as error:
            return f"The HTTP call equal to 'curl -sSL {url}' returned error: Get \"{url}\": {error}\n"
        return "" if status == 200 else f"The HTTP call equal to 'curl -sSL {url}' returned status code: {status}\n"

    took, complaint = await _until(ask, patience)
    if complaint:
        call.say(f"[kubelet-check] The kubelet is not healthy after {took}")
        raise CommandError(f"failed while waiting for the kubelet to start: {complaint}")
    call.say(f"[kubelet-check] The kubelet is healthy after {took}")


async def components_healthy(call: Call, api: Api, manifests: str, advertise: str, patience: float) -> None:
    call.say(
        f"[control-plane-check] Waiting for healthy control plane components. This can take up to {_shown(patience)}"
    )
    asked = []
    for name in CONTROL_PLANE:
        url = _url(call, manifests, name, advertise)
        call.say(f"[control-plane-check] Checking {name} at {url}")
        asked.append(_component(call, api, name, url, patience))
    complaints = [text for text in await asyncio.gather(*asked) if text]
    if complaints:
        raise CommandError(complaints[0] if len(complaints) == 1 else f"[{', '.join(complaints)}]")


async def _component(call: Call, api: Api, name: str, url: str, patience: float) -> str:
    async def ask() -> str:
        try:
            if name == "kube-apiserver":  # with credentials: it may refuse the anonymous
                await api.livez()
                return ""
            status = await call.host.status_of(url)
        except (OSError, ApiError) as error:
            return f'{name} check failed at {url}: Get "{url}": {error}'
        return "" if status == 200 else f"{name} check failed at {url} with status: {status}"

    took, complaint = await _until(ask, patience)
    call.say(f"[control-plane-check] {name} is {'not healthy' if complaint else 'healthy'} after {took}")
    return complaint


def _url(call: Call, manifests: str, name: str, advertise: str) -> str:
    """Where a component's manifest says that it answers."""
    address_flag, port, path = {
        "kube-apiserver": ("advertise-address", API_PORT, "livez"),
        "kube-controller-manager": ("bind-address", MANAGER_PORT, "healthz"),
        "kube-scheduler": ("bind-address", SCHEDULER_PORT, "livez"),
    }[name]
    said = _flags_of(files.read(call.host, f"{manifests}/{name}.yaml").decode(), name)
    address = said.get(address_flag) or (advertise if name == "kube-apiserver" else "127.0.0.1")
    return f"https://{joined(address, said.get('secure-port') or port)}/{path}"


def _flags_of(manifest: str, name: str) -> dict[str, str]:
    pod: Any = files.parse_yaml(manifest)
    for container in pod["spec"]["containers"]:
        command = container.get("command") or ()
        if command[:1] == [name]:
            return dict(word.lstrip("-").split("=", 1) for word in command if word.startswith("-") and "=" in word)
    raise CommandError(
        "could not parse the address and port of all control plane components: the Pod has no container command "
        f'starting with "{name}"'
    )


async def _until(ask: Callable[[], Awaitable[str]], patience: float) -> tuple[str, str]:
    """How long it took, and the last complaint: empty when all is well."""
    start, pause = clock.monotonic(), FIRST
    while True:
        complaint = await ask()
        took = clock.monotonic() - start
        if not complaint or took >= patience:
            return durations.from_seconds(round(took, 6)), complaint
        await asyncio.sleep(pause)
        if took > 2:
            pause = min(pause * 1.3, LONGEST)


def _shown(seconds: float) -> str:
    return durations.from_seconds(seconds)
