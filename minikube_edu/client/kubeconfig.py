"""kubeconfig files: which cluster, as whom, in which namespace.

Files are found as kubectl finds them: the one that was named, else all of `KUBECONFIG`, else `~/.kube/config`; of
several, the first to say a thing wins, and missing ones do not matter. Paths in a file are relative to it. Inside a pod
without any file, the ServiceAccount that is mounted there serves.

    config = kubeconfig.load().client_config()
    client = kubeconfig.connect(config, field_manager="kubectl")
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from minikube_edu.client.credentials import Basic, Bearer, Exec, ExecPlugin, Nobody, TokenFile
from minikube_edu.client.rest import Client
from minikube_edu.client.sending import Impersonation, Sender
from minikube_edu.client.transport import Caller, Connection, Dial, Endpoint
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.node_root import below

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
NO_CONFIGURATION = (
    "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable"
)
_SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
_CLUSTER_PATHS = ("certificate-authority",)
_USER_PATHS = ("client-certificate", "client-key", "tokenFile")


class ConfigError(Exception):
    """The configuration does not make sense; the text says where."""


class ClientConfig(Struct, frozen=True):
    """All that is needed to reach a cluster as somebody."""

    endpoint: Endpoint
    credentials: Nobody | Exec
    namespace: str = "default"
    impersonate: Impersonation | None = None


def connect(
    config: ClientConfig,
    *,
    user_agent: str = "minikube-edu",
    field_manager: str = "",
    qps: float = 0,
    burst: int = 0,
    refused_retries: int = 6,
    timeout: float | None = None,
    dial: Dial | None = None,
    caller: Caller | None = None,
) -> Client:
    """A client over a socket, or over what `dial` connects; close it when done. No connection is made yet. `caller`:
    another one's connections to the same server, for whoever shows no certificate, or the same one."""
    sender = Sender(
        caller or Connection(config.endpoint, config.credentials.certificate, dial),
        credentials=config.credentials,
        impersonate=config.impersonate,
        user_agent=user_agent,
        qps=qps,
        burst=burst,
        refused_retries=refused_retries,
        timeout=timeout,
    )
    return Client(sender, field_manager)


class KubeConfig(Struct):
    """The files, merged. Entries are as in the files, with absolute paths."""

    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    contexts: dict[str, dict[str, Any]] = field(default_factory=dict)
    current_context: str = ""
    paths: list[str] = field(default_factory=list)  # the files that were there

    def client_config(
        self,
        context: str = "",
        *,
        cluster: str = "",
        user: str = "",
        namespace: str = "",
        server: str = "",
        token: str = "",
        impersonate: Impersonation | None = None,
    ) -> ClientConfig:
        """What a context says; each argument wins over it, as kubectl's flags do."""
        name = context or self.current_context
        if name and name not in self.contexts and (context or not server):
            raise ConfigError(f"context {quote(name)} does not exist")
        chosen = self.contexts.get(name) or {}
        cluster_name, user_name = cluster or chosen.get("cluster") or "", user or chosen.get("user") or ""
        if cluster_name and cluster_name not in self.clusters:
            raise ConfigError(f"cluster {quote(cluster_name)} does not exist")
        if user_name and user_name not in self.users:
            raise ConfigError(f"auth info {quote(user_name)} does not exist")
        where = dict(self.clusters.get(cluster_name) or {})
        if server:
            where["server"] = server
        if not where.get("server"):
            raise ConfigError(NO_CONFIGURATION)
        who = dict(self.users.get(user_name) or {})
        if token:
            who = {"token": token}
        endpoint = _endpoint(where, cluster_name)
        return ClientConfig(
            endpoint=endpoint,
            credentials=_credentials(who, user_name, where),
            namespace=namespace or chosen.get("namespace") or "default",
            impersonate=impersonate or _impersonation(who),
        )


def load(path: str = "", environment: Mapping[str, str] | None = None) -> KubeConfig:
    """`path` is --kubeconfig, which must be there."""
    environment = os.environ if environment is None else environment
    if path:
        if not os.path.exists(path):
            raise ConfigError(f"stat {path}: no such file or directory")
        return merge([path])
    listed = [entry for entry in environment.get("KUBECONFIG", "").split(os.pathsep) if entry]
    home = environment.get("HOME") or os.path.expanduser("~")
    return merge(list(dict.fromkeys(listed)) or [os.path.join(home, ".kube", "config")])


def merge(paths: Sequence[str]) -> KubeConfig:
    merged = KubeConfig()
    for path in paths:
        if not os.path.exists(path):
            continue
        merged.paths.append(path)
        document = _document(path)
        merged.current_context = merged.current_context or document.get("current-context") or ""
        for section, inner in _SECTIONS.items():
            entries: dict[str, dict[str, Any]] = getattr(merged, section)
            for entry in document.get(section) or ():
                entries.setdefault(entry.get("name") or "", _absolute(entry.get(inner) or {}, path))
    return merged


def default_client_config(path: str = "", context: str = "") -> ClientConfig:
    """kubeconfig files if there are any, else the pod's ServiceAccount."""
    config = load(path)
    if not config.paths and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_cluster()
    return config.client_config(context)


def in_cluster(root: str = SERVICE_ACCOUNT, environment: Mapping[str, str] | None = None) -> ClientConfig:
    """As the ServiceAccount of the pod that this runs in."""
    environment = os.environ if environment is None else environment
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise ConfigError(
            "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be "
            "defined"
        )
    token = os.path.join(root, "token")
    if not os.path.exists(token):
        raise ConfigError(f"open {token}: no such file or directory")
    ca = os.path.join(root, "ca.crt")
    namespace = os.path.join(root, "namespace")
    shown = f"[{host}]" if ":" in host else host
    return ClientConfig(
        endpoint=Endpoint(f"https://{shown}:{port}", ca_file=ca if os.path.exists(ca) else ""),
        credentials=TokenFile(token),
        namespace=_read(namespace).strip() if os.path.exists(namespace) else "default",
    )


