"""The cluster's certificates: three authorities, what they sign, and the key of service accounts' tokens.

What is there and valid is used as it is. An authority without its key (an external CA) signs nothing: then all that it
should have signed must be there. Names, subjects, usages and lifetimes are the real ones; so are the kinds of keys
where the configuration names one (see constants.ALGORITHM for the default).
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration, split
from minikube_edu.kubeadm.constants import ALGORITHMS
from minikube_edu.lib import clock, durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host
    from minikube_edu.kubeadm.phases.init_data import InitData
    from minikube_edu.lib.pki import KeyKind, Pair
    from minikube_edu.lib.subject import Usage


class Certificate(Struct, frozen=True):
    """One file pair below the certificates' directory."""

    name: str  # what the phase and the messages call it
    base: str  # etcd/server -> etcd/server.crt, etcd/server.key
    ca: str = ""  # base of the authority; empty: it is one
    common_name: str = ""  # empty: the node's name
    organizations: tuple[str, ...] = ()
    usages: tuple[Usage, ...] = ("client",)
    long_name: str = ""


CERTIFICATES = {
    one.name: one
    for one in (
        Certificate("ca", "ca", common_name="kubernetes"),
        Certificate(
            "apiserver",
            "apiserver",
            "ca",
            "kube-apiserver",
            usages=("server",),
            long_name="certificate for serving the Kubernetes API",
        ),
        Certificate(
            "apiserver-kubelet-client",
            "apiserver-kubelet-client",
            "ca",
            "kube-apiserver-kubelet-client",
            long_name="certificate for the API server to connect to kubelet",
        ),
        Certificate("front-proxy-ca", "front-proxy-ca", common_name="front-proxy-ca"),
        Certificate(
            "front-proxy-client",
            "front-proxy-client",
            "front-proxy-ca",
            "front-proxy-client",
            long_name="certificate for the front proxy client",
        ),
        Certificate("etcd-ca", "etcd/ca", common_name="etcd-ca"),
        Certificate(
            "etcd-server",
            "etcd/server",
            "etcd/ca",
            usages=("server", "client"),
            long_name="certificate for serving etcd",
        ),
        Certificate(
            "etcd-peer",
            "etcd/peer",
            "etcd/ca",
            usages=("server", "client"),
            long_name="certificate for etcd nodes to communicate with each other",
        ),
        Certificate(
            "etcd-healthcheck-client",
            "etcd/healthcheck-client",
            "etcd/ca",
            "kube-etcd-healthcheck-client",
            long_name="certificate for liveness probes to healthcheck etcd",
        ),
        Certificate(
            "apiserver-etcd-client",
            "apiserver-etcd-client",
            "etcd/ca",
            "kube-apiserver-etcd-client",
            long_name="certificate the apiserver uses to access etcd",
        ),
    )
}


async def announce(data: InitData) -> None:
    data.say(f'[certs] Using certificateDir folder "{data.certificates_directory}"')


def phase_of(name: str) -> Any:
    async def run(data: InitData) -> None:
        certificate = CERTIFICATES[name]
        if name.startswith(("etcd", "apiserver-etcd")) and data.configuration.external_etcd is not None:
            what = "certificate authority" if not certificate.ca else "certificate"
            data.say(f"[certs] External etcd mode: Skipping {certificate.base} {what} generation")
            return
        ensure(data.host, data.configuration, data.certificates_directory, certificate, data.say)

    return run


ca, apiserver, apiserver_kubelet_client = (phase_of(n) for n in ("ca", "apiserver", "apiserver-kubelet-client"))
front_proxy_ca, front_proxy_client = phase_of("front-proxy-ca"), phase_of("front-proxy-client")
etcd_ca, etcd_server, etcd_peer = phase_of("etcd-ca"), phase_of("etcd-server"), phase_of("etcd-peer")
etcd_healthcheck_client = phase_of("etcd-healthcheck-client")
apiserver_etcd_client = phase_of("apiserver-etcd-client")


async def sa(data: InitData) -> None:
    """The pair with which service accounts' tokens are signed and checked. A new one may be written a little later:
    nobody needs it before the kubelet starts."""
    from minikube_edu.lib import pki

    folder, host = data.certificates_directory, data.host
    if files.exists(host, f"{folder}/sa.key"):
        data.say('[certs] Using the existing "sa" key')
        if not files.exists(host, f"{folder}/sa.pub"):
            files.write(host, f"{folder}/sa.pub", pki.public_key(files.read(host, f"{folder}/sa.key")))
        return
    if data.external_ca and files.exists(host, f"{folder}/sa.pub"):
        return
    data.say('[certs] Generating "sa" key and public key')
    start_service_account_key(data)

    async def write() -> None:
        assert data.service_account_key is not None
        key = await data.service_account_key
        files.write(host, f"{folder}/sa.key", key)
        files.write(host, f"{folder}/sa.pub", pki.public_key(key))

    data.unsettled.append(write)


def start_service_account_key(data: InitData) -> None:
    """RSA keys are slow to make (50 ms, sometimes 200): the host looks for primes while the rest goes on."""
    if data.service_account_key is None:
        kind = ALGORITHMS[data.configuration.cluster["encryptionAlgorithm"]]
        wanted = kind if kind.startswith("rsa") else "rsa2048"
        data.service_account_key = asyncio.ensure_future(data.host.make_key(wanted))


