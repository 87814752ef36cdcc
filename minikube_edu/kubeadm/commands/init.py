"""`kubeadm init`: the first control plane of a cluster; and its phases one by one."""

from __future__ import annotations

import os
import tempfile

from minikube_edu.kubeadm import machine
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import flags as config_flags
from minikube_edu.kubeadm.constants import ADMIN, TEMPORARY
from minikube_edu.kubeadm.phases import workflow
from minikube_edu.kubeadm.phases.certs import start_service_account_key, uses_external_ca
from minikube_edu.kubeadm.phases.init_data import InitData
from minikube_edu.kubeadm.phases.workflow_tables import INIT


async def run(call: Call) -> None:
    data = await prepare(call)
    call.say(f"[init] Using Kubernetes version: {data.configuration.version}")
    skip = call.flags["skip-phases"] or data.configuration.init.get("skipPhases") or ()
    if not call.host.path(f"{data.certificates_directory}/sa.key").exists():
        start_service_account_key(data)  # is ready when its phase comes
    await _run(data, skip=skip)


async def phase(call: Call) -> None:
    await _run(await prepare(call), only=call.command.phase)


async def _run(data: InitData, skip: list[str] | tuple[str, ...] = (), only: str = "") -> None:
    try:
        await workflow.run(INIT, data, skip, only)
        await data.settle()
    finally:
        if data.service_account_key is not None and not data.service_account_key.done():
            data.service_account_key.cancel()
        await data.close()


async def prepare(call: Call) -> InitData:
    """Flags and files, checked and made whole."""
    flags, host = call.flags, call.host
    if flags.get("machine"):
        try:
            host.machine = machine.load(flags["machine"], host.machine)
        except machine.BadDescription as error:
            raise CommandError(str(error)) from None
    configuration = config_flags.init_configuration(call)
    ignored = config_flags.ignored_errors(flags.get("ignore-preflight-errors") or (), configuration.init)
    dry_run = bool(flags.get("dry-run") or configuration.init.get("dryRun"))
    data = InitData(
        call,
        configuration,
        ignored,
        dry_run,
        upload_certs=bool(flags.get("upload-certs")),
        certificate_key=flags.get("certificate-key") or configuration.init.get("certificateKey") or "",
        skip_key_print=bool(flags.get("skip-certificate-key-print")),
        skip_token_print=bool(flags.get("skip-token-print")),
        kubeconfig=flags.get("kubeconfig") or ADMIN,
        external_ca=uses_external_ca(host, configuration),
        patches_directory=flags.get("patches") or (configuration.init.get("patches") or {}).get("directory") or "",
    )
    if dry_run:
        data.dry_run_directory = dry_run_directory(call, "kubeadm-init-dryrun", "KUBEADM_INIT_DRYRUN_DIR")
    return data


def dry_run_directory(call: Call, prefix: str, variable: str) -> str:
    given = call.environment.get(variable)
    if given:
        call.warn(
            "constants.go:626",
            f"Using dry-run directory {given}. To override it, set the environment variable {variable}",
        )
        return given
    parent = call.host.path(TEMPORARY)
    parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = tempfile.mkdtemp(prefix=prefix, dir=parent)
    shown = f"{TEMPORARY}/{os.path.basename(made)}"
    call.warn(
        "constants.go:631", f"Using dry-run directory {shown}. To override it, set the environment variable {variable}"
    )
    return shown
