"""A node whose parts are all real: kubelet, volumes, probes, server, simulated containers and network; and an API
server. Everything in one loop, no processes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.container_runtime.cri import ContainerRuntime
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.kube_apiserver.context import User
from minikube_edu.kubelet import api_objects, configuration
from minikube_edu.kubelet.contract import NodeIdentity
from minikube_edu.kubelet.node.described_machine import described_machine
from minikube_edu.kubelet.node.node_object import NodeShape
from minikube_edu.kubelet.ports import open_ports
from minikube_edu.kubelet.running import Place, Seat
from minikube_edu.lib import pki
from tests.in_process import Api, api_server, until

Object = dict[str, Any]
PODS = "/api/v1/namespaces/default/pods"
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))
BRIDGE = {"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}


class Replaceable:
    """The place of the node's runtime: `systemctl restart containerd` puts another one there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.listeners: list[Any] = []
        self.seat: Seat | None = None

    async def open(self) -> None:
        self.fabric = NodeFabric(self.root, pod_cidr="10.244.0.0/24", node_ip="127.0.0.1")
        self.now = await SimulatedRuntime.open(Settings(self.root, "n1"), self.fabric)
        for listener in self.listeners:
            self.now.events(listener)

    async def close(self) -> None:
        await self.now.close()
        await self.fabric.close()

    async def restart(self) -> None:
        await self.close()
        await self.open()
        assert self.seat is not None
        self.seat.kubelet.runtime_is_back()

    def events(self, listener: Any) -> Any:
        self.listeners.append(listener)
        return self.now.events(listener)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.now, name)


@asynccontextmanager
async def cluster(root: Path, runtimes: list[Replaceable] | None = None) -> AsyncIterator[Api]:
    """One node, n1, with the API server's door to it. Its runtime is put into `runtimes`."""
    for name in ("etc/cni/net.d", "etc/kubernetes/pki", "etc/kubernetes/manifests"):
        (root / name).mkdir(parents=True)
    (root / "etc/cni/net.d/10-net.conflist").write_text(json.dumps(BRIDGE))
    pki_folder = root / "etc/kubernetes/pki"
    ca = pki.make_ca("kubernetes")
    client = pki.make_certificate(ca, "apiserver", ["system:masters"], usages=["client"])
    for name, data in (("ca.crt", ca.certificate), ("client.crt", client.certificate), ("client.key", client.key)):
        (pki_folder / name).write_bytes(data)
    flags = [
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
        f"--kubelet-client-certificate={pki_folder}/client.crt", f"--kubelet-client-key={pki_folder}/client.key",
        "--kubelet-preferred-address-types=InternalIP,Hostname",
        "--service-account-issuer=https://kubernetes.default.svc",
    ]  # fmt: skip
    runtime = Replaceable(root)
    await runtime.open()
    (runtimes if runtimes is not None else []).append(runtime)
    told = configuration.with_defaults(
        {
            "address": "127.0.0.1", "port": 0, "healthzPort": 0, "clusterDNS": ["10.96.0.10"],
            "clusterDomain": "cluster.local", "authentication": {"x509": {"clientCAFile": f"{pki_folder}/ca.crt"}},
        }
    )  # fmt: skip
    machine = described_machine(root, "n1", {"cpu": "4", "memory": "8Gi", "ephemeral-storage": "100Gi"})
    shape = NodeShape("n1", ["127.0.0.1"], machine, told)
    identity = NodeIdentity("n1", root, "127.0.0.1", cluster_dns=("10.96.0.10",))
    async with api_server(
        *flags, upkeep=True, controllers=["serviceaccount-controller", "root-ca-certificate-publisher-controller"]
    ) as api:
        place = Place(identity, shape, told, root / "var/lib/kubelet/pki")
        seat = runtime.seat = Seat(place, cast(ContainerRuntime, runtime), api.client(NODE, "kubelet"))
        await seat.start()
        close = await open_ports(seat)
        try:
            account = "/api/v1/namespaces/default/serviceaccounts/default"
            await until(lambda: _there(api, account))
            await until(lambda: _listens(api))
            yield api
        finally:
            await close()
            await seat.stop()
            await api.server.backends.close()
            await runtime.close()


