"""All volumes of the pods of a node: laid out before the first container, kept up to date, torn down at the end.

`mount` may be called again and again: each call brings configMap, secret, downwardAPI and projected volumes to what the
API says now. It is called when the pod is synced; and `changed` does the same at once for the pods that refer to an
object that has changed. A volume that was set up once stays as it is when its source has gone: the pod runs on, and an
event tells.

The real kubelet mounts in the background, tries again with growing pauses, and a pod waits up to two minutes; here the
sync loop's own tries are the only ones.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.api_objects import KubeletObjects
from minikube_edu.kubelet.contract import ApiObjects, NodeIdentity, Recorder, SyncFailure
from minikube_edu.kubelet.node_paths import PODS, pod_directory, volume_directory
from minikube_edu.kubelet.volumes import atomic_writer, host_path, ownership, payload, persistent, projected
from minikube_edu.kubelet.volumes.payload import DEFAULT_MODE, Files, Unmountable
from minikube_edu.kubelet.volumes.persistent import Unprocessed
from minikube_edu.lib import file_owners

log = logging.getLogger(__name__)

Object = dict[str, Any]

REASON = "FailedMount"
WRITTEN = {  # kinds whose files the kubelet writes -> plugin
    "configMap": "kubernetes.io/configmap",
    "secret": "kubernetes.io/secret",
    "downwardAPI": "kubernetes.io/downward-api",
    "projected": "kubernetes.io/projected",
}
EMPTY_DIR = "kubernetes.io/empty-dir"
CLAIMS = ("persistentVolumeClaim", "ephemeral")


class KubeletVolumes:
    """`shared`: where volumes lie that all nodes of a cluster share."""

    def __init__(
        self, identity: NodeIdentity, objects: ApiObjects, recorder: Recorder, shared: Path | None = None
    ) -> None:
        self.identity, self.objects, self.recorder, self.shared = identity, objects, recorder, shared
        self._pods: dict[str, Object] = {}  # with volumes that follow the API, by uid
        self._refreshing: dict[str, asyncio.Task[None]] = {}
        if isinstance(objects, KubeletObjects):
            objects.listen(self.changed)

    async def mount(self, pod: Object) -> Mapping[str, Path]:
        found: dict[str, Path] = {}
        failures: list[str] = []
        used = used_volumes(pod)
        volumes = [one for one in pod["spec"].get("volumes") or () if one["name"] in used]
        for volume in volumes:
            try:
                found[volume["name"]] = await self._set_up(pod, volume)
            except Unprocessed as error:
                waiting = " ".join(sorted(one["name"] for one in volumes if one["name"] not in found))
                failures.append(
                    f"Unable to attach or mount volumes: unmounted volumes=[{waiting}], unattached volumes=[], "
                    f"failed to process volumes=[{volume['name']}]: {error}"
                )
            except Unmountable as error:
                failures.append(self._failed(error.volume or volume["name"], str(error)))
            except SyncFailure as failure:  # the API does not answer
                whole = failure.message.startswith("Unable to")
                failures.append(failure.message if whole else self._failed(volume["name"], failure.message))
        if any(kind in volume for volume in volumes for kind in WRITTEN):
            self._pods[pod_facts.uid(pod)] = pod
        for message in failures[1:]:
            self.recorder.event(pod, "Warning", REASON, message)
        if failures:
            raise SyncFailure(REASON, failures[0])
        return found

    async def unmount(self, pod_uid: str) -> None:
        self._pods.pop(pod_uid, None)
        if task := self._refreshing.pop(pod_uid, None):
            task.cancel()
        if isinstance(self.objects, KubeletObjects):
            self.objects.forget(pod_uid)
        directory = pod_directory(self.identity.root, pod_uid)
        if directory.exists():  # links are removed, not followed: persistent content stays
            shutil.rmtree(directory, ignore_errors=True)

    def mounted(self) -> Sequence[str]:
        try:
            return sorted(entry.name for entry in os.scandir(self.identity.root / PODS) if entry.is_dir())
        except FileNotFoundError:
            return []

    # ---------------------------------------------------------------- setting up

    async def _set_up(self, pod: Object, volume: Object) -> Path:
        root, name = self.identity.root, volume["name"]
        if "hostPath" in volume:
            return host_path.set_up(root, volume["hostPath"])
        if "emptyDir" in volume:
            return self._empty_dir(pod, name)
        for kind, plugin in WRITTEN.items():
            if kind in volume:
                return await self._written(pod, volume, kind, plugin)
        if any(kind in volume for kind in CLAIMS):
            return await self._claimed(pod, volume)
        if "image" in volume:
            raise Unmountable("image volumes are not supported by this node's container runtime")
        if "csi" in volume:
            raise Unmountable(
                "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: "
                f"driver name {volume['csi']['driver']} not found in the list of registered CSI drivers"
            )
        raise Unmountable(persistent.not_here({key: value for key, value in volume.items() if key != "name"}))

    def _failed(self, name: str, why: str) -> str:
        return f'MountVolume.SetUp failed for volume "{name}" : {why}'

    def _empty_dir(self, pod: Object, name: str) -> Path:
        path = volume_directory(self.identity.root, pod_facts.uid(pod), EMPTY_DIR, name)
        if not path.is_dir():
            path.mkdir(parents=True)
            path.chmod(0o777)
            self._own(pod, path, readonly=False)
        return path

    async def _written(self, pod: Object, volume: Object, kind: str, plugin: str) -> Path:
        path = volume_directory(self.identity.root, pod_facts.uid(pod), plugin, volume["name"])
        try:
            files = await self._files(pod, volume[kind], kind)
        except Unmountable as error:
            if not (path / atomic_writer.DATA).exists():
                raise
            self.recorder.event(pod, "Warning", REASON, self._failed(volume["name"], str(error)))
            return path
        fresh = not path.is_dir()
        if atomic_writer.write(path, files):
            if fresh:
                path.chmod(0o777 if kind == "configMap" else 0o1777)  # the others are on a tmpfs
            self._give_tokens(pod, path, volume[kind])
            self._own(pod, path, readonly=True)
        return path

    @staticmethod
    def _give_tokens(pod: Object, path: Path, source: Object) -> None:
        user = ownership.user_of(pod)
        for token in projected.tokens(source) if user is not None else ():
            file_owners.give(str(path / atomic_writer.DATA / token), uid=user or 0)

    async def _files(self, pod: Object, source: Object, kind: str) -> Files:
        mode = DEFAULT_MODE if source.get("defaultMode") is None else source["defaultMode"]
        if kind == "projected":
            return await projected.files(pod, source, self.objects, self._allocatable())
        if kind == "downwardAPI":
            return payload.downward_api(pod, source.get("items") or (), mode, self._allocatable())
        name = source.get("secretName" if kind == "secret" else "name", "")
        return await projected.named(pod, kind, source, name, mode, self.objects)

    async def _claimed(self, pod: Object, volume: Object) -> Path:
        found = await persistent.bound_volume(pod, volume, self.objects)
        name = found["metadata"]["name"]
        try:
            path, plugin = persistent.set_up(self.identity.root, self.shared, found)
        except Unmountable as error:
            raise Unmountable(str(error), name) from None
        if plugin != "kubernetes.io/host-path":
            link = volume_directory(self.identity.root, pod_facts.uid(pod), plugin, name)
            if not link.is_symlink():
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
                self._own(pod, path, readonly=False)
        return path

    def _own(self, pod: Object, path: Path, *, readonly: bool) -> None:
        group = ownership.group_of(pod)
        if group is not None:
            policy = (pod["spec"].get("securityContext") or {}).get("fsGroupChangePolicy")
            ownership.give(path, group, readonly, policy == "OnRootMismatch")

    def _allocatable(self) -> dict[str, str]:
        return dict(((self.objects.node() or {}).get("status") or {}).get("allocatable") or {})

    # ---------------------------------------------------------------- following the API

    def changed(self, kind: str, namespace: str, name: str) -> None:
        """A config map or secret (`kind`: configMap, secret) is another now."""
        for uid, pod in self._pods.items():
            if pod_facts.namespace(pod) == namespace and refers(pod, kind, name) and uid not in self._refreshing:
                task = asyncio.get_running_loop().create_task(self._refresh(uid), name=f"volumes of {uid}")
                self._refreshing[uid] = task

    async def _refresh(self, uid: str) -> None:
        await asyncio.sleep(0)  # several objects may change in one turn
        self._refreshing.pop(uid, None)
        pod = self._pods.get(uid)
        if pod is None:
            return
        try:
            await self.mount(pod)
        except SyncFailure as failure:
            self.recorder.event(pod, "Warning", failure.reason, failure.message)
        except Exception:
            log.exception("volumes of pod %s could not be refreshed", uid)

    async def close(self) -> None:
        tasks = list(self._refreshing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._refreshing.clear()

    # ---------------------------------------------------------------- what they hold

    def usage(self, pod: Object) -> dict[str, tuple[int, int]]:
        """Bytes and files of the volumes that belong to the pod alone."""
        found = {}
        for volume in pod["spec"].get("volumes") or ():
            plugin = EMPTY_DIR if "emptyDir" in volume else next((WRITTEN[k] for k in WRITTEN if k in volume), "")
            path = volume_directory(self.identity.root, pod_facts.uid(pod), plugin, volume["name"]) if plugin else None
            if path is not None and path.is_dir():
                found[volume["name"]] = disk_usage(path)
        return found


def used_volumes(pod: Object) -> set[str]:
    """Only what a container mentions is mounted."""
    found = set()
    for container in pod_facts.every_container(pod):
        found |= {one["name"] for field in ("volumeMounts", "volumeDevices") for one in container.get(field) or ()}
        for variable in container.get("env") or ():
            if reference := (variable.get("valueFrom") or {}).get("fileKeyRef"):
                found.add(reference["volumeName"])
    return found


def refers(pod: Object, kind: str, name: str) -> bool:
    field = "secretName" if kind == "secret" else "name"
    for volume in pod["spec"].get("volumes") or ():
        if (volume.get(kind) or {}).get(field) == name:
            return True
        for source in (volume.get("projected") or {}).get("sources") or ():
            if (source.get(kind) or {}).get("name") == name:
                return True
    return False


def disk_usage(path: Path) -> tuple[int, int]:
    """As `du` counts: blocks on the disk; and how many files and directories."""
    size, count = 0, 0
    for parent, folders, files in os.walk(path):
        for name in (*folders, *files):
            try:
                size += os.lstat(os.path.join(parent, name)).st_blocks * 512
            except OSError:
                continue
            count += 1
    return size + os.lstat(path).st_blocks * 512, count + 1
