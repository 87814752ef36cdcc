"""`kubectl create configmap`."""

from __future__ import annotations

import base64
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating, key_values
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

CONFIG_MAPS = Resource("", "v1", "configmaps", kind="ConfigMap")
COMBINED = "from-env-file cannot be combined with from-file or from-literal"


async def run(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    if flags["from-env-file"] and (flags["from-file"] or flags["from-literal"]):
        raise CommandError(COMBINED)
    data: dict[str, str] = {}
    binary: dict[str, str] = {}

    def put(key: str, value: bytes) -> None:
        from minikube_edu.api import names

        if problems := names.config_map_key(key):
            raise CommandError(f"{quote(key)} is not a valid key name for a ConfigMap: {','.join(problems)}")
        if key in data or key in binary:
            raise CommandError(
                f"cannot add key {quote(key)}, another key by that name already exists in Data for ConfigMap "
                f"{quote(name)}"
            )
        try:
            data[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()

    for key, value in key_values.files(flags["from-file"]):
        put(key, value)
    for key, value in key_values.literals(flags["from-literal"]):
        put(key, value)
    for key, value in key_values.environment_files(flags["from-env-file"]):
        put(key, value)
    obj: dict[str, Any] = generating.header("ConfigMap", "v1", name, call)
    if data:
        obj["data"] = dict(sorted(data.items()))
    if binary:
        obj["binaryData"] = dict(sorted(binary.items()))
    if flags["append-hash"]:
        from minikube_edu.kubectl import name_hash

        obj["metadata"]["name"] = f"{name}-{name_hash.of(obj)}"
    await generating.create(call, CONFIG_MAPS, obj, "failed to create configmap: ")


COMMAND = Command(
    "configmap",
    run,
    use="NAME [--from-file=[key=]source] [--from-literal=key1=value1] [--dry-run=server|client|none]",
    long="Create a config map based on a file, directory, or specified literal value.",
    examples="""# Create a new config map named my-config based on folder bar
kubectl create configmap my-config --from-file=path/to/bar

# Create a new config map named my-config with specified keys instead of file basenames on disk
kubectl create configmap my-config --from-file=key1=/path/to/bar/file1.txt --from-file=key2=/path/to/bar/file2.txt

# Create a new config map named my-config with key1=config1 and key2=config2
kubectl create configmap my-config --from-literal=key1=config1 --from-literal=key2=config2""",
    aliases=("cm",),
    flags=(
        *generating.FLAGS,
        Flag("append-hash", "bool", help="Append a hash of the configmap to its name."),
        Flag("from-env-file", "strings", help="A file with lines KEY=value."),
        Flag("from-file", "strings", help="A file (its name is the key), key=file, or a directory of files."),
        Flag("from-literal", "array", help="A key and its value: mykey=somevalue"),
    ),
)
