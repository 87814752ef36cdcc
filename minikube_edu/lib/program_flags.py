"""The command line of a seat: tables of flags made into a parser that complains as Go's programs do.

A table is `flag -> (default, meaning)`; the default's type is the flag's. Defaults "true" and "false" make a switch,
which may stand without a value. Accepted flags are taken and forgotten, so that real manifests start our programs. A
flag in no table is refused: `Error: unknown flag: --x`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from minikube_edu.lib import version

Table = Mapping[str, tuple[object, str]]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        text = message.replace("unrecognized arguments: ", "unknown flag: ").split("=", 1)[0]
        print(f"Error: {text}", file=sys.stderr)
        sys.exit(1)


class _Joined(argparse.Action):
    """A flag that may be given several times: its values, joined by commas."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: object, option: str | None = None
    ) -> None:
        before = getattr(namespace, self.dest) if getattr(namespace, f"_given_{self.dest}", False) else ""
        setattr(namespace, f"_given_{self.dest}", True)
        setattr(namespace, self.dest, f"{before},{values}" if before else str(values))


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> NoReturn:
        print(f"Kubernetes {version.running()}")
        sys.exit(0)


def parser(
    prog: str,
    description: str,
    tables: Mapping[str, Table],
    *,
    accepted: Iterable[str] = (),
    repeated: Iterable[str] = (),
) -> argparse.ArgumentParser:
    """`tables`: heading of `--help` -> table; `repeated`: flags that may come more than once."""
    made = _Parser(
        prog=prog,
        description=description,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for heading, table in tables.items():
        section = made.add_argument_group(heading)
        for name, (default, meaning) in table.items():
            more: dict[str, Any] = {"type": type(default), "default": default, "help": meaning}
            if default in ("true", "false"):
                more |= {"nargs": "?", "const": "true"}
            if name in repeated:
                more["action"] = _Joined
            section.add_argument(f"--{name}", **more)
    if not any("version" in table for table in tables.values()):
        made.add_argument("--version", nargs="?", const="true", action=_Version, help="print the version and quit")
    for name in accepted:
        made.add_argument(f"--{name}", nargs="?", default=None, help=argparse.SUPPRESS)
    return made


def is_true(text: object) -> bool:
    return str(text).lower() in ("1", "t", "true")
