"""The container runtime's seat: what stands below the kubelet. `cri` is the protocol, `simulated` a runtime."""
