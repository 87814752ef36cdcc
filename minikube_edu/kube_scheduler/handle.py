"""What a plugin is given: the cluster to look at, and the ways to act."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.index import Index
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client, Resource
from minikube_edu.kube_scheduler.cluster import Cluster
from minikube_edu.kube_scheduler.metrics import Metrics
from minikube_edu.kube_scheduler.nominator import Nominator
from minikube_edu.kube_scheduler.recorder import Recorder

if TYPE_CHECKING:
    from minikube_edu.kube_scheduler.extender import Extender
    from minikube_edu.kube_scheduler.profile import Profile
    from minikube_edu.kube_scheduler.waiting import WaitingPods


class Handle(Struct):
    cluster: Cluster
    client: Client
    informers: InformerFactory
    recorder: Recorder
    nominator: Nominator
    waiting: WaitingPods
    metrics: Metrics
    activate: Callable[[Iterable[str]], None]  # by uid: try these pods at once
    ungate: Callable[[str, str, bool], None]  # (uid, plugin, also if it was not gated)
    spawn: Callable[[Coroutine[Any, Any, None], str], object]  # a task of the scheduler
    extenders: list[Extender] = field(default_factory=list)
    owner: Profile | None = None

    @property
    def profile(self) -> Profile:
        """The one that the plugin belongs to: there before a plugin is asked anything."""
        if self.owner is None:
            raise RuntimeError("a plugin asks for its profile before it has one")
        return self.owner

    def informer(self, resource: Resource) -> Informer:
        """Ask while the plugin is made: informers start after that."""
        return self.informers.informer(resource)

    def index(self, resource: Resource) -> Index:
        return self.informer(resource).index
