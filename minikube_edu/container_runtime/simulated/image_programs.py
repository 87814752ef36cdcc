"""The programs of one image by name, each imported when it first runs; what the image's packages would bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from minikube_edu.container_runtime.simulated.contract import Program
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.images.root import programs_by_name
from minikube_edu.container_runtime.simulated.kernel.software import Software
from minikube_edu.container_runtime.simulated.package_contents import PACKAGES
from minikube_edu.container_runtime.simulated.tools import table

GENERIC = "generic:main"


def load(place: str) -> Program:
    """`nginx:main` is programs/nginx.py's `main`; a name with dots is a module's full name. A program that does not
    exist is the generic one: an image must run, even if all it does is to be there."""
    module = place.partition(":")[0]
    if "." in module:
        return table.load(place)
    try:
        return table.load(f"programs.{place}")
    except (ModuleNotFoundError, AttributeError):
        return table.load(f"programs.{GENERIC}")


class ImagePrograms(Mapping[str, Program]):
    def __init__(self, definition: Definition) -> None:
        self._places = programs_by_name(definition)

    def __getitem__(self, name: str) -> Program:
        place: Any = GENERIC if name == GENERIC else self._places[name]
        return load(place) if isinstance(place, str) else cast(Program, place)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


_software: dict[str, Software] = {}


def software_of(definition: Definition) -> Software:
    """Shared by all containers of an image."""
    found = _software.get(definition.id)
    if found is None:
        found = _software[definition.id] = Software(ImagePrograms(definition), PACKAGES if definition.packages else {})
    return found


def forget(definition: Definition) -> None:
    _software.pop(definition.id, None)
