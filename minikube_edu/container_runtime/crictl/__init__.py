"""crictl: a look at a node from below, past the kubelet and the API server. It speaks to the runtime's socket alone."""
