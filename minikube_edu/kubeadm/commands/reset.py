"""`kubeadm reset`: this machine as it was before; and its phases one by one."""

from __future__ import annotations

from collections.abc import Sequence

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import api_access, cluster_config, files
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import flags as config_flags
from minikube_edu.kubeadm.config import loading
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.constants import ADMIN
from minikube_edu.kubeadm.phases import workflow
from minikube_edu.kubeadm.phases.reset_data import ResetData
from minikube_edu.kubeadm.phases.workflow_tables import RESET

DONE = """
The reset process does not perform cleanup of CNI plugin configuration,
network filtering rules and kubeconfig files.

For information on how to perform this cleanup manually, please see:
    https://k8s.io/docs/reference/setup-tools/kubeadm/kubeadm-reset/

"""


async def run(call: Call) -> None:
    data, skip = await prepare(call)
    await workflow.run(RESET, data, call.flags["skip-phases"] or skip)
    call.out.write(DONE)


async def phase(call: Call) -> None:
    data, _ = await prepare(call)
    await workflow.run(RESET, data, only=call.command.phase)


async def prepare(call: Call) -> tuple[ResetData, Sequence[str]]:
    flags = call.flags
    given = {}
    if flags.get("config"):
        config_flags.refuse_mixed(call)
        given = loading.load(call, flags["config"]).get("ResetConfiguration") or {}
    asked = {"nodeRegistration": {"ignorePreflightErrors": given.get("ignorePreflightErrors") or []}}
    configuration = await _cluster(call)
    certificates = given.get("certificatesDir") or flags.get("cert-dir") or ""
    if configuration is not None and not flags.changed("cert-dir") and not given.get("certificatesDir"):
        certificates = configuration.certificates
    return ResetData(
        call,
        ignored=config_flags.ignored_errors(flags.get("ignore-preflight-errors") or (), asked),
        dry_run=bool(flags.get("dry-run") or given.get("dryRun")),
        force=bool(flags.get("force") or given.get("force")),
        clean_temporary=bool(flags.get("cleanup-tmp-dir") or given.get("cleanupTmpDir")),
        certificates=certificates,
        socket=_socket(call, str(given.get("criSocket") or "")),
        configuration=configuration,
    ), given.get("skipPhases") or ()


def _socket(call: Call, given: str) -> str:
    socket: str = call.flags.get("cri-socket") or given or call.host.runtime_endpoint
    if socket and "://" not in socket:
        call.warn(
            "resetconfiguration.go:59",
            "Usage of CRI endpoints without URL scheme is deprecated and can cause kubelet errors in the future. "
            f'Automatically prepending scheme "unix" to the "criSocket" with value "{socket}". Please update your '
            "configuration!",
        )
    return socket


async def _cluster(call: Call) -> Configuration | None:
    """What the cluster says, when it can still be asked."""
    path = call.flags.get("kubeconfig") or ADMIN
    if not files.exists(call.host, path):
        return None
    api = api_access.Live(call.host.connect(path), 0)
    try:
        return await cluster_config.fetch(call, api, "reset")
    except (OSError, ApiError, CommandError) as error:
        call.warn("reset.go:133", f"[reset] Unable to fetch the kubeadm-config ConfigMap from cluster: {error}")
        return None
    finally:
        await api.close()
