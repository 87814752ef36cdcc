"""The phases of `join` that every machine goes through: checks, the kubelet's files, its start, its certificate."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import TYPE_CHECKING

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files, preflight
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.constants import BOOTSTRAP_KUBELET_CONF, KUBELET_CONF
from minikube_edu.kubeadm.phases import dry_run_files, kubelet_start, wait_control_plane
from minikube_edu.lib import clock, durations

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.join_data import JoinData

FAILED = """
Unfortunately, an error has occurred:
	{error}

This error is likely caused by:
	- The kubelet is not running
	- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)

If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:
	- 'systemctl status kubelet'
	- 'journalctl -xeu kubelet'
"""


async def check(data: JoinData) -> None:
    """Looks at the machine, then at the cluster; a control plane needs more of both."""
    call = data.call
    call.say("[preflight] Running pre-flight checks")
    await preflight.run(preflight.checks_root(call.host), data.ignored, call.err)
    await preflight.run(preflight.checks_join(call.host, data.join, data.registration), data.ignored, call.err)
    configuration = await data.configuration()
    if data.control_plane is not None:
        from minikube_edu.kubeadm.phases import join_control_plane

        await join_control_plane.check(data, configuration)


async def start_kubelet(data: JoinData) -> None:
    call, host = data.call, data.host
    configuration = await data.configuration()
    bootstrap = await data.bootstrap_kubeconfig()
    if data.control_plane is not None:  # its kubelet talks to its own API server
        cluster = {**bootstrap["clusters"][0]["cluster"], "server": configuration.local_endpoint}
        bootstrap = {**bootstrap, "clusters": [{**bootstrap["clusters"][0], "cluster": cluster}]}
    path = f"{data.kubeconfig_directory}/bootstrap-kubelet.conf"
    call.info(1, "kubelet.go:162", f"[kubelet-start] writing bootstrap kubelet config file at {path}")
    files.write(host, path, files.yaml(bootstrap))
    ca_path = f"{data.dry_run_directory}/ca.crt" if data.dry_run else data.join["caCertPath"]
    if not files.exists(host, ca_path):
        call.info(1, "kubelet.go:176", f"[kubelet-start] writing CA certificate at {ca_path}")
        ca = b64decode(bootstrap["clusters"][0]["cluster"].get("certificate-authority-data") or "")
        files.write(host, ca_path, ca, 0o644)
    await _refuse_twins(data)
    if data.dry_run:
        call.say("[kubelet-start] Would stop the kubelet")
    else:
        await kubelet_start.try_stop(call)
    directory = data.kubelet_directory
    instance = kubelet_start.write_instance(call, directory, data.registration)
    kubelet_start.write_config(call, directory, configuration.kubelet, instance, data.patches())
    kubelet_start.write_flags(call, directory, data.registration, taints=data.control_plane is None)
    if data.dry_run:
        call.say("[kubelet-start] Would start the kubelet")
        dry_run_files.show_joined(data)
        return
    kubelet_start.install(host, configuration.version)
    call.say("[kubelet-start] Starting the kubelet")
    await kubelet_start.try_start(call)


async def _refuse_twins(data: JoinData) -> None:
    """A node of this name that is Ready is somebody else."""
    name = data.registration["name"]
    try:
        node = await (await data.api()).get("Node", name)
    except ApiError as error:
        if error.not_found:
            return
        raise CommandError(f'cannot get Node "{name}": {error}') from None
    for condition in (node.get("status") or {}).get("conditions") or ():
        if condition["type"] == "Ready" and condition["status"] == "True":
            raise CommandError(
                f'a Node with name "{name}" and status "Ready" already exists in the cluster. You must delete the '
                "existing Node or change the name of this new joining Node"
            )


async def wait_bootstrap(data: JoinData) -> None:
    """Until the kubelet has asked for a certificate, been given one, and written who it is now."""
    call = data.call
    if data.dry_run:
        call.say("[kubelet-wait] Would wait for the kubelet to be bootstrapped")
        return
    kubelet = (await data.configuration()).kubelet
    address, port = kubelet.get("healthzBindAddress") or "127.0.0.1", int(kubelet.get("healthzPort") or 0)
    timeouts = data.join["timeouts"]
    try:
        await wait_control_plane.kubelet_healthy(call, address, port, durations.seconds(timeouts["kubeletHealthCheck"]))
        call.say("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap")
        await _bootstrapped(data, durations.seconds(timeouts["tlsBootstrap"]))
    except CommandError as error:
        call.out.write(FAILED.format(error=error))
        raise
    finally:
        data.host.path(BOOTSTRAP_KUBELET_CONF).unlink(missing_ok=True)  # its token is nobody's business any more


async def _bootstrapped(data: JoinData, patience: float) -> None:
    end, pause = clock.monotonic() + patience, 0.01
    while not _usable(data):
        if clock.monotonic() + pause > end:
            raise CommandError("context deadline exceeded")
        await asyncio.sleep(pause)
        pause = min(pause * 1.1, 0.2)


def _usable(data: JoinData) -> bool:
    """The kubeconfig and the files that it names are there."""
    if not files.exists(data.host, KUBELET_CONF):
        return False
    document = files.parse_yaml(files.read(data.host, KUBELET_CONF)) or {}
    users = [one.get("user") or {} for one in document.get("users") or ()]
    named = [user[key] for user in users for key in ("client-certificate", "client-key") if user.get(key)]
    return bool(users) and all(files.exists(data.host, path) for path in named)
