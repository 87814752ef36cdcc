"""statefulset-controller: pods with names of their own, in order, each with claims that outlive it.

`controller` is what is done in which order, `members` says who a pod is, `claims` what it keeps.
"""

from minikube_edu.kube_controller_manager.controllers.stateful_set.controller import StatefulSetController

CONTROLLER = StatefulSetController