async def _there(api: Api, path: str) -> bool:
    return (await api.get(path)).code == 200


async def _listens(api: Api) -> bool:
    status = (await api.get("/api/v1/nodes/n1")).json.get("status") or {}
    return bool((status.get("daemonEndpoints") or {}).get("kubeletEndpoint", {}).get("Port"))


async def _phase(api: Api, name: str, wanted: str) -> bool:
    return bool((await api.get(f"{PODS}/{name}")).json["status"].get("phase") == wanted)


async def _ready(api: Api, name: str) -> bool:
    conditions = (await api.get(f"{PODS}/{name}")).json["status"].get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


async def log_of(api: Api, name: str) -> str:
    return (await api.get(f"{PODS}/{name}/log")).body.decode()


async def messages(api: Api, reason: str) -> list[str]:
    found = (await api.get("/api/v1/namespaces/default/events")).json["items"]
    return [one["message"] for one in found if one["reason"] == reason]


async def test_does_a_container_see_what_its_pod_was_promised(tmp_path: Path) -> None:
    script = """
        echo "$GREETING from $POD on $NODE"; cat /settings/motd; cat /etc/hosts | tail -1
        cat /var/run/secrets/kubernetes.io/serviceaccount/namespace; echo
        echo $KUBERNETES_SERVICE_PORT; cat /etc/resolv.conf; echo kept > /scratch/file; cat /scratch/file
    """
    env = [
        {"name": "WHO", "value": "hello"},
        {"name": "GREETING", "value": "$(WHO)"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    ]
    mounts = [{"name": "settings", "mountPath": "/settings"}, {"name": "scratch", "mountPath": "/scratch"}]
    container = {
        "name": "main", "image": "busybox", "command": ["sh", "-c", script], "env": env, "volumeMounts": mounts,
    }  # fmt: skip
    volumes = [{"name": "settings", "configMap": {"name": "settings"}}, {"name": "scratch", "emptyDir": {}}]
    async with cluster(tmp_path) as api:
        await api.create("/api/v1/namespaces/default/configmaps", "settings", data={"motd": "good morning\n"})
        spec = {"nodeName": "n1", "restartPolicy": "Never", "containers": [container], "volumes": volumes}
        await api.create(PODS, "box", spec=spec)
        await until(lambda: _phase(api, "box", "Succeeded"), 20)
        lines = (await log_of(api, "box")).splitlines()
        assert lines[:2] == ["hello from box on n1", "good morning"]
        assert lines[2] == f"{(await api.get(f'{PODS}/box')).json['status']['podIP']}\tbox"
        assert lines[3:5] == ["default", "443"]
        assert "search default.svc.cluster.local svc.cluster.local cluster.local" in lines
        assert lines[-1] == "kept"


async def test_is_a_web_server_probed_and_not_ready_before(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1}
        refused = {"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 100}
        web = {"name": "web", "image": "nginx", "ports": [{"containerPort": 80}], "readinessProbe": probe}
        await api.create(PODS, "web", spec={"nodeName": "n1", "containers": [web]})
        await api.create(PODS, "dull", spec={"nodeName": "n1", "containers": [{**web, "readinessProbe": refused}]})
        await until(lambda: _ready(api, "web"), 20)
        await until(lambda: messages(api, "Unhealthy"), 20)
        ip = (await api.get(f"{PODS}/dull")).json["status"]["podIP"]
        assert f"Readiness probe failed: dial tcp {ip}:81: connect: connection refused" in await messages(
            api, "Unhealthy"
        )
        assert not await _ready(api, "dull")


async def test_why_does_a_pod_not_start(tmp_path: Path) -> None:
    async with cluster(tmp_path) as api:
        source = {"configMapKeyRef": {"name": "none", "key": "k"}}
        variable = {"name": "c", "image": "busybox", "env": [{"name": "A", "valueFrom": source}]}
        await api.create(PODS, "env", spec={"nodeName": "n1", "containers": [variable]})
        mount = {"name": "c", "image": "busybox", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
        volume = {"name": "v", "secret": {"secretName": "none"}}
        await api.create(PODS, "mount", spec={"nodeName": "n1", "containers": [mount], "volumes": [volume]})

        async def waiting() -> Object:
            statuses = (await api.get(f"{PODS}/env")).json["status"].get("containerStatuses") or [{}]
            found: Object = statuses[0].get("state", {}).get("waiting") or {}
            return found if found.get("message") else {}

        found = await until(waiting, 20)
        assert found == {"reason": "CreateContainerConfigError", "message": 'configmap "none" not found'}
        await until(lambda: messages(api, "FailedMount"), 20)
        assert (await messages(api, "FailedMount"))[0] == (
            'MountVolume.SetUp failed for volume "v" : secret "none" not found'
        )
        # and when what was missing comes, it starts
        await api.create("/api/v1/namespaces/default/secrets", "none", stringData={"a": "b"})
        await until(lambda: _phase(api, "mount", "Running"), 30)


async def test_does_a_change_reach_the_running_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_objects, "WATCH_AFTER", 0.0)
    async with cluster(tmp_path) as api:
        maps = "/api/v1/namespaces/default/configmaps"
        await api.create(maps, "settings", data={"motd": "one"})
        script = "while true; do cat /settings/motd; echo; sleep 0.1; done"
        container = {
            "name": "c", "image": "busybox", "command": ["sh", "-c", script],
            "volumeMounts": [{"name": "settings", "mountPath": "/settings"}],
        }  # fmt: skip
        volumes = [{"name": "settings", "configMap": {"name": "settings"}}]
        await api.create(PODS, "box", spec={"nodeName": "n1", "containers": [container], "volumes": volumes})
        await until(lambda: _phase(api, "box", "Running"), 20)
        await api.patch(f"{maps}/settings", {"data": {"motd": "two"}})

        async def said() -> bool:
            return "two" in (await log_of(api, "box")).split()

        await until(said, 20)


async def test_what_remains_of_a_container_that_its_probe_has_ended(tmp_path: Path) -> None:
    """The last words of the first run, the restart, the reason in the events, and the log of the run before."""
    script = (
        "echo first words; echo last words > /dev/termination-log; trap 'exit 3' TERM; while true; do sleep 0.05; done"
    )
    probe = {"exec": {"command": ["sh", "-c", "echo unwell; exit 1"]}, "failureThreshold": 1, "periodSeconds": 1}
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", script], "livenessProbe": probe}
    async with cluster(tmp_path) as api:
        await api.create(PODS, "box", spec={"nodeName": "n1", "containers": [container]})

        async def ended() -> Object:
            statuses = (await api.get(f"{PODS}/box")).json["status"].get("containerStatuses") or [{}]
            found: Object = statuses[0].get("lastState", {}).get("terminated") or {}
            return found

        found = await until(ended, 20)
        assert (found["exitCode"], found["message"]) == (3, "last words\n")
        assert "Liveness probe failed: unwell\n" in await until(lambda: messages(api, "Unhealthy"))
        assert "Container c failed liveness probe, will be restarted" in await until(lambda: messages(api, "Killing"))
        assert (await api.get(f"{PODS}/box/log?previous=true")).body == b"first words\n"


async def test_does_a_new_label_reach_the_file_that_shows_labels(tmp_path: Path) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    volumes = [{"name": "about", "downwardAPI": {"items": items}}]
    script = "while true; do cat /about/labels; echo; sleep 0.05; done"
    container = {
        "name": "c", "image": "busybox", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "about", "mountPath": "/about"}],
    }  # fmt: skip
    async with cluster(tmp_path) as api:
        spec = {"nodeName": "n1", "containers": [container], "volumes": volumes}
        await api.create(PODS, "box", metadata={"labels": {"a": "1"}}, spec=spec)
        await until(lambda: _phase(api, "box", "Running"), 20)
        await api.patch(f"{PODS}/box", {"metadata": {"labels": {"b": "2"}}})

        async def said() -> bool:
            return 'b="2"' in (await log_of(api, "box")).split()

        await until(said, 20)


