"""Claims and volumes: who gets what, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minikube_edu.kube_controller_manager import host_folders
from minikube_edu.kube_controller_manager.controllers import host_path_provisioner
from minikube_edu.kube_controller_manager.controllers.persistent_volumes.matching import best
from minikube_edu.lib import node_root
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
VOLUMES = "/api/v1/persistentvolumes"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
BINDER = ["persistentvolume-binder-controller"]
HERE = "minikube-edu.io/host-path"


def volume(
    name: str, size: str, phase: str = "Available", modes: tuple[str, ...] = ("ReadWriteOnce",), **spec: Any
) -> Object:
    made = {"capacity": {"storage": size}, "accessModes": list(modes), **spec}
    return {"metadata": {"name": name}, "spec": made, "status": {"phase": phase}}


def claim(size: str, **spec: Any) -> Object:
    made = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"metadata": {"name": "c", "namespace": "default", "uid": "u"}, "spec": made}


@pytest.mark.parametrize(
    ("volumes", "chosen"),
    [
        ([volume("big", "9Gi"), volume("small", "2Gi")], "small"),
        ([volume("too-small", "500Mi"), volume("big", "9Gi")], "big"),
        ([volume("shared", "1Gi", modes=("ReadWriteOnce", "ReadWriteMany")), volume("plain", "3Gi")], "plain"),
        ([volume("taken", "1Gi", claimRef={"namespace": "default", "name": "other", "uid": "x"})], None),
        ([volume("released", "1Gi", phase="Released")], None),
        ([volume("other-class", "1Gi", storageClassName="fast")], None),
        ([volume("mine", "9Gi", phase="", claimRef={"namespace": "default", "name": "c"}), volume("a", "1Gi")], "mine"),
    ],
)
def test_which_volume_a_claim_gets(volumes: list[Object], chosen: str | None) -> None:
    found = best(claim("1Gi"), volumes, delayed=False)
    assert (found["metadata"]["name"] if found else None) == chosen


def test_before_a_node_is_chosen_only_a_volume_made_for_the_claim_is_taken() -> None:
    assert best(claim("1Gi"), [volume("free", "1Gi")], delayed=True) is None


async def claimed(api: Api, name: str, phase: str = "Bound") -> Object:
    async def look() -> Object | None:
        found = (await api.get(f"{CLAIMS}/{name}")).json
        return found if found.get("status", {}).get("phase") == phase else None

    result: Object = await until(look)
    return result


async def make_claim(api: Api, name: str, size: str = "1Gi", **spec: Any) -> None:
    await api.create(
        CLAIMS, name, spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    )


async def phase_of(api: Api, name: str) -> Any:
    return (await api.get(f"{VOLUMES}/{name}")).json.get("status", {}).get("phase")


async def test_two_claims_never_get_the_same_volume() -> None:
    async with api_server(controllers=BINDER) as api:
        for number in range(5):
            await api.create(
                VOLUMES,
                f"v{number}",
                spec={"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/d"}},
            )
            await make_claim(api, f"c{number}", storageClassName="")
        taken = [(await claimed(api, f"c{number}"))["spec"]["volumeName"] for number in range(5)]
        assert len(set(taken)) == 5


async def test_a_kept_volume_is_released_when_its_claim_goes_and_nobody_else_gets_it() -> None:
    async with api_server(controllers=BINDER) as api:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/d"}}
        await api.create(VOLUMES, "v", spec={**spec, "persistentVolumeReclaimPolicy": "Retain"})
        await make_claim(api, "c", storageClassName="")
        await claimed(api, "c")
        await api.patch(f"{CLAIMS}/c", {"metadata": {"finalizers": None}})
        await api.delete(f"{CLAIMS}/c")

        async def released() -> bool:
            return bool(await phase_of(api, "v") == "Released")

        await until(released)
        await make_claim(api, "next", storageClassName="")
        await claimed(api, "next", "Pending")


async def test_a_claim_whose_volume_was_deleted_is_lost() -> None:
    async with api_server(controllers=BINDER) as api:
        spec = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/d"}}
        await api.create(VOLUMES, "v", spec=spec)
        await make_claim(api, "c", storageClassName="")
        await claimed(api, "c")
        await api.patch(f"{VOLUMES}/v", {"metadata": {"finalizers": None}})
        await api.delete(f"{VOLUMES}/v")
        await claimed(api, "c", "Lost")


async def test_a_volume_is_made_on_demand_grows_and_goes_with_its_claim() -> None:
    names = [*BINDER, "host-path-provisioner-controller", "persistentvolume-expander-controller"]
    async with api_server(controllers=names) as api:
        path = "/apis/storage.k8s.io/v1/storageclasses"
        await api.create(path, "standard", provisioner=HERE, allowVolumeExpansion=True)
        await make_claim(api, "c", storageClassName="standard")
        found = await claimed(api, "c")
        name = found["spec"]["volumeName"]
        assert name == f"pvc-{found['metadata']['uid']}"
        await api.patch(f"{CLAIMS}/c", {"spec": {"resources": {"requests": {"storage": "3Gi"}}}})

        async def grown() -> bool:
            return bool((await api.get(f"{CLAIMS}/c")).json["status"]["capacity"]["storage"] == "3Gi")

        await until(grown)
        await api.patch(f"{CLAIMS}/c", {"metadata": {"finalizers": None}})
        await api.delete(f"{CLAIMS}/c")

        async def going() -> bool:
            reply = await api.get(f"{VOLUMES}/{name}")
            return reply.code == 404 or "deletionTimestamp" in reply.json["metadata"]

        await until(going)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a cluster with two machines and a light node."""
    for node in ("nodes/control-plane", "nodes/worker-1", "light/light-1"):
        (tmp_path / node / "var/lib/minikube-edu/volumes").mkdir(parents=True)
    (tmp_path / "volumes").mkdir()
    monkeypatch.setenv("MINIKUBE_EDU_HOME", str(tmp_path))
    monkeypatch.setenv(node_root.VARIABLE, str(tmp_path / "nodes/control-plane"))
    monkeypatch.setenv(node_root.SHARED_VOLUMES, str(tmp_path / "volumes"))
    return tmp_path


