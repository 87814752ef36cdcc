"""Is there a program behind every name that the image catalogue gives?"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from minikube_edu.container_runtime.simulated import images

CATALOGUE = Path(images.__file__).parent / "catalogue"
NAMES = sorted(
    {
        name
        for path in CATALOGUE.glob("*.yaml")
        for name in re.findall(r'"([a-z_0-9]+:[a-z_0-9]+)"', path.read_text())
        if not name.split(":")[0].isdigit()
    }
)


@pytest.mark.parametrize("name", NAMES)
def test_the_program_exists(name: str) -> None:
    module, function = name.split(":")
    found = importlib.import_module(f"minikube_edu.container_runtime.simulated.programs.{module}")
    assert callable(getattr(found, function))
