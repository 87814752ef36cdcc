"""Whatever is sent, does the server have an answer: no traceback, no hang, no 5xx that the real one does not have?

Hypothesis chooses the seeds; a seed makes a server and the requests that it gets. `FUZZ_SECONDS=600` makes it a long
run. A failure prints the request: it is the last of the seed's.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikube_edu.lib import clock
from minikube_edu.lib.web.inprocess import MemoryBody
from minikube_edu.lib.web.messages import Peer, Request, Response, Streaming, Upgrade
from tests.in_process import ADMIN, Api, api_server
from tests.kube_apiserver.random_requests import Ask, RandomRequests

SECONDS = float(os.environ.get("FUZZ_SECONDS", "6"))
REQUESTS = 1000

# 5xx answers that the real server gives as well: to all, and to server-side apply and strategic patches
REAL = re.compile(
    r"strconv.ParseUint: parsing|resourceVersion: Invalid value|resourceVersion should not be set on objects"
    r"|Timeout: Too large resource version|target.kind: Unsupported value|target.name: Required value"
    r"|range is full|duplicate nodePort"
    r"|no endpoints available|error trying to reach service|dial tcp|no preferred addresses"
)
REAL_PATCH = re.compile(
    r"failed to create (typed (patch|live)|manager for existing fields)|illegal base64 data|parsing time"
    r"|cannot unmarshal|quantities must match|list element types are not identical|unable to find api field"
    r"|\$setElementOrder|invalid patch|does not contain declared merge key|map: map"
)


class Traceback(logging.Handler):
    """Fails the run when the server logs one."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record))


def is_real(ask: Ask, text: str) -> bool:
    return bool(REAL.search(text) or (ask.method == "PATCH" and REAL_PATCH.search(text)))


async def send(api: Api, ask: Ask) -> Response | None:
    """The answer; None when it was a stream that began well, or another protocol."""
    path, _, query = ask.target.partition("?")
    peer = Peer("", "", None)
    peer.memo["user"] = ADMIN
    request = Request(ask.method, path, query, (*ask.headers, (b"host", b"fuzz")), ask.body, peer)
    async with asyncio.timeout(10):
        answer = api.server.handle(request)
        if not isinstance(answer, Response | Streaming | Upgrade):
            answer = await answer
        if isinstance(answer, Response):
            return answer
        if isinstance(answer, Streaming):
            body = MemoryBody(answer)
            body.begin(answer.start)
            await asyncio.sleep(0)
            body.lost()
            if body.task is not None:
                await asyncio.gather(body.task, return_exceptions=True)
    return None


async def run(seed: int, deadline: float, counts: Counter[int]) -> None:
    log = Traceback()
    logger = logging.getLogger("minikube_edu")
    logger.addHandler(log)
    try:
        async with api_server() as api:
            requests = RandomRequests(api.server.scheme, seed)
            for number in range(REQUESTS):
                if clock.monotonic() > deadline:
                    return
                ask = next(requests)
                where = f"seed {seed}, request {number}: {ask.method} {ask.target} {ask.headers}\n{ask.body!r}\n"
                try:
                    reply = await send(api, ask)
                except TimeoutError:
                    raise AssertionError(f"no answer in time: {where}") from None
                assert not log.seen, where + "\n".join(log.seen)
                if reply is not None:
                    counts[reply.status] += 1
                    whole = reply.body if isinstance(reply.body, bytes) else b"".join(reply.body)
                    text = whole.decode("utf-8", "replace")
                    assert reply.status < 500 or is_real(ask, text), f"{where}{reply.status} {text}"
    finally:
        logger.removeHandler(log)


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_no_request_makes_the_server_fail(capsys: pytest.CaptureFixture[str]) -> None:
    deadline = clock.monotonic() + SECONDS
    counts: Counter[int] = Counter()

    @settings(max_examples=int(SECONDS * 5), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def campaign(seed: int) -> None:
        if clock.monotonic() < deadline:
            asyncio.run(run(seed, deadline, counts))

    campaign()
    assert min(counts[200], counts[201], counts[422]), counts  # it did reach the depths
