"""`kubeadm kubeconfig user`: a kubeconfig for somebody else, with a certificate of the cluster's CA or a token."""

from __future__ import annotations

from minikube_edu.kubeadm.command import Call
from minikube_edu.kubeadm.config import loading
from minikube_edu.kubeadm.config.defaults import whole
from minikube_edu.kubeadm.config.validation import check, resolved_version
from minikube_edu.kubeadm.constants import ADMINS
from minikube_edu.kubeadm.phases.certs import authority, key_kind
from minikube_edu.kubeadm.phases.kubeconfig import encoded, text_of
from minikube_edu.lib import durations


async def run(call: Call) -> None:
    from minikube_edu.lib import pki

    documents = loading.load(call, call.flags["config"]) if call.flags["config"] else {}
    cluster = documents.get("ClusterConfiguration") or {}
    cluster = {**cluster, "kubernetesVersion": resolved_version(cluster.get("kubernetesVersion") or "stable-1")}
    configuration = whole(documents.get("InitConfiguration") or {}, cluster, {}, call.host)
    check(configuration)
    name, token = call.flags["client-name"], call.flags["token"]
    organizations = call.flags["org"]
    if "system:masters" in organizations:
        call.warn("kubeconfig.go:376", 'creating kubeconfig file for the group "system:masters" is not recommended: it '
                  f'bypasses the authorization layer. Consider the group "{ADMINS}"')  # fmt: skip
    ca = authority(call.host, configuration.certificates, "ca")
    if token:
        credentials = {"token": token}
    else:
        lifetime = durations.seconds(call.flags["validity-period"])
        kind = key_kind(configuration)
        pair = pki.make_certificate(ca, name, organizations, usages=("client",), lifetime=lifetime, key_kind=kind)
        credentials = {
            "client-certificate-data": encoded(pair.certificate),
            "client-key-data": encoded(pair.key),
        }
    text = text_of(configuration.endpoint, ca.certificate, name, credentials, str(configuration.cluster["clusterName"]))
    call.say(text)
