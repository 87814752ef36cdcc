"""What a kubelet needs until its static pods run, imported: for a process from which kubelets are forked.

A kubelet that starts cold imports the same when it comes to it. Importing this module also compiles what decoding a
manifest compiles at its first use, so that a fork has its static pods running in some ten milliseconds.
"""

from __future__ import annotations

import yaml

import minikube_edu.client.elected
import minikube_edu.client.informer
import minikube_edu.client.kubeconfig
import minikube_edu.container_runtime.socket_driver
import minikube_edu.kubelet.api_objects
import minikube_edu.kubelet.configurer
import minikube_edu.kubelet.flags
import minikube_edu.kubelet.hooks
import minikube_edu.kubelet.probes.prober
import minikube_edu.kubelet.running
import minikube_edu.kubelet.runtime_connection
import minikube_edu.kubelet.volumes.volumes  # noqa: F401  # the last of a list that is imported for its effect
from minikube_edu.kubelet.sources.static_pods import static_pods

MANIFEST = b"""
apiVersion: v1
kind: Pod
metadata: {name: a, labels: {b: c}}
spec:
  containers:
  - name: a
    image: b
    command: [c]
    env: [{name: d, value: e}]
    livenessProbe: {httpGet: {path: /, port: 1}}
    resources: {requests: {cpu: 1m}}
    volumeMounts: [{name: f, mountPath: /f}]
  volumes: [{name: f, hostPath: {path: /f}}]
"""

static_pods(MANIFEST, "node", "file", "nowhere")
yaml.load("a: 1", getattr(yaml, "CSafeLoader", yaml.SafeLoader))
