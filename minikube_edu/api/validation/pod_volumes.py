"""Volumes of pods: exactly one source each, and each source with its own few rules.

Sources that persistent volumes have too are judged by the same rules (`volume_sources`), where these do not differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from minikube_edu.api import names, quantity
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation import meta, volume_sources
from minikube_edu.api.validation.persistent_volume_claims import spec_rules as claim_spec_rules
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_paths import descending
from minikube_edu.api.validation.pod_projections import downward_file, file_mode, key_items, projected

Object = dict[str, Any]
Rule = Callable[[str, Object, Options, Errors], None]

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


# ---------------------------------------------------------------- files


def _empty_dir(path: str, source: Object, _: Options, errors: Errors) -> None:
    if "sizeLimit" in source and quantity.parse(source["sizeLimit"]).sign() < 0:
        errors.forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")


def _secret(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("secretName"):
        errors.required(f"{path}.secretName")
    file_mode(path, source, "defaultMode", errors)
    key_items(f"{path}.items", source.get("items", []), errors)


def _config_map(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("name"):
        errors.required(f"{path}.name")
    file_mode(path, source, "defaultMode", errors)
    key_items(f"{path}.items", source.get("items", []), errors)


def _downward_api(path: str, source: Object, _: Options, errors: Errors) -> None:
    file_mode(path, source, "defaultMode", errors)
    for file in source.get("items", ()):
        downward_file(path, file, errors)


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


def _git_repo(path: str, source: Object, _: Options, errors: Errors) -> None:
    if not source.get("repository"):
        errors.required(f"{path}.repository")
    descending(f"{path}.directory", source.get("directory", ""), errors)


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


def _shared(field: str) -> Rule:
    """The rule of persistent volumes."""
    source = next(one for one in volume_sources.SOURCES if one.field == field)

    def rule(path: str, value: Object, _: Options, errors: Errors) -> None:
        source.rule(errors, path, value, "")

    return rule


# In the order in which the real one looks for them: the first that is given counts, the others are too many.
_RULES: dict[str, Rule] = {
    "emptyDir": _empty_dir,
    "hostPath": _shared("hostPath"),
    "gitRepo": _git_repo,
    "gcePersistentDisk": _shared("gcePersistentDisk"),
    "awsElasticBlockStore": _shared("awsElasticBlockStore"),
    "secret": _secret,
    "nfs": _shared("nfs"),
    "iscsi": _iscsi,
    "glusterfs": _needs("endpoints", "path"),
    "flocker": _shared("flocker"),
    "persistentVolumeClaim": _needs("claimName"),
    "rbd": _needs("monitors", "image"),
    "cinder": _cinder,
    "cephfs": _needs("monitors"),
    "quobyte": _shared("quobyte"),
    "downwardAPI": _downward_api,
    "fc": _shared("fc"),
    "flexVolume": _shared("flexVolume"),
    "configMap": _config_map,
    "azureFile": _needs("secretName", "shareName"),
    "vsphereVolume": _needs("volumePath"),
    "photonPersistentDisk": _needs("pdID"),
    "portworxVolume": _needs("volumeID"),
    "azureDisk": _shared("azureDisk"),
    "storageos": _storage_os,
    "projected": projected,
    "scaleIO": _needs("gateway", "system", "volumeName"),
    "csi": _csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
# The real one's messages name three of them otherwise.
_SHOWN_AS = {"gcePersistentDisk": "persistentDisk"}
_FORBIDDEN_AS = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