async def test_whose_are_the_files_of_volumes_in_a_container(tmp_path: Path) -> None:
    """`ls -l` as on a real node: root's, or the fsGroup's; the service account's token is its one user's."""
    token = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    script = f"""
        cd /settings; ls -lan | sed 's/[.]20[0-9_.]*/NOW/g' | awk '$9 && $9 != ".." {{ print $1, $3, $4, $9 $10 $11 }}'
        stat -Lc '%a %u %g' /settings/motd /keys/key {token}; stat -c '%a %u %g' /settings /keys /scratch
        echo x > /scratch/file && stat -c '%a %u %g' /scratch/file; cat /keys/key /settings/motd > /dev/null
        id -G | wc -w
        head -c 3 {token}
    """
    container = {
        "name": "main", "image": "busybox", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": name, "mountPath": f"/{name}"} for name in ("settings", "keys", "scratch")],
    }  # fmt: skip
    volumes: list[Object] = [
        {"name": "settings", "configMap": {"name": "settings"}},
        {"name": "keys", "secret": {"secretName": "keys", "defaultMode": 0o400}},
        {"name": "scratch", "emptyDir": {}},
    ]
    grouped = {"fsGroup": 2000, "runAsUser": 1000, "runAsGroup": 3000}
    async with cluster(tmp_path) as api:
        await api.create("/api/v1/namespaces/default/configmaps", "settings", data={"motd": "hi\n"})
        await api.create("/api/v1/namespaces/default/secrets", "keys", data={"key": "eA=="})
        for name, security in (("plain", {}), ("grouped", grouped)):
            spec = {
                "nodeName": "n1", "restartPolicy": "Never", "containers": [container], "volumes": volumes,
                "securityContext": security,
            }  # fmt: skip
            await api.create(PODS, name, spec=spec)
            await until(lambda: _phase(api, name, "Succeeded"), 20)  # noqa: B023  # called at once
        assert (await log_of(api, "plain")).splitlines() == [
            "drwxrwxrwx 0 0 .", "drwxr-xr-x 0 0 .NOW", "lrwxrwxrwx 0 0 ..data->.NOW",
            "lrwxrwxrwx 0 0 motd->..data/motd",
            "644 0 0", "400 0 0", "644 0 0", "777 0 0", "1777 0 0", "777 0 0", "644 0 0", "2", "eyJ",
        ]  # fmt: skip
        assert (await log_of(api, "grouped")).splitlines() == [
            "drwxrwsrwx 0 2000 .", "drwxr-sr-x 0 2000 .NOW", "lrwxrwxrwx 0 2000 ..data->.NOW",
            "lrwxrwxrwx 0 2000 motd->..data/motd",
            "644 0 2000", "440 0 2000", "640 1000 2000", "2777 0 2000", "3777 0 2000", "2777 0 2000",
            "644 1000 2000", "2", "eyJ",
        ]  # fmt: skip


