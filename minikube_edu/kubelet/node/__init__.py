"""The node as the cluster sees it: the Node object, its status, its lease, and what the machine is."""
