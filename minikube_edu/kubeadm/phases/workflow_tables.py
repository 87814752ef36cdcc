"""The phases of each workflow, in their order: the tour of kubeadm."""

from __future__ import annotations

from minikube_edu.kubeadm.phases.workflow import Phase

_CERT_FLAGS = ("config", "cert-dir", "kubernetes-version", "dry-run")
_CONF_FLAGS = ("config", "cert-dir", "kubeconfig-dir", "apiserver-advertise-address", "control-plane-endpoint",
               "apiserver-bind-port", "kubernetes-version", "dry-run")  # fmt: skip
_API_FLAGS = ("config", "kubeconfig", "dry-run")


def _cert(name: str, short: str, *more: str) -> Phase:
    return Phase(name, short, f"certs.{name.replace('-', '_')}", flags=(*_CERT_FLAGS, *more))


def _conf(name: str, short: str, *more: str) -> Phase:
    return Phase(name, short, f"kubeconfig.{name.replace('-', '_')}", flags=(*_CONF_FLAGS, *more))


INIT = (
    Phase(
        "preflight",
        "Run pre-flight checks",
        "preflight.init",
        flags=("config", "cri-socket", "ignore-preflight-errors", "image-repository", "dry-run"),
    ),
    Phase(
        "certs",
        "Certificate generation",
        "certs.announce",
        (
            _cert(
                "ca", "Generate the self-signed Kubernetes CA to provision identities for other Kubernetes components"
            ),
            _cert(
                "apiserver",
                "Generate the certificate for serving the Kubernetes API",
                "apiserver-advertise-address",
                "control-plane-endpoint",
                "service-cidr",
                "service-dns-domain",
                "apiserver-cert-extra-sans",
            ),
            _cert("apiserver-kubelet-client", "Generate the certificate for the API server to connect to kubelet"),
            _cert("front-proxy-ca", "Generate the self-signed CA to provision identities for front proxy"),
            _cert("front-proxy-client", "Generate the certificate for the front proxy client"),
            _cert("etcd-ca", "Generate the self-signed CA to provision identities for etcd"),
            _cert("etcd-server", "Generate the certificate for serving etcd"),
            _cert("etcd-peer", "Generate the certificate for etcd nodes to communicate with each other"),
            _cert("etcd-healthcheck-client", "Generate the certificate for liveness probes to healthcheck etcd"),
            _cert("apiserver-etcd-client", "Generate the certificate the apiserver uses to access etcd"),
            _cert("sa", "Generate a private key for signing service account tokens along with its public key"),
        ),
    ),
    Phase(
        "kubeconfig",
        "Generate all kubeconfig files necessary to establish the control plane and the admin kubeconfig file",
        "kubeconfig.announce",
        (
            _conf("admin", "Generate a kubeconfig file for the admin to use and for kubeadm itself"),
            _conf("super-admin", "Generate a kubeconfig file for the super-admin"),
            _conf(
                "kubelet",
                "Generate a kubeconfig file for the kubelet to use *only* for cluster bootstrapping purposes",
                "node-name",
            ),
            _conf("controller-manager", "Generate a kubeconfig file for the controller manager to use"),
            _conf("scheduler", "Generate a kubeconfig file for the scheduler to use"),
        ),
    ),
    Phase(
        "etcd",
        "Generate static Pod manifest file for local etcd",
        phases=(
            Phase(
                "local",
                "Generate the static Pod manifest file for a local, single-node local etcd instance",
                "etcd.local",
                flags=("cert-dir", "config", "image-repository", "patches", "dry-run"),
            ),
        ),
    ),
    Phase(
        "control-plane",
        "Generate all static Pod manifest files necessary to establish the control plane",
        "control_plane.announce",
        (
            Phase(
                "apiserver",
                "Generates the kube-apiserver static Pod manifest",
                "control_plane.apiserver",
                flags=(
                    "cert-dir",
                    "config",
                    "image-repository",
                    "kubernetes-version",
                    "patches",
                    "dry-run",
                    "apiserver-advertise-address",
                    "apiserver-bind-port",
                    "control-plane-endpoint",
                    "service-cidr",
                    "feature-gates",
                ),
            ),
            Phase(
                "controller-manager",
                "Generates the kube-controller-manager static Pod manifest",
                "control_plane.controller_manager",
                flags=(
                    "cert-dir",
                    "config",
                    "image-repository",
                    "kubernetes-version",
                    "patches",
                    "dry-run",
                    "pod-network-cidr",
                ),
            ),
            Phase(
                "scheduler",
                "Generates the kube-scheduler static Pod manifest",
                "control_plane.scheduler",
                flags=("cert-dir", "config", "image-repository", "kubernetes-version", "patches", "dry-run"),
            ),
        ),
    ),
    Phase(
        "kubelet-start",
        "Write kubelet settings and (re)start the kubelet",
        "kubelet_start.init",
        flags=("config", "cri-socket", "dry-run", "image-repository", "node-name", "patches"),
        long="Write a file with KubeletConfiguration and an environment file with node specific kubelet settings, and "
        "then (re)start kubelet.",
    ),
    Phase(
        "wait-control-plane",
        "Wait for the control plane to start",
        "wait_control_plane.init",
        flags=("config", "dry-run"),
    ),
    Phase(
        "upload-config",
        "Upload the kubeadm and kubelet configuration to a ConfigMap",
        phases=(
            Phase(
                "kubeadm",
                "Upload the kubeadm ClusterConfiguration to a ConfigMap",
                "upload_config.kubeadm",
                flags=_API_FLAGS,
            ),
            Phase(
                "kubelet",
                "Upload the kubelet component config to a ConfigMap",
                "upload_config.kubelet",
                flags=_API_FLAGS,
            ),
        ),
        flags=("config", "cri-socket", "dry-run"),
    ),
    Phase(
        "upload-certs",
        "Upload certificates to kubeadm-certs",
        "upload_certs.init",
        flags=(*_API_FLAGS, "certificate-key", "skip-certificate-key-print", "upload-certs"),
    ),
    Phase(
        "mark-control-plane",
        "Mark a node as a control-plane",
        "mark_control_plane.init",
        flags=("config", "dry-run", "node-name"),
    ),
    Phase(
        "bootstrap-token",
        "Generates bootstrap tokens used to join a node to a cluster",
        "bootstrap_token.init",
        flags=(*_API_FLAGS, "skip-token-print"),
    ),
    Phase(
        "kubelet-finalize",
        "Updates settings relevant to the kubelet after TLS bootstrap",
        phases=(
            Phase(
                "enable-client-cert-rotation",
                "Enable kubelet client certificate rotation",
                "kubelet_finalize.enable_client_cert_rotation",
                flags=("config", "cert-dir", "dry-run"),
            ),
        ),
    ),
    Phase(
        "addon",
        "Install required addons for passing conformance tests",
        phases=(
            Phase(
                "coredns",
                "Install the CoreDNS addon to a Kubernetes cluster",
                "addon.coredns",
                flags=(
                    *_API_FLAGS,
                    "feature-gates",
                    "image-repository",
                    "kubernetes-version",
                    "patches",
                    "service-cidr",
                    "service-dns-domain",
                ),
            ),
            Phase(
                "kube-proxy",
                "Install the kube-proxy addon to a Kubernetes cluster",
                "addon.kube_proxy",
                flags=(
                    *_API_FLAGS,
                    "apiserver-advertise-address",
                    "apiserver-bind-port",
                    "control-plane-endpoint",
                    "image-repository",
                    "kubernetes-version",
                    "pod-network-cidr",
                ),
            ),
        ),
    ),
    Phase(
        "show-join-command",
        "Show the join command for control-plane and worker node",
        "show_join_command.init",
    ),
)

