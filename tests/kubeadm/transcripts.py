"""Recorded terminals: `$ command`, what it printed, `= code` when that was not 0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).parent / "data"


def read(name: str) -> Iterator[tuple[str, str, int]]:
    """(command, output, exit code)"""
    text = (DATA / name).read_text(encoding="utf-8")
    for block in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = block.partition("\n")
        output = re.sub(r"(?<=\n)(# .*\n)+\Z", "", output)  # a remark upon the next command
        code = 0
        if found := re.search(r"^= ([0-9]+)\n\Z", output, flags=re.MULTILINE):
            code, output = int(found[1]), output[: found.start()]
        yield command, output, code
