from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from minikube_edu.etcd.contract import Store
from tests.etcd.stores import OPENERS, REAL_ETCD


@pytest_asyncio.fixture(params=list(OPENERS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Each of the five stores, empty."""
    if request.param == "etcd" and not REAL_ETCD:
        pytest.skip("no real etcd here: install etcd-server, or name its program in the variable ETCD")
    async with OPENERS[request.param](tmp_path) as store:
        yield store
