"""`kubectl create secret generic|docker-registry|tls`."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating, key_values
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.commands.create_configmap import COMBINED
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

SECRETS = Resource("", "v1", "secrets", kind="Secret")
Data = dict[str, bytes]


async def _create(call: Call, name: str, data: Data, kind: str, failed: str) -> None:
    obj: dict[str, Any] = generating.header("Secret", "v1", name, call)
    if data:
        obj["data"] = {key: base64.b64encode(data[key]).decode() for key in sorted(data)}
    if kind:
        obj["type"] = kind
    if call.flags["append-hash"]:
        from minikube_edu.kubectl import name_hash

        obj["metadata"]["name"] = f"{name}-{name_hash.of(obj)}"
    await generating.create(call, SECRETS, obj, failed)


def _put(data: Data, key: str, value: bytes) -> None:
    from minikube_edu.api import names

    if problems := names.config_map_key(key):
        raise CommandError(f"{quote(key)} is not valid key name for a Secret {';'.join(problems)}")
    if key in data:
        raise CommandError(f"cannot add key {key}, another key by that name already exists")
    data[key] = value


async def generic(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    if flags["from-env-file"] and (flags["from-file"] or flags["from-literal"]):
        raise CommandError(COMBINED)
    data: Data = {}
    for source in (
        key_values.literals(flags["from-literal"]),
        key_values.files(flags["from-file"]),
        key_values.environment_files(flags["from-env-file"]),
    ):
        for key, value in source:
            _put(data, key, value)
    await _create(call, name, data, flags["type"], "failed to create secret ")


async def docker_registry(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    user, password, server = flags["docker-username"], flags["docker-password"], flags["docker-server"]
    data: Data = {}
    if flags["from-file"]:
        for key, value in key_values.files(flags["from-file"]):
            _put(
                data,
                ".dockerconfigjson" if len(flags["from-file"]) == 1 and key in (".dockercfg", "config.json") else key,
                value,
            )
    elif not user or not password or not server:
        raise CommandError(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is "
            "required"
        )
    else:
        entry = {"username": user, "password": password}
        if flags["docker-email"]:
            entry["email"] = flags["docker-email"]
        entry["auth"] = base64.b64encode(f"{user}:{password}".encode()).decode()
        data[".dockerconfigjson"] = orjson.dumps({"auths": {server: entry}})
    await _create(call, name, data, "kubernetes.io/dockerconfigjson", "failed to create secret ")


async def tls(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    if not flags["cert"] or not flags["key"]:
        raise CommandError("key and cert must be specified")
    cert, key = _file(flags["cert"]), _file(flags["key"])
    if problem := _pair_problem(cert, key):
        raise CommandError(problem)
    await _create(call, name, {"tls.crt": cert, "tls.key": key}, "kubernetes.io/tls", "failed to create secret ")


def _file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        raise CommandError(f"Cannot read file {path}, open {path}: no such file or directory") from None


def _pair_problem(cert: bytes, key: bytes) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if b"-----BEGIN" not in cert:
        return "tls: failed to find any PEM data in certificate input"
    if b"-----BEGIN" not in key:
        return "tls: failed to find any PEM data in key input"
    try:
        certificate = x509.load_pem_x509_certificate(cert)
        private = serialization.load_pem_private_key(key, None)
    except ValueError as error:
        return f"tls: failed to parse: {error}"
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        return "tls: private key does not match public key"
    return ""


_HASH = Flag("append-hash", "bool", help="Append a hash of the secret to its name.")
_FILES = Flag("from-file", "strings", help="A file (its name is the key), key=file, or a directory of files.")
_MODULE = "create_secret"
COMMANDS = {
    "secret": Command(
        "secret",
        None,
        use="(docker-registry | generic | tls)",
        long="""Create a secret with specified type.

 A docker-registry type secret is for accessing a container registry.

 A generic type secret indicate an Opaque secret type.

 A tls type secret holds TLS certificate and its associated key.""",
        subcommands=(
            Entry("docker-registry", "Create a secret for use with a Docker registry", _MODULE),
            Entry("generic", "Create a secret from a local file, directory, or literal value", _MODULE),
            Entry("tls", "Create a TLS secret", _MODULE),
        ),
    ),
    "generic": Command(
        "generic",
        generic,
        use="NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] "
        "[--dry-run=server|client|none]",
        long="Create a secret based on a file, directory, or specified literal value.",
        flags=(
            *generating.FLAGS,
            _HASH,
            _FILES,
            Flag("from-env-file", "strings", help="A file with lines KEY=value."),
            Flag("from-literal", "array", help="A key and its value: mykey=somevalue"),
            Flag("type", help="The type of secret to create"),
        ),
    ),
    "docker-registry": Command(
        "docker-registry",
        docker_registry,
        use="NAME --docker-username=user --docker-password=password --docker-email=email [--docker-server=string] "
        "[--from-file=[key=]source] [--dry-run=server|client|none]",
        long="Create a new secret for use with Docker registries.",
        flags=(
            *generating.FLAGS,
            _HASH,
            _FILES,
            Flag("docker-email", help="Email for Docker registry"),
            Flag("docker-password", help="Password for Docker registry authentication"),
            Flag("docker-server", default="https://index.docker.io/v1/", help="Server location for Docker registry"),
            Flag("docker-username", help="Username for Docker registry authentication"),
        ),
    ),
    "tls": Command(
        "tls",
        tls,
        use="NAME --cert=path/to/cert/file --key=path/to/key/file [--dry-run=server|client|none]",
        long="Create a TLS secret from the given public/private key pair.",
        flags=(
            *generating.FLAGS,
            _HASH,
            Flag("cert", help="Path to PEM encoded public key certificate."),
            Flag("key", help="Path to private key associated with given certificate."),
        ),
    ),
}
