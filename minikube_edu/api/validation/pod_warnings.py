"""What is allowed in a pod but unwise: clients print these sentences, from the Warning headers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minikube_edu.api import ip, names, quantity
from minikube_edu.api.validation.node_selectors import DEPRECATED_LABELS
from minikube_edu.api.validation.pod_security import (
    APPARMOR_CONTAINER,
    SECCOMP_CONTAINER,
    SECCOMP_POD,
    all_containers,
)
from minikube_edu.lib.gotext import quote, words

Object = dict[str, Any]

_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
APPARMOR_WARNING = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_OLD_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
    "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}
_OLD_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def pod_warnings(pod: Object, old: Object | None) -> list[str]:
    """Of a new pod; updates of pods are not looked at."""
    if old is not None:
        return []
    found = []
    if problems := names.dns1123_label(pod["metadata"].get("name", "")):
        found.append(
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; "
            f"a DNS label is recommended: {words(problems)}"
        )
    found += _warnings("", pod["metadata"], pod["spec"])
    return found


def template_warnings(path: str, template: Object) -> list[str]:
    """Of a pod template that is at `path`."""
    return list(_warnings(path + ".", template["metadata"], template["spec"]))


def _warnings(prefix: str, metadata: Object, spec: Object) -> Iterator[str]:
    """`prefix` is empty for a pod, else the template's path with a dot."""
    notes = metadata.get("annotations", {})
    if spec.keys() & {"nodeSelector", "affinity", "topologySpreadConstraints"}:
        yield from _of_placement(f"{prefix}spec", spec)
    for key, text in _OLD_ANNOTATIONS.items():
        if key in notes:
            yield f"{prefix}metadata.annotations[{key}]: {text}"
    if "volumes" in spec:
        yield from _of_volumes(f"{prefix}spec.volumes", spec["volumes"])
    for field, key, what in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        if field in spec:
            yield from _of_duplicates(f"{prefix}spec.{field}", spec[field], key, what)
    for index, secret in enumerate(spec.get("imagePullSecrets", ())):
        if not secret.get("name"):
            yield f'{prefix}spec.imagePullSecrets[{index}].name: invalid empty name ""'
    yield from _of_fractions(f"{prefix}spec.overhead", spec.get("overhead", {}))
    if SECCOMP_POD in notes and "seccompProfile" not in spec.get("securityContext", {}):
        yield f"{prefix}metadata.annotations[{SECCOMP_POD}]: {_SECCOMP}"
    for at, container in all_containers(spec, f"{prefix}spec"):
        yield from _of_container(prefix, at, container, spec, notes)
    yield from _of_ports(prefix, spec)
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        path = f"{prefix}spec.terminationGracePeriodSeconds"
        yield f"{path}: must be >= 0; negative values are invalid and will be treated as 1"
    if "affinity" in spec:
        yield from _of_pod_affinity(f"{prefix}spec.affinity", spec["affinity"])
    for index, server in enumerate(spec.get("dnsConfig", {}).get("nameservers", ())):
        yield from ip.warnings_ip(f"{prefix}spec.dnsConfig.nameservers[{index}]", server)
    for index, alias in enumerate(spec.get("hostAliases", ())):
        yield from ip.warnings_ip(f"{prefix}spec.hostAliases[{index}].ip", alias.get("ip", ""))


def _of_placement(path: str, spec: Object) -> Iterator[str]:
    for key in sorted(spec.get("nodeSelector", ())):
        if key in DEPRECATED_LABELS:
            yield f"{path}.nodeSelector[{key}]: {DEPRECATED_LABELS[key]}"
    node = spec.get("affinity", {}).get("nodeAffinity", {})
    for index, term in enumerate(node.get(_REQUIRED, {}).get("nodeSelectorTerms") or ()):
        at = f"{path}.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms[{index}]"
        yield from _of_term(at, term, preferred=False)
    for index, weighted in enumerate(node.get(_PREFERRED, ())):
        at = f"{path}.affinity.nodeAffinity.{_PREFERRED}[{index}].preference"
        yield from _of_term(at, weighted.get("preference", {}), preferred=True)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints", ())):
        at, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey", "")
        if key in DEPRECATED_LABELS:
            yield f"{at}.topologyKey: {key} is {DEPRECATED_LABELS[key]}"
        if "labelSelector" not in constraint:
            yield f"{at}.labelSelector: {_NULL_SELECTOR}"