async def test_are_restarts_counted_when_the_runtime_starts_again(tmp_path: Path) -> None:
    """`kubectl logs --previous` shows what the container said in the runtime's earlier life."""
    runtimes: list[Replaceable] = []
    script = "touch /scratch/lives; echo life $(wc -l < /scratch/lives); echo x >> /scratch/lives; sleep 1000"
    container = {
        "name": "main", "image": "busybox", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }  # fmt: skip
    async with cluster(tmp_path, runtimes) as api:
        spec = {"nodeName": "n1", "containers": [container], "volumes": [{"name": "scratch", "emptyDir": {}}]}
        await api.create(PODS, "box", spec=spec)

        async def has_spoken() -> bool:
            return await log_of(api, "box") == "life 0\n"

        await until(has_spoken, 20)
        await runtimes[0].restart()

        async def again() -> bool:
            status = (await api.get(f"{PODS}/box")).json["status"]["containerStatuses"][0]
            return bool(status["restartCount"] == 1 and "running" in status["state"])

        await until(again, 20)
        status = (await api.get(f"{PODS}/box")).json["status"]["containerStatuses"][0]
        ended = status["lastState"]["terminated"]
        assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")
        assert (await api.get(f"{PODS}/box/log?previous=true")).body == b"life 0\n"
        assert await log_of(api, "box") == "life 1\n"