@pytest.mark.parametrize(
    ("modes", "place"),
    [
        (["ReadWriteOnce"], "nodes/worker-1/var/lib/minikube-edu/volumes"),
        (["ReadWriteOnce"], "light/light-1/var/lib/minikube-edu/volumes"),
        (["ReadWriteMany"], "volumes"),
    ],
)
@pytest.mark.parametrize("policy", ["Delete", "Retain"])
async def test_the_directory_of_a_volume_goes_with_it_unless_it_is_retained(
    home: Path, modes: list[str], place: str, policy: str
) -> None:
    async with api_server(controllers=[*BINDER, "host-path-provisioner-controller"]) as api:
        await api.create("/apis/storage.k8s.io/v1/storageclasses", "s", provisioner=HERE, reclaimPolicy=policy)
        await make_claim(api, "c", storageClassName="s", accessModes=modes)
        name = (await claimed(api, "c"))["spec"]["volumeName"]
        folder, other = home / place / f"{name}_default_c", home / place / "pvc-other_default_d"
        for one in (folder, other):
            one.mkdir()
            (one / "file").write_text("data")
        await api.patch(f"{CLAIMS}/c", {"metadata": {"finalizers": None}})
        await api.delete(f"{CLAIMS}/c")

        async def released() -> bool:
            reply = await api.get(f"{VOLUMES}/{name}")
            return reply.code == 404 or reply.json.get("status", {}).get("phase") == "Released"

        async def away() -> bool:
            return not folder.exists()

        await until(released)
        if policy == "Delete":
            await until(away)
        else:
            await api.delete(f"{VOLUMES}/{name}")
            assert folder.exists()
        assert other.exists()


def test_no_directory_is_touched_that_a_volume_only_claims_to_have(home: Path) -> None:
    (home / "nodes/worker-1/etc").mkdir()
    (home / "nodes/worker-1/var/lib/minikube-edu/volumes/mine").mkdir()
    root = host_path_provisioner.ROOT
    for path in ("/etc", f"{root}/mine", f"{root}/pvc-../../etc", f"{root}/..", "/"):
        assert host_folders.folders({"spec": {"hostPath": {"path": path}}}, root) == []
    assert host_folders.folders({"spec": {"csi": {"volumeHandle": "pvc-1/../../x"}}}, root) == []


async def test_a_claim_that_waits_for_its_first_pod_gets_no_volume() -> None:
    async with api_server(controllers=[*BINDER, "host-path-provisioner-controller"]) as api:
        path = "/apis/storage.k8s.io/v1/storageclasses"
        await api.create(path, "late", provisioner=HERE, volumeBindingMode="WaitForFirstConsumer")
        await make_claim(api, "c", storageClassName="late")

        async def told() -> bool:
            events = (await api.get("/api/v1/namespaces/default/events")).json["items"]
            return any(event["reason"] == "WaitForFirstConsumer" for event in events)

        await until(told)
        assert not (await api.get(VOLUMES)).json["items"]


async def test_claims_made_before_there_was_a_default_class_get_it_later() -> None:
    async with api_server(controllers=BINDER) as api:
        await make_claim(api, "c")
        await make_claim(api, "none-ever", storageClassName="")
        mark = {"storageclass.kubernetes.io/is-default-class": "true"}
        path = "/apis/storage.k8s.io/v1/storageclasses"
        await api.create(path, "standard", metadata={"annotations": mark}, provisioner="example.com/x")

        async def named() -> bool:
            return bool((await api.get(f"{CLAIMS}/c")).json["spec"].get("storageClassName") == "standard")

        await until(named)
        assert (await api.get(f"{CLAIMS}/none-ever")).json["spec"]["storageClassName"] == ""