def _of_term(path: str, term: Object, preferred: bool) -> Iterator[str]:
    for index, expression in enumerate(term.get("matchExpressions", ())):
        at, key = f"{path}.matchExpressions[{index}]", expression.get("key", "")
        if key in DEPRECATED_LABELS:
            yield f"{at}.key: {key} is {DEPRECATED_LABELS[key]}"
        if preferred:
            for number, value in enumerate(expression.get("values", ())):
                for problem in names.label_value(value):
                    yield f"{at}.values[{number}]: {value} is invalid, {problem}"


def _of_pod_affinity(path: str, affinity: Object) -> Iterator[str]:
    for field in ("podAffinity", "podAntiAffinity"):
        given = affinity.get(field, {})
        for index, term in enumerate(given.get(_REQUIRED, ())):
            if "labelSelector" not in term:
                yield f"{path}.{field}.{_REQUIRED}[{index}].labelSelector: {_NULL_SELECTOR}"
        for index, weighted in enumerate(given.get(_PREFERRED, ())):
            if "labelSelector" not in weighted.get("podAffinityTerm", {}):
                yield f"{path}.{field}.{_PREFERRED}[{index}].podAffinityTerm.labelSelector: {_NULL_SELECTOR}"


def _of_duplicates(path: str, items: list[Object], key: str, what: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, item in enumerate(items):
        value = item.get(key, "")
        if value in seen:
            yield f"{path}[{index}].{key}: duplicate {what} {quote(value)}"
        seen.add(value)


# ---------------------------------------------------------------- containers


def _of_fractions(path: str, amounts: Object) -> Iterator[str]:
    """Half a byte."""
    for name in ("memory", "ephemeral-storage"):
        text = amounts.get(name)
        if text is not None and text[-1] == "m" and quantity.parse(text).milli_value() % 1000:
            yield f"{path}[{name}]: fractional byte value {quote(text)} is invalid, must be an integer"


def _of_container(prefix: str, path: str, container: Object, spec: Object, notes: dict[str, str]) -> Iterator[str]:
    if notes:
        yield from _of_profiles(prefix, container, spec, notes)
    if resources := container.get("resources"):
        for name in ("memory", "ephemeral-storage"):
            for field in ("limits", "requests"):
                amounts = resources.get(field, {})
                if name in amounts:
                    yield from _of_fractions(f"{path}.resources.{field}", {name: amounts[name]})
    if len(container.get("env", ())) > 1:
        yield from _of_environment(f"{path}.env", container["env"])


def _of_profiles(prefix: str, container: Object, spec: Object, notes: dict[str, str]) -> Iterator[str]:
    own, name = container.get("securityContext", {}), container.get("name", "")
    key = SECCOMP_CONTAINER + name
    if key in notes and "seccompProfile" not in own:
        yield f"{prefix}metadata.annotations[{key}]: {_SECCOMP}"
    key = APPARMOR_CONTAINER + name
    # Pods are told when their annotation is made a field, before this.
    if prefix and key in notes and "appArmorProfile" not in own:
        profile = spec.get("securityContext", {}).get("appArmorProfile")
        if profile is None or profile != apparmor_field(notes[key]):
            yield f"{prefix}metadata.annotations[{key}]: {APPARMOR_WARNING}"


def apparmor_field(annotation: str) -> Object | None:
    """The profile that an annotation of old stands for."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    if annotation.startswith("localhost/") and annotation != "localhost/":
        return {"type": "Localhost", "localhostProfile": annotation.removeprefix("localhost/")}
    return None


def _of_environment(path: str, variables: list[Object]) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(variables):
        name, value = variable.get("name", ""), variable.get("value", "")
        if name not in seen:
            seen.add(name)
        elif "valueFrom" in variable or value == f"$({name})" or f"$({name})" not in value:
            hides = f"hides previous definition of {quote(name)}, which may be dropped when using apply"
            yield f"{path}[{index}]: {hides}"


def _of_ports(prefix: str, spec: Object) -> Iterator[str]:
    ports = [
        (f"{at}.ports[{index}]", port)
        for at, container in all_containers(spec, f"{prefix}spec")
        for index, port in enumerate(container.get("ports", ()))
    ]
    if not ports:
        return
    known: dict[tuple[int, str], list[tuple[str, Object]]] = {}
    for at, port in ports:
        host, address = port.get("hostPort", 0), port.get("hostIP", "")
        if address and not host:
            yield f"{at}: hostIP set without hostPort: {_go_port(port)}"
        others = known.setdefault((port.get("containerPort", 0), port.get("protocol", "")), [])
        for where, other in others:
            other_host, other_address = other.get("hostPort", 0), other.get("hostIP", "")
            if (address, host) == (other_address, other_host):
                yield f"{at}: duplicate port definition with {where}"
            elif not host or not other_host:
                yield f"{at}: overlapping port definition with {where}"
            elif host == other_host and (not address) != (not other_address):
                yield f"{at}: dangerously ambiguous port definition with {where}"
        others.append((at, port))
    named: dict[str, str] = {}
    for at, port in ports:
        if name := port.get("name"):
            if name in named:
                first = named[name]
                text = f"services and probes that select ports by name will use {first}"
                yield f"{at}: duplicate port name {quote(name)} with {first}, {text}"
            else:
                named[name] = at


_PORT_ZEROS = {"name": "", "hostPort": 0, "containerPort": 0, "protocol": "", "hostIP": ""}


def _go_port(port: Object) -> str:
    """%+v of a ContainerPort."""
    fields = ("name", "hostPort", "containerPort", "protocol", "hostIP")
    names_and_values = (f"{field[0].upper()}{field[1:]}:{port.get(field, _PORT_ZEROS[field])}" for field in fields)
    return "{" + " ".join(names_and_values) + "}"


# ---------------------------------------------------------------- volumes


def _of_volumes(path: str, volumes: list[Object]) -> Iterator[str]:
    for index, volume in enumerate(volumes):
        for field, text in _OLD_VOLUMES.items():
            if field in volume:
                shown = "storageOS" if field == "storageos" else field
                yield f"{path}[{index}].{shown}: {text}"
        if "volumeClaimTemplate" in volume.get("ephemeral", {}):
            at = f"{path}[{index}].ephemeral.volumeClaimTemplate.spec"
            yield from claim_warnings(at, volume["ephemeral"]["volumeClaimTemplate"]["spec"])
    for volume in volumes:
        yield from _of_overlaps(volume)


def claim_warnings(path: str, spec: Object) -> Iterator[str]:
    """Of the specification of a PersistentVolumeClaim."""
    amounts = spec.get("resources", {}).get("requests", {})
    text = amounts.get("storage")
    if text is not None and text[-1] == "m" and quantity.parse(text).milli_value() % 1000:
        yield f"{path}.resources.requests[storage]: fractional byte value {quote(text)} is invalid, must be an integer"


_Taken = tuple[str, str]  # path, and whose it is


def _of_overlaps(volume: Object) -> Iterator[str]:
    """Two keys that would be written to the same file, or one below the other."""
    name = quote(volume.get("name", ""))
    for field, kind, key in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
        if field in volume:
            source = volume[field]
            yield from _collisions(f"{name} ({kind} {quote(source.get(key, ''))})", _paths(source, ""))
    if "downwardAPI" in volume:
        yield from _collisions(f"{name} (DownwardAPI)", _paths(volume["downwardAPI"], ""))
    if "projected" in volume:
        taken: list[_Taken] = []
        for source in volume["projected"].get("sources") or ():
            if not source:
                yield f"volume {name} (Projected) has no sources provided"
            taken += _projected_paths(source)
        yield from _collisions(f"{name} (Projected)", taken)


def _paths(source: Object, owner: str) -> list[_Taken]:
    return [(item.get("path", ""), owner) for item in source.get("items", ())]


def _projected_paths(source: Object) -> list[_Taken]:
    if source.get("configMap", {}).get("items"):
        return _paths(source["configMap"], f"ConfigMap {quote(source['configMap'].get('name', ''))}")
    if source.get("secret", {}).get("items"):
        return _paths(source["secret"], f"Secret {quote(source['secret'].get('name', ''))}")
    if source.get("downwardAPI", {}).get("items"):
        return _paths(source["downwardAPI"], "DownwardAPI")
    if "serviceAccountToken" in source:
        return [(source["serviceAccountToken"].get("path", ""), "ServiceAccountToken")]
    if bundle := source.get("clusterTrustBundle"):
        name = bundle.get("name", bundle.get("signerName", ""))
        return [(bundle.get("path", ""), f"ClusterTrustBundle {quote(name)}")]
    certificate = source.get("podCertificate", {})
    parts = (
        ("certificateChainPath", "chain"),
        ("keyPath", "key"),
        ("credentialBundlePath", "credential bundle"),
    )
    return [(certificate[field], f"PodCertificate {what}") for field, what in parts if certificate.get(field)]


def _collisions(where: str, paths: list[_Taken]) -> Iterator[str]:
    taken: list[_Taken] = []
    for path, owner in ((path.rstrip("/"), owner) for path, owner in paths):
        for other in taken:
            if path and other[0] and _overlap(path, other[0]):
                yield f"volume {where}: overlapping paths: {_shown((path, owner))} with {_shown(other)}"
        taken.append((path, owner))


def _overlap(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _shown(taken: _Taken) -> str:
    return f"{quote(taken[0])} ({taken[1]})" if taken[1] else quote(taken[0])
