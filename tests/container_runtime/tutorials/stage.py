"""Runs one case of the table: a simulated runtime, a name server, the pod, the others, the steps."""

from __future__ import annotations

import asyncio
import re
import shlex
from contextlib import AsyncExitStack

import pytest

from minikube_edu.cni.contract import Address, Attachment
from minikube_edu.container_runtime.cri import (
    ContainerState,
    DnsConfig,
    Mount,
    Resources,
    RuntimeFailure,
    SecurityContext,
)
from tests.container_runtime.node import Node
from tests.container_runtime.pods import SERVICE, Cluster
from tests.container_runtime.tutorials.table import Case, ContainerCase, Step

SEARCH = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
DNS = DnsConfig((SERVICE,), SEARCH, ("ndots:5",))
MIB = 1 << 20


class Stage:
    def __init__(self, node: Node, case: Case) -> None:
        self.node = node
        self.case = case
        self.names = Cluster(node.fabric, AsyncExitStack())
        self.ips: dict[str, str] = {}
        self.sandboxes: dict[str, str] = {}
        self.containers: dict[str, str] = {}

    async def play(self) -> None:
        dns = await self.node.fabric.add(Attachment("id-dns", "kube-system", "coredns"))
        self.node.fabric.set_translate(
            lambda _, to, protocol: Address(dns.ips[0], to.port) if to.ip == SERVICE else None
        )
        answering = asyncio.ensure_future(self.names.answer(dns.datagrams(53)))
        try:
            await self._play()
        finally:
            answering.cancel()

    async def _play(self) -> None:
        case = self.case
        if not case.later:
            await self._others()
        own = await self._sandbox("main", case.hostname)
        coming = asyncio.ensure_future(self._others(case.later)) if case.later else None
        for number, init in enumerate(case.inits):
            container = await self._start(own, init, f"init-{number}" if init.name == "main" else init.name)
            await self._ended(container)
            status = await self.node.runtime.container_status(container)
            assert status.exit_code == 0, self.node.log(status)
        for one in case.containers:
            await self._start(own, one, one.name)
        await asyncio.sleep(case.wait)
        for step in case.steps:
            await self._step(step)
        if coming is not None:
            await coming
        await self._end(self.containers[case.containers[-1].name])

    async def _others(self, later: float = 0) -> None:
        await asyncio.sleep(later)
        for one in self.case.others:
            await self._start(await self._sandbox(one.name, one.name), one, one.name)
        await asyncio.sleep(5 if self.case.others else 0)

    async def _sandbox(self, name: str, hostname: str) -> str:
        share = name == "main" and self.case.share_processes
        id = await self.node.sandbox(name, hostname=hostname, dns=DNS, share_process_namespace=share)
        ip = (await self.node.runtime.sandbox_status(id)).ips[0]
        self.ips[name], self.sandboxes[name] = ip, id
        self.names.names[f"{name}.default.svc.cluster.local"] = ip
        return id

    def _filled(self, text: str) -> str:
        return re.sub(r"\{(\w[\w-]*)\.ip\}", lambda found: self.ips[found[1]], text)

    async def _start(self, sandbox: str, one: ContainerCase, name: str) -> str:
        resources = Resources(cpu_millis=one.cpu, memory_bytes=one.memory * MIB)
        security = SecurityContext(
            privileged=one.privileged,
            run_as_user=one.user,
            run_as_group=one.group,
            supplemental_groups=tuple(one.groups),
            readonly_rootfs=one.readonly,
            add_capabilities=tuple(one.add),
            drop_capabilities=tuple(one.drop),
        )
        container = self.containers[name] = await self.node.create(
            one.image,
            *map(self._filled, one.command),
            sandbox=sandbox,
            name=name,
            args=tuple(map(self._filled, one.args)),
            env={key: self._filled(value) for key, value in one.env.items()},
            mounts=self._mounts(one, name),
            working_dir=one.dir,
            resources=resources,
            security=security,
        )
        await self.node.runtime.start_container(container)
        return container

    def _mounts(self, one: ContainerCase, name: str) -> list[Mount]:
        last_words = self.node.root / "last-words" / name
        last_words.parent.mkdir(exist_ok=True)
        last_words.touch()
        hosts = self.node.root / "hosts"
        hosts.write_text(f"# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n{self.ips.get('main')}\tmy-pod\n")
        mounts = [
            Mount("/dev/termination-log", str(last_words)),
            Mount("/etc/hosts", str(hosts)),
        ]  # the kubelet's
        for path in dict.fromkeys(file.rpartition("/")[0] for file in one.files):
            folder = self.node.root / "volumes" / name / path.strip("/").replace("/", "-")
            folder.mkdir(parents=True, exist_ok=True)
            mounts.append(Mount(path, str(folder), readonly=True))
            for file, text in one.files.items():
                if file.rpartition("/")[0] == path:
                    (folder / file.rpartition("/")[2]).write_text(text)
        if one.shared:
            folder = self.node.root / "volumes/shared"
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)
            mounts.append(Mount(one.shared, str(folder)))
        return mounts

    async def _step(self, step: Step) -> None:
        await asyncio.sleep(step.after)
        command = [self._filled(word) for word in step.run]
        if step.stdin:
            command = ["sh", "-c", f"{shell_words(command)} <<'END_OF_INPUT'\n{step.stdin.rstrip()}\nEND_OF_INPUT"]
        if step.refused:
            with pytest.raises(RuntimeFailure, match=re.escape(step.refused)):
                await self.node.runtime.exec_sync(self.containers[step.where], command, 3600)
            return
        result = await self.node.runtime.exec_sync(self.containers[step.where], command, 3600)
        out, err = result.stdout.decode(), result.stderr.decode()
        seen = f"{' '.join(command)}\ncode {result.exit_code}\n{out}\n{err}"
        assert result.exit_code == step.code, seen
        if step.stdout is not None:
            assert out == self._filled(step.stdout), seen
        if step.stderr is not None:
            assert err == self._filled(step.stderr), seen
        self._compare(out + err, step.matches, step.has, seen)

    def _compare(self, text: str, matches: str, has: object, seen: str) -> None:
        if matches:
            assert re.fullmatch(self._filled(matches), text, re.DOTALL), seen
        for part in has if isinstance(has, list) else ():
            assert self._filled(part) in text, f"{part!r} is not in:\n{seen}"

    async def _ended(self, container: str) -> None:
        async with asyncio.timeout(100_000):
            while (  # noqa: ASYNC110  # nobody else tells it
                await self.node.runtime.container_status(container)
            ).state is not ContainerState.EXITED:
                await asyncio.sleep(0.05)

    async def _end(self, container: str) -> None:
        case, runtime = self.case, self.node.runtime
        if case.stop is not None:
            await runtime.stop_container(container, case.stop)
        if case.code is not None:
            await self._ended(container)
        status = await runtime.container_status(container)
        log = self.node.log(status)
        if case.code is None:
            assert status.state is ContainerState.RUNNING, f"it has ended with {status.exit_code}:\n{log}"
        else:
            assert status.exit_code == case.code, f"code {status.exit_code}\n{log}"
        if case.log is not None:
            assert log == self._filled(case.log), log
        self._compare(log, case.log_matches, case.log_has, log)
        if case.reason:
            assert status.reason == case.reason, status
        if case.message is not None:
            assert (self.node.root / "last-words" / status.config.name).read_text() == case.message


def shell_words(command: list[str]) -> str:

    return shlex.join(command)
