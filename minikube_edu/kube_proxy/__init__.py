"""kube-proxy: makes services' addresses lead to pods, on every node.

It watches Services, EndpointSlices and its Node (`proxier`), works out what iptables mode would put into the kernel
(`rules`, pure data), and installs it as the node's translation of addresses. It runs as a simulated program in a
privileged container on the node's network (`program`), and talks to the API as the real one does.
"""
