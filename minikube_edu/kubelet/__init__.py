"""The seat of the kubelet: what runs on a node, and says how it is."""