_DISCOVERY = ("config", "discovery-file", "discovery-token", "discovery-token-ca-cert-hash",
              "discovery-token-unsafe-skip-ca-verification", "tls-bootstrap-token", "token", "dry-run")  # fmt: skip
_LOCAL_API = ("apiserver-advertise-address", "apiserver-bind-port", "control-plane", "node-name")

JOIN = (
    Phase(
        "preflight",
        "Run join pre-flight checks",
        "join_node.check",
        flags=(*_DISCOVERY, *_LOCAL_API, "certificate-key", "cri-socket", "ignore-preflight-errors"),
    ),
    Phase(
        "control-plane-prepare",
        "Prepare the machine for serving a control plane",
        phases=(
            Phase(
                "download-certs",
                "Download certificates shared among control-plane nodes from the kubeadm-certs Secret",
                "join_control_plane.download_certs",
                flags=(*_DISCOVERY, "certificate-key", "control-plane"),
            ),
            Phase(
                "certs",
                "Generate the certificates for the new control plane components",
                "join_control_plane.make_certs",
                flags=(*_DISCOVERY, *_LOCAL_API),
            ),
            Phase(
                "kubeconfig",
                "Generate the kubeconfig for the new control plane components",
                "join_control_plane.make_kubeconfigs",
                flags=(*_DISCOVERY, "certificate-key", "control-plane"),
            ),
            Phase(
                "control-plane",
                "Generate the manifests for the new control plane components",
                "join_control_plane.make_manifests",
                flags=("config", *_LOCAL_API, "patches", "dry-run"),
            ),
        ),
    ),
    Phase("check-etcd", "", "join_control_plane.check_etcd", hidden=True),
    Phase(
        "kubelet-start",
        "Write kubelet settings, certificates and (re)start the kubelet",
        "join_node.start_kubelet",
        flags=(*_DISCOVERY, "cri-socket", "node-name", "patches"),
        long="Write a file with KubeletConfiguration and an environment file with node specific kubelet settings, and "
        "then (re)start kubelet.",
    ),
    Phase(
        "etcd-join",
        "Join etcd for control plane nodes",
        "join_control_plane.join_etcd",
        flags=(*_DISCOVERY, *_LOCAL_API),
    ),
    Phase(
        "kubelet-wait-bootstrap",
        "Wait for the kubelet to bootstrap itself",
        "join_node.wait_bootstrap",
        flags=("config", "cri-socket", "dry-run"),
    ),
    Phase(
        "control-plane-join",
        "Join a machine as a control plane instance",
        phases=(
            Phase(
                "mark-control-plane",
                "Mark a node as a control-plane",
                "join_control_plane.mark",
                flags=("config", "control-plane", "node-name", "dry-run"),
            ),
        ),
    ),
    Phase(
        "wait-control-plane",
        "Wait for the control plane to start",
        "join_control_plane.wait",
        flags=("config", "control-plane", "dry-run"),
    ),
)

