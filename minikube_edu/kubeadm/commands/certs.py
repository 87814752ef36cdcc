"""`kubeadm certs`: when certificates end, and making them anew."""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import api_access, cluster_config, files, printing
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.commands.tokens import kubeconfig_of, short_duration
from minikube_edu.kubeadm.config import flags, loading, validation
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.config.defaults import whole
from minikube_edu.kubeadm.constants import KUBERNETES
from minikube_edu.kubeadm.phases import certs as phase
from minikube_edu.kubeadm.phases.kubeconfig import IDENTITIES, Identity, encoded
from minikube_edu.kubeadm.phases.upload_certs import new_key
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

Object = dict[str, Any]

AUTHORITIES = {"ca": "ca", "etcd-ca": "etcd/ca", "front-proxy-ca": "front-proxy-ca"}
RESTART = (
    "\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and "
    "etcd, so that they can use the new certificates."
)


async def certificate_key(call: Call) -> None:
    call.say(new_key())


# -- what there is ---------------------------------------------------------------------------------------------------


class Entry(Struct, frozen=True):
    """A certificate that is renewed: a file pair, or one inside a kubeconfig."""

    name: str
    long_name: str
    ca: str  # name of its authority
    certificate: phase.Certificate | None = None
    identity: Identity | None = None


def entries(configuration: Configuration) -> Iterator[Entry]:
    """By name."""
    names = {base: name for name, base in AUTHORITIES.items()}
    listed = [
        Entry(one.name, one.long_name, names[one.ca], certificate=one)
        for one in phase.CERTIFICATES.values()
        if one.ca and not (one.ca == "etcd/ca" and configuration.external_etcd is not None)
    ]
    listed += [Entry(one.file, one.long_name, "ca", identity=one) for one in IDENTITIES.values() if one.long_name]
    yield from sorted(listed, key=lambda entry: entry.name)


def pem_of(call: Call, configuration: Configuration, entry: Entry) -> bytes | None:
    """None when it is missing."""
    if entry.certificate is not None:
        path = f"{configuration.certificates}/{entry.certificate.base}.crt"
        return files.read(call.host, path) if files.exists(call.host, path) else None
    path = f"{KUBERNETES}/{entry.name}"
    if not files.exists(call.host, path):
        return None
    document = files.parse_yaml(files.read(call.host, path)) or {}
    data = next((one["user"].get("client-certificate-data") for one in document.get("users") or ()), None)
    if not data:
        raise CommandError(f"kubeconfig file {path} does not have client certificate data")
    return b64decode(data)


def external(call: Call, configuration: Configuration, ca: str) -> bool:
    """The authority's key is not here."""
    base = AUTHORITIES[ca]
    return not files.exists(call.host, f"{configuration.certificates}/{base}.key")


def ends(pem: bytes) -> datetime:
    from cryptography import x509

    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


# -- check-expiration ------------------------------------------------------------------------------------------------


async def check_expiration(call: Call) -> None:
    printing.check(call)
    configuration = await configured(call, "check-expiration")
    leaves = []
    for entry in entries(configuration):
        pem = pem_of(call, configuration, entry)
        leaves.append((entry.name, pem, entry.ca, external(call, configuration, entry.ca)))
    authorities = []
    for name, base in AUTHORITIES.items():
        path = f"{configuration.certificates}/{base}.crt"
        pem = files.read(call.host, path) if files.exists(call.host, path) else None
        authorities.append((name, pem, external(call, configuration, name)))
    if printing.is_text(call):
        head = ["CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED"]
        rows = [_row(name, pem, ca, managed) for name, pem, ca, managed in leaves]
        call.out.write(printing.table(head, rows) + "\n")
        head = ["CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED"]
        rows = [_row(name, pem, None, managed) for name, pem, managed in authorities]
        call.out.write(printing.table(head, rows))
        return
    printing.show(
        call,
        {
            "kind": "CertificateExpirationInfo",
            "apiVersion": printing.API,
            "certificates": [_object(name, pem, ca, managed) for name, pem, ca, managed in leaves],
            "certificateAuthorities": [_object(name, pem, None, managed) for name, pem, managed in authorities],
        },
    )


def _row(name: str, pem: bytes | None, ca: str | None, managed: bool) -> list[str]:
    if pem is None:
        return [f"!MISSING! {name}", "", "", *([""] if ca is not None else [])]
    end = ends(pem)
    left = end.timestamp() - clock.now()
    shown = short_duration(left) if left > 0 else "<invalid>"
    if left > 2 * 86400 and left < 2 * 365 * 86400:
        shown = f"{int(left // 86400)}d"
    middle = [ca] if ca is not None else []
    return [name, f"{end:%b %d, %Y %H:%M} UTC", shown, *middle, "yes" if managed else "no"]


def _object(name: str, pem: bytes | None, ca: str | None, managed: bool) -> Object:
    end = ends(pem) if pem is not None else None
    found: Object = {
        "name": name,
        "expirationDate": end.strftime("%Y-%m-%dT%H:%M:%SZ") if end else None,
        "residualTime": int(end.timestamp() - clock.now()) if end else 0,
        "externallyManaged": managed,
    }
    return found | ({"caName": ca} if ca is not None else {}) | {"missing": pem is None}


# -- renew -----------------------------------------------------------------------------------------------------------


async def renew(call: Call) -> None:
    configuration = await configured(call, "renew")
    entry = next(one for one in entries(configuration) if one.name == call.command.phase)
    _renew(call, configuration, entry)


async def renew_all(call: Call) -> None:
    configuration = await configured(call, "renew")
    for entry in entries(configuration):
        if pem_of(call, configuration, entry) is None:
            call.say(f"MISSING! {entry.long_name}")
        else:
            _renew(call, configuration, entry)
    call.say(RESTART)


