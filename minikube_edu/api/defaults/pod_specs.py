"""What Kubernetes fills into the specification of a pod, alone or inside the template of a controller.

`default_pod_spec(spec)` is for both; `default_pod(pod)` adds what only real pods get, first, as the real one does:
requests follow limits, and on the host's network the host's ports follow the containers'. Pods are created more often
than anything else, so that the common case does little but look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from minikube_edu.api import pod_resources, quantity
from minikube_edu.api.images import pull_policy

Object = dict[str, Any]


def default_pod(pod: Object) -> None:
    spec = pod["spec"]
    for field in ("containers", "initContainers"):
        for container in spec.get(field) or ():
            requests_follow_limits(container.get("resources", {}))
    if "resources" in spec:
        _default_pod_level_resources(spec)
    spec.setdefault("enableServiceLinks", True)
    if spec.get("hostNetwork"):
        for field in ("containers", "initContainers"):
            for container in spec.get(field) or ():
                for port in container.get("ports", ()):
                    if port["containerPort"]:
                        port.setdefault("hostPort", port["containerPort"])
    default_pod_spec(spec)
    status = pod.get("status")
    if status:
        _round_status(status)
        _mirror_address(status)


def requests_follow_limits(resources: Object) -> None:
    if limits := resources.get("limits"):
        resources["requests"] = limits | resources.get("requests", {})


def default_pod_spec(spec: Object) -> None:
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    if spec.setdefault("terminationGracePeriodSeconds", 30) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("schedulerName", "default-scheduler")
    for volume in spec.get("volumes", ()):
        default_volume(volume)
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            _default_container(container)
    if "overhead" in spec:
        round_amounts(spec["overhead"])
    if "resources" in spec:
        round_resources(spec["resources"])
    mirror_service_account(spec)


def mirror_service_account(spec: Object) -> None:
    """`serviceAccount` is the old name of `serviceAccountName`; both are always shown."""
    name = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if name:
        spec["serviceAccountName"] = spec["serviceAccount"] = name


def _default_container(container: Object) -> None:
    if "imagePullPolicy" not in container:
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    container.setdefault("terminationMessagePath", "/dev/termination-log")
    container.setdefault("terminationMessagePolicy", "File")
    if "ports" in container:
        for port in container["ports"]:
            port.setdefault("protocol", "TCP")
    if "env" in container:
        for variable in container["env"]:
            if "valueFrom" in variable:
                _default_env_source(variable["valueFrom"])
    if resources := container.get("resources"):
        round_resources(resources)
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if field in container:
            _default_probe(container[field])
    if "lifecycle" in container:
        for handler in container["lifecycle"].values():
            if handler.__class__ is dict and "httpGet" in handler:
                _default_http_get(handler["httpGet"])


def _default_env_source(source: Object) -> None:
    if "fieldRef" in source:
        source["fieldRef"].setdefault("apiVersion", "v1")
    if "fileKeyRef" in source:
        source["fileKeyRef"].setdefault("optional", False)


def _default_probe(probe: Object) -> None:
    probe.setdefault("timeoutSeconds", 1)
    probe.setdefault("periodSeconds", 10)
    probe.setdefault("successThreshold", 1)
    probe.setdefault("failureThreshold", 3)
    if "httpGet" in probe:
        _default_http_get(probe["httpGet"])
    if "grpc" in probe:
        probe["grpc"]["service"] = probe["grpc"].get("service") or ""


def _default_http_get(action: Object) -> None:
    action.setdefault("path", "/")
    action.setdefault("scheme", "HTTP")


# ---------------------------------------------------------------- amounts


def round_resources(resources: Object) -> None:
    for field in ("limits", "requests"):
        if field in resources:
            round_amounts(resources[field])


def round_amounts(amounts: Object) -> None:
    """Nothing finer than a thousandth is kept."""
    for name, text in amounts.items():
        if text[-1] in "nu" or "e-" in text:
            amounts[name] = str(_rounded(text))


def _rounded(text: str) -> quantity.Quantity:
    parsed = quantity.parse(text)
    return quantity.Quantity.from_milli(parsed.milli_value(), parsed.format)


def _default_pod_level_resources(spec: Object) -> None:
    """Requests of the whole pod are what its containers ask for, else its limits; huge pages alike."""
    resources: Object = spec["resources"]
    if resources.get("limits") or resources.get("requests"):
        limits = dict(resources.get("limits", {}))
        for name, amount in pod_resources.of_containers(spec, "limits").items():
            if name.startswith(pod_resources.HUGE_PAGES) and name not in resources.get("requests", {}):
                limits.setdefault(name, str(amount))
        if limits:
            resources["limits"] = limits
    if not resources.get("limits"):
        return
    requests = dict(resources.get("requests", {}))
    for name, amount in pod_resources.of_containers(spec, "requests").items():
        if pod_resources.supported_for_pods(name) and pod_resources.may_overcommit(name):
            requests.setdefault(name, str(amount))
    for name, text in resources["limits"].items():
        if pod_resources.supported_for_pods(name):
            requests.setdefault(name, text)
    if requests:
        resources["requests"] = requests


def _mirror_address(status: Object) -> None:
    """`podIP` is the first of `podIPs`; when they differ, old kubelets are right, who know only the one."""
    address, addresses = status.get("podIP"), status.get("podIPs")
    if address and (not addresses or addresses[0].get("ip") != address):
        status["podIPs"] = [{"ip": address}]
    elif addresses and not address and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]


def _round_status(status: Object) -> None:
    for field in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(field, ()):
            round_amounts(container.get("allocatedResources", {}))
            round_resources(container.get("resources", {}))
    round_amounts(status.get("allocatedResources", {}))
    round_resources(status.get("resources", {}))


# ---------------------------------------------------------------- volumes


def default_volume(volume: Object) -> None:
    source = None
    for name in volume:
        if name != "name":
            source = name
            if (default := _SOURCES.get(name)) is not None:
                default(volume[name])
    if source is None:
        volume["emptyDir"] = {}


def _mode(source: Object) -> None:
    source.setdefault("defaultMode", 0o644)


def _field_refs(items: Iterable[Object]) -> None:
    for item in items:
        if "fieldRef" in item:
            item["fieldRef"].setdefault("apiVersion", "v1")


def _downward_api(source: Object) -> None:
    _mode(source)
    _field_refs(source.get("items", ()))


def _projected(source: Object) -> None:
    _mode(source)
    for part in source.get("sources") or ():
        if "downwardAPI" in part:
            _field_refs(part["downwardAPI"].get("items", ()))
        if "serviceAccountToken" in part:
            part["serviceAccountToken"].setdefault("expirationSeconds", 3600)


def _ephemeral(source: Object) -> None:
    if "volumeClaimTemplate" in source:
        default_claim_spec(source["volumeClaimTemplate"]["spec"])


def default_claim_spec(spec: Object) -> None:
    """The specification of a PersistentVolumeClaim."""
    spec.setdefault("volumeMode", "Filesystem")
    round_resources(spec.get("resources", {}))


def _image(source: Object) -> None:
    if "pullPolicy" not in source:
        source["pullPolicy"] = pull_policy(source.get("reference", ""))


def _set(**values: Any) -> Callable[[Object], None]:
    def fill(source: Object) -> None:
        for name, value in values.items():
            source.setdefault(name, value)

    return fill


_SOURCES: dict[str, Callable[[Object], None]] = {
    "secret": _mode,
    "configMap": _mode,
    "downwardAPI": _downward_api,
    "projected": _projected,
    "hostPath": _set(type=""),
    "ephemeral": _ephemeral,
    "image": _image,
    "iscsi": _set(iscsiInterface="default"),
    "rbd": _set(pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "azureDisk": _set(cachingMode="ReadWrite", fsType="ext4", readOnly=False, kind="Shared"),
    "scaleIO": _set(storageMode="ThinProvisioned", fsType="xfs"),
}
