"""ping: one line an answer, and the statistics, in busybox's words and in iputils'."""

from __future__ import annotations

import contextlib
import errno
import signal

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses
from minikube_edu.lib import clock


@program("ping [OPTIONS] HOST", failure=2)
async def ping(process: Process) -> int:
    small = is_busybox(process)
    arguments = parse(process, "c:W:i:w:qs:46I:t:nvfDO")
    if not arguments.operands:
        raise Complaint("", 1, usage=True) if small else Complaint("usage error: Destination address required")
    host = arguments.operands[-1]
    try:
        ip = (await addresses(process, host))[0]
    except NameNotFound as error:
        if small:
            raise Complaint(f"bad address '{host}'", 1) from None
        temporary = error.kind != "NXDOMAIN"
        words = "Temporary failure in name resolution" if temporary else "Name or service not known"
        raise Complaint(f"{host}: {words}") from None
    return await Pinging(process, arguments, host, ip, small).run()


class Pinging:
    def __init__(self, process: Process, arguments: Arguments, host: str, ip: str, small: bool) -> None:
        self.process = process
        self.host = host
        self.ip = ip
        self.small = small
        self.quiet = arguments.has("q")
        self.count = arguments.number("c", 0)
        self.size = arguments.number("s", 56)
        self.wait = self._seconds(arguments, "W", 10.0 if small else 3.5)
        self.interval = self._seconds(arguments, "i", 1.0)
        self.deadline = self._seconds(arguments, "w", 0.0)
        self.sent = self.errors = 0
        self.times: list[float] = []
        self.stopped = False

    @staticmethod
    def _seconds(arguments: Arguments, name: str, default: float) -> float:
        value = arguments.last(name)
        try:
            return float(value) if value else default
        except ValueError:
            raise Complaint(f"invalid number '{value}'") from None

    async def run(self) -> int:
        began = clock.monotonic()
        self.process.on_signal(signal.SIGINT, lambda _: setattr(self, "stopped", True))
        bytes_shown = f"{self.size} data bytes" if self.small else f"{self.size}({self.size + 28}) bytes of data."
        shown = f"PING {self.host} ({self.ip})" + (":" if self.small else "")
        await self.process.print(f"{shown} {bytes_shown}")
        while not self.stopped and (not self.count or self.sent < self.count):
            if self.deadline and clock.monotonic() - began >= self.deadline:
                break
            sent_at = clock.monotonic()
            await self.one(self.deadline - (sent_at - began) if self.deadline else self.wait)
            last = bool(self.count and self.sent >= self.count)
            pause = self.interval - (clock.monotonic() - sent_at)
            if not last and not self.stopped and pause > 0:
                with contextlib.suppress(InterruptedError):
                    await self.process.sleep(pause)
        await self.statistics(clock.monotonic() - began)
        return 0 if self.times else 1

    async def one(self, wait: float) -> None:
        self.sent += 1
        number = self.sent - 1 if self.small else self.sent
        try:
            seconds = await self.process.network.ping(self.ip, min(wait, self.wait))
        except OSError as error:
            self.errors += error.errno != errno.ETIMEDOUT
            if error.errno == errno.ENETUNREACH:
                raise Complaint("sendto: Network unreachable" if self.small else "connect: Network is unreachable",
                                1 if self.small else 2) from None  # fmt: skip
            if error.errno == errno.EHOSTUNREACH and not self.small:
                own = self.process.network.ips[0] if self.process.network.ips else self.ip
                await self.process.print(f"From {own} icmp_seq={number} Destination Host Unreachable")
            return
        self.times.append(seconds * 1000)
        if self.quiet:
            return
        label = "seq" if self.small else "icmp_seq"
        milliseconds = f"{seconds * 1000:.3f}"
        await self.process.print(
            f"{self.size + 8} bytes from {self._source()}: {label}={number} ttl=64 time={milliseconds} ms"
        )

    def _source(self) -> str:
        return self.ip if self.small or self.host == self.ip else f"{self.host} ({self.ip})"

    async def statistics(self, spent: float) -> None:
        received = len(self.times)
        loss = round(100 * (self.sent - received) / self.sent) if self.sent else 0
        say = self.process.print
        await say(f"\n--- {self.host} ping statistics ---")
        low, high = (min(self.times), max(self.times)) if self.times else (0.0, 0.0)
        average = sum(self.times) / received if received else 0.0
        if self.small:
            await say(f"{self.sent} packets transmitted, {received} packets received, {loss}% packet loss")
            if self.times:
                await say(f"round-trip min/avg/max = {low:.3f}/{average:.3f}/{high:.3f} ms")
            return
        errors = f"+{self.errors} errors, " if self.errors else ""
        counts = f"{self.sent} packets transmitted, {received} received, {errors}{loss}% packet loss"
        await say(f"{counts}, time {round(spent * 1000)}ms")
        if self.times:
            deviation = (sum((one - average) ** 2 for one in self.times) / received) ** 0.5
            await say(f"rtt min/avg/max/mdev = {low:.3f}/{average:.3f}/{high:.3f}/{deviation:.3f} ms")
        else:
            await say("")
