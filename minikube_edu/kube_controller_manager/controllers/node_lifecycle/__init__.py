"""node-lifecycle-controller: what a node says of itself, and what follows when it says nothing any more.

A node shows that it lives by renewing its Lease (every ten seconds) and by its status. After so much silence as
`--node-monitor-grace-period` allows its conditions become `Unknown` (`health`). Conditions become taints
(`conditions`): NoSchedule at once, so that nothing new comes; NoExecute, which evicts what is there, only at a rate,
zone by zone (`zones`): when much fails at once, it is rather the network between here and there, and moving everything
would make it worse.
"""

from minikube_edu.kube_controller_manager.controllers.node_lifecycle.lifecycle import NodeLifecycleController

CONTROLLER = NodeLifecycleController
