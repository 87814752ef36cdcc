"""Images of a user's own: every *.yaml and *.py of a directory (`--image-dir`), described in docs/images.md.

A YAML file has `images` (entries, as in catalogue/*.yaml; a single entry may stand alone) and `registries` (rules, see
registry.py). A Python file has `IMAGES`, a list of such entries, whose `programs` may be coroutine functions
`async def main(process)`. Python files run in the runtime's process: they are the user's own code, not a container's.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue


class BadImageFile(ValueError):
    """A file of the image directory cannot be used: the message names it, and what is wrong."""


def load(directory: Path, catalogue: Catalogue) -> int:
    """Returns how many entries there were."""
    count = 0
    for file in sorted(directory.iterdir()):
        if file.suffix in (".yaml", ".yml", ".py") and not file.name.startswith((".", "_")):
            count += _load_file(file, catalogue)
    return count


def _load_file(file: Path, catalogue: Catalogue) -> int:
    try:
        images, registries = _python(file) if file.suffix == ".py" else _yaml(file)
        for entry in images:
            catalogue.add(_plain(entry), f"image {entry.get('names', ['?'])}")
    except (ValueError, TypeError, AttributeError, KeyError, SyntaxError) as error:
        raise BadImageFile(f"{file}: {error}") from error
    except Exception as error:
        raise BadImageFile(f"{file}: {type(error).__name__}: {error}") from error
    catalogue.registries.extend(registries)
    return len(images)


def _yaml(file: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    import yaml

    data = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    if not isinstance(data, dict):
        raise ValueError("a mapping with images is expected")
    if "names" in data or "name" in data:
        return [data], []
    if unknown := set(data) - {"images", "registries"}:
        raise ValueError(f"unknown key {sorted(unknown)[0]!r}")
    return list(data.get("images") or []), list(data.get("registries") or [])


def _python(file: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = runpy.run_path(str(file))
    if "IMAGES" not in found:
        raise ValueError("IMAGES is missing")
    return list(found["IMAGES"]), list(found.get("REGISTRIES", ()))


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    """`name` for a single name, any tag unless rules are given, texts for keys."""
    made = dict(entry)
    if "name" in made:
        made["names"] = [made.pop("name")]
    made.setdefault("tags", {"any": True})
    for key in ("answers", "files", "env", "bin"):
        if isinstance(made.get(key), dict):
            made[key] = {str(name): value for name, value in made[key].items()}
    return made
