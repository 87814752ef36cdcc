"""From catalogue/*.yaml to catalogue.json: `python -m minikube_edu.container_runtime.simulated.images.compiling`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import yaml

from minikube_edu.container_runtime.simulated.images.entry import check
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.tag_rules import from_data

HERE = Path(__file__).parent


def build(source: Path = HERE / "catalogue") -> bytes:
    """The compiled catalogue; ValueError names what is wrong, and where."""
    bases: dict[str, Any] = {}
    entries: list[dict[str, Any]] = []
    index: dict[str, int] = {}
    rules: dict[str, list[Any]] = {"private": [], "missing": [], "unreachable": []}
    for file in sorted(source.glob("*.yaml")):
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        bases.update(data.get("bases", {}))
        for kind, known in rules.items():
            known.extend(data.get(kind, ()))
        for entry in data.get("images", ()):
            where = f"{file.name}: {entry.get('names', ['?'])[0]}"
            check(entry, where)
            from_data(entry.get("tags", {}))
            entry["names"] = [parse(name).name for name in entry["names"]]
            for condition in entry.get("when", ()):
                if "names" in condition:
                    condition["names"] = [parse(name).name for name in condition["names"]]
            for name in entry["names"]:
                if name in index:
                    raise ValueError(f"{where}: {name} has an entry already")
                index[name] = len(entries)
            entries.append(_with_text_keys(entry))
    files = {file.name: file.read_text(encoding="utf-8") for file in sorted((source / "files").iterdir())}
    made = {"bases": _with_text_keys(bases), "entries": entries, "index": index, "files": files, **rules}
    return orjson.dumps(made, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _with_text_keys(value: Any) -> Any:
    """JSON's keys are texts: ports and versions are numbers in YAML."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_text_keys(item) for item in value]
    return value


def main() -> None:
    (HERE / "catalogue.json").write_bytes(build())


if __name__ == "__main__":
    main()
