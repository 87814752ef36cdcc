"""What a container sees of its pod's volumes, and the two files that every container gets.

/etc/hosts is the kubelet's unless the container mounts something there itself. The termination log is a new file for
every container, in `containers/NAME/` of the pod's directory; the kubelet reads it when the container has ended.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minikube_edu.container_runtime.cri import Mount
from minikube_edu.kubelet import expansion, hosts_file, sub_path
from minikube_edu.kubelet.contract import SyncFailure

Object = dict[str, Any]

REASON = "CreateContainerConfigError"
PROPAGATION = ("None", "HostToContainer", "Bidirectional")


def volume_mounts(
    pod: Object, container: Object, volumes: Mapping[str, Path], env: Mapping[str, str], directory: Path
) -> list[Mount]:
    """`directory` is the pod's."""
    kinds = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found = []
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        name = mount["name"]
        if name not in volumes:
            raise SyncFailure(REASON, f'cannot find volume "{name}" to mount into container "{container["name"]}"')
        path = volumes[name]
        if wanted := _sub_path(mount, env):
            place = directory / "volume-subpaths" / name / container["name"] / str(index)
            path = sub_path.prepare(path, wanted, place, name, container["name"])
        propagation = mount.get("mountPropagation") or "None"
        if propagation not in PROPAGATION:
            raise SyncFailure(REASON, f'invalid MountPropagation mode: "{propagation}"')
        _check_recursive(mount)
        target = mount["mountPath"] if mount["mountPath"].startswith("/") else "/" + mount["mountPath"]
        readonly = mount.get("readOnly", False) or always_readonly(kinds.get(name) or {})
        found.append(Mount(target, str(path), readonly, propagation, name))
    return found


def always_readonly(volume: Object) -> bool:
    """What the kubelet writes is not for the container to change; and claims that are used so."""
    if any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI")):
        return True
    return bool((volume.get("persistentVolumeClaim") or {}).get("readOnly", False))


def _sub_path(mount: Object, env: Mapping[str, str]) -> str:
    if not mount.get("subPathExpr"):
        return str(mount.get("subPath") or "")
    text, missing = expansion.expand_strictly(mount["subPathExpr"], env)
    if missing:
        shown = ", ".join(f'"{name}"' for name in missing)
        raise SyncFailure(REASON, f"missing value for {shown}")
    return text


def _check_recursive(mount: Object) -> None:
    mode = mount.get("recursiveReadOnly")
    if mode in (None, "Disabled", "IfPossible", "Enabled"):
        if mode in (None, "Disabled") or mount.get("readOnly"):
            return
        why = f'volume "{mount["name"]}" requested recursive read-only mode, but it is not read-only'
    else:
        why = f'unknown recursive read-only mode "{mode}"'
    raise SyncFailure(REASON, f"failed to resolve recursive read-only mode: {why}")


def hosts_mount(directory: Path, text: str) -> Mount:
    path = directory / hosts_file.NAME
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o644)
    return Mount(hosts_file.PATH, str(path), name="k8s-managed-etc-hosts")


def termination_log(directory: Path, pod: Object, container: Object, attempt: int) -> Mount | None:
    target = container.get("terminationMessagePath")
    if not target:
        return None
    place = directory / "containers" / container["name"]
    place.mkdir(parents=True, exist_ok=True)
    tag = zlib.crc32(f"{pod['metadata'].get('uid', '')}/{container['name']}/{attempt}".encode())
    path = place / f"{tag:08x}"
    path.write_bytes(b"")
    os.chmod(path, 0o666)  # whoever the container runs as may write it
    return Mount(target, str(path), name="termination-log")
