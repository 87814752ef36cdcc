"""CoreDNS as a program in its container: `coredns -conf /etc/coredns/Corefile`.

It waits up to five seconds for the API before it serves, as the real one does; on SIGTERM it goes lame for as long as
the `health` plugin says, answering until the end. With `reload` the Corefile is read again in that plugin's rhythm.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import signal

from minikube_edu.client import in_pod, kubeconfig
from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.coredns import corefile, setup
from minikube_edu.coredns.cluster_view import ClusterView
from minikube_edu.coredns.corefile import CorefileError
from minikube_edu.coredns.server import DnsServer
from minikube_edu.coredns.setup import Site
from minikube_edu.coredns.web_face import WebFace

BUILT = "linux/amd64, go1.25.2, 1db4568"
PATIENCE = 5.0  # for the API, before serving without it


async def main(process: Process) -> int:
    return await CoreDns(process).run()


class CoreDns:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.version = str(getattr(process.container.notes.get("image"), "version", ""))
        self.file = _flag(process.argv, "conf") or "Corefile"
        self.text = b""
        self.client: Client | None = None
        self.views: dict[bool, ClusterView] = {}
        self.dns: DnsServer | None = None
        self.web = WebFace(process, self.version)

    async def say(self, line: str) -> None:
        await self.process.print(line)

    async def run(self) -> int:
        if _flag(self.process.argv, "version"):
            await self.say(f"CoreDNS-{self.version}\n{BUILT}")
            return 0
        told = asyncio.get_running_loop().create_future()

        def end(number: int) -> None:
            if not told.done():
                told.set_result(number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            self.process.on_signal(number, end)
        serving = asyncio.get_running_loop().create_task(self._serve())
        try:
            await asyncio.wait([told, serving], return_when=asyncio.FIRST_COMPLETED)
            if told.done():
                await self._leave(told.result())
                return 0
            return serving.result()
        finally:
            serving.cancel()
            in_pod.leave(self._close())

    async def _serve(self) -> int:
        try:
            self.text = await self._read()
            site = await self._site(self.text)
            self.web.site = site
            serving = asyncio.get_running_loop().create_task(self.web.serve())
            try:
                await self._wait_for_api(site)
                self.dns = self.web.dns = DnsServer(self.process.network, site.ports)
                self.dns.start()
                await self._greet(site)
                reloading = asyncio.get_running_loop().create_task(self._reloads(site))
                try:
                    return await serving if any((site.health, site.ready, site.metrics)) else await _for_ever()
                finally:
                    reloading.cancel()
            finally:
                serving.cancel()
        except (CorefileError, kubeconfig.ConfigError) as error:
            await self.say(str(error))
        except OSError as error:
            await self.say(f"Listen: listen tcp :{corefile.DEFAULT_PORT}: bind: {(error.strerror or '').lower()}")
        return 1

    async def _read(self) -> bytes:
        try:
            return await self.process.read_file(self.file)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CorefileError(f"loading Caddyfile via flag: open {self.file}: {reason}") from None

    async def _site(self, text: bytes) -> Site:
        blocks = corefile.parse(text.decode("utf-8", "replace"), self.file, self.process.env)
        return await setup.build(blocks, self.process.read_file, self.say, self.process.network, self._view)

    async def _view(self, pods: bool) -> ClusterView:
        """The copy of the cluster; it outlives reloads."""
        view = self.views.get(pods)
        if view is None:
            if self.client is None:
                config = await in_pod.in_cluster(self.process.read_file, self.process.env)
                dial = self.process.network.connect
                self.client = kubeconfig.connect(config, user_agent="coredns", dial=dial)
            view = self.views[pods] = ClusterView(self.client, pods=pods)
            view.factory.start()
        return view

    async def _wait_for_api(self, site: Site) -> None:
        if site.view is None:
            return
        waited = asyncio.ensure_future(site.view.factory.wait_synced())
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(waited), 0.5)
                return
            await self.say("[INFO] plugin/kubernetes: waiting for Kubernetes API before starting server")
            try:
                await asyncio.wait_for(asyncio.shield(waited), PATIENCE - 0.5)
            except TimeoutError:
                await self.say("[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API")
        finally:
            waited.cancel()

    async def _greet(self, site: Site) -> None:
        for name in site.names:
            await self.say(name)
        if site.reload:
            await self.say(f"[INFO] plugin/reload: Running configuration SHA512 = {_sum(self.text)}")
        await self.say(f"CoreDNS-{self.version}")
        await self.say(BUILT)

    async def _reloads(self, site: Site) -> None:
        while site.reload:
            await asyncio.sleep(site.reload)
            try:
                text = await self._read()
                if text == self.text:
                    continue
                self.text = text
                await self.say("[INFO] Reloading")
                site = await self._site(text)
            except (CorefileError, kubeconfig.ConfigError) as error:
                await self.say(f"[ERROR] Restart failed: {error}")
                await self.say(f"[ERROR] plugin/reload: Corefile changed but reload failed: {error}")
                continue
            assert self.dns is not None
            if set(site.ports) == set(self.dns.ports):
                self.dns.ports = dict(site.ports)
            else:
                counts = self.dns.counts
                self.dns.close()
                self.dns = self.web.dns = DnsServer(self.process.network, site.ports)
                self.dns.counts = counts
                self.dns.start()
            self.web.site = site
            await self.say(f"[INFO] plugin/reload: Running configuration SHA512 = {_sum(text)}")
            await self.say("[INFO] Reloading complete")

    async def _leave(self, number: int) -> None:
        name = signal.Signals(number).name
        await self.say(f"[INFO] {name}: Shutting down servers then terminating")
        lameduck = self.web.site.lameduck
        if lameduck:
            await self.say(f"[INFO] plugin/health: Going into lameduck mode for {lameduck:g}s")
            await asyncio.sleep(lameduck)

    async def _close(self) -> None:
        if self.dns is not None:
            self.dns.close()
        for view in self.views.values():
            await view.factory.stop()
        if self.client is not None:
            await self.client.close()


async def _for_ever() -> int:
    await asyncio.get_running_loop().create_future()
    return 0


def _sum(text: bytes) -> str:
    return hashlib.sha512(text).hexdigest()


def _flag(argv: list[str], name: str) -> str:
    """`-conf X`, `-conf=X`, `--conf X`; a flag without a value is its own name."""
    for index, word in enumerate(argv[1:], 1):
        plain, equals, value = word.lstrip("-").partition("=")
        if word.startswith("-") and plain == name:
            if equals:
                return value
            following = argv[index + 1] if index + 1 < len(argv) else ""
            return following if following and not following.startswith("-") else name
    return ""
