"""KubeletConfiguration (kubelet.config.k8s.io/v1beta1): the file of --config, its drop-ins, its defaults, its rules.

The whole is a plain dict in the API's form, durations as texts (`10s`); `seconds` reads one. kubeadm writes zero
durations for "the default", and so they mean. Fields that this kubelet has no use for (cgroups, iptables, NUMA) are
kept and shown in /configz.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.api import durations
from minikube_edu.kubelet.contract import Object
from minikube_edu.lib.jsonpatch import apply_merge_patch, copy_json

API_VERSION = "kubelet.config.k8s.io/v1beta1"
KIND = "KubeletConfiguration"

DEFAULTS: Mapping[str, Any] = {
    "enableServer": True,
    "syncFrequency": "1m0s",
    "fileCheckFrequency": "20s",
    "httpCheckFrequency": "20s",
    "address": "0.0.0.0",
    "port": 10250,
    "authentication": {
        "x509": {},
        "webhook": {"enabled": True, "cacheTTL": "2m0s"},
        "anonymous": {"enabled": False},
    },
    "authorization": {"mode": "Webhook", "webhook": {"cacheAuthorizedTTL": "5m0s", "cacheUnauthorizedTTL": "30s"}},
    "registryPullQPS": 5,
    "registryBurst": 10,
    "eventRecordQPS": 50,
    "eventBurst": 100,
    "enableDebuggingHandlers": True,
    "healthzPort": 10248,
    "healthzBindAddress": "127.0.0.1",
    "oomScoreAdj": -999,
    "streamingConnectionIdleTimeout": "4h0m0s",
    "nodeStatusUpdateFrequency": "10s",
    "nodeStatusReportFrequency": "5m0s",
    "nodeLeaseDurationSeconds": 40,
    "imageMinimumGCAge": "2m0s",
    "imageMaximumGCAge": "0s",
    "imageGCHighThresholdPercent": 85,
    "imageGCLowThresholdPercent": 80,
    "volumeStatsAggPeriod": "1m0s",
    "cgroupsPerQOS": True,
    "cgroupDriver": "cgroupfs",
    "cpuManagerPolicy": "none",
    "cpuManagerReconcilePeriod": "10s",
    "memoryManagerPolicy": "None",
    "topologyManagerPolicy": "none",
    "topologyManagerScope": "container",
    "runtimeRequestTimeout": "2m0s",
    "hairpinMode": "promiscuous-bridge",
    "maxPods": 110,
    "podPidsLimit": -1,
    "resolvConf": "/etc/resolv.conf",
    "cpuCFSQuota": True,
    "cpuCFSQuotaPeriod": "100ms",
    "nodeStatusMaxImages": 50,
    "maxOpenFiles": 1000000,
    "contentType": "application/vnd.kubernetes.protobuf",
    "kubeAPIQPS": 50,
    "kubeAPIBurst": 100,
    "serializeImagePulls": True,
    "evictionHard": {
        "imagefs.available": "15%",
        "imagefs.inodesFree": "5%",
        "memory.available": "100Mi",
        "nodefs.available": "10%",
        "nodefs.inodesFree": "5%",
    },
    "evictionPressureTransitionPeriod": "5m0s",
    "mergeDefaultEvictionSettings": False,
    "enableControllerAttachDetach": True,
    "makeIPTablesUtilChains": True,
    "iptablesMasqueradeBit": 14,
    "iptablesDropBit": 15,
    "failSwapOn": True,
    "memorySwap": {},
    "containerLogMaxSize": "10Mi",
    "containerLogMaxFiles": 5,
    "containerLogMaxWorkers": 1,
    "containerLogMonitorInterval": "10s",
    "configMapAndSecretChangeDetectionStrategy": "Watch",
    "enforceNodeAllocatable": ["pods"],
    "volumePluginDir": "/usr/libexec/kubernetes/kubelet-plugins/volume/exec/",
    "logging": {"format": "text", "flushFrequency": "5s", "verbosity": 0, "options": {"json": {}, "text": {}}},
    "enableSystemLogHandler": True,
    "enableSystemLogQuery": False,
    "shutdownGracePeriod": "0s",
    "shutdownGracePeriodCriticalPods": "0s",
    "crashLoopBackOff": {"maxContainerRestartPeriod": "5m0s"},
    "enableProfilingHandler": True,
    "enableDebugFlagsHandler": True,
    "seccompDefault": False,
    "memoryThrottlingFactor": 0.9,
    "registerNode": True,
    "localStorageCapacityIsolation": True,
    "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
    "failCgroupV1": True,
    "podLogsDir": "/var/log/pods",
    "imagePullCredentialsVerificationPolicy": "NeverVerifyPreloadedImages",
}

# (field, lowest, highest, flag): what a number may be
_RANGES: Sequence[tuple[str, int, int, str]] = (
    ("healthzPort", 0, 65535, "healthz-port"),
    ("imageGCHighThresholdPercent", 0, 100, "image-gc-high-threshold"),
    ("imageGCLowThresholdPercent", 0, 100, "image-gc-low-threshold"),
    ("iptablesDropBit", 0, 31, "iptables-drop-bit"),
    ("iptablesMasqueradeBit", 0, 31, "iptables-masquerade-bit"),
    ("oomScoreAdj", -1000, 1000, "oom-score-adj"),
    ("port", 1, 65535, "port"),
)
_NOT_NEGATIVE: Sequence[tuple[str, str]] = (
    ("eventBurst", "event-burst"),
    ("eventRecordQPS", "event-qps"),
    ("kubeAPIBurst", "kube-api-burst"),
    ("kubeAPIQPS", "kube-api-qps"),
    ("maxOpenFiles", "max-open-files"),
    ("maxPods", "max-pods"),
    ("registryBurst", "registry-burst"),
    ("registryPullQPS", "registry-qps"),
)


class BadConfiguration(Exception):
    """The file cannot be used; the text says why."""


def load(path: str, drop_ins: str = "") -> Object:
    """What the file and the `*.conf` files of the drop-in directory say, the later ones over the earlier."""
    found = _file(path) if path else {}
    if drop_ins and os.path.isdir(drop_ins):
        for name in sorted(os.listdir(drop_ins)):
            if name.endswith(".conf"):
                found = apply_merge_patch(found, _file(os.path.join(drop_ins, name)))
    return found


def _file(path: str) -> Object:
    import yaml

    try:
        with open(path, "rb") as file:
            found = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except OSError as error:
        raise BadConfiguration(
            f"failed to load Kubelet config file, path: {path}, error: failed to read kubelet config file "
            f'"{path}", error: open {path}: {(error.strerror or str(error)).lower()}'
        ) from None
    except yaml.YAMLError as error:
        raise BadConfiguration(f"failed to load Kubelet config file, path: {path}, error: {error}") from None
    if not isinstance(found, dict) or found.get("kind") != KIND or found.get("apiVersion") != API_VERSION:
        kind = found.get("kind") if isinstance(found, dict) else None
        raise BadConfiguration(
            f'failed to load Kubelet config file, path: {path}, error: no kind "{kind or ""}" is registered in scheme '
            '"pkg/kubelet/apis/config/scheme/scheme.go:33"'
        )
    return {key: value for key, value in found.items() if key not in ("kind", "apiVersion")}


def with_defaults(told: Object) -> Object:
    """Everything that is not said, or said to be zero where zero means the default."""
    found: Object = _merged(DEFAULTS, told)
    if not _zero(told.get("nodeStatusUpdateFrequency")) and _zero(told.get("nodeStatusReportFrequency")):
        found["nodeStatusReportFrequency"] = found["nodeStatusUpdateFrequency"]
    if "evictionHard" in told:
        hard = dict(told["evictionHard"] or {})
        found["evictionHard"] = {**DEFAULTS["evictionHard"], **hard} if found["mergeDefaultEvictionSettings"] else hard
    if (told.get("maxParallelImagePulls") or 0) > 1 and told.get("serializeImagePulls") is None:
        found["serializeImagePulls"] = False
    return found


def _merged(defaults: Mapping[str, Any], told: Mapping[str, Any]) -> Object:
    found: Object = {key: copy_json(value) for key, value in told.items() if key not in defaults}
    for key, default in defaults.items():
        value = told.get(key)
        if isinstance(default, dict) and key != "evictionHard":
            found[key] = _merged(default, value if isinstance(value, dict) else {})
        elif value is None or value == "" or (isinstance(default, str) and default[-1:] in "smh" and _zero(value)):
            found[key] = copy_json(default)
        else:
            found[key] = copy_json(value)
    return found


def _zero(value: Any) -> bool:
    return value in (None, 0, "", "0", "0s")


def seconds(configuration: Object, *path: str) -> float:
    value: Any = configuration
    for key in path:
        value = (value or {}).get(key)
    if not value:
        return 0.0
    return value / 1e9 if isinstance(value, int) else durations.seconds(str(value))


def problems(configuration: Object) -> list[str]:
    """What is wrong with it, in the real kubelet's words."""
    wrong = []
    if configuration["nodeLeaseDurationSeconds"] <= 0:
        wrong.append("nodeLeaseDurationSeconds must be greater than 0")
    for field, low, high, flag in _RANGES:
        if not low <= configuration[field] <= high:
            least = 1 if field == "healthzPort" else low
            wrong.append(f"{field} (--{flag}) {configuration[field]} must be between {least} and {high}, inclusive")
    low, high = configuration["imageGCLowThresholdPercent"], configuration["imageGCHighThresholdPercent"]
    if low >= high:
        wrong.append(
            f"imageGCLowThresholdPercent (--image-gc-low-threshold) {low} must be less than "
            f"imageGCHighThresholdPercent (--image-gc-high-threshold) {high}"
        )
    for field, flag in _NOT_NEGATIVE:
        if configuration[field] < 0:
            wrong.append(f"{field} (--{flag}) {configuration[field]} must not be a negative number")
    wrong += _shutdown(configuration)
    pulls = configuration.get("maxParallelImagePulls")
    if pulls is not None and pulls < 1:
        wrong.append(f"maxParallelImagePulls {pulls} must be a positive number")
    if configuration["serializeImagePulls"] and (pulls or 0) > 1:
        wrong.append(
            "maxParallelImagePulls cannot be larger than 1 unless SerializeImagePulls (--serialize-image-pulls) is set "
            "to false"
        )
    longest = seconds(configuration, "crashLoopBackOff", "maxContainerRestartPeriod")
    if not 1 <= longest <= 300:
        got = f"got: {longest:g} seconds"
        wrong.append(f"CrashLoopBackOff.MaxContainerRestartPeriod ({got}) must be set between 1s and 300s")
    for signal in configuration.get("evictionSoft") or {}:
        if signal not in (configuration.get("evictionSoftGracePeriod") or {}):
            wrong.append(f"grace period must be specified for the soft eviction threshold {signal}")
    if configuration["containerLogMaxFiles"] <= 1:
        wrong.append(f"containerLogMaxFiles must be greater than 1, but got {configuration['containerLogMaxFiles']}")
    return [f"invalid configuration: {text}" for text in wrong]


def _shutdown(configuration: Object) -> list[str]:
    wrong = []
    whole = seconds(configuration, "shutdownGracePeriod")
    critical = seconds(configuration, "shutdownGracePeriodCriticalPods")
    texts = configuration["shutdownGracePeriod"], configuration["shutdownGracePeriodCriticalPods"]
    if critical > whole:
        wrong.append(f"shutdownGracePeriodCriticalPods {texts[1]} must be <= shutdownGracePeriod {texts[0]}")
    for field, value, text in (
        ("shutdownGracePeriod", whole, texts[0]),
        ("shutdownGracePeriodCriticalPods", critical, texts[1]),
    ):
        if value < 0 or 0 < value < 1:
            wrong.append(f"{field} {text} must be either zero or otherwise >= 1 sec")
    return wrong
