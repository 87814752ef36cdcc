"""The commands of `files`: name -> "module:function", the module below `simulated` (or its full name)."""

from __future__ import annotations

TABLE: dict[str, str] = {}
