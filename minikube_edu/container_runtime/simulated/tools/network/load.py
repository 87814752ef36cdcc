"""ab, hey, wrk and siege: they really send requests, many at a time, and count what comes back."""

from __future__ import annotations

import asyncio

from msgspec import Struct, field

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses
from minikube_edu.container_runtime.simulated.tools.network.http_talk import (
    EmptyReply,
    Exchange,
    NotHttp,
    Url,
    parse_url,
)
from minikube_edu.lib import clock

MOST = 200_000
FLAGS_WITH_VALUE = "ncztsdDmHTupAXpwhoqkr"


class Run(Struct):
    url: Url
    ip: str
    requests: int
    seconds: float
    workers: int
    times: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    failed: int = 0
    size: int = 0
    body: int = 0
    server: str = ""
    spent: float = 0.0

    async def go(self, process: Process) -> None:
        began = clock.monotonic()
        left = self.requests
        end = began + self.seconds if self.seconds else float("inf")

        async def work() -> None:
            nonlocal left
            while left > 0 and clock.monotonic() < end:
                left -= 1
                await self.one(process)
                await process.breathe()

        workers = [process.thread(work()) for _ in range(max(1, min(self.workers, 500)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        self.spent = max(clock.monotonic() - began, 1e-6)

    async def one(self, process: Process) -> None:
        began = clock.monotonic()
        try:
            connection = await process.network.connect(self.ip, self.url.port, 30)
        except OSError:
            self.failed += 1
            return
        try:
            exchange = Exchange(connection)
            headers = [
                ("Host", self.url.authority),
                ("User-Agent", process.name),
                ("Accept", "*/*"),
                ("Connection", "close"),
            ]
            await exchange.send("GET", self.url.target, headers)
            answer = await exchange.answer()
            body = await exchange.whole(answer)
        except (OSError, EmptyReply, NotHttp, EOFError):
            self.failed += 1
            return
        finally:
            connection.close()
        self.times.append(clock.monotonic() - began)
        self.statuses[answer.status] = self.statuses.get(answer.status, 0) + 1
        self.body = len(body)
        self.size += len(body) + len(answer.raw)
        self.server = answer.get("server")

    def percentile(self, share: float) -> float:
        ordered = sorted(self.times) or [0.0]
        return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))]


def options(process: Process) -> tuple[dict[str, str], list[str]]:
    found: dict[str, str] = {}
    operands: list[str] = []
    words = list(process.argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("-") and len(word) > 1:
            letter, rest = word[1], word[2:]
            if letter in FLAGS_WITH_VALUE and not (process.name == "ab" and letter in "krd"):
                found[letter] = rest or (words.pop(0) if words else "")
            else:
                found[letter] = ""
        else:
            operands.append(word)
    return found, operands


def seconds(text: str) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0}
    value, unit = (text[:-1], text[-1]) if text[-1:] in units else (text, "s")
    return float(value) * units[unit.lower()] if value.replace(".", "", 1).isdigit() else 0.0


async def load(process: Process) -> int:
    found, operands = options(process)
    if not operands:
        await process.stderr.write(f"{process.name}: wrong number of arguments\n".encode())
        return 22
    try:
        url = parse_url(operands[0])
        ip = (await addresses(process, url.host))[0]
    except ValueError:
        await process.stderr.write(f"{process.name}: invalid URL\n".encode())
        return 22
    except NameNotFound:
        await process.stderr.write(
            f"{process.name}: apr_sockaddr_info_get() for {url.host}: Name or service not known (670002)\n".encode()
        )
        return 22
    number = {"ab": 1, "hey": 200}.get(process.name, MOST)
    limit = seconds(found.get("z") or found.get("d") or found.get("t", ""))
    wanted = int(found["n"]) if found.get("n", "").isdigit() else (50_000 if limit else number)
    if process.name in ("wrk", "siege") and not limit:
        limit = 10.0
    workers = int(found["c"]) if found.get("c", "").isdigit() else {"ab": 1, "hey": 50}.get(process.name, 10)
    run = Run(url, ip, min(wanted, MOST), limit, workers)
    if process.name == "ab":
        await process.print(AB_HEAD + f"Benchmarking {url.host} (be patient).....", end="")
    await run.go(process)
    if process.name == "ab":
        if run.failed and not run.times:
            await process.stderr.write(b"\napr_socket_recv: Connection refused (111)\n")
            return 111
        await process.print(_ab(run))
    elif process.name == "wrk":
        await process.print(_wrk(run))
    else:
        await process.print(_hey(run))
    return 0


