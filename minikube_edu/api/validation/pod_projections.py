"""Files that are made of objects: keys of ConfigMaps and Secrets, fields of the pod, tokens, certificates.

`projected` is for the volume that puts several of them into one directory; no two may write the same file.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.api import internal_pods, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta
from minikube_edu.api.validation.certificates import signer_name
from minikube_edu.api.validation.field_rules import label_selector
from minikube_edu.api.validation.pod_environment import validate_field_ref, validate_resource_ref
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_paths import not_reserved

Object = dict[str, Any]

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_DOWNWARD_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")


def file_mode(path: str, holder: Object, field: str, errors: Errors) -> None:
    mode = holder.get(field)
    if mode is not None and not 0 <= mode <= 0o777:
        errors.invalid(f"{path}.{field}", mode, _MODE)


def key_items(path: str, items: list[Object], errors: Errors) -> None:
    for index, item in enumerate(items):
        key_item(f"{path}[{index}]", item, errors)


def key_item(path: str, item: Object, errors: Errors) -> None:
    for field in ("key", "path"):
        if not item.get(field):
            errors.required(f"{path}.{field}")
    not_reserved(f"{path}.path", item.get("path", ""), errors)
    file_mode(path, item, "mode", errors)


def downward_file(path: str, file: Object, errors: Errors) -> None:
    if not file.get("path"):
        errors.required(f"{path}.path")
    not_reserved(f"{path}.path", file.get("path", ""), errors)
    if "fieldRef" in file:
        validate_field_ref(f"{path}.fieldRef", file["fieldRef"], _DOWNWARD_FIELDS, errors)
        if "resourceFieldRef" in file:
            errors.invalid(path, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
    elif "resourceFieldRef" in file:
        validate_resource_ref(f"{path}.resourceFieldRef", file["resourceFieldRef"], True, errors)
    else:
        errors.required(path, "one of fieldRef and resourceFieldRef is required")
    file_mode(path, file, "mode", errors)


# ---------------------------------------------------------------- projected


class _Taken:
    """Paths of a projected volume: two sources may not write the same file."""

    def __init__(self, path: str, errors: Errors) -> None:
        self.path, self.errors, self.seen = path, errors, set[str]()

    def take(self, file: str, shown: str) -> None:
        if file in self.seen:
            self.errors.invalid(self.path, shown, "conflicting duplicate paths")
        self.seen.add(file)


def projected(path: str, source: Object, options: Options, errors: Errors) -> None:
    file_mode(path, source, "defaultMode", errors)
    taken = _Taken(path, errors)
    for index, part in enumerate(source.get("sources") or ()):
        at = f"{path}.sources[{index}]"
        for field in ("secret", "configMap"):
            if field in part:
                _projected_keys(f"{at}.{field}", part[field], taken, errors)
        for file in part.get("downwardAPI", {}).get("items", ()):
            downward_file(f"{at}.downwardAPI", file, errors)
            if file.get("path"):
                taken.take(file["path"], file["path"])
        if "serviceAccountToken" in part:
            _projected_token(path, f"{at}.serviceAccountToken", part["serviceAccountToken"], options, errors)
        if "clusterTrustBundle" in part:
            _projected_bundle(f"{at}.clusterTrustBundle", part["clusterTrustBundle"], taken, errors)
        if "podCertificate" in part:
            _projected_certificate(f"{at}.podCertificate", part["podCertificate"], taken, errors)
        if len(part) > 1:
            errors.forbidden(at, "may not specify more than 1 volume type per source")


def _projected_keys(path: str, part: Object, taken: _Taken, errors: Errors) -> None:
    name = part.get("name", "")
    if not name:
        errors.required(f"{path}.name")
    for number, item in enumerate(part.get("items", ())):
        key_item(f"{path}.items[{number}]", item, errors)
        if item.get("path"):
            taken.take(item["path"], name)


def _projected_token(path: str, at: str, token: Object, options: Options, errors: Errors) -> None:
    seconds = token.get("expirationSeconds", 0)
    if seconds < 600:
        errors.invalid(f"{at}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
    if seconds > 1 << 32:
        errors.invalid(f"{at}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds")
    if not token.get("path"):
        errors.required(f"{path}.path")
    elif not options.any_token_path:
        not_reserved(f"{path}.path", token["path"], errors)


def _projected_bundle(path: str, bundle: Object, taken: _Taken, errors: Errors) -> None:
    name, signer = bundle.get("name"), bundle.get("signerName")
    if name is not None and signer is not None:
        shown = internal_pods.internal("core.v1.ClusterTrustBundleProjection", bundle)
        errors.invalid(path, shown, "only one of name and signerName may be used")
    elif name is not None:
        if not name:
            errors.required(f"{path}.name", "must be a valid object name")
        for problem in bundle_name_problems(name):
            errors.invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {problem}")
        if "labelSelector" in bundle:
            problem = "labelSelector must be unset if name is specified"
            errors.invalid(f"{path}.labelSelector", bundle["labelSelector"], problem)
    elif signer is not None:
        if not signer:
            errors.required(f"{path}.signerName", "must be a valid signer name")
        signer_name(f"{path}.signerName", signer, errors)
        label_selector(errors, f"{path}.labelSelector", bundle.get("labelSelector"))
    else:
        errors.required(path, "either name or signerName must be specified")
    file = bundle.get("path", "")
    if not file:
        errors.required(f"{path}.path")
    not_reserved(f"{path}.path", file, errors)
    taken.take(file, file)


def bundle_name_problems(name: str) -> list[str]:
    """Names of ClusterTrustBundles: `signer:domain:name`, the signer's slash written as a colon, or a plain name."""
    signer, colon, own = name.rpartition(":")
    if not colon:
        return names.dns1123_subdomain(name)
    if not signer:
        return ['ClusterTrustBundle without signer name must not have ":" in its name']
    return names.dns1123_subdomain(own)


_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")


def _projected_certificate(path: str, part: Object, taken: _Taken, errors: Errors) -> None:
    signer = part.get("signerName", "")
    signer_name(f"{path}.signerName", signer, errors)
    if notes := part.get("userAnnotations"):
        for key in sorted(notes):
            for fault in names.domain_prefixed_key(key.lower()):
                errors.invalid(f"{path}.userAnnotations", fault.value, fault.detail)
        if meta.annotations_size(notes) > meta.ANNOTATIONS_LIMIT:
            errors.too_long(f"{path}.userAnnotations", meta.ANNOTATIONS_LIMIT)
    if part.get("keyType", "") not in _KEY_TYPES:
        errors.not_supported(f"{path}.keyType", part.get("keyType", ""), _KEY_TYPES)
    seconds = part.get("maxExpirationSeconds")
    if seconds is not None:
        limit = 86400 if signer.startswith("kubernetes.io/") else 91 * 86400
        if seconds < 3600:
            problem = "if provided, maxExpirationSeconds must be >= 3600"
            errors.invalid(f"{path}.maxExpirationSeconds", seconds, problem)
        if seconds > limit:
            problem = f"if provided, maxExpirationSeconds must be <= {limit}"
            errors.invalid(f"{path}.maxExpirationSeconds", seconds, problem)
    fields = ("credentialBundlePath", "keyPath", "certificateChainPath")
    files = [(field, part[field]) for field in fields if field in part]
    for field, file in files:
        not_reserved(f"{path}.{field}", file, errors)
        taken.take(file, file)
    if not files:
        problem = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
        errors.required(path, problem)
