"""Make `facts/protobuf.json`: the field numbers of every message that can cross the wire.

    python -m minikube_edu.api.wire.generate --messages protobuf.json --out minikube_edu/api/facts

The input is what the .proto files of the Kubernetes API say: full message name -> {number: [name, type]}. The output
names types and fields as the JSON form does (`schema`), one line a message. A field without a name is an inline
struct: its fields belong to the struct around it.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from minikube_edu.api import schema

PREFIXES = re.compile(
    r"^k8s\.io\.(?:api\.|apimachinery\.pkg\.apis\.|apimachinery\.pkg\.|apiextensions_apiserver\.pkg\.apis\."
    r"|kube_aggregator\.pkg\.apis\.)"
)
# Messages whose JSON form is not an object of their fields.
SPECIAL = {
    "meta.v1.Time": "time",
    "meta.v1.MicroTime": "microtime",
    "meta.v1.FieldsV1": "raw",
    "meta.v1.Verbs": "strings",
    "api.resource.Quantity": "quantity",
    "util.intstr.IntOrString": "intstr",
    "runtime.RawExtension": "raw",
    "authentication.v1.ExtraValue": "strings",
    "authorization.v1.ExtraValue": "strings",
    "certificates.v1.ExtraValue": "strings",
    "apiextensions.v1.JSON": "raw",
    "apiextensions.v1.JSONSchemaPropsOrArray": "schema_or_list",
    "apiextensions.v1.JSONSchemaPropsOrBool": "schema_or_bool",
    "apiextensions.v1.JSONSchemaPropsOrStringArray": "schema_or_strings",
}
# Served, but without a kind of their own in OpenAPI.
ALSO = ("meta.v1.", "apidiscovery.v2.")


def short_name(message: str) -> str:
    return PREFIXES.sub("", message).removeprefix("k8s.io.")


def kind_of(kind: str) -> str:
    """`[]k8s.io.api.core.v1.Container` is `[]=core.v1.Container`."""
    if kind.startswith("[]"):
        return "[]" + kind_of(kind[2:])
    if kind.startswith("map<string,"):
        return "{}" + kind_of(kind[len("map<string,") : -1])
    if "k8s.io." not in kind:
        return "float" if kind == "double" else kind
    name = short_name(kind)
    return SPECIAL.get(name, "=" + name)


def json_name(type_name: str, name: str) -> str:
    """The JSON name of a field; "" for an inline struct. The .proto files spell some names in their own way."""
    if type_name not in schema.type_names():
        return name
    fields = schema.struct(type_name).fields
    dashed = re.sub(r"[A-Z]", lambda letter: "-" + letter[0].lower(), name)
    for candidate in (name, name[:1].lower() + name[1:], "$" + name, dashed):
        if candidate in fields:
            return candidate
    return next((field for field in fields if field.lower() == name.lower()), "")


def message_facts(messages: dict[str, dict[str, list[str]]]) -> dict[str, Any]:
    by_name = {short_name(message): fields for message, fields in messages.items()}
    known = set(schema.type_names())
    wanted = [name for name in by_name if name in known or name.startswith(ALSO)]
    found: dict[str, Any] = {}
    while wanted:
        name = wanted.pop()
        if name in found or name in SPECIAL:
            continue
        fields = found[name] = {}
        for number, (field, kind) in sorted(by_name[name].items(), key=lambda entry: int(entry[0])):
            fields[number] = [json_name(name, field), kind_of(kind)]
            wanted += [part for part in kind_of(kind).split("=")[1:] if part in by_name]
    return dict(sorted(found.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=Path, required=True, help="message name -> {number: [name, type]}, as JSON")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "facts")
    options = parser.parse_args()
    facts = message_facts(json.loads(options.messages.read_text()))
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in facts.items())
    (options.out / "protobuf.json").write_text("{\n" + lines + "\n}\n")
    print(f"{len(facts)} messages")


if __name__ == "__main__":
    main()
