"""The phases of `join --control-plane`: certificates that are shared, those of its own, manifests, marks.

Where the store is embedded (`minikube_edu.etcd` over SQLite) it has one member, on the first control plane: a second
API server then uses that one, and says so. The real kubeadm adds a member to the etcd cluster, which this store
cannot have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kubeadm import files, preflight, static_pods
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.phases import certs, mark_control_plane, upload_certs, wait_control_plane
from minikube_edu.kubeadm.phases.kubeconfig import IDENTITIES, client_kubeconfig
from minikube_edu.kubeadm.phases.preflight import pull_images

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.join_data import JoinData

NOT_READY = """
One or more conditions for hosting a new control plane instance is not satisfied.

{problems}

Please ensure that:
* The cluster has a stable controlPlaneEndpoint address.
* The certificates that must be shared among control plane instances are provided.

"""
ENDPOINTS = "kubeadm.kubernetes.io/etcd.advertise-client-urls"


async def check(data: JoinData, configuration: Configuration) -> None:
    call, key = data.call, (data.control_plane or {}).get("certificateKey") or ""
    problems = []
    if not configuration.cluster.get("controlPlaneEndpoint"):
        problems.append(
            "unable to add a new control plane instance to a cluster that doesn't have a stable "
            "controlPlaneEndpoint address"
        )
    if not key and not problems:
        problems += _missing(data, configuration)
    if problems:
        shown = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise CommandError(NOT_READY.format(problems=shown))
    call.say("[preflight] Running pre-flight checks before initializing the new control plane instance")
    checks = preflight.checks_init(call.host, configuration, secondary=True, downloads=bool(key))
    if configuration.external_etcd is None:  # the embedded store stays where it is
        checks = [one for one in checks if one.name not in ("Port-2379", "Port-2380")]
    await preflight.run(checks, data.ignored, call.err)
    if data.dry_run:
        call.say("[preflight] Would pull the required images (like 'kubeadm config images pull')")
        return
    call.say("[preflight] Pulling images required for setting up a Kubernetes cluster")
    call.say("[preflight] This might take a minute or two, depending on the speed of your internet connection")
    call.say("[preflight] You can also perform this action beforehand using 'kubeadm config images pull'")
    await pull_images(call, configuration, data.ignored)


def _missing(data: JoinData, configuration: Configuration) -> list[str]:
    folder, found = configuration.certificates, []
    wanted = [("ca.crt", "CA"), ("ca.key", "CA"), ("sa.key", "service account")]
    wanted += [("front-proxy-ca.crt", "front-proxy CA"), ("etcd/ca.crt", "etcd CA")]
    for name, what in wanted:
        path = f"{folder}/{name}"
        if files.exists(data.host, path) or (name == "ca.key" and not files.exists(data.host, f"{folder}/ca.crt")):
            continue
        kind, long = ("key", "private key") if name.endswith(".key") else ("certificate", "certificate")
        found.append(
            f"failure loading {kind} for {what}: couldn't load the {long} file {path}: open {path}: no such file or "
            "directory"
        )
    return found


async def download_certs(data: JoinData) -> None:
    if data.control_plane is None:
        return
    key = data.control_plane.get("certificateKey") or ""
    if not key:
        data.call.info(1, "controlplaneprepare.go:203", "[download-certs] No certs to be downloaded")
        return
    configuration = await data.configuration()
    data.say('[download-certs] Downloading the certificates in Secret "kubeadm-certs" in the "kube-system" Namespace')
    folder = data.certificates_directory(configuration)
    data.say(f'[download-certs] Saving the certificates to the folder: "{folder}"')
    await upload_certs.fetch(await data.api(), data.host, configuration, folder, key)


async def make_certs(data: JoinData) -> None:
    if data.control_plane is None:
        return
    configuration = await data.configuration()
    folder = data.certificates_directory(configuration)
    data.say(f'[certs] Using certificateDir folder "{folder}"')
    for certificate in certs.CERTIFICATES.values():
        etcd = certificate.name.startswith("etcd") or certificate.name == "apiserver-etcd-client"
        if certificate.ca and not (etcd and configuration.external_etcd is not None):
            certs.ensure(data.host, configuration, folder, certificate, data.say)
    data.say(f'[certs] Valid certificates and keys now exist in "{folder}"')
    data.say('[certs] Using the existing "sa" key')


async def make_kubeconfigs(data: JoinData) -> None:
    if data.control_plane is None:
        return
    configuration = await data.configuration()
    data.say("[kubeconfig] Generating kubeconfig files")
    data.say(f'[kubeconfig] Using kubeconfig folder "{data.kubeconfig_directory}"')
    folder = data.certificates_directory(configuration)
    for name in ("admin", "controller-manager", "scheduler"):
        identity = IDENTITIES[name]
        path = f"{data.kubeconfig_directory}/{identity.file}"
        if files.exists(data.host, path):
            data.say(f'[kubeconfig] Using existing kubeconfig file: "{path}"')
            continue
        data.say(f'[kubeconfig] Writing "{identity.file}" kubeconfig file')
        server = configuration.local_endpoint if identity.local else configuration.endpoint
        files.write(data.host, path, client_kubeconfig(data.host, configuration, folder, identity, server))


async def make_manifests(data: JoinData) -> None:
    if data.control_plane is None:
        return
    configuration, machine = await data.configuration(), data.host.machine
    server = static_pods.api_server(configuration, machine)
    if configuration.external_etcd is None:
        data.etcd_endpoints = await _etcd_endpoints(data)
        _use_etcd(server, data.etcd_endpoints)
    data.say(f'[control-plane] Using manifest folder "{data.manifest_directory}"')
    pods = {
        "kube-apiserver": server,
        "kube-controller-manager": static_pods.controller_manager(configuration, machine),
        "kube-scheduler": static_pods.scheduler(configuration, machine),
    }
    for name, pod in pods.items():
        data.say(f'[control-plane] Creating static Pod manifest for "{name}"')
        text = files.yaml(data.patches().apply(name, pod))
        files.write(data.host, f"{data.manifest_directory}/{name}.yaml", text)


async def _etcd_endpoints(data: JoinData) -> list[str]:
    """As the etcd pods' annotations say; nodes' mirror pods carry them."""
    from minikube_edu.kubeadm.api_access import Live

    text = files.read(data.host, f"{data.kubeconfig_directory}/admin.conf").decode()
    api = Live(data.host.connect_text(text))
    try:
        pods = await api.list("Pod", "kube-system", "component=etcd,tier=control-plane")
    finally:
        await api.close()
    found = [(pod["metadata"].get("annotations") or {}).get(ENDPOINTS) or "" for pod in pods]
    if not any(found):
        raise CommandError("could not retrieve the list of etcd endpoints: no etcd pod of the cluster says where it is")
    return sorted(filter(None, found))


def _use_etcd(pod: dict[str, Any], endpoints: list[str]) -> None:
    command = pod["spec"]["containers"][0]["command"]
    flag = "--etcd-servers="
    command[:] = [flag + ",".join(endpoints) if word.startswith(flag) else word for word in command]


async def check_etcd(data: JoinData) -> None:
    if data.control_plane is not None and (await data.configuration()).external_etcd is None:
        data.say("[check-etcd] Checking that the etcd cluster is healthy")


async def join_etcd(data: JoinData) -> None:
    """Says what happens instead."""
    if data.control_plane is None or (await data.configuration()).external_etcd is not None:
        return
    data.say(
        "[etcd] The store of this cluster is embedded and has one member: this control plane uses it at "
        f"{','.join(data.etcd_endpoints)}, no new member is added"
    )


async def mark(data: JoinData) -> None:
    if data.control_plane is None:
        return
    configuration = await data.configuration()
    registration = configuration.init["nodeRegistration"]
    if data.dry_run:
        from minikube_edu.kubeadm.api_access import DryRun

        api: Any = DryRun(data.call.out, registration["name"])
    else:
        from minikube_edu.kubeadm.api_access import Live

        api = Live(
            data.host.connect(f"{data.kubeconfig_directory}/admin.conf"), configuration.timeout("kubernetesAPICall")
        )
    try:
        await mark_control_plane.mark(data.call, api, registration["name"], registration.get("taints") or [])
    finally:
        await api.close()


async def wait(data: JoinData) -> None:
    if data.control_plane is None:
        return
    if data.dry_run:
        data.say("[wait-control-plane] Would wait for control plane components")
        return
    from minikube_edu.kubeadm.api_access import Live

    configuration = await data.configuration()
    api = Live(data.host.connect(f"{data.kubeconfig_directory}/admin.conf"))
    try:
        await wait_control_plane.components_healthy(
            data.call,
            api,
            data.manifest_directory,
            configuration.advertise,
            configuration.timeout("controlPlaneComponentHealthCheck"),
        )
    finally:
        await api.close()
