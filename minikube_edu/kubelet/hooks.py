"""postStart and preStop: what a container's author wants done right after the start and right before the end.

exec runs a command in the container, httpGet asks it (any answer will do, whatever its status), sleep waits; tcpSocket
is accepted by the API and does nothing. A failure is SyncFailure with the event's reason and text; what follows from it
(a container whose postStart fails is ended) is decided by the sync loop.
"""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.container_runtime.cri import ContainerRuntime, RuntimeFailure
from minikube_edu.kubelet import http_get, pod_facts
from minikube_edu.kubelet.container_ports import port_number
from minikube_edu.kubelet.contract import PodAddresses, SyncFailure
from minikube_edu.kubelet.http_get import GetFailure, Url
from minikube_edu.kubelet.pod_dialing import PodDialing, PodTarget
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

POST_START, PRE_STOP = "FailedPostStartHook", "FailedPreStopHook"
AGENT = "kube-lifecycle/1.36"


class LifecycleHooks:
    def __init__(self, runtime: ContainerRuntime, dialing: PodDialing | None = None) -> None:
        self.runtime = runtime
        self.dialing = dialing or PodDialing(runtime)

    async def run(
        self, pod: Object, container: Object, container_id: str, handler: Object, addresses: PodAddresses
    ) -> None:
        if "exec" in handler:
            await self._exec(pod, container, container_id, handler)
        elif "httpGet" in handler:
            await self._http(pod, container, container_id, handler, addresses)
        elif "sleep" in handler:
            await asyncio.sleep(float(handler["sleep"].get("seconds") or 0))

    async def _exec(self, pod: Object, container: Object, container_id: str, handler: Object) -> None:
        command = handler["exec"].get("command") or []
        why, output = "", ""
        try:
            answer = await self.runtime.exec_sync(container_id, command)
            output = (answer.stdout + answer.stderr).decode(errors="replace")
            if answer.exit_code:
                told = answer.stderr.decode(errors="replace")
                why = f"command '{' '.join(command)}' exited with {answer.exit_code}: {told}"
        except RuntimeFailure as failure:
            why = str(failure)
        if why:
            raise self._failure(handler, container, f"Exec lifecycle hook ([{' '.join(command)}])", pod, why, output)

    async def _http(
        self, pod: Object, container: Object, container_id: str, handler: Object, addresses: PodAddresses
    ) -> None:
        action = handler["httpGet"]
        path = action.get("path") or ""
        shown = f"HTTP lifecycle hook ({path})"
        try:
            address = addresses.ips[0] if addresses.ips else ""
            url = self._url(action, container, address)
            if not url.host:
                raise ValueError("failed to find networking container")
            target = await self._target(pod, container_id, addresses)
            headers = [(one["name"], one["value"]) for one in action.get("httpHeaders") or ()]
            if not any(name.lower() == "user-agent" for name, _ in headers):
                headers.append(("User-Agent", AGENT))
            await http_get.get(self.dialing, target, url, headers)
        except (ValueError, GetFailure, RuntimeFailure) as error:
            raise self._failure(handler, container, shown, pod, str(error), "") from None

    def _url(self, action: Object, container: Object, address: str) -> Url:
        port = 80 if action.get("port") in (None, "") else port_number(action["port"], container)
        path = action.get("path") or "/"
        scheme = (action.get("scheme") or "HTTP").lower()
        return Url(scheme, action.get("host") or address, port, path if path.startswith("/") else f"/{path}")

    async def _target(self, pod: Object, container_id: str, addresses: PodAddresses) -> PodTarget:
        found = await self.runtime.container_status(container_id)
        return PodTarget(found.sandbox_id, addresses.ips, pod_facts.is_host_network(pod))

    def _failure(
        self, handler: Object, container: Object, shown: str, pod: Object, why: str, output: str
    ) -> SyncFailure:
        """The event's reason is found by which of the container's hooks this is."""
        after = handler == (container.get("lifecycle") or {}).get("postStart")
        text = (
            f'{shown} for Container "{container["name"]}" in Pod "{pod_facts.described(pod)}" failed - '
            f"error: {why}, message: {quote(output)}"
        )
        return SyncFailure(POST_START if after else PRE_STOP, text)
