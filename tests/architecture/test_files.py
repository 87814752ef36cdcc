"""Is the code laid out as a book: one noun a file, a word about each, no drawers for odds and ends?"""

from __future__ import annotations

import re
import statistics
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "minikube_edu"
FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.name.endswith(("_pb2.py", "_pb2_grpc.py"))]
DRAWERS = {"util", "utils", "helper", "helpers", "model", "models", "common", "misc", "base", "core_utils"}
LONG = 400
NAMED_BY_KUBERNETES = {"resource", "profile", "types"}  # the group resource.k8s.io, scheduling profiles, CEL's types


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def docstring(path: Path) -> str:
    """What a file says of itself, at its very beginning."""
    found = re.match(r'(?:#.*\n)*r?"""(.*?)"""', path.read_text(), re.DOTALL)
    return found[1] if found else ""


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def test_every_package_has_a_charter() -> None:
    missing = [name_of(path) for path in FILES if path.name == "__init__.py" and len(docstring(path)) < 20]
    assert not missing


def test_every_module_says_what_it_is() -> None:
    assert not [name_of(path) for path in FILES if not docstring(path)]
    tests = [path for path in sorted((ROOT / "tests").rglob("*.py")) if path.name not in ("__init__.py", "conftest.py")]
    assert not [name_of(path) for path in tests if not docstring(path)]


def test_there_are_no_drawers() -> None:
    parts = {part for path in FILES for part in (path.stem, path.parent.name)}
    assert not parts & DRAWERS


def test_no_module_has_a_name_of_the_standard_library() -> None:
    """Students run single files: `queue.py` beside them would be imported in place of Python's own."""
    own = {path.stem for path in FILES if path.stem not in ("__init__", "__main__")}
    assert not (own & sys.stdlib_module_names) - NAMED_BY_KUBERNETES


def test_long_files_say_why() -> None:
    silent = [name_of(path) for path in FILES if lines(path) > LONG and not re.search(r"(?i)\blong", docstring(path))]
    assert not silent


def test_half_of_the_files_fit_on_a_few_screens() -> None:
    assert statistics.median(lines(path) for path in FILES if path.name != "__init__.py") <= 150


@pytest.mark.parametrize("word", ["../shared", "/work/"])
def test_the_project_stands_alone(word: str) -> None:
    """Nothing in it names a place outside it."""
    here = Path(__file__)
    kinds = (".py", ".toml", ".md", ".json", ".yaml", ".yml")
    found = [
        name_of(path)
        for folder in ("minikube_edu", "tests", "manifests")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in kinds and path != here and word in path.read_text(errors="replace")
    ]
    assert not found