def ensure(host: Host, configuration: Configuration, folder: str, certificate: Certificate, say: Any) -> None:
    """The file pair, made when it is not there."""
    base = certificate.base
    if files.exists(host, f"{folder}/{base}.crt"):
        check_existing(host, folder, certificate)
        if not certificate.ca and not files.exists(host, f"{folder}/{base}.key"):
            say(f"[certs] Using existing {base} keyless certificate authority")
            return
        what = "certificate authority" if not certificate.ca else "certificate and key on disk"
        say(f"[certs] Using existing {base} {what}")
        return
    shown = certificate.base
    if certificate.ca and not files.exists(host, f"{folder}/{certificate.ca}.key"):
        raise CommandError(
            f"couldn't load CA certificate {certificate.ca.replace('/', '-')}: couldn't load {certificate.ca} "
            f"certificate: open {folder}/{certificate.ca}.crt: no such file or directory"
        )
    say(f'[certs] Generating "{shown}" certificate and key')
    dns, ips = alternative_names(configuration, certificate.name)
    if dns or ips:
        say(f"[certs] {shown} serving cert is signed for DNS names [{' '.join(dns)}] and IPs [{' '.join(ips)}]")
    pair = make(host, configuration, folder, certificate, dns, ips)
    files.write(host, f"{folder}/{base}.key", pair.key)
    files.write(host, f"{folder}/{base}.crt", pair.certificate, 0o644)


def make(
    host: Host,
    configuration: Configuration,
    folder: str,
    certificate: Certificate,
    dns: Sequence[str] = (),
    ips: Sequence[str] = (),
    key: bytes | None = None,
) -> Pair:
    from minikube_edu.lib import pki

    kind = key_kind(configuration)
    if not certificate.ca:
        lifetime = durations.seconds(configuration.cluster["caCertificateValidityPeriod"])
        return pki.make_ca(certificate.common_name, lifetime=lifetime, key_kind=kind)
    return pki.make_certificate(
        authority(host, folder, certificate.ca),
        certificate.common_name or configuration.node_name,
        certificate.organizations,
        dns=dns,
        ips=ips,
        usages=certificate.usages,
        lifetime=durations.seconds(configuration.cluster["certificateValidityPeriod"]),
        key_kind=kind,
        key=key,
    )


def key_kind(configuration: Configuration) -> KeyKind:
    return ALGORITHMS[configuration.cluster["encryptionAlgorithm"]]  # type: ignore[return-value]  # of the table


def authority(host: Host, folder: str, base: str) -> Pair:
    from minikube_edu.lib import pki

    return pki.Pair(files.read(host, f"{folder}/{base}.crt"), files.read(host, f"{folder}/{base}.key"))


def check_existing(host: Host, folder: str, certificate: Certificate) -> None:
    """What is used must be usable: neither broken nor over, and of the authority that it should be of."""
    from cryptography import x509

    path = f"{folder}/{certificate.base}.crt"
    try:
        found = x509.load_pem_x509_certificate(files.read(host, path))
    except ValueError as error:
        raise CommandError(f"failure loading {certificate.base} certificate: {error}") from None
    if found.not_valid_after_utc.timestamp() < clock.now():
        raise CommandError(
            f"failure loading {certificate.base} certificate: the certificate has expired: NotAfter: "
            f"{found.not_valid_after_utc:%Y-%m-%d %H:%M:%S} +0000 UTC"
        )
    if certificate.ca and files.exists(host, f"{folder}/{certificate.ca}.crt"):
        signer = x509.load_pem_x509_certificate(files.read(host, f"{folder}/{certificate.ca}.crt"))
        if found.issuer != signer.subject or not _signed(found, signer):
            raise CommandError(
                f"[certs] certificate {certificate.base} not signed by CA certificate "
                f"{certificate.ca.replace('/', '-')}: x509: certificate signed by unknown authority"
            )


def _signed(certificate: Any, signer: Any) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        certificate.verify_directly_issued_by(signer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def alternative_names(configuration: Configuration, name: str) -> tuple[list[str], list[str]]:
    """Names and addresses of a serving certificate, as the real kubeadm sorts them."""
    node, host = configuration.node_name, configuration.advertise
    if name == "apiserver":
        domain = configuration.networking["dnsDomain"]
        dns = [node, "kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{domain}"]
        ips = [configuration.indexed_service_ip(1), host]
        extra = list(configuration.cluster["apiServer"].get("certSANs") or ())
        if configuration.cluster.get("controlPlaneEndpoint"):
            extra.insert(0, split(configuration.cluster["controlPlaneEndpoint"])[0])
    elif name in ("etcd-server", "etcd-peer"):
        dns, ips = [node, "localhost"], [host, "127.0.0.1", "::1"]
        key = "serverCertSANs" if name == "etcd-server" else "peerCertSANs"
        extra = list((configuration.cluster["etcd"].get("local") or {}).get(key) or ())
    else:
        return [], []
    for one in extra:
        (ips if _is_address(one) else dns).append(one)
    return sorted(dict.fromkeys(dns)), list(dict.fromkeys(ips))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def uses_external_ca(host: Host, configuration: Configuration) -> bool:
    """The authority's certificate is there, and its key is not."""
    folder = configuration.certificates
    return files.exists(host, f"{folder}/ca.crt") and not files.exists(host, f"{folder}/ca.key")
