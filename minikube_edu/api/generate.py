"""Make the fact files of `facts/` from what a Kubernetes API server says about itself.

    python -m minikube_edu.api.generate --openapi openapi-v3.json[.gz] --out minikube_edu/api/facts

The OpenAPI v3 documents of a server (one JSON file: path to document, as `kubectl get --raw` prints each) become
`schema.json`: one line a type, names and kinds of fields, merge keys, list types, enums, defaults; no prose. What Go's
encoder does and OpenAPI does not say (explicit zeros that are kept, fields that are always written) stands in
`encoding.json`, which is kept by hand, and is merged in here.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
from pathlib import Path
from typing import Any

PREFIXES = re.compile(
    r"^io\.k8s\.(?:api\.|apimachinery\.pkg\.apis\.|apimachinery\.pkg\.|apiextensions-apiserver\.pkg\.apis\."
    r"|kube-aggregator\.pkg\.apis\.)"
)
# Types whose JSON form is not a struct of fields.
OPAQUE = {
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "meta.v1.FieldsV1": "any",
    "meta.v1.Patch": "any",
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "runtime.RawExtension": "any",
    "apiextensions.v1.JSON": "any",
    "apiextensions.v1.JSONSchemaPropsOrArray": "any",
    "apiextensions.v1.JSONSchemaPropsOrBool": "any",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}
SCALARS = {
    ("string", None): "string",
    ("string", "byte"): "bytes",
    ("string", "date-time"): "time",
    ("integer", "int32"): "int32",
    ("integer", "int64"): "int64",
    ("integer", None): "int64",
    ("boolean", None): "bool",
    ("number", "double"): "float",
    ("number", None): "float",
}


def short_name(definition: str) -> str:
    """`io.k8s.api.apps.v1.Deployment` is `apps.v1.Deployment` in the facts."""
    return PREFIXES.sub("", definition)


def kind_of(schema: dict[str, Any]) -> str:
    """The kind of a field: a scalar's name, `=Type`, `[]kind` or `{}kind`."""
    reference = schema.get("$ref") or next((part["$ref"] for part in schema.get("allOf", ()) if "$ref" in part), None)
    if reference:
        name = short_name(reference.removeprefix("#/components/schemas/"))
        return OPAQUE.get(name, "=" + name)
    if schema.get("type") == "array":
        return "[]" + kind_of(schema["items"])
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return "{}" + kind_of(values) if isinstance(values, dict) else "any"
    if "type" not in schema:
        return "any"
    return SCALARS.get((schema["type"], schema.get("format"))) or SCALARS[(schema["type"], None)]


def field_facts(name: str, schema: dict[str, Any], required: bool, encoding: dict[str, Any]) -> dict[str, Any]:
    kind = kind_of(schema)
    facts: dict[str, Any] = {"kind": kind}
    default = schema.get("default")
    struct_value = default == {} and kind.startswith("=")
    always = (required or name in encoding.get("always", ()) or struct_value) and name not in encoding.get("omit", ())
    zero = encoding.get("zero", {})
    if struct_value or (name in zero and name not in encoding.get("omitzero", ())):
        always = True
    if required:
        facts["required"] = True
    if always:
        facts["always"] = True
    if name in zero:
        facts["zero"] = zero[name]
    if struct_value:
        facts["value"] = True
    elif default not in (None, "", 0, False, {}):
        facts["default"] = default
    if name in encoding.get("pointer", ()):
        facts["pointer"] = True
    if name in encoding.get("named", {}):
        facts["go"] = encoding["named"][name]
    for fact, key in (
        ("list", "x-kubernetes-list-type"),
        ("keys", "x-kubernetes-list-map-keys"),
        ("map", "x-kubernetes-map-type"),
        ("merge", "x-kubernetes-patch-merge-key"),
        ("patch", "x-kubernetes-patch-strategy"),
        ("enum", "enum"),
    ):
        if key in schema:
            facts[fact] = schema[key]
    return facts


def type_facts(name: str, schema: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    facts: dict[str, Any] = {}
    if "x-kubernetes-map-type" in schema:
        facts["map"] = schema["x-kubernetes-map-type"]
    if "x-kubernetes-unions" in schema:
        facts["unions"] = schema["x-kubernetes-unions"]
    if gvks := schema.get("x-kubernetes-group-version-kind"):
        facts["gvk"] = [[g["group"], g["version"], g["kind"]] for g in gvks]
    facts["fields"] = {
        field: field_facts(field, value, field in required, encoding)
        for field, value in schema.get("properties", {}).items()
    }
    return facts


def schema_facts(documents: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    """Every type that any of the documents defines, by its short name."""
    found: dict[str, Any] = {}
    for document in documents.values():
        if not isinstance(document, dict) or "components" not in document:
            continue
        for definition, schema in document["components"].get("schemas", {}).items():
            name = short_name(definition)
            if name not in found and name not in OPAQUE:
                found[name] = type_facts(name, schema, encoding.get(name, {}))
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--openapi", type=Path, required=True, help="the OpenAPI v3 documents, one JSON file")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "facts")
    options = parser.parse_args()
    raw = options.openapi.read_bytes()
    documents = json.loads(gzip.decompress(raw) if options.openapi.suffix == ".gz" else raw)
    encoding = json.loads((options.out / "encoding.json").read_text())
    facts = schema_facts(documents, encoding)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in facts.items())
    (options.out / "schema.json").write_text("{\n" + lines + "\n}\n")
    print(f"{len(facts)} types")


if __name__ == "__main__":
    main()
