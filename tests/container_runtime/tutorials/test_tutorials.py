"""Do the commands of Kubernetes' tutorials and of CKAD-style exercises give what their texts promise?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.container_runtime.node import node
from tests.container_runtime.tutorials.stage import Stage
from tests.container_runtime.tutorials.table import Case, cases

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[f"{case.subject}: {case.title}" for case in CASES])
async def test_the_promise_of_a_tutorial(case: Case, tmp_path: Path) -> None:
    async with node(tmp_path) as made:
        await Stage(made, case).play()


def test_the_table_covers_what_tutorials_use() -> None:
    assert len(CASES) >= 160
    titles = [(case.subject, case.title) for case in CASES]
    assert len(titles) == len(set(titles))
