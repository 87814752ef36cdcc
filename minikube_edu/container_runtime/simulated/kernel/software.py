"""Which programs a container can run, and which packages would bring more.

`names` limits the tools of the table to those an image has; None: all. An image's own programs come first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import Program
from minikube_edu.container_runtime.simulated.tools import table


class Software(Struct):
    programs: Mapping[str, Program] = field(default_factory=dict)  # the image's own, by name
    packages: Mapping[str, Iterable[str]] = field(default_factory=dict)  # package -> the commands it brings

    def program_of(self, command: str) -> Program | None:
        return self.programs.get(command) or table.find(command)

    def installable(self, package: str) -> Iterable[str] | None:
        return self.packages.get(package)