def _renew(call: Call, configuration: Configuration, entry: Entry) -> None:
    """Its subject, names and lifetime stay; key and dates are new."""
    if external(call, configuration, entry.ca):
        call.say(f"Detected external {entry.ca}, {entry.long_name} can't be renewed")
        return
    old = pem_of(call, configuration, entry)
    if old is None:
        raise CommandError(f"failed to renew certificate {entry.name}: unable to read {entry.name}: no such file")
    replace(call, configuration, entry, old)
    call.say(f"{entry.long_name} renewed")


def replace(call: Call, configuration: Configuration, entry: Entry, old: bytes) -> None:
    from minikube_edu.lib import pki
    from minikube_edu.lib.subject import subject_of_pem

    folder = configuration.certificates
    if entry.certificate is not None:
        who = subject_of_pem(old)
        one = entry.certificate
        renamed = phase.Certificate(one.name, one.base, one.ca, who.common_name, tuple(who.organizations), one.usages)
        pair = phase.make(call.host, configuration, folder, renamed, who.dns, who.ips)
        files.write(call.host, f"{folder}/{one.base}.key", pair.key)
        files.write(call.host, f"{folder}/{one.base}.crt", pair.certificate, 0o644)
        return
    who = subject_of_pem(old)
    path = f"{KUBERNETES}/{entry.name}"
    document = files.parse_yaml(files.read(call.host, path))
    certificate = phase.Certificate(who.common_name, "", "ca", who.common_name, tuple(who.organizations))
    pair = phase.make(call.host, configuration, folder, certificate)
    user = document["users"][0]["user"]
    user["client-certificate-data"], user["client-key-data"] = encoded(pair.certificate), encoded(pair.key)
    document["clusters"][0]["cluster"]["certificate-authority-data"] = encoded(
        pki.Pair(files.read(call.host, f"{folder}/ca.crt"), b"").certificate
    )
    files.write(call.host, path, files.yaml(document))


# -- generate-csr ----------------------------------------------------------------------------------------------------


async def generate_csr(call: Call) -> None:
    """Keys, and requests for somebody else's CA to sign: nothing is signed here."""
    from minikube_edu.lib import pki

    configuration = _given(call)
    confs = call.flags["kubeconfig-dir"]
    folder = call.flags["cert-dir"] or configuration.certificates
    call.say(f"generating keys and CSRs in {folder}")
    for certificate in phase.CERTIFICATES.values():
        if not certificate.ca:
            continue
        base = f"{folder}/{certificate.base}"
        if files.exists(call.host, f"{base}.key") or files.exists(call.host, f"{base}.csr"):
            raise CommandError(f"file already exists: key or CSR {base}")
        dns, ips = phase.alternative_names(configuration, certificate.name)
        key = pki.make_key(phase.key_kind(configuration))
        name = certificate.common_name or configuration.node_name
        request = pki.make_request(key, name, certificate.organizations, dns=dns, ips=ips)
        files.write(call.host, f"{base}.key", key)
        files.write(call.host, f"{base}.csr", request)
    for identity in IDENTITIES.values():
        _request_kubeconfig(call, configuration, confs, identity)


def _request_kubeconfig(call: Call, configuration: Configuration, folder: str, identity: Identity) -> None:
    from minikube_edu.lib import pki

    path = f"{folder}/{identity.file}"
    if files.exists(call.host, path) or files.exists(call.host, f"{path}.csr"):
        raise CommandError(f"file already exists: {path}")
    user = identity.user.format(node=configuration.node_name)
    key = pki.make_key(phase.key_kind(configuration))
    server = configuration.local_endpoint if identity.local else configuration.endpoint
    cluster = str(configuration.cluster["clusterName"])
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"cluster": {"server": server}, "name": cluster}],
        "contexts": [{"context": {"cluster": cluster, "user": user}, "name": f"{user}@{cluster}"}],
        "current-context": f"{user}@{cluster}",
        "users": [{"name": user, "user": {"client-key-data": encoded(key)}}],
    }
    files.write(call.host, path, files.yaml(document))
    files.write(call.host, f"{path}.csr", pki.make_request(key, user, identity.organizations))


# -- which configuration ---------------------------------------------------------------------------------------------


async def configured(call: Call, prefix: str) -> Configuration:
    """The file's; else the cluster's; else, when there is no asking it, the defaults."""
    if call.flags["config"]:
        return _given(call)
    path = kubeconfig_of(call)
    if not files.exists(call.host, path):
        return _given(call)
    api = api_access.Live(call.host.connect(path), 0)
    try:
        configuration = await cluster_config.fetch(call, api, prefix)
    except (OSError, ApiError, CommandError):
        call.say(f"[{prefix}] Error reading configuration from the Cluster. Falling back to default configuration\n")
        return _given(call)
    finally:
        await api.close()
    if call.flags.changed("cert-dir"):
        configuration.cluster["certificatesDir"] = call.flags["cert-dir"]
        validation.check(configuration)
    return configuration


def _given(call: Call) -> Configuration:
    documents: dict[str, Object] = {}
    if call.flags["config"]:
        flags.refuse_mixed(call)
        documents = loading.load(call, call.flags["config"])
    cluster = dict(documents.get("ClusterConfiguration") or {})
    cluster["kubernetesVersion"] = validation.resolved_version(cluster.get("kubernetesVersion") or "stable-1")
    if call.flags.changed("cert-dir") and not call.flags["config"] and "kubeconfig-dir" not in call.flags:
        cluster["certificatesDir"] = call.flags["cert-dir"]
    configuration = whole(documents.get("InitConfiguration") or {}, cluster, {}, call.host)
    validation.check(configuration)
    return configuration
