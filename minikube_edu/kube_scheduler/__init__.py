"""The seat of kube-scheduler: which node each pod runs on."""
