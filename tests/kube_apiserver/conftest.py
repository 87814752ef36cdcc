"""One API server in process for each test that asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.in_process import Api, api_server


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_server() as server:
        yield server
