"""cloud-controller-manager: what a cluster asks of the place where it runs.

The seat between Kubernetes and a cloud: `services` asks for load balancers, `nodes` tells where a node is and removes
it when its machine is gone, `routes` tells that pods can reach each other. Each speaks to the cloud through the few
methods of `local_cloud.LocalCloud`; another cloud is another class. Seats meet through the API alone: nothing here
knows the controllers of kube-controller-manager.
"""