AB_HEAD = """This is ApacheBench, Version 2.3 <$Revision: 1923142 $>
Copyright 1996 Adam Twiss, Zeus Technology Ltd, http://www.zeustech.net/
Licensed to The Apache Software Foundation, http://www.apache.org/

"""


def _ab(run: Run) -> str:
    done = len(run.times)
    rate = done / run.spent
    bad = sum(count for status, count in run.statuses.items() if not 200 <= status < 300)
    average = 1000 * run.spent * run.workers / max(done, 1)
    lines = [
        "done", "", "", f"Server Software:        {run.server}", f"Server Hostname:        {run.url.host}",
        f"Server Port:            {run.url.port}", "", f"Document Path:          {run.url.target}",
        f"Document Length:        {run.body} bytes", "", f"Concurrency Level:      {run.workers}",
        f"Time taken for tests:   {run.spent:.3f} seconds", f"Complete requests:      {done}",
        f"Failed requests:        {run.failed}", *([f"Non-2xx responses:      {bad}"] if bad else []),
        f"Total transferred:      {run.size} bytes", f"HTML transferred:       {run.body * done} bytes",
        f"Requests per second:    {rate:.2f} [#/sec] (mean)", f"Time per request:       {average:.3f} [ms] (mean)",
        f"Time per request:       {average / run.workers:.3f} [ms] (mean, across all concurrent requests)",
        f"Transfer rate:          {run.size / 1024 / run.spent:.2f} [Kbytes/sec] received", "",
        "Percentage of the requests served within a certain time (ms)",
        *(f"  {share}%  {round(run.percentile(share) * 1000):>5}" for share in (50, 66, 75, 80, 90, 95, 98, 99)),
        f" 100%  {round(run.percentile(100) * 1000):>5} (longest request)",
    ]  # fmt: skip
    return "\n".join(lines)


def _hey(run: Run) -> str:
    done = max(len(run.times), 1)
    statuses = "".join(f"  [{status}]\t{count} responses\n" for status, count in sorted(run.statuses.items()))
    errors = f"\nError distribution:\n  [{run.failed}]\tconnection failed\n" if run.failed else ""
    marks = "".join(f"  {share}% in {run.percentile(share):.4f} secs\n" for share in (10, 25, 50, 75, 90, 95, 99))
    return (
        f"\nSummary:\n  Total:\t{run.spent:.4f} secs\n  Slowest:\t{run.percentile(100):.4f} secs\n"
        f"  Fastest:\t{min(run.times, default=0.0):.4f} secs\n  Average:\t{sum(run.times) / done:.4f} secs\n"
        f"  Requests/sec:\t{len(run.times) / run.spent:.4f}\n\nLatency distribution:\n{marks}\n"
        f"Status code distribution:\n{statuses}{errors}"
    )


def _wrk(run: Run) -> str:
    return (
        f"Running {run.spent:.0f}s test @ {run.url.scheme}://{run.url.authority}{run.url.target}\n"
        f"  {run.workers} connections\n  {len(run.times)} requests in {run.spent:.2f}s, "
        f"{run.size / 1048576:.2f}MB read\n"
        f"Requests/sec: {len(run.times) / run.spent:>10.2f}\nTransfer/sec: {run.size / 1048576 / run.spent:>10.2f}MB"
    )
