"""kubeadm's seat: builds a control plane out of files, and joins nodes to it."""
