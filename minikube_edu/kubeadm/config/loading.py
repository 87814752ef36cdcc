"""Configuration files: several YAML documents, each of a kind and API version, read strictly.

v1beta3 is understood and converted (with a warning); what is older is refused, with the kubeadm that still knew it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import conversion, schema
from minikube_edu.lib.gotext import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

Object = dict[str, Any]

KUBEADM = "kubeadm.k8s.io"
COMPONENTS = {
    "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
    "KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
}
OLD = {"v1alpha1": "v1.11", "v1alpha2": "v1.12", "v1alpha3": "v1.14", "v1beta1": "v1.15", "v1beta2": "v1.22"}
_MIGRATE = (
    "kubeadm config migrate --old-config old-config-file --new-config new-config-file', which will write the new, "
    "similar spec using a newer API version."
)


def load(call: Call, path: str, *, strict: bool = False) -> dict[str, Object]:
    """kind -> document, of v1beta4. Unless `strict`, a field that is not known is only warned of, as `init` does."""
    try:
        text = read(call, path)
    except OSError as error:
        raise CommandError(f'unable to read config from "{path}" : {error}') from None
    return parse(call, text, strict=strict)


def read(call: Call, path: str) -> str:
    if path == "-":
        return call.stdin.read()
    inside = call.host.path(path) if path.startswith("/etc/kubernetes") else path
    try:
        with open(inside) as file:
            return file.read()
    except FileNotFoundError:
        raise OSError(f"open {path}: no such file or directory") from None
    except IsADirectoryError:
        raise OSError(f"read {path}: is a directory") from None
    except PermissionError as error:
        raise OSError(f"open {path}: {os.strerror(error.errno or 0).lower()}") from None


def parse(call: Call, text: str, *, strict: bool = False, quiet: bool = False) -> dict[str, Object]:
    """`quiet`: says nothing of old versions."""
    found: dict[str, Object] = {}
    unknown = []
    for document in _documents(text):
        version, kind = str(document.get("apiVersion") or ""), str(document.get("kind") or "")
        if not version or not kind:
            raise CommandError(
                "invalid configuration for GroupVersionKind "
                f"{version.replace('/', '/, ') or '/'} Kind={kind}: kind and apiVersion is mandatory information "
                "that must be specified"
            )
        group, _, short = version.rpartition("/")
        if kind in found:
            raise CommandError(f"invalid configuration: kind {quote(kind)} is specified twice in YAML file")
        found[kind] = document
        if group == KUBEADM and short in OLD:
            raise CommandError(
                f"your configuration file uses an old API spec: {quote(version)} (kind: {quote(kind)}). Please use "
                f"kubeadm {OLD[short]} instead and run '{_MIGRATE}"
            )
        if COMPONENTS.get(kind) != version and kind not in schema.VERSIONS.get(version, {}):
            unknown.append(_gvk(version, kind))
    if unknown:
        raise CommandError(f"unknown configuration APIs: []schema.GroupVersionKind{{{', '.join(unknown)}}}")
    return {kind: _checked(call, kind, document, strict, quiet) for kind, document in found.items()}


def _documents(text: str) -> list[Object]:
    import yaml

    try:
        loaded = list(yaml.load_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 1
        line = max(line + isinstance(error, yaml.scanner.ScannerError), 1)  # as goyaml counts
        raise CommandError(
            "could not interpret GroupVersionKind; unmarshal error: error converting YAML to JSON: yaml: line "
            f"{line}: {error.problem}"
        ) from None
    found = [one for one in loaded if one is not None]
    for one in found:
        if not isinstance(one, dict):
            raise CommandError(
                "could not interpret GroupVersionKind; unmarshal error: json: cannot unmarshal "
                f"{'array' if isinstance(one, list) else 'string'} into Go value of type struct"
            )
    return found


def _checked(call: Call, kind: str, document: Object, strict: bool, quiet: bool) -> Object:
    version = str(document["apiVersion"])
    what = f"error unmarshaling configuration {_gvk(version, kind)}"
    if kind in COMPONENTS:
        from minikube_edu.kubeadm.config import components

        problems = components.unknown_fields(kind, document)
        _complain(call, what, problems, strict)
        return document
    shape = schema.VERSIONS[version][kind]
    wrong = schema.misfit(document, shape)
    if wrong:
        raise CommandError(f"{what}: {wrong}")
    _complain(call, what, schema.unknown_fields(document, shape), strict)
    _check_values(what, document)
    if version.endswith("v1beta3"):
        if not quiet:
            call.warn(
                "common.go:101",
                f"your configuration file uses a deprecated API spec: {quote(version)} (kind: {quote(kind)}). "
                "Please use "
                f"'{_MIGRATE}",
            )
        return conversion.from_v1beta3(kind, document)
    return document


def _complain(call: Call, what: str, problems: list[str], strict: bool) -> None:
    if problems:
        text = f"{what}: strict decoding error: {', '.join(problems)}"
        if strict:
            raise CommandError(text)
        call.warn("initconfiguration.go:330", text)


def _check_values(what: str, document: Mapping[str, Any]) -> None:
    """Values that have a form of their own: tokens and durations."""
    from minikube_edu.kubeadm.config.validation import check_token
    from minikube_edu.lib import durations

    try:
        for token in document.get("bootstrapTokens") or ():
            if token.get("token"):
                check_token(token["token"])
            durations.parse(token.get("ttl") or "0s")
        for value in (document.get("timeouts") or {}).values():
            durations.parse(value)
        for name in ("certificateValidityPeriod", "caCertificateValidityPeriod"):
            durations.parse(document.get(name) or "0s")
    except (CommandError, ValueError) as error:
        raise CommandError(f"{what}: {error}") from None


def _gvk(version: str, kind: str) -> str:
    group, _, short = version.rpartition("/")
    return f'schema.GroupVersionKind{{Group:"{group}", Version:"{short}", Kind:"{kind}"}}'
