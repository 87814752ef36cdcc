"""Names, paths and ports: nowhere else in kubeadm is one written down. Versions are in `releases`."""

from __future__ import annotations

KUBERNETES = "/etc/kubernetes"
PKI = "/etc/kubernetes/pki"
MANIFESTS = "/etc/kubernetes/manifests"
TEMPORARY = "/etc/kubernetes/tmp"
KUBELET = "/var/lib/kubelet"
ETCD_DATA = "/var/lib/etcd"
ADMIN = "/etc/kubernetes/admin.conf"
SUPER_ADMIN = "/etc/kubernetes/super-admin.conf"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
BOOTSTRAP_KUBELET_CONF = "/etc/kubernetes/bootstrap-kubelet.conf"

API_PORT, KUBELET_PORT, KUBELET_HEALTHZ = 6443, 10250, 10248
ENDPOINT = "kubeadm.kubernetes.io/kube-apiserver.advertise-address.endpoint"  # of the static pod
SCHEDULER_PORT, MANAGER_PORT = 10259, 10257
ETCD_CLIENT, ETCD_PEER, ETCD_METRICS = 2379, 2380, 2381

REPOSITORY = "registry.k8s.io"
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

ADMINS = "kubeadm:cluster-admins"
NODE_BOOTSTRAPPERS = "system:bootstrappers:kubeadm:default-node-token"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
EXCLUDE_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
CONTROL_PLANE_TAINT = {"key": CONTROL_PLANE_LABEL, "effect": "NoSchedule"}

# The real default is RSA-2048: sixteen such keys take 0.7 s to make, longer than the whole cluster takes to start. Keys
# on the curve take 0.02 ms each. The service accounts' key stays RSA (made beside the other work, see phases/certs.py),
# so that tokens are RS256, as everywhere. A configuration that asks for RSA gets it.
ALGORITHM = "ECDSA-P256"
ALGORITHMS = {
    "RSA-2048": "rsa2048",
    "RSA-3072": "rsa3072",
    "RSA-4096": "rsa4096",
    "ECDSA-P256": "ecdsa-p256",
    "ECDSA-P384": "ecdsa-p384",
}
