"""replicationcontroller-controller: the ReplicaSet's ancestor. Its selector is a plain map of labels, and it does not
count pods that are terminating; all else is the same."""

from __future__ import annotations

from minikube_edu.api.label_selectors import Selector, from_set, nothing
from minikube_edu.kube_controller_manager.controller import Object
from minikube_edu.kube_controller_manager.controllers.replica_set import ReplicaSetController
from minikube_edu.kube_controller_manager.kinds import REPLICATION_CONTROLLERS


class ReplicationControllerController(ReplicaSetController):
    name = "replicationcontroller-controller"
    resource = REPLICATION_CONTROLLERS
    component = "replication-controller"
    counts_terminating = False

    @staticmethod
    def selector(replica_set: Object) -> Selector:
        labels = replica_set["spec"].get("selector")
        return from_set(labels) if labels else nothing()


CONTROLLER = ReplicationControllerController
