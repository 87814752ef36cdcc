"""The phases of `reset`: everything that init and join did to this machine is undone, as far as it goes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.kubeadm import constants, files, preflight
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.contract import HostFailure
from minikube_edu.lib.gotext import words

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.reset_data import ResetData

FILES = tuple(
    f"{constants.KUBERNETES}/{name}"
    for name in ("admin.conf", "super-admin.conf", "kubelet.conf", "bootstrap-kubelet.conf", "controller-manager.conf",
                 "scheduler.conf")
)  # fmt: skip


async def check(data: ResetData) -> None:
    """Asks, unless it was told not to."""
    call = data.call
    if not data.force and not data.dry_run:
        call.warn(
            "preflight.go:57",
            "[reset] WARNING: Changes made to this host by 'kubeadm init' or 'kubeadm join' will be reverted.",
        )
        call.out.write("[reset] Are you sure you want to proceed? [y/N]: ")
        call.out.flush()
        answer = call.stdin.readline().strip().lower()
        if answer != "y":
            raise CommandError("won't proceed; the user didn't answer (Y|y) in order to continue")
    call.say("[preflight] Running pre-flight checks")
    await preflight.run(preflight.checks_root(call.host), data.ignored, call.err)


async def remove_etcd_member(data: ResetData) -> None:
    """The real kubeadm takes a member out of its etcd cluster; the embedded store has only one, and its data goes with
    the machine."""
    call, manifest = data.call, f"{constants.MANIFESTS}/etcd.yaml"
    if data.configuration is None:
        call.warn("removeetcdmember.go:89", "[reset] No kubeadm config, using etcd pod spec to get data directory")
    if not files.exists(data.host, manifest):
        return
    directory = _data_directory(data, manifest)
    if directory:
        data.directories.append(directory)
        if data.dry_run:
            call.say("[dryrun] Would remove the etcd member on this node from the etcd cluster")
            call.say(f"[dryrun] Would delete contents of the etcd data directory: {directory}")


def _data_directory(data: ResetData, manifest: str) -> str:
    pod = files.parse_yaml(files.read(data.host, manifest)) or {}
    for volume in (pod.get("spec") or {}).get("volumes") or ():
        if volume.get("name") == "etcd-data":
            return str((volume.get("hostPath") or {}).get("path") or "")
    return ""


async def cleanup_node(data: ResetData) -> None:
    call = data.call
    await _stop_kubelet(data)
    if data.dry_run:
        call.say(f'[dryrun] Would unmount mounted directories in "{constants.KUBELET}"')
        call.say("[dryrun] Would remove Kubernetes-managed containers")
    else:
        call.say(f'[reset] Unmounting mounted directories in "{constants.KUBELET}"')
        data.directories.append(constants.KUBELET)
        await _remove_containers(data)
    directories = [constants.MANIFESTS, *data.directories, data.certificates]
    if data.clean_temporary:
        directories.append(constants.TEMPORARY)
    verb = "[dryrun] Would delete" if data.dry_run else "[reset] Deleting"
    call.say(f"{verb} contents of directories: {words(directories)}")
    if not data.dry_run:
        for directory in directories:
            empty(data.host.path(directory))
    call.say(f"{verb} files: {words(FILES)}")
    if not data.dry_run:
        for path in FILES:
            data.host.path(path).unlink(missing_ok=True)


async def _stop_kubelet(data: ResetData) -> None:
    call = data.call
    if data.dry_run:
        call.say("[dryrun] Would stop the kubelet service")
        return
    call.say("[reset] Stopping the kubelet service")
    try:
        await data.host.stop_service("kubelet")
    except HostFailure as error:
        call.warn("cleanupnode.go:64", f"[reset] The kubelet service could not be stopped by kubeadm: [{error}]")
        call.warn("cleanupnode.go:65", "[reset] Please ensure kubelet is stopped manually")


async def _remove_containers(data: ResetData) -> None:
    runtime = data.host.runtime
    if runtime is None:
        complaint = preflight.runtime_complaint(data.host, data.socket)
        text = complaint.removeprefix("could not connect to the container runtime: ")
        data.call.warn("cleanupnode.go:86", f"[reset] Failed to remove containers: {text}")
        return
    try:
        for sandbox in await runtime.list_sandboxes():
            await runtime.stop_sandbox(sandbox.id)
            await runtime.remove_sandbox(sandbox.id)
    except RuntimeFailure as error:
        data.call.warn("cleanupnode.go:86", f"[reset] Failed to remove containers: {error}")


def empty(directory: Path) -> None:
    """What is in a directory goes, the directory stays."""
    if not directory.is_dir():
        return
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
