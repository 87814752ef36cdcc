"""The commands of `shell`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {
    "sh": "shell.start:main",
    "ash": "shell.start:main",
    "dash": "shell.start:main",
    "bash": "shell.start:main",
}
