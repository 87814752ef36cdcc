"""The attempts (attempts.yaml), by what they try: subject -> script."""

from __future__ import annotations

from pathlib import Path

import yaml

_FOUND: dict[str, dict[str, str]] = yaml.load(Path(__file__).with_suffix(".yaml").read_text(), yaml.CSafeLoader)
READING, WRITING, NETWORK, BOMBS = (_FOUND[name] for name in ("reading", "writing", "network", "bombs"))
