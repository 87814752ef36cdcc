"""daemonset-controller: one pod on every node that the template fits.

`controller` says on which nodes pods are missing or too many, `daemons` which pod is on which node, `rolling` how a new
template comes, `history` which templates there were.
"""

from minikube_edu.kube_controller_manager.controllers.daemon_set.controller import DaemonSetController

CONTROLLER = DaemonSetController
