"""kubectl kustomize, and -k: manifests out of bases, overlays, patches, generators.

    text = build("overlays/prod")     # YAML, as `kubectl apply -f -` takes it

`target` walks the tree of kustomizations; at each it gathers `resources`, runs `generators`, then the transformers:
`patches`, `transformers`, `replacements`. When the tree is walked, generated names get their hashes (which change with
the content), references follow (`references`), and all is sorted (`ordering`). Behaviour is that of kustomize v5.8.1 in
kubectl v1.36; helm charts, plugins and remote bases are refused, as kubectl refuses the first two.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def build(folder: str, warn: Callable[[str], None] | None = None) -> str:
    """The resources of a folder's kustomization as one YAML text. Deprecations go to `warn`, line by line (standard
    error, if there is none). Errors are ValueErrors with kustomize's words."""
    from minikube_edu.kubectl.printers import yaml_out

    return "---\n".join(yaml_out.encode(obj) for obj in objects(folder, warn))


def objects(folder: str, warn: Callable[[str], None] | None = None) -> list[Object]:
    """The same, as objects."""
    from minikube_edu.kubectl.kustomize.target import make

    return make(folder, warn or _to_standard_error)


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr)
