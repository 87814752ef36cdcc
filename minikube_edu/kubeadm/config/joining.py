"""JoinConfiguration: from flags or a file, whole, and checked."""

from __future__ import annotations

import os
from typing import Any

from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import loading, validation
from minikube_edu.kubeadm.config.configuration import split
from minikube_edu.kubeadm.config.defaults import API, TIMEOUTS, node_registration
from minikube_edu.kubeadm.config.flags import refuse_mixed
from minikube_edu.kubeadm.constants import API_PORT, PKI
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

UNSAFE = (
    "using token-based discovery without caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your "
    "kubeadm config file or pass --discovery-token-unsafe-skip-ca-verification flag to continue"
)


def join_configuration(call: Call) -> Object:
    path = call.flags.get("config") or ""
    if path:
        refuse_mixed(call)
        documents = loading.load(call, path)
        if "JoinConfiguration" not in documents:
            raise CommandError("no JoinConfiguration found in config file " + quote(path))
        given = documents["JoinConfiguration"]
    else:
        given = _from_flags(call)
    configuration = whole(given, call)
    problems = problems_of(configuration, call)
    if problems:
        raise CommandError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    return configuration


def _from_flags(call: Call) -> Object:
    flags = call.flags
    both = flags.get("token") or ""
    discovery: Object = {"tlsBootstrapToken": flags.get("tls-bootstrap-token") or both}
    if flags.get("discovery-file"):
        discovery["file"] = {"kubeConfigPath": flags["discovery-file"]}
    if call.args:
        discovery["bootstrapToken"] = {
            "apiServerEndpoint": call.args[0],
            "token": flags.get("discovery-token") or both,
            "caCertHashes": list(flags.get("discovery-token-ca-cert-hash") or ()),
            "unsafeSkipCAVerification": bool(flags.get("discovery-token-unsafe-skip-ca-verification")),
        }
    given: Object = {"discovery": discovery, "nodeRegistration": {}}
    if flags.get("control-plane"):
        point = {}
        if flags.get("apiserver-advertise-address"):
            point["advertiseAddress"] = flags["apiserver-advertise-address"]
        if flags.changed("apiserver-bind-port"):
            point["bindPort"] = flags["apiserver-bind-port"]
        given["controlPlane"] = {"localAPIEndpoint": point, "certificateKey": flags.get("certificate-key") or ""}
    return given


def whole(given: Object, call: Call) -> Object:
    """With defaults, and what flags say beside a file."""
    host, flags = call.host, call.flags
    registration = dict(given.get("nodeRegistration") or {})
    for flag, field in (("node-name", "name"), ("cri-socket", "criSocket")):
        if flags.get(flag):
            registration[field] = flags[flag]
    discovery = dict(given.get("discovery") or {})
    token = discovery.get("bootstrapToken")
    if token and not discovery.get("tlsBootstrapToken"):
        discovery["tlsBootstrapToken"] = token.get("token") or ""
    found = {
        **given,
        "apiVersion": API,
        "kind": "JoinConfiguration",
        "caCertPath": given.get("caCertPath") or f"{PKI}/ca.crt",
        "discovery": discovery,
        "nodeRegistration": node_registration(
            registration, host.machine.hostname, host.runtime_endpoint, control_plane=bool(given.get("controlPlane"))
        ),
        "timeouts": {**TIMEOUTS, **(given.get("timeouts") or {})},
    }
    if given.get("controlPlane") is not None or flags.get("control-plane"):
        shared = dict(given.get("controlPlane") or {})
        if flags.get("certificate-key"):
            shared["certificateKey"] = flags["certificate-key"]
        default = {"advertiseAddress": host.machine.address, "bindPort": API_PORT}
        shared["localAPIEndpoint"] = {**default, **(shared.get("localAPIEndpoint") or {})}
        found["controlPlane"] = shared
    return found


def problems_of(configuration: Object, call: Call) -> list[str]:
    found = _discovery(configuration["discovery"], call)
    found += validation.node_registration(configuration["nodeRegistration"])
    found += validation.absolute(configuration["caCertPath"], "caCertPath")
    if configuration.get("controlPlane"):
        found += validation.endpoint(configuration["controlPlane"]["localAPIEndpoint"], "controlPlane.localAPIEndpoint")
    return found


def _discovery(discovery: Object, call: Call) -> list[str]:
    token, file = discovery.get("bootstrapToken"), discovery.get("file")
    found = []
    if token is None and file is None:
        found.append('discovery: Invalid value: "": bootstrapToken or file must be set')
    if token is not None and file is not None:
        found.append('discovery: Invalid value: "": bootstrapToken and file cannot both be set')
    if file is not None:
        path = file.get("kubeConfigPath") or ""
        if not path.startswith("https://") and not os.path.exists(
            call.host.path(path) if path.startswith("/etc/kubernetes") else path
        ):
            found.append(
                f"discovery.file.kubeConfigPath: Invalid value: {quote(path)}: not a valid HTTPS URL or a file on disk"
            )
        if discovery.get("tlsBootstrapToken"):
            found += _token(discovery["tlsBootstrapToken"], "discovery.tlsBootstrapToken") if token is None else []
    if token is not None and file is None:
        if not token.get("caCertHashes") and not token.get("unsafeSkipCAVerification"):
            found.append(f'discovery.bootstrapToken.caCertHashes: Invalid value: "": {UNSAFE}')
        found += _token(token.get("token") or "", "discovery.bootstrapToken.token")
        found += _endpoint(token.get("apiServerEndpoint") or "")
        found += _token(discovery.get("tlsBootstrapToken") or "", "discovery.tlsBootstrapToken")
    return found


def _token(text: str, field: str) -> list[str]:
    if validation.TOKEN.fullmatch(text):
        return []
    return [f"{field}: Invalid value: {quote(text)}: the bootstrap token is invalid"]


def _endpoint(text: str) -> list[str]:
    field = "discovery.bootstrapToken.apiServerEndpoint"
    host, port = split(text)
    if not port:
        return [f"{field}: Invalid value: {quote(text)}: address {text}: missing port in address"]
    if not port.isdigit() or not 1 <= int(port) <= 65535:
        return [f"{field}: Invalid value: {quote(text)}: port number is not valid"]
    if not host:
        return [f"{field}: Invalid value: {quote(text)}: no host"]
    return []
