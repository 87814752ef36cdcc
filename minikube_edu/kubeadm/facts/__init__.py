"""Texts and manifests that are data: help texts, the kubelet's and kube-proxy's configurations, the add-ons."""
