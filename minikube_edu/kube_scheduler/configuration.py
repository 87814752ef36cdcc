"""KubeSchedulerConfiguration, kubescheduler.config.k8s.io/v1: profiles, their plugins, and the defaults.

A profile starts from the default plugins; what it enables is added or replaces the arguments and weights, what it
disables is taken away (`*`: all). `multiPoint` means every extension point that a plugin has; a point of its own goes
before. Errors are ValueErrors that name the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from minikube_edu.api.durations import parse as parse_duration
from minikube_edu.kube_scheduler.framework import POINTS, has_point

Object = dict[str, Any]

API_VERSION, KIND = "kubescheduler.config.k8s.io/v1", "KubeSchedulerConfiguration"
DEFAULT_SCHEDULER = "default-scheduler"
# In the order in which they are asked; the number is the weight of the score, 0 where it does not matter.
DEFAULT_PLUGINS: tuple[tuple[str, int], ...] = (
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0),
    ("VolumeBinding", 0),
    ("VolumeZone", 0),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("DynamicResources", 0),
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
    ("DefaultBinder", 0),
)
DEFAULT_WEIGHT = 1
FIELDS = frozenset(
    (
        "apiVersion", "kind", "parallelism", "leaderElection", "clientConnection", "healthzBindAddress",
        "metricsBindAddress", "enableProfiling", "enableContentionProfiling", "percentageOfNodesToScore",
        "podInitialBackoffSeconds", "podMaxBackoffSeconds", "profiles", "extenders", "delayCacheUntilActive",
    )
)  # fmt: skip


class ProfileConfiguration(Struct):
    scheduler_name: str = DEFAULT_SCHEDULER
    enabled: dict[str, dict[str, int]] = field(default_factory=dict)  # point -> plugin -> weight
    arguments: dict[str, Object] = field(default_factory=dict)
    percentage_of_nodes_to_score: int | None = None

    def names(self) -> list[str]:
        return list(dict.fromkeys(name for point in POINTS for name in self.enabled[point]))

    def weights(self) -> dict[str, int]:
        return {name: weight or DEFAULT_WEIGHT for name, weight in self.enabled["score"].items()}


class Configuration(Struct):
    profiles: list[ProfileConfiguration]
    extenders: list[Object] = field(default_factory=list)
    percentage_of_nodes_to_score: int = 0
    initial_backoff: float = 1.0
    max_backoff: float = 10.0
    leader_election: Object = field(default_factory=dict)
    client_connection: Object = field(default_factory=dict)


def default() -> Configuration:
    return parse({"apiVersion": API_VERSION, "kind": KIND})


def parse(obj: Object, plugins: Mapping[str, Any] | None = None) -> Configuration:
    """`plugins` are those that can be named: the registry, with plugins of one's own perhaps."""
    from minikube_edu.kube_scheduler.plugins import PLUGINS

    registry = PLUGINS if plugins is None else plugins
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if api_version != API_VERSION or kind != KIND:
        raise ValueError(f'no kind "{kind or ""}" is registered for version "{api_version or ""}" in scheme')
    for name in obj:
        if name not in FIELDS:
            raise ValueError(f'strict decoding error: unknown field "{name}"')
    profiles = [_profile(spec, index, registry) for index, spec in enumerate(obj.get("profiles") or [{}])]
    names = [profile.scheduler_name for profile in profiles]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ValueError(f'profiles[{index}].schedulerName: Duplicate value: "{name}"')
    if len({tuple(profile.enabled["queueSort"]) for profile in profiles}) > 1:
        raise ValueError("profiles: Invalid value: queueSort: must be the same for all profiles")
    percentage = obj.get("percentageOfNodesToScore") or 0
    if not 0 <= percentage <= 100:
        raise ValueError(f"percentageOfNodesToScore: Invalid value: {percentage}: not in valid range [0-100]")
    initial = float(obj.get("podInitialBackoffSeconds") or 1)
    longest = float(obj.get("podMaxBackoffSeconds") or 10)
    if longest < initial:
        raise ValueError(
            f"podMaxBackoffSeconds: Invalid value: {longest:g}: "
            "must be greater than or equal to PodInitialBackoffSeconds"
        )
    return Configuration(
        profiles,
        _extenders(obj.get("extenders") or []),
        percentage,
        initial,
        longest,
        obj.get("leaderElection") or {},
        obj.get("clientConnection") or {},
    )


