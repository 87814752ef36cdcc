"""The end of `init`: what to type next, here and on other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.config.configuration import joined, split

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.phases.init_data import InitData

DONE = """
Your Kubernetes control-plane has initialized successfully!

To start using your cluster, you need to run the following as a regular user:

  mkdir -p $HOME/.kube
  sudo cp -i {admin} $HOME/.kube/config
  sudo chown $(id -u):$(id -g) $HOME/.kube/config

Alternatively, if you are the root user, you can run:

  export KUBECONFIG=/etc/kubernetes/admin.conf

You should now deploy a pod network to the cluster.
Run "kubectl apply -f [podnetwork].yaml" with one of the options listed at:
  https://kubernetes.io/docs/concepts/cluster-administration/addons/

"""
CONTROL_PLANES = "You can now join any number of {what} running the following command on each as root:\n\n"
COPY = """You can now join any number of control-plane nodes by copying certificate authorities
and service account keys on each node and then running the following as root:

"""
KEY = """Please note that the certificate-key gives access to cluster sensitive data, keep it secret!
As a safeguard, uploaded-certs will be deleted in two hours; If necessary, you can use
"kubeadm init phase upload-certs --upload-certs" to reload certs afterward.

"""
WORKERS = "Then you can join any number of worker nodes by running the following on each as root:\n\n"


async def init(data: InitData) -> None:
    path = f"{data.kubeconfig_directory}/admin.conf"
    for token in data.tokens:
        shown = "<value withheld>" if data.skip_token_print else token
        key = "<value withheld>" if data.skip_key_print else data.certificate_key
        text = DONE.format(admin=path)
        command = join_command(data.host, path, shown)
        if data.configuration.cluster.get("controlPlaneEndpoint"):
            if data.upload_certs:
                text += CONTROL_PLANES.format(what="control-plane nodes")
                text += f"  {command}\\\n\t--control-plane --certificate-key {key}\n\n{KEY}"
            else:
                text += f"{COPY}  {command}\\\n\t--control-plane \n\n"
        data.call.out.write(f"{text}{WORKERS}{command}\n")
    data.call.out.flush()


def join_command(host: Host, kubeconfig: str, token: str, *, one_line: bool = False) -> str:
    document = files.parse_yaml(files.read(host, kubeconfig))
    server, ca = cluster_of(document)
    where, port = split(server.removeprefix("https://"))
    between = "" if one_line else "\\\n\t"
    return (
        f"kubeadm join {joined(where, port or 6443)} --token {token} {between}"
        f"--discovery-token-ca-cert-hash {certificate_hash(ca)} "
    )


def cluster_of(kubeconfig: dict[str, Any]) -> tuple[str, bytes]:
    """Server and CA (PEM) of a kubeconfig's current context."""
    from base64 import b64decode

    context = next(one["context"] for one in kubeconfig["contexts"] if one["name"] == kubeconfig["current-context"])
    cluster = next(one["cluster"] for one in kubeconfig["clusters"] if one["name"] == context["cluster"])
    if cluster.get("certificate-authority-data"):
        return cluster["server"], b64decode(cluster["certificate-authority-data"])
    with open(cluster["certificate-authority"], "rb") as file:
        return cluster["server"], file.read()


def certificate_hash(pem: bytes) -> str:
    """`sha256:…` of the public key: what a joining machine knows the cluster by."""
    import hashlib

    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = x509.load_pem_x509_certificate(pem).public_key()
    return f"sha256:{hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()}"
