"""Counters, and /metrics in Prometheus' text form under the real scheduler's names.

The hot path adds to plain numbers; prometheus-client is imported when somebody scrapes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from minikube_edu.lib import version

if TYPE_CHECKING:
    from minikube_edu.kube_scheduler.cluster import Cluster
    from minikube_edu.kube_scheduler.scheduling_queue import SchedulingQueue

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
SECONDS = tuple(0.001 * 2**n for n in range(15))
COUNTS = (1.0, 2.0, 4.0, 8.0, 16.0)


class Histogram:
    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def buckets(self) -> list[tuple[str, float]]:
        found, total = [], 0
        for bound, count in zip((*map(repr, self.bounds), "+Inf"), self.counts, strict=True):
            total += count
            found.append((bound, float(total)))
        return found


class Metrics:
    def __init__(self) -> None:
        self.attempts: dict[tuple[str, str], int] = {}  # (profile, result)
        self.attempt_seconds: dict[tuple[str, str], Histogram] = {}
        self.algorithm_seconds = Histogram()
        self.pod_seconds = Histogram()  # from the first attempt until bound
        self.pod_attempts = Histogram(COUNTS)
        self.preemption_attempts = 0
        self.preemption_victims = Histogram(COUNTS)
        self.unschedulable: dict[tuple[str, str], int] = {}  # (plugin, profile)
        self.binding = 0  # under way
        # read when scraped
        self.queue: SchedulingQueue | None = None
        self.cluster: Cluster | None = None

    def attempt(self, profile: str, result: str, seconds: float) -> None:
        key = profile, result
        self.attempts[key] = self.attempts.get(key, 0) + 1
        histogram = self.attempt_seconds.get(key)
        if histogram is None:
            histogram = self.attempt_seconds[key] = Histogram()
        histogram.observe(seconds)

    def rejected(self, plugins: Iterable[str], profile: str) -> None:
        for plugin in plugins:
            self.unschedulable[plugin, profile] = self.unschedulable.get((plugin, profile), 0) + 1

    def text(self) -> bytes:
        from prometheus_client import CollectorRegistry, generate_latest

        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collector(self))
        return generate_latest(registry) + version.metric()


class _Collector:
    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    def describe(self) -> Iterable[Any]:
        return ()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        told = self.metrics

        def histogram(
            name: str, text: str, values: dict[tuple[str, ...], Histogram], labels: tuple[str, ...] = ()
        ) -> Any:
            family = HistogramMetricFamily(name, text, labels=labels)
            for key, value in values.items():
                family.add_metric(key, value.buckets(), value.sum)
            return family

        attempts = CounterMetricFamily(
            "scheduler_schedule_attempts", "Attempts to schedule pods, by the result.", labels=("profile", "result")
        )
        for (profile, result), count in told.attempts.items():
            attempts.add_metric((profile, result), count)
        yield attempts
        by_result: dict[tuple[str, ...], Histogram] = dict(told.attempt_seconds.items())
        labels = ("profile", "result")
        name = "scheduler_scheduling_attempt_duration_seconds"
        yield histogram(name, "Scheduling attempts, algorithm and binding.", by_result, labels)
        name = "scheduler_scheduling_algorithm_duration_seconds"
        yield histogram(name, "The algorithm alone.", {(): told.algorithm_seconds})
        name = "scheduler_pod_scheduling_sli_duration_seconds"
        yield histogram(name, "From a pod's first attempt until it is bound.", {(): told.pod_seconds})
        yield histogram("scheduler_pod_scheduling_attempts", "Attempts until bound.", {(): told.pod_attempts})
        name = "scheduler_preemption_attempts"
        yield CounterMetricFamily(name, "Preemption attempts.", value=told.preemption_attempts)
        yield histogram("scheduler_preemption_victims", "Victims of a preemption.", {(): told.preemption_victims})
        rejected = GaugeMetricFamily(
            "scheduler_unschedulable_pods", "Rejections, by plugin.", labels=("plugin", "profile")
        )
        for (plugin, profile), count in told.unschedulable.items():
            rejected.add_metric((plugin, profile), count)
        yield rejected
        bindings = GaugeMetricFamily("scheduler_goroutines", "Work in the background.", labels=("operation",))
        bindings.add_metric(("binding",), told.binding)
        yield bindings
        yield from self._queue()
        if told.cluster is not None:
            size = GaugeMetricFamily("scheduler_cache_size", "What the scheduler knows of.", labels=("type",))
            size.add_metric(("nodes",), len(told.cluster.order))
            size.add_metric(("pods",), len(told.cluster.pods))
            size.add_metric(("assumed_pods",), len(told.cluster.assumed))
            yield size

    def _queue(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        queue = self.metrics.queue
        if queue is None:
            return
        pending = GaugeMetricFamily("scheduler_pending_pods", "Pods that wait, by part.", labels=("queue",))
        gated = queue.gated
        for place, count in queue.counts.items():
            pending.add_metric((place,), count - gated if place == "unschedulable" else count)
        pending.add_metric(("gated",), gated)
        yield pending
        incoming = CounterMetricFamily(
            "scheduler_queue_incoming_pods", "Pods put in a part of the queue, by event.", labels=("queue", "event")
        )
        for (place, event), count in queue.incoming.items():
            incoming.add_metric((place, event), count)
        yield incoming
