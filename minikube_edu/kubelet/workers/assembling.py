"""What the workers of one kubelet share, put together: pulls, kills, resizes, and the carrying out of a sync."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from minikube_edu.client.rest import Client
from minikube_edu.container_runtime.cri import ContainerRuntime
from minikube_edu.kubelet.configuration import seconds
from minikube_edu.kubelet.contract import ApiObjects, Configurer, Hooks, Object, Probes, Recorder, Volumes
from minikube_edu.kubelet.restarts import LONGEST, Backoff
from minikube_edu.kubelet.runtime_view import RuntimeView
from minikube_edu.kubelet.workers.carrying_out import CarryingOut
from minikube_edu.kubelet.workers.image_pulls import ImagePulls
from minikube_edu.kubelet.workers.killing import Killing
from minikube_edu.kubelet.workers.pod_worker import Parts, PodWorker, Statuses
from minikube_edu.kubelet.workers.resizing import Resizing


class Outside(Struct):
    """What a kubelet is given."""

    runtime: ContainerRuntime
    volumes: Volumes
    configurer: Configurer
    probes: Probes
    hooks: Hooks
    recorder: Recorder
    objects: ApiObjects
    client: Client | None = None
    host_ips: Callable[[], list[str]] = field(default=lambda: [])


class Core(Struct):
    """What a kubelet tells its workers, and is asked by them."""

    view: RuntimeView
    statuses: Statuses
    allocatable: Callable[[], Mapping[str, str]]
    others: Callable[[str], Sequence[Object]]
    network_problem: Callable[[], str]
    mirror: Callable[[Object], None]
    done: Callable[[PodWorker], None]


def parts_of(outside: Outside, core: Core, configuration: Object) -> Parts:
    runtime, recorder = outside.runtime, outside.recorder
    killing = Killing(runtime, core.view, outside.hooks, recorder)
    resizing = Resizing(runtime, core.view, killing, recorder, core.allocatable, core.others)
    parallel = int(configuration.get("maxParallelImagePulls") or 0)
    serialize = bool(configuration.get("serializeImagePulls", True)) and not parallel
    pulls = ImagePulls(runtime, outside.objects, recorder, serialize=serialize, parallel=parallel)
    longest = seconds(configuration, "crashLoopBackOff", "maxContainerRestartPeriod") or LONGEST
    carrying = CarryingOut(
        runtime,
        core.view,
        outside.configurer,
        outside.hooks,
        pulls,
        killing,
        resizing,
        recorder,
        backoff=Backoff(min(10.0, longest), longest),
    )
    return Parts(
        core.view,
        carrying,
        killing,
        resizing,
        pulls,
        outside.volumes,
        outside.probes,
        core.statuses,
        recorder,
        outside.host_ips,
        core.network_problem,
        core.mirror,
        core.done,
    )
