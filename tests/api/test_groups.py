"""Which module answers for an API group, and what if there is none, or a broken one?"""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.api.groups import table_of


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "answering_groups"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "apps.py").write_text("TABLE = {'Deployment': 1}\n")
    (folder / "batch.py").write_text("import a_module_that_is_nowhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return "answering_groups"


def test_is_a_group_found_by_the_first_part_of_its_name(package: str) -> None:
    assert table_of(package, "apps", "TABLE") == table_of(package, "apps.example.com", "TABLE") == {"Deployment": 1}


def test_is_a_group_without_a_module_one_without_rules(package: str) -> None:
    assert table_of(package, "policy", "TABLE") == {}


def test_is_a_module_that_cannot_be_imported_a_fault_and_not_silence(package: str) -> None:
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_nowhere"):
        table_of(package, "batch", "TABLE")
