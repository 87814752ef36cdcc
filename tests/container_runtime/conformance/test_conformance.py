"""Does every case give here what it gives in a real shell?"""

from __future__ import annotations

import pytest

from tests.container_runtime.conformance import ours, references
from tests.container_runtime.conformance.cases import Case, load, recorded, subjects, versions

ALL = [(case, shell) for subject in subjects() for case in load(subject) for shell in case.shells]
NAMES = [f"{case.subject}: {case.name} [{shell}]" for case, shell in ALL]


@pytest.fixture(scope="session")
def records() -> dict[str, dict[str, dict[str, dict[str, object]]]]:
    return {subject: recorded(subject) for subject in subjects()}


def expected(records: dict[str, dict[str, dict[str, dict[str, object]]]], case: Case, shell: str) -> dict[str, object]:
    return records[case.subject][case.name][shell]


@pytest.mark.parametrize(("case", "shell"), ALL, ids=NAMES)
def test_the_reference_still_answers_what_was_recorded(
    case: Case, shell: str, records: dict[str, dict[str, dict[str, dict[str, object]]]]
) -> None:
    if references.program(shell) is None:
        pytest.skip(f"no {shell} here: the recorded answer stands for it")
    if references.version(shell) != versions()[shell]:
        pytest.skip(f"another version of {shell} than the recorded one")
    assert references.ask(case, shell).shown(case) == expected(records, case, shell)


@pytest.mark.parametrize(("case", "shell"), ALL, ids=NAMES)
async def test_ours_answers_the_same(
    case: Case, shell: str, records: dict[str, dict[str, dict[str, dict[str, object]]]]
) -> None:
    got = await ours.answer(case, shell)
    assert got.shown(case) == expected(records, case, shell)
