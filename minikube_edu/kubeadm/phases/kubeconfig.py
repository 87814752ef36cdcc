"""Who is who: a kubeconfig for the administrator, for the one above him, for the kubelet, for the two managers."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import ADMINS
from minikube_edu.kubeadm.phases.certs import Certificate, authority, make

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.phases.init_data import InitData

Object = dict[str, Any]


class Identity(Struct, frozen=True):
    file: str
    user: str
    organizations: tuple[str, ...] = ()
    local: bool = True  # talks to this machine's API server, not to the cluster's endpoint
    long_name: str = ""


IDENTITIES = {
    "admin": Identity(
        "admin.conf",
        "kubernetes-admin",
        (ADMINS,),
        local=False,
        long_name="certificate embedded in the kubeconfig file for the admin to use and for kubeadm itself",
    ),
    "super-admin": Identity(
        "super-admin.conf",
        "kubernetes-super-admin",
        ("system:masters",),
        local=False,
        long_name="certificate embedded in the kubeconfig file for the super-admin",
    ),
    "kubelet": Identity("kubelet.conf", "system:node:{node}", ("system:nodes",)),
    "controller-manager": Identity(
        "controller-manager.conf",
        "system:kube-controller-manager",
        long_name="certificate embedded in the kubeconfig file for the controller manager to use",
    ),
    "scheduler": Identity(
        "scheduler.conf",
        "system:kube-scheduler",
        long_name="certificate embedded in the kubeconfig file for the scheduler manager to use",
    ),
}


async def announce(data: InitData) -> None:
    data.say(f'[kubeconfig] Using kubeconfig folder "{data.kubeconfig_directory}"')


def phase_of(name: str) -> Any:
    async def run(data: InitData) -> None:
        write(data, IDENTITIES[name])

    return run


admin, super_admin, kubelet = phase_of("admin"), phase_of("super-admin"), phase_of("kubelet")
controller_manager, scheduler = phase_of("controller-manager"), phase_of("scheduler")


def write(data: InitData, identity: Identity) -> None:
    path = f"{data.kubeconfig_directory}/{identity.file}"
    configuration = data.configuration
    server = configuration.local_endpoint if identity.local else configuration.endpoint
    if files.exists(data.host, path):
        _check(data, path, server)
        data.say(f'[kubeconfig] Using existing kubeconfig file: "{path}"')
        return
    if data.external_ca:
        raise CommandError(f"the file {path} does not exist and the CA key is missing, it cannot be generated")
    data.say(f'[kubeconfig] Writing "{identity.file}" kubeconfig file')
    folder = data.certificates_directory
    text = client_kubeconfig(data.host, configuration, folder, identity, server)
    files.write(data.host, path, text)


def client_kubeconfig(
    host: Host, configuration: Configuration, folder: str, identity: Identity, server: str, key: bytes | None = None
) -> str:
    """With a certificate of its own, just signed."""
    user = identity.user.format(node=configuration.node_name)
    pair = make(host, configuration, folder, Certificate(user, user, "ca", user, identity.organizations), key=key)
    ca = authority(host, folder, "ca").certificate
    return text_of(
        server,
        ca,
        user,
        {"client-certificate-data": encoded(pair.certificate), "client-key-data": encoded(pair.key)},
        str(configuration.cluster["clusterName"]),
    )


def text_of(server: str, ca: bytes, user: str, credentials: Object, cluster: str = "kubernetes") -> str:
    name = f"{user}@{cluster}"
    return files.yaml(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"cluster": {"certificate-authority-data": encoded(ca), "server": server}, "name": cluster}],
            "contexts": [{"context": {"cluster": cluster, "user": user}, "name": name}],
            "current-context": name,
            "users": [{"name": user, "user": credentials}],
        }
    )


def encoded(data: bytes) -> str:
    return b64encode(data).decode()


def _check(data: InitData, path: str, server: str) -> None:
    """An existing file must be for this cluster."""
    found = files.parse_yaml(files.read(data.host, path)) or {}
    contexts = {one.get("name"): one.get("context") or {} for one in found.get("contexts") or ()}
    current = contexts.get(found.get("current-context"))
    if current is None:
        raise CommandError(f'failed to find CurrentContext in Contexts of the kubeconfig file "{path}"')
    clusters = {one.get("name"): one.get("cluster") or {} for one in found.get("clusters") or ()}
    cluster = clusters.get(current.get("cluster"))
    if cluster is None:
        raise CommandError(
            f'failed to find the given CurrentContext Cluster in Clusters of the kubeconfig file "{path}"'
        )
    expected = files.read(data.host, f"{data.certificates_directory}/ca.crt")
    if cluster.get("certificate-authority-data") and cluster["certificate-authority-data"] != encoded(expected):
        raise CommandError(f'a kubeconfig file "{path}" exists already but has got the wrong CA cert')
    if cluster.get("server") != server:
        data.call.warn(
            "kubeconfig.go:273",
            f'a kubeconfig file "{path}" exists already but has an unexpected API Server URL: expected: {server}, '
            f"got: {cluster.get('server')}",
        )