def _document(path: str) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.load(_read(path), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as error:
        raise ConfigError(f"error loading config file {quote(path)}: {error}") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(f"error loading config file {quote(path)}: it is no Config")
    return document


def _absolute(entry: dict[str, Any], path: str) -> dict[str, Any]:
    folder = os.path.dirname(os.path.abspath(path))
    entry = dict(entry)
    for key in (*_CLUSTER_PATHS, *_USER_PATHS):
        if entry.get(key):
            entry[key] = below(os.path.join(folder, entry[key]))
    command = (entry.get("exec") or {}).get("command") or ""
    if os.sep in command:
        entry["exec"] = {**entry["exec"], "command": os.path.join(folder, command)}
    return entry


def _endpoint(cluster: dict[str, Any], name: str) -> Endpoint:
    if cluster.get("proxy-url"):
        raise ConfigError(f"cluster {quote(name)}: proxy-url is not supported: reach the server directly")
    insecure = bool(cluster.get("insecure-skip-tls-verify"))
    ca_data = _decoded(cluster, "certificate-authority-data", f"cluster {quote(name)}")
    if insecure and (ca_data or cluster.get("certificate-authority")):
        raise ConfigError("specifying a root certificates file with the insecure flag is not allowed")
    return Endpoint(
        url=cluster["server"],
        ca_file="" if ca_data else cluster.get("certificate-authority") or "",
        ca_data=ca_data,
        insecure=insecure,
        server_name=cluster.get("tls-server-name") or "",
    )


def _credentials(user: dict[str, Any], name: str, cluster: dict[str, Any]) -> Nobody | Exec:
    where = f"user {quote(name)}"
    certificate = {
        "cert": _decoded(user, "client-certificate-data", where),
        "key": _decoded(user, "client-key-data", where),
        "cert_file": user.get("client-certificate") or "",
        "key_file": user.get("client-key") or "",
    }
    for given, file in (("cert", "cert_file"), ("key", "key_file")):
        if certificate[given]:
            certificate[file] = ""  # data wins over a file
    has_cert = certificate["cert"] or certificate["cert_file"]
    has_key = certificate["key"] or certificate["key_file"]
    if bool(has_cert) != bool(has_key):
        missing = "client-key-data or client-key" if has_cert else "client-cert-data or client-cert"
        raise ConfigError(f"{missing} must be specified for {name} to use the clientCert authentication method.")
    if user.get("auth-provider"):
        provider = user["auth-provider"].get("name") or ""
        raise ConfigError(f"no Auth Provider found for name {quote(provider)}")
    if user.get("tokenFile"):
        return TokenFile(user["tokenFile"], **certificate)
    if user.get("token"):
        return Bearer(user["token"], **certificate)
    if user.get("username"):
        return Basic(user["username"], user.get("password") or "", **certificate)
    if user.get("exec"):
        return Exec(_plugin(user["exec"], name, cluster))
    return Nobody(**certificate)


def _plugin(spec: dict[str, Any], name: str, cluster: dict[str, Any]) -> ExecPlugin:
    if not spec.get("command"):
        raise ConfigError(f"command must be specified for {name} to use exec authentication plugin")
    version = spec.get("apiVersion") or ""
    if not version:
        raise ConfigError(f"apiVersion must be specified for {name} to use exec authentication plugin")
    mode = spec.get("interactiveMode") or ""
    if not mode and version.endswith("/v1"):
        raise ConfigError(f"interactiveMode must be specified for {name} to use exec authentication plugin")
    if mode not in ("", "Never", "IfAvailable", "Always"):
        raise ConfigError(
            f'invalid interactiveMode for {name}: {quote(mode)}: must be one of "Never", "IfAvailable", "Always"'
        )
    return ExecPlugin(
        command=spec["command"],
        api_version=version,
        args=tuple(spec.get("args") or ()),
        env={entry["name"]: entry.get("value") or "" for entry in spec.get("env") or ()},
        install_hint=spec.get("installHint") or "",
        interactive_mode=mode or "IfAvailable",
        cluster=_told(cluster) if spec.get("provideClusterInfo") else None,
    )


def _told(cluster: dict[str, Any]) -> dict[str, Any]:
    """What a plugin learns of the cluster."""
    keys = ("server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url")
    told = {key: cluster[key] for key in keys if cluster.get(key)}
    if cluster.get("certificate-authority") and "certificate-authority-data" not in told:
        told["certificate-authority-data"] = base64.b64encode(_read(cluster["certificate-authority"]).encode()).decode()
    for extension in cluster.get("extensions") or ():
        if extension.get("name") == "client.authentication.k8s.io/exec":
            told["config"] = extension.get("extension")
    return told


def _impersonation(user: dict[str, Any]) -> Impersonation | None:
    found = Impersonation(
        user=user.get("as") or "",
        groups=tuple(user.get("as-groups") or ()),
        uid=user.get("as-uid") or "",
        extra=user.get("as-user-extra") or {},
    )
    if not found.user and (found.groups or found.uid or found.extra):
        raise ConfigError("requesting uid, groups or user-extra without impersonating a user")
    return found if found.user else None


def _decoded(entry: dict[str, Any], key: str, where: str) -> str:
    try:
        return base64.b64decode(entry.get(key) or "", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: {key}: {error}") from None


def _read(path: str) -> str:
    with open(path) as file:
        return file.read()
