"""What `kubectl drain` does with a node's pods: which of them may go, and how they are made to.

Pods of DaemonSets stay (they would come back at once), mirror pods cannot go; pods that nobody would make again, or whose
local data would be lost, need leave from the user. Evictions that a disruption budget forbids are tried again.
"""  # noqa: E501  # the real text

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.api import durations
from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.live_line import LiveLine
from minikube_edu.kubectl.waiting import WEEK, Deadline
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

PODS = Resource("", "v1", "pods", kind="Pod")
DAEMON_SETS = Resource("apps", "v1", "daemonsets", kind="DaemonSet")
NO_CONTROLLER = "Pods that declare no controller"
LOCAL_DATA = "Pods with local storage"
DAEMONS = "DaemonSet-managed Pods"


class Drain:
    def __init__(self, call: Call, dry: str, line: LiveLine) -> None:
        self.call, self.dry, self.line = call, dry, line
        self._gone_already = 0
        self._refused: dict[str, str] = {}  # a pod -> by what
        flags = call.flags
        self.force, self.data, self.daemons = flags["force"], flags["delete-emptydir-data"], flags["ignore-daemonsets"]
        seconds = durations.seconds(flags["timeout"])
        self.timeout = flags["timeout"]
        self.deadline = Deadline(seconds or WEEK)

    async def node(self, info: Info) -> None:
        pods = await self._chosen(info)
        if not pods:
            return
        if self.dry == "none":
            self.line.show(lambda: self._progress(info, len(pods)))
        results = await asyncio.gather(*(self._remove(pod) for pod in pods), return_exceptions=True)
        self.line.hide()
        errors = [one for one in results if isinstance(one, Exception)]
        if errors:
            text = str(errors[0]) if len(errors) == 1 else f"[{', '.join(map(str, errors))}]"
            pending = await self._pending(pods)
            self.call.out.flush()
            self.call.warn(f'There are pending pods in node "{info.name}" when an error occurred: {text}')
            for name in pending:
                self.call.warn(f"pod/{name}")
            raise_all(errors)

    def _progress(self, info: Info, count: int) -> str:
        """`worker-1 ████····  12s  4/8 pods gone, budget web refuses web-1, web-2`"""
        by_budget: dict[str, list[str]] = {}
        for pod, budget in self._refused.items():
            by_budget.setdefault(budget, []).append(pod)
        refused = "".join(f", {budget} refuses {', '.join(pods)}" for budget, pods in by_budget.items())
        done = self._gone_already
        bar = self.line.bar(done, done, count)
        return f"{info.name} {bar}  {self.line.passed}  {done}/{count} pods gone{refused}"

    async def _pending(self, pods: list[Object]) -> list[str]:
        return [pod["metadata"]["name"] for pod in pods]

    async def _chosen(self, info: Info) -> list[Object]:
        listed = await self.call.factory.send(
            "GET",
            PODS.path(),
            fieldSelector=f"spec.nodeName={info.name}",
            labelSelector=self.call.flags["pod-selector"],
        )
        chosen: list[Object] = []
        warnings: dict[str, list[str]] = {}
        errors: dict[str, list[str]] = {}
        for pod in listed.get("items") or ():
            keep, warning, error = await self._judge(pod)
            name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
            if warning:
                warnings.setdefault(warning, []).append(name)
            if error:
                errors.setdefault(error, []).append(name)
            elif not keep:
                chosen.append(pod)
        if errors:
            raise_all([CommandError(f"cannot delete {why}: {', '.join(names)}") for why, names in errors.items()])
        if warnings:
            self.call.warn("Warning: " + "; ".join(f"{why}: {', '.join(names)}" for why, names in warnings.items()))
        return chosen

    async def _judge(self, pod: Object) -> tuple[bool, str, str]:
        """(stays, warning, error)"""
        metadata, status = pod["metadata"], pod.get("status") or {}
        if "kubernetes.io/config.mirror" in (metadata.get("annotations") or {}):
            return True, "", ""
        finished = status.get("phase") in ("Succeeded", "Failed")
        owner = next((one for one in metadata.get("ownerReferences") or () if one.get("controller")), None)
        if owner is not None and owner.get("kind") == "DaemonSet" and not finished:
            if not await self._exists(metadata["namespace"], owner["name"]):
                return (
                    (False, f"deleting {NO_CONTROLLER}", "")
                    if self.force
                    else (False, "", f"{NO_CONTROLLER} (use --force to override)")
                )
            if self.daemons:
                return True, f"ignoring {DAEMONS}", ""
            return True, "", f"{DAEMONS} (use --ignore-daemonsets to ignore)"
        if any("emptyDir" in one for one in pod["spec"].get("volumes") or ()) and not finished and not self.data:
            return True, "", f"{LOCAL_DATA} (use --delete-emptydir-data to override)"
        if owner is None and not finished:
            if self.force:
                return False, f"deleting {NO_CONTROLLER}", ""
            return True, "", f"{NO_CONTROLLER} (use --force to override)"
        return False, "", ""

    async def _exists(self, namespace: str, name: str) -> bool:
        try:
            await self.call.factory.send("GET", DAEMON_SETS.path(namespace, name))
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return True

    async def _remove(self, pod: Object) -> None:
        metadata = pod["metadata"]
        namespace, name = metadata["namespace"], metadata["name"]
        evicting = not self.call.flags["disable-eviction"]
        verb = "evicting" if evicting else "deleting"
        self.call.warn(f"{verb} pod {namespace}/{name}{printing.operation('', self.dry)}")
        if self.dry == "client":
            return
        options: Object = {"dryRun": ["All"]} if self.dry == "server" else {}
        if self.call.flags["grace-period"] >= 0:
            options["gracePeriodSeconds"] = self.call.flags["grace-period"]
        if evicting:
            await self._evict(namespace, name, options)
        else:
            await self.call.factory.send("DELETE", PODS.path(namespace, name), options or None)
        if self.dry == "none":
            await self._gone(pod)
            self._gone_already += 1
            self.call.say(f"pod/{name} {'evicted' if evicting else 'deleted'}")

    async def _evict(self, namespace: str, name: str, options: Object) -> None:
        body: Object = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": options,
        }
        where = f"pods/{quote(name)} -n {quote(namespace)}"
        sender = self.call.factory
        while True:
            try:
                await sender.send("POST", PODS.path(namespace, name, "eviction"), body)
                self._refused.pop(name, None)
                return
            except ApiError as error:
                self._refused.pop(name, None)
                if error.not_found:
                    return
                if error.code == 429:
                    self._refused[name] = _budget(error)
                    self.call.warn(f"error when evicting {where} (will retry after 5s): {error}")
                    await self._pause(where)
                    self.call.warn(f"evicting pod {namespace}/{name}")
                    continue
                raise CommandError(f"error when evicting {where}: {error}") from None

    async def _pause(self, where: str) -> None:
        await asyncio.sleep(min(5.0, self.deadline.left))
        if self.deadline.left <= 0:
            raise CommandError(f"error when evicting {where}: global timeout reached: {self.timeout}")

    async def _gone(self, pod: Object) -> None:
        metadata = pod["metadata"]
        path = PODS.path(metadata["namespace"], metadata["name"])
        while True:
            try:
                found = await self.call.factory.send("GET", path)
            except ApiError as error:
                if error.not_found:
                    return
                raise
            if found["metadata"]["uid"] != metadata["uid"]:
                return
            if self.deadline.left <= 0:
                raise CommandError(
                    f"error when waiting for pod {quote(metadata['name'])} terminating: global timeout reached: "
                    f"{self.timeout}"
                )
            await asyncio.sleep(0.2)


def _budget(error: ApiError) -> str:
    """Which one refused: the name stands in the cause's sentence alone."""
    for cause in error.details.get("causes") or ():
        words = str(cause.get("message", "")).split()
        if cause.get("reason") == "DisruptionBudget" and words[:3] == ["The", "disruption", "budget"] and words[3:]:
            return f"budget {words[3]}"
    return "the server"
