"""Directories that containers see: where they lie, how they change, and why some cannot be mounted."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.kubelet import mounts
from minikube_edu.kubelet.contract import NodeIdentity, SyncFailure
from minikube_edu.kubelet.volumes import atomic_writer
from minikube_edu.kubelet.volumes.volumes import KubeletVolumes
from minikube_edu.lib import file_owners
from tests.kubelet.fake_objects import FakeObjects, FakeRecorder, Object, pod_of


class Bench:
    def __init__(self, root: Path) -> None:
        self.root, self.objects, self.recorder = root, FakeObjects(), FakeRecorder()
        self.volumes = KubeletVolumes(
            NodeIdentity("n1", root, "127.16.0.2"), self.objects, self.recorder, root.parent / "shared"
        )

    def pod(self, *volumes: Object, **spec: Any) -> Object:
        """A pod that mounts them all."""
        uses = [{"name": one["name"], "mountPath": f"/{one['name']}"} for one in volumes]
        return pod_of({"name": "c", "volumeMounts": uses}, volumes=list(volumes), **spec)

    async def mount(self, source: Object, **spec: Any) -> Path:
        return (await self.volumes.mount(self.pod({"name": "v", **source}, **spec)))["v"]

    async def failure(self, source: Object) -> str:
        with pytest.raises(SyncFailure) as caught:
            await self.mount(source)
        assert caught.value.reason == "FailedMount"
        return caught.value.message

    def directory(self, plugin: str) -> Path:
        return self.root / f"var/lib/kubelet/pods/u1/volumes/kubernetes.io~{plugin}/v"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    root = tmp_path / "node"
    root.mkdir()
    return Bench(root)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_where_do_the_files_of_a_config_map_lie(bench: Bench) -> None:
    bench.objects.has_config_map("settings", a="1", b="2")
    path = await bench.mount({"configMap": {"name": "settings", "defaultMode": 0o600}})
    assert path == bench.directory("configmap")
    assert sorted(one.name for one in path.iterdir() if not one.name.startswith("..")) == ["a", "b"]
    assert (path / "a").read_text() == "1"
    assert os.readlink(path / "a") == "..data/a"
    assert os.readlink(path / "..data").startswith("..20")
    assert mode(path / "a") == 0o600
    items = [{"key": "a", "path": "deep/x", "mode": 0o400}]
    path = await bench.mount({"configMap": {"name": "settings", "items": items}})
    assert (path / "deep/x").read_text() == "1"
    assert mode(path / "deep/x") == 0o400
    assert not (path / "a").is_symlink()


async def test_is_the_whole_set_replaced_at_once(bench: Bench) -> None:
    bench.objects.has_config_map("settings", a="1", gone="x")
    path = await bench.mount({"configMap": {"name": "settings"}})
    before = os.readlink(path / "..data")
    await bench.mount({"configMap": {"name": "settings"}})
    assert os.readlink(path / "..data") == before, "nothing has changed"
    bench.objects.has_config_map("settings", a="2")
    bench.volumes.changed("configMap", "default", "settings")
    bench.volumes.changed("configMap", "default", "settings")
    await asyncio.sleep(0.02)
    assert (path / "a").read_text() == "2"
    assert sorted(os.listdir(path)) == sorted([os.readlink(path / "..data"), "..data", "a"])
    await bench.volumes.close()


async def test_does_a_mounted_volume_survive_its_source(bench: Bench) -> None:
    bench.objects.has_config_map("settings", a="1")
    path = await bench.mount({"configMap": {"name": "settings"}})
    bench.objects.config_maps.clear()
    assert await bench.mount({"configMap": {"name": "settings"}}) == path
    assert (path / "a").read_text() == "1"
    message = 'MountVolume.SetUp failed for volume "v" : configmap "settings" not found'
    assert bench.recorder.events == [("Warning", "FailedMount", message)]


async def test_why_can_a_volume_not_be_mounted(bench: Bench) -> None:
    start = 'MountVolume.SetUp failed for volume "v" : '
    bench.objects.has_config_map("settings", a="1")
    bench.objects.has_secret("keys", a="1")
    item = [{"key": "b", "path": "b"}]
    assert await bench.failure({"configMap": {"name": "y"}}) == start + 'configmap "y" not found'
    assert await bench.failure({"secret": {"secretName": "y"}}) == start + 'secret "y" not found'
    assert (
        await bench.failure({"configMap": {"name": "settings", "items": item}})
        == start + "configmap references non-existent config key: b"
    )
    assert (
        await bench.failure({"secret": {"secretName": "keys", "items": item}})
        == start + "references non-existent secret key: b"
    )
    sources = [{"secret": {"name": "p"}}, {"configMap": {"name": "q"}}]
    assert (
        await bench.failure({"projected": {"sources": sources}})
        == start + '[secret "p" not found, configmap "q" not found]'
    )
    assert "is not supported" in await bench.failure({"projected": {"sources": [{"podCertificate": {}}]}})
    assert "-t nfs server:/x" in await bench.failure({"nfs": {"server": "server", "path": "/x"}})
    assert (await bench.failure({"csi": {"driver": "a.b"}})).endswith(
        "driver name a.b not found in the list of registered CSI drivers"
    )
    assert await bench.failure({"persistentVolumeClaim": {"claimName": "data"}}) == (
        "Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process "
        "volumes=[v]: error processing PVC default/data: failed to fetch PVC from API server: "
        'persistentvolumeclaims "data" not found'
    )


async def test_may_an_optional_source_be_missing(bench: Bench) -> None:
    path = await bench.mount({"secret": {"secretName": "y", "optional": True}})
    assert [one for one in os.listdir(path) if not one.startswith("..")] == []
    bench.objects.has_secret("y", k="v")
    path = await bench.mount({"secret": {"secretName": "y", "optional": True}})
    assert (path / "k").read_text() == "v"


async def test_what_does_a_pod_find_to_speak_to_the_api_server(bench: Bench) -> None:
    bench.objects.has_config_map("kube-root-ca.crt", **{"ca.crt": "PEM"})
    namespace = {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    path = await bench.mount({"projected": {"sources": sources, "defaultMode": 0o644}}, serviceAccountName="bot")
    assert path == bench.directory("projected")
    assert (path / "token").read_text() == "token 1 of default/bot for the server"
    assert ((path / "ca.crt").read_text(), (path / "namespace").read_text()) == ("PEM", "default")
    assert mode(path / "token") == 0o644
    path = await bench.mount({"projected": {"sources": sources}}, securityContext={"runAsUser": 7})
    assert mode(path / "token") == 0o600


async def test_how_are_labels_written_into_a_file(bench: Bench) -> None:
    items = [
        {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}},
        {"path": "cpu", "resourceFieldRef": {"containerName": "c", "resource": "requests.cpu", "divisor": "1m"}},
    ]
    pod = bench.pod({"name": "v", "downwardAPI": {"items": items}})
    pod["metadata"]["labels"] = {"b": 'say "x"', "a": "1"}
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1.5"}}
    path = (await bench.volumes.mount(pod))["v"]
    assert (path / "labels").read_text() == 'a="1"\nb="say \\"x\\""'
    assert (path / "cpu").read_text() == "1500"


async def test_whose_is_a_volume_with_fs_group(bench: Bench) -> None:
    bench.objects.has_secret("keys", a="1")
    group = {"fsGroup": os.getgid()}
    path = await bench.mount({"emptyDir": {"medium": "Memory"}}, securityContext=group)
    assert path == bench.directory("empty-dir")
    assert stat.S_IMODE(path.stat().st_mode) == 0o2777
    path = await bench.mount({"secret": {"secretName": "keys", "defaultMode": 0o400}}, securityContext=group)
    assert mode(path / "a") == 0o440


async def test_does_an_empty_dir_outlive_a_restart_but_not_its_pod(bench: Bench) -> None:
    path = await bench.mount({"emptyDir": {}})
    assert mode(path) == 0o777
    (path / "f").write_text("x")
    assert (await bench.mount({"emptyDir": {}}) / "f").exists()
    assert bench.volumes.mounted() == ["u1"]
    await bench.volumes.unmount("u1")
    assert bench.volumes.mounted() == []
    await bench.volumes.unmount("u1")


async def test_what_may_a_host_path_be(bench: Bench) -> None:
    (bench.root / "etc").mkdir()
    (bench.root / "etc/f").write_text("x")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(bench.root / "s"))
    for path, kind, fits in (
        ("/etc", "Directory", True), ("/etc/f", "File", True), ("/s", "Socket", True), ("/etc/f", "", True),
        ("/new/deep", "DirectoryOrCreate", True), ("/etc/new", "FileOrCreate", True), ("/made", "", True),
    ):  # fmt: skip
        assert (await bench.mount({"hostPath": {"path": path, "type": kind}})).exists() is fits
    listener.close()
    start = 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: '
    assert await bench.failure({"hostPath": {"path": "/x", "type": "Directory"}}) == start + "/x is not a directory"
    assert await bench.failure({"hostPath": {"path": "/etc", "type": "File"}}) == start + "/etc is not a file"
    assert await bench.failure({"hostPath": {"path": "/etc", "type": "Socket"}}) == start + "/etc is not a socket file"
    assert (bench.root / "etc/new").is_file()


async def test_is_the_node_all_that_a_host_path_reaches(bench: Bench) -> None:
    (bench.root / "link").symlink_to("/")
    for path in ("/", "/..", "/link", "/link/../.."):
        assert await bench.mount({"hostPath": {"path": path}}) == bench.root


async def test_where_does_a_claim_lead(bench: Bench) -> None:
    def bound(**spec: Any) -> None:
        reference = {"uid": "claim"}
        bench.objects.persistent_volumes["pv"] = {"metadata": {"name": "pv"}, "spec": {"claimRef": reference, **spec}}

    claim: Object = {
        "metadata": {"name": "data", "namespace": "default", "uid": "claim"},
        "spec": {"volumeName": "pv"},
        "status": {"phase": "Bound"},
    }
    bench.objects.claims["default", "data"] = claim
    source = {"persistentVolumeClaim": {"claimName": "data"}}
    bound(hostPath={"path": "/data/pv", "type": "DirectoryOrCreate"})
    assert await bench.mount(source) == bench.root / "data/pv"
    bound(csi={"driver": "host-path.minikube-edu.io", "volumeHandle": "h"})
    path = await bench.mount(source)
    assert path == bench.root / "var/lib/minikube-edu/volumes/h"
    (path / "kept").write_text("x")
    bound(csi={"driver": "host-path.minikube-edu.io", "volumeHandle": "h", "volumeAttributes": {"shared": "true"}})
    assert await bench.mount(source) == bench.root.parent / "shared/h"
    bound(local={"path": "/mnt/disk"})
    assert await bench.failure(source) == ('MountVolume.SetUp failed for volume "pv" : path "/mnt/disk" does not exist')
    claim["status"]["phase"] = "Pending"
    assert (await bench.failure(source)).endswith("error processing PVC default/data: PVC is not bound")
    await bench.volumes.unmount("u1")
    assert (path / "kept").exists(), "what is persistent stays"


async def test_is_a_volume_that_nobody_mentions_left_alone(bench: Bench) -> None:
    pod = pod_of(volumes=[{"name": "v", "configMap": {"name": "none"}}])
    assert await bench.volumes.mount(pod) == {}


async def test_does_a_mounted_sub_path_of_a_config_map_stand_still(bench: Bench) -> None:
    bench.objects.has_config_map("settings", a="1")
    pod = bench.pod({"name": "v", "configMap": {"name": "settings"}})
    pod["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = "a"
    directory = bench.root / "var/lib/kubelet/pods/u1"
    found = await bench.volumes.mount(pod)
    mount = mounts.volume_mounts(pod, pod["spec"]["containers"][0], found, {}, directory)[0]
    assert mount.readonly
    bench.objects.has_config_map("settings", a="2")
    found = await bench.volumes.mount(pod)
    assert (found["v"] / "a").read_text() == "2"
    assert Path(mount.host_path).read_text() == "1"


async def test_how_much_does_an_empty_dir_hold(bench: Bench) -> None:
    pod = bench.pod({"name": "v", "emptyDir": {}})
    path = (await bench.volumes.mount(pod))["v"]
    before, _ = bench.volumes.usage(pod)["v"]
    (path / "big").write_bytes(b"x" * (1 << 17))
    size, files = bench.volumes.usage(pod)["v"]
    assert size - before >= 1 << 17
    assert files == 2


NAMES = st.sampled_from(["a", "b", "dir/a", "dir/b", "other/x"])


@given(st.lists(st.dictionaries(NAMES, st.binary(max_size=3)), min_size=1, max_size=5))
def test_does_a_volume_hold_exactly_the_last_set(
    tmp_path_factory: pytest.TempPathFactory, sets: list[dict[str, bytes]]
) -> None:
    directory = tmp_path_factory.mktemp("volume")
    for files in sets:
        atomic_writer.write(directory, {path: (content, 0o644) for path, content in files.items()})
        seen = {}
        for name in os.listdir(directory):
            if not name.startswith(".."):
                for path in [directory / name] if (directory / name).is_file() else (directory / name).iterdir():
                    seen[str(path.relative_to(directory))] = path.read_bytes()
        assert seen == files


async def test_may_the_kubelet_replace_files_that_nobody_may_read(bench: Bench) -> None:
    bench.objects.has_config_map("settings", a="1")
    path = await bench.mount({"configMap": {"name": "settings", "defaultMode": 0}})
    shown = file_owners.read(str(path / "..data/a"), (path / "a").stat()).shown((path / "a").stat().st_mode)
    assert stat.S_IMODE(shown) == 0
    bench.objects.has_config_map("settings", a="2")
    assert (await bench.mount({"configMap": {"name": "settings", "defaultMode": 0}}) / "a").read_text() == "2"
