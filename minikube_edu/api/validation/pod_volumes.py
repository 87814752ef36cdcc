"""Volumes of pods: exactly one source each, and each source with its own few rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from minikube_edu.api import internal_pods, names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta
from minikube_edu.api.validation.certificates import signer_name
from minikube_edu.api.validation.field_rules import label_selector
from minikube_edu.api.validation.persistent_volume_claims import spec_rules as claim_spec_rules
from minikube_edu.api.validation.pod_environment import validate_field_ref, validate_resource_ref
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_paths import descending, no_backsteps, not_reserved

Object = dict[str, Any]
Rule = Callable[[str, Object, Options, Errors], None]

_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_DOWNWARD_FIELDS = ("metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid")
_HOST_PATHS = (
    "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket",
)  # fmt: skip
_ONE_ONLY = "may not specify more than 1 volume type"


def validate_volumes(
    path: str, volumes: list[Object], pod_name: str, options: Options, errors: Errors
) -> dict[str, Object]:
    """The sound volumes, by name. `pod_name` is empty in templates."""
    sound: dict[str, Object] = {}
    made = {f"{pod_name}-{volume.get('name', '')}" for volume in volumes if pod_name and "ephemeral" in volume}
    for index, volume in enumerate(volumes):
        at, name = f"{path}[{index}]", volume.get("name", "")
        faults = Errors()
        _validate_source(at, volume, pod_name, options, faults)
        if name:
            faults.invalid_each(f"{at}.name", name, names.dns1123_label(name))
        else:
            faults.required(f"{at}.name")
        if name in sound:
            faults.duplicate(f"{at}.name", name)
        if faults:
            errors.extend(faults)
        else:
            sound[name] = volume
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim in made:
            problem = "must not reference a PVC that gets created for an ephemeral volume"
            errors.invalid(f"{at}.persistentVolumeClaim.claimName", claim, problem)
    return sound


def _validate_source(path: str, volume: Object, pod_name: str, options: Options, errors: Errors) -> None:
    given = [field for field in _RULES if field in volume]
    for position, field in enumerate(given):
        if position and field != "emptyDir":
            errors.forbidden(f"{path}.{_FORBIDDEN_AS.get(field, field)}", _ONE_ONLY)
        else:
            _RULES[field](f"{path}.{_SHOWN_AS.get(field, field)}", volume[field], options, errors)
            if field == "ephemeral" and pod_name and volume.get("name"):
                claim = f"{pod_name}-{volume['name']}"
                for problem in names.dns1123_subdomain(claim):
                    errors.invalid(f"{path}.name", volume["name"], f'PVC name "{claim}": {problem}')
        if field == "iscsi" and "initiatorName" in volume["iscsi"]:
            portal = volume["iscsi"].get("targetPortal", "")
            if len(f"{volume.get('name', '')}:{portal}") > 64:
                problem = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if "
                errors.invalid(f"{path}.name", volume.get("name", ""), problem + "iscsi.initiatorName is specified.")
    if not given:
        errors.required(path, "must specify a volume type")


# ---------------------------------------------------------------- files from objects


def _mode(path: str, holder: Object, field: str, errors: Errors) -> None:
    mode = holder.get(field)
    if mode is not None and not 0 <= mode <= 0o777:
        errors.invalid(f"{path}.{field}", mode, _MODE)


def _items(path: str, items: list[Object], errors: Errors) -> None:
    for index, item in enumerate(items):
        _item(f"{path}[{index}]", item, errors)


def _item(path: str, item: Object, errors: Errors) -> None:
    for field in ("key", "path"):
        if not item.get(field):
            errors.required(f"{path}.{field}")
    not_reserved(f"{path}.path", item.get("path", ""), errors)
    _mode(path, item, "mode", errors)


def _empty_dir(path: str, source: Object, _: Options, errors: Errors) -> None:
    if "sizeLimit" in source and quantity.parse(source["sizeLimit"]).sign() < 0:
        errors.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _host_path(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("path"):
        errors.required(f"{path}.path")
        return
    no_backsteps(f"{path}.path", source["path"], errors)
    if source.get("type", "") not in _HOST_PATHS:
        errors.not_supported(f"{path}.type", source["type"], _HOST_PATHS)


def _secret(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("secretName"):
        errors.required(f"{path}.secretName")
    _mode(path, source, "defaultMode", errors)
    _items(f"{path}.items", source.get("items", []), errors)


def _config_map(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("name"):
        errors.required(f"{path}.name")
    _mode(path, source, "defaultMode", errors)
    _items(f"{path}.items", source.get("items", []), errors)


def _downward_file(path: str, file: Object, errors: Errors) -> None:
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
    _mode(path, file, "mode", errors)


def _downward_api(path: str, source: Object, _: Options, errors: Errors) -> None:
    _mode(path, source, "defaultMode", errors)
    for file in source.get("items", ()):
        _downward_file(path, file, errors)


# ---------------------------------------------------------------- projected


class _Taken:
    """Paths of a projected volume: two sources may not write the same file."""

    def __init__(self, path: str, errors: Errors) -> None:
        self.path, self.errors, self.seen = path, errors, set[str]()

    def take(self, file: str, shown: str) -> None:
        if file in self.seen:
            self.errors.invalid(self.path, shown, "conflicting duplicate paths")
        self.seen.add(file)


def _projected(path: str, source: Object, options: Options, errors: Errors) -> None:
    _mode(path, source, "defaultMode", errors)
    taken = _Taken(path, errors)
    for index, part in enumerate(source.get("sources") or ()):
        at = f"{path}.sources[{index}]"
        for field in ("secret", "configMap"):
            if field in part:
                _projected_keys(f"{at}.{field}", part[field], taken, errors)
        for file in part.get("downwardAPI", {}).get("items", ()):
            _downward_file(f"{at}.downwardAPI", file, errors)
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
        _item(f"{path}.items[{number}]", item, errors)
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


# ---------------------------------------------------------------- claims and images


def _ephemeral(path: str, source: Object, _: Options, errors: Errors) -> None:
    template = source.get("volumeClaimTemplate")
    if template is None:
        errors.required(f"{path}.volumeClaimTemplate")
        return
    at = f"{path}.volumeClaimTemplate"
    metadata = template.get("metadata", {})
    meta.check_annotations(f"{at}.metadata.annotations", metadata.get("annotations", {}), errors)
    meta.check_labels(f"{at}.metadata.labels", metadata.get("labels", {}), errors)
    for field in sorted(metadata.keys() - {"annotations", "labels", "creationTimestamp"}):
        errors.forbidden(f"{at}.metadata.{field}", "cannot be set")
    claim_spec_rules(errors, f"{at}.spec", template["spec"])


def _image(path: str, source: Object, options: Options, errors: Errors) -> None:
    if options.is_pod and not source.get("reference"):
        errors.required(f"{path}.reference")
    policy = source.get("pullPolicy", "")
    if not policy:
        errors.required(f"{path}.pullPolicy")
    elif policy not in ("Always", "IfNotPresent", "Never"):
        errors.not_supported(f"{path}.pullPolicy", policy, ["Always", "IfNotPresent", "Never"])


# ---------------------------------------------------------------- of other systems

_iqn = re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9.-]+)(:[^,;*&$|\s]+)$").search
_eui = re.compile(r"eui.[A-Za-z0-9]{16}").fullmatch
_naa = re.compile(r"naa.[A-Za-z0-9]{32}").fullmatch
_INITIATORS = {"iqn": _iqn, "eui": _eui, "naa": _naa}


def _initiator_problem(name: str) -> str:
    match = _INITIATORS.get(name[:3])
    if match is None:
        return "must be valid format starting with iqn, eui, or naa"
    return "" if match(name) else "must be valid format"


def _iscsi(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("targetPortal"):
        errors.required(f"{path}.targetPortal")
    name = source.get("iqn", "")
    if not name:
        errors.required(f"{path}.iqn")
    elif problem := _initiator_problem(name):
        errors.invalid(f"{path}.iqn", name, problem)
    lun = source.get("lun", 0)
    errors.invalid_each(f"{path}.lun", lun, names.in_range(lun, 0, 255))
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and "secretRef" not in source:
        errors.required(f"{path}.secretRef")
    initiator = source.get("initiatorName")
    if initiator is not None and (problem := _initiator_problem(initiator)):
        errors.invalid(f"{path}.initiatorname", initiator, problem)


def _disk(path: str, source: Object, name: str, errors: Errors) -> None:
    if not source.get(name):
        errors.required(f"{path}.{name}")
    partition = source.get("partition", 0)
    if not 0 <= partition <= 255:
        errors.invalid(f"{path}.partition", partition, names.between(1, 255))


def _gce(path: str, source: Object, _: Options, errors: Errors) -> None:
    _disk(path, source, "pdName", errors)


def _aws(path: str, source: Object, _: Options, errors: Errors) -> None:
    _disk(path, source, "volumeID", errors)


def _nfs(path: str, source: Object, options: Options, errors: Errors) -> None:
    _needs("server", "path")(path, source, options, errors)
    if not source.get("path", "").startswith("/"):
        errors.invalid(f"{path}.path", source.get("path", ""), "must be an absolute path")


def _git_repo(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("repository"):
        errors.required(f"{path}.repository")
    descending(f"{path}.directory", source.get("directory", ""), errors)


def _flocker(path: str, source: Object, _: Options, errors: Errors) -> None:
    name, uid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uid:
        errors.required(path, "one of datasetName and datasetUUID is required")
    if name and uid:
        errors.invalid(path, "resource", "datasetName and datasetUUID can not be specified simultaneously")
    if "/" in name:
        errors.invalid(f"{path}.datasetName", name, "must not contain '/'")


def _fc(path: str, source: Object, _: Options, errors: Errors) -> None:
    targets, ids = source.get("targetWWNs", []), source.get("wwids", [])
    if not targets and not ids:
        errors.required(f"{path}.targetWWNs", "must specify either targetWWNs or wwids, but not both")
    if targets and ids:
        problem = "targetWWNs and wwids can not be specified simultaneously"
        errors.invalid(f"{path}.targetWWNs", targets, problem)
    if targets:
        lun = source.get("lun")
        if lun is None:
            errors.required(f"{path}.lun", "lun is required if targetWWNs is specified")
        else:
            errors.invalid_each(f"{path}.lun", lun, names.in_range(lun, 0, 255))


def _flex(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("driver"):
        errors.required(f"{path}.driver")
    for key in sorted(source.get("options", ())):
        domain = "." + key.partition("/")[0].lower()
        if domain.endswith((".kubernetes.io", ".k8s.io")):
            problem = "kubernetes.io and k8s.io namespaces are reserved"
            errors.invalid(f"{path}.options[{key}]", key, problem)


def _quobyte(path: str, source: Object, _: Options, errors: Errors) -> None:
    pairs = "must be a host:port pair or multiple pairs separated by commas"
    registry = source.get("registry", "")
    if not registry:
        errors.required(f"{path}.registry", pairs)
    elif len(source.get("tenant", "")) >= 65:
        errors.required(f"{path}.tenant", "must be a UUID and may not exceed a length of 64 characters")
    else:
        for pair in registry.split(","):
            if not re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*", pair):
                errors.invalid(f"{path}.registry", registry, pairs)
    if not source.get("volume"):
        errors.required(f"{path}.volume")


def _azure_disk(path: str, source: Object, _: Options, errors: Errors) -> None:
    for field in ("diskName", "diskURI"):
        if not source.get(field):
            errors.required(f"{path}.{field}")
    caching, kind, uri = source.get("cachingMode"), source.get("kind"), source.get("diskURI", "")
    if caching is not None and caching not in ("None", "ReadOnly", "ReadWrite"):
        errors.not_supported(f"{path}.cachingMode", caching, ["None", "ReadOnly", "ReadWrite"])
    if kind is not None and kind not in ("Dedicated", "Managed", "Shared"):
        errors.not_supported(f"{path}.kind", kind, ["Dedicated", "Managed", "Shared"])
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        shape = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
        errors.not_supported(f"{path}.diskURI", uri, [shape])
    if kind not in (None, "Managed") and not uri.startswith("https://"):
        shape = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"
        errors.not_supported(f"{path}.diskURI", uri, [shape])


def _cinder(path: str, source: Object, options: Options, errors: Errors) -> None:
    _needs("volumeID")(path, source, options, errors)
    if "secretRef" in source and not source["secretRef"].get("name"):
        errors.required(f"{path}.secretRef.name")


def _storage_os(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("volumeName"):
        errors.required(f"{path}.volumeName")
    for field in ("volumeName", "volumeNamespace"):
        if name := source.get(field):
            errors.invalid_each(f"{path}.{field}", name, names.dns1123_label(name))
    if "secretRef" in source and not source["secretRef"].get("name"):
        errors.required(f"{path}.secretRef.name")


def _csi(path: str, source: Object, _: Options, errors: Errors) -> None:
    driver = source.get("driver", "")
    if not driver:
        errors.required(f"{path}.driver")
    else:
        if len(driver) > 63:
            errors.too_long(f"{path}.driver", 63)
        errors.invalid_each(f"{path}.driver", driver, names.dns1123_subdomain(driver.lower()))
    if "nodePublishSecretRef" in source:
        name = source["nodePublishSecretRef"].get("name", "")
        if not name:
            errors.required(f"{path}.nodePublishSecretRef.name")
        else:
            errors.invalid_each(f"{path}.name", name, names.dns1123_subdomain(name))


def _needs(*fields: str) -> Rule:
    """A source whose only rule is that some fields must be given."""

    def rule(path: str, source: Object, _: Options, errors: Errors) -> None:
        for field in fields:
            if not source.get(field):
                errors.required(f"{path}.{field}")

    return rule


# In the order in which the real one looks for them: the first that is given counts, the others are too many.
_RULES: dict[str, Rule] = {
    "emptyDir": _empty_dir,
    "hostPath": _host_path,
    "gitRepo": _git_repo,
    "gcePersistentDisk": _gce,
    "awsElasticBlockStore": _aws,
    "secret": _secret,
    "nfs": _nfs,
    "iscsi": _iscsi,
    "glusterfs": _needs("endpoints", "path"),
    "flocker": _flocker,
    "persistentVolumeClaim": _needs("claimName"),
    "rbd": _needs("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _needs("monitors"),
    "quobyte": _quobyte,
    "downwardAPI": _downward_api,
    "fc": _fc,
    "flexVolume": _flex,
    "configMap": _config_map,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": _azure_disk,
    "storageos": _storage_os,
    "projected": _projected,
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
# The real one's messages name three of them otherwise.
_SHOWN_AS = {"gcePersistentDisk": "persistentDisk"}
_FORBIDDEN_AS = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
