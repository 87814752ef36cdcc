from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.container_runtime.node import Node
from tests.container_runtime.node import node as running_node


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    async with running_node(tmp_path) as made:
        yield made