RESET = (
    Phase(
        "preflight",
        "Run reset pre-flight checks",
        "reset_node.check",
        flags=("ignore-preflight-errors", "force", "dry-run"),
    ),
    Phase(
        "remove-etcd-member",
        "Remove a local etcd member.",
        "reset_node.remove_etcd_member",
        flags=("kubeconfig", "dry-run"),
        long="Remove a local etcd member for a control plane node.",
    ),
    Phase(
        "cleanup-node",
        "Run cleanup node.",
        "reset_node.cleanup_node",
        flags=("cert-dir", "cri-socket", "cleanup-tmp-dir", "dry-run"),
    ),
)

_UPGRADE_FLAGS = ("config", "kubeconfig", "dry-run")


def _upgrade(*, node: bool) -> tuple[Phase, ...]:
    addons = Phase(
        "addon",
        "Upgrade the default kubeadm addons",
        phases=(
            Phase("coredns", "Upgrade the CoreDNS addon", "upgrade.coredns", flags=(*_UPGRADE_FLAGS, "patches")),
            Phase("kube-proxy", "Upgrade the kube-proxy addon", "upgrade.kube_proxy", flags=_UPGRADE_FLAGS),
        ),
    )
    check = "Run upgrade node pre-flight checks" if node else "Run preflight checks before upgrade"
    control = (
        "Upgrade the control plane instance deployed on this node, if any" if node else "Upgrade the control plane"
    )
    first = (
        Phase("preflight", check, "upgrade.check", flags=(*_UPGRADE_FLAGS, "ignore-preflight-errors")),
        Phase(
            "control-plane",
            control,
            "upgrade.control_plane",
            flags=(*_UPGRADE_FLAGS, "certificate-renewal", "etcd-upgrade", "patches"),
        ),
    )
    kubelet = Phase(
        "kubelet-config",
        "Upgrade the kubelet configuration for this node",
        "upgrade.kubelet_config",
        flags=(*_UPGRADE_FLAGS, "patches"),
    )
    last = Phase("post-upgrade", "Run post upgrade tasks", "upgrade.post_upgrade", flags=_UPGRADE_FLAGS)
    if node:
        return (*first, kubelet, addons, last)
    upload = Phase(
        "upload-config",
        "Upload the kubeadm and kubelet configurations to ConfigMaps",
        phases=(
            Phase(
                "kubeadm",
                "Upload the kubeadm ClusterConfiguration to a ConfigMap",
                "upgrade.upload_kubeadm",
                flags=_UPGRADE_FLAGS,
            ),
            Phase(
                "kubelet",
                "Upload the kubelet configuration to a ConfigMap",
                "upgrade.upload_kubelet",
                flags=_UPGRADE_FLAGS,
            ),
        ),
    )
    tokens = Phase(
        "bootstrap-token",
        "Configures bootstrap token and cluster-info RBAC rules",
        "upgrade.bootstrap_tokens",
        flags=_UPGRADE_FLAGS,
    )
    return (*first, upload, kubelet, tokens, addons, last)


UPGRADE_APPLY, UPGRADE_NODE = _upgrade(node=False), _upgrade(node=True)