def seconds(value: object, otherwise: float) -> float:
    return parse_duration(value) / 1e9 if isinstance(value, str) else otherwise


def _profile(spec: Object, index: int, registry: Mapping[str, Any]) -> ProfileConfiguration:
    where = f"profiles[{index}]"
    name = spec.get("schedulerName") or DEFAULT_SCHEDULER
    plugins = spec.get("plugins") or {}
    for point, sets in plugins.items():
        if point not in (*POINTS, "multiPoint"):
            raise ValueError(f'{where}.plugins: unknown field "{point}"')
        for one in sets.get("enabled") or ():
            if one.get("name") not in registry:
                raise ValueError(f'{where}.plugins.{point}: plugin "{one.get("name")}" does not exist')
    many = _merged(dict(DEFAULT_PLUGINS), plugins.get("multiPoint") or {})
    enabled = {point: _at(point, many, plugins.get(point) or {}, registry) for point in POINTS}
    if len(enabled["queueSort"]) != 1:
        raise ValueError(f"{where}: only one queue sort plugin required, but got {len(enabled['queueSort'])}")
    if not enabled["bind"]:
        raise ValueError(f"{where}: at least one bind plugin is needed")
    arguments = {}
    for at, one in enumerate(spec.get("pluginConfig") or ()):
        if one.get("name") in arguments:
            raise ValueError(f"{where}.pluginConfig[{at}]: repeated config for plugin {one['name']}")
        arguments[one["name"]] = one.get("args") or {}
    percentage = spec.get("percentageOfNodesToScore")
    if percentage is not None and not 0 <= percentage <= 100:
        raise ValueError(f"{where}.percentageOfNodesToScore: Invalid value: {percentage}: not in valid range [0-100]")
    return ProfileConfiguration(name, enabled, arguments, percentage)


def _merged(defaults: dict[str, int], sets: Object) -> dict[str, int]:
    """What is left of the defaults, with new weights in their place, then what is enabled besides."""
    disabled = {one["name"] for one in sets.get("disabled") or ()}
    enabled = {one["name"]: one.get("weight") or 0 for one in sets.get("enabled") or ()}
    found = {}
    for name, weight in defaults.items():
        if "*" in disabled or name in disabled:
            continue
        found[name] = enabled.pop(name) or weight if name in enabled else weight
    return {**found, **enabled}


def _at(point: str, many: dict[str, int], sets: Object, registry: Mapping[str, Any]) -> dict[str, int]:
    """The plugins of one point: its own first, then those of multiPoint that have it."""
    disabled = {one["name"] for one in sets.get("disabled") or ()}
    own = {one["name"]: one.get("weight") or 0 for one in sets.get("enabled") or ()}
    inherited = {
        name: weight
        for name, weight in many.items()
        if has_point(registry[name], point) and name not in own and name not in disabled and "*" not in disabled
    }
    return {**own, **inherited}


def _extenders(specs: list[Object]) -> list[Object]:
    binders = 0
    for index, spec in enumerate(specs):
        if not spec.get("urlPrefix"):
            raise ValueError(f"extenders[{index}].urlPrefix: Required value")
        if spec.get("prioritizeVerb") and (spec.get("weight") or 0) <= 0:
            raise ValueError(
                f"extenders[{index}].weight: Invalid value: {spec.get('weight') or 0}: "
                "must have a positive weight applied to it"
            )
        binders += bool(spec.get("bindVerb"))
    if binders > 1:
        raise ValueError(f"extenders: Invalid value: found {binders} extenders implementing bind: only one is allowed")
    return specs
