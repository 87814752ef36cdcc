"""Virtual time: when nothing is ready, the next timer is due at once, and the clock says that its time has passed.

While something is at work, time passes as this process works: what others do to the machine makes no test slower in its
own time. Where it waits for a socket or a pipe, that counts as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from minikube_edu.testing.virtual_time import taken_over

NEW_YEAR = 1_767_225_600.0  # 2026: every test begins at the same time


@pytest.fixture(autouse=True)
async def virtual_time() -> AsyncIterator[None]:
    with taken_over(asyncio.get_running_loop(), began=NEW_YEAR):
        yield
