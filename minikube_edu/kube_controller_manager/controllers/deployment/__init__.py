"""deployment-controller: from one template to the next, without letting go of the pods that are needed.

`controller` decides which of the strategies has its turn; `rollout` is the working copy of a Deployment with its
ReplicaSets that they share; `new_set` finds or makes the ReplicaSet of the present template, `rolling` and `recreate`
are the two ways from old to new, `scaling` keeps proportions, `progress` says how far it is.
"""

from minikube_edu.kube_controller_manager.controllers.deployment.controller import DeploymentController

CONTROLLER = DeploymentController
