"""horizontal-pod-autoscaler-controller: as many pods as the load needs.

`autoscaler` is the loop: read the target's scale, ask every metric for a number of replicas, take the greatest, hold it
to the rules, write it. `metrics` asks the metrics APIs, `calculation` turns numbers into replicas, `limits` keeps the
result from jumping: how fast it may move, and for how long it must have been true.
"""

from minikube_edu.kube_controller_manager.controllers.horizontal_pod_autoscaler.autoscaler import (
    HorizontalPodAutoscalerController,
)

CONTROLLER = HorizontalPodAutoscalerController
