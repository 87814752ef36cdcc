"""The file that a fileKeyRef names: `KEY='value'`, one a line, as an init container has left it in an emptyDir.

The syntax is a small part of a shell's: values stand in single quotes and may run over several lines; empty lines and
those that begin with # say nothing. Anything else is an error.
"""

from __future__ import annotations

import re

LONGEST = 64 * 1024
_ENTRY = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)='([^']*)'[^\S\n]*(?:#[^\n]*)?(?:\n|$)")
_NOTHING = re.compile(r"[^\S\n]*(?:#[^\n]*)?\n|[^\S\n]+$")


def parse(text: str) -> dict[str, str]:
    """ValueError when a line is none of these."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        if empty := _NOTHING.match(text, at):
            at = empty.end()
        elif entry := _ENTRY.match(text, at):
            found[entry[1]] = entry[2]
            at = entry.end()
        else:
            line = text.count("\n", 0, at) + 1
            raise ValueError(f"invalid environment variable format at line {line}")
    return found
