"""Make `facts/columns.json`: the columns of every kind's Table.

    python -m minikube_edu.api.tables.generate --columns table-columns.json --out minikube_edu/api/facts

The input is what a server says: group/version/resource -> columnDefinitions. Most descriptions are those of a field;
such a one becomes a reference, `=core.v1.PodStatus.podIP`, and the words are looked up when a Table is first asked
for.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from minikube_edu.api import descriptions, schema


def references() -> dict[str, str]:
    """Description -> the field that bears it; the types that all objects share come first."""
    found: dict[str, str] = {}
    names = sorted(schema.type_names(), key=lambda name: (not name.startswith("meta.v1.ObjectMeta"), name))
    for name in names:
        for field in schema.struct(name).fields:
            text = descriptions.of_field(name, field)
            if text:
                found.setdefault(text, f"={name}.{field}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "facts")
    options = parser.parse_args()
    known = references()
    columns: dict[str, list[dict[str, Any]]] = json.loads(options.columns.read_text())
    lines = []
    for resource, definitions in columns.items():
        rows = [
            [c["name"], c["type"], c["format"], c["priority"], known.get(c["description"], c["description"])]
            for c in definitions
        ]
        lines.append(f"{json.dumps(resource)}: {json.dumps(rows)}")
    (options.out / "columns.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")
    print(f"{len(lines)} tables")


if __name__ == "__main__":
    main()
