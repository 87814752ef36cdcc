"""A small cluster's network, for tests: an API server behind TLS on a loopback address, nodes with simulated
containers, kube-proxy and CoreDNS as the programs of their images. No kubelets, no controllers: pods are containers
that a test starts, endpoints are slices that a test writes.

    async with network(tmp_path, nodes=2) as made:
        web = await made.pod("web", "nginx")
        await made.service("web", [web], port=80)
        client = await made.pod("client", "busybox", "sleep", "1000")
        assert "Welcome" in await made.sh(client, "wget -qO- http://web")
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minikube_edu.cni.fabric import NodeFabric
from minikube_edu.cni.outside import SEAT_PORTS
from minikube_edu.cni.wire import Wire
from minikube_edu.container_runtime.cri import ContainerConfig, DnsConfig, Mount, SandboxConfig, SecurityContext
from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime
from minikube_edu.container_runtime.simulated.settings import Settings
from minikube_edu.lib import ids, pki
from minikube_edu.lib.web import tls
from minikube_edu.lib.web.server import serve
from tests.in_process import Api, api_server, until

PLUGIN = '{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "bridge", "ipam": {"type": "host-local"}}]}'
ACCOUNTS = "/api/v1/namespaces/kube-system/serviceaccounts"
SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PROXY_CONFIG = """apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
clusterCIDR: 10.244.0.0/16
clientConnection: {kubeconfig: /var/lib/kube-proxy/kubeconfig.conf}
"""
COREFILE = """.:53 {
    errors
    health
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload 2s
    loadbalance
}
"""


@dataclass
class Pod:
    container: str
    sandbox: str
    ip: str
    node: int


@dataclass
class Node:
    name: str
    ip: str
    root: Path
    fabric: NodeFabric
    runtime: SimulatedRuntime


@dataclass
class Network:
    api: Api
    url: str
    root: Path
    nodes: list[Node] = field(default_factory=list)

    async def pod(self, name: str, image: str, *command: str, node: int = 0, **more: Any) -> Pod:
        place = self.nodes[node]
        logs = place.root / f"var/log/pods/{name}"
        logs.mkdir(parents=True, exist_ok=True)
        searches = ("default.svc.cluster.local", "svc.cluster.local", "cluster.local")
        dns = DnsConfig(servers=("10.96.0.10",), searches=searches, options=("ndots:5",))
        host_network = more.pop("host_network", False)
        dns = more.pop("dns", dns)
        config = SandboxConfig(
            name, "default", f"uid-{name}-{node}", log_directory=str(logs), host_network=host_network, dns=dns
        )
        sandbox = await place.runtime.run_sandbox(config)
        image_id = await place.runtime.pull_image(image)
        made = ContainerConfig(name, image, image_id, command=command, log_path="0.log", **more)
        container = await place.runtime.create_container(sandbox, made)
        await place.runtime.start_container(container)
        ips = (await place.runtime.sandbox_status(sandbox)).ips
        return Pod(container, sandbox, ips[0] if ips else place.ip, node)

    async def sh(self, pod: Pod, script: str) -> str:
        result = await self.nodes[pod.node].runtime.exec_sync(pod.container, ["sh", "-c", script])
        return result.stdout.decode() + result.stderr.decode()

    def log(self, name: str, node: int = 0) -> str:
        file = self.nodes[node].root / f"var/log/pods/{name}/0.log"
        return "".join(line.split(" ", 3)[3] for line in file.read_text().splitlines(keepends=True))

    async def service(self, name: str, pods: Sequence[Pod], port: int = 80, **spec: Any) -> dict[str, Any]:
        ports = spec.pop("ports", [{"name": "http", "port": port}])
        namespace = spec.pop("namespace", "default")
        services = f"/api/v1/namespaces/{namespace}/services"
        made = await self.api.create(services, name, spec={"ports": ports, **spec})
        inner = [{"name": one["name"], "port": port, "protocol": one.get("protocol", "TCP")} for one in ports]
        await self.api.create(
            f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices",
            name,
            metadata={"labels": {"kubernetes.io/service-name": name}},
            addressType="IPv4",
            ports=inner,
            endpoints=endpoints(self, pods),
        )
        return made

    async def endpoints(self, name: str, pods: Sequence[Pod]) -> None:
        path = f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/{name}"
        reply = await self.api.patch(path, {"endpoints": endpoints(self, pods)})
        assert reply.code == 200, reply

    async def kube_proxy(self, node: int = 0) -> Pod:
        place = self.nodes[node]
        folder = place.root / "kube-proxy"
        folder.mkdir()
        (folder / "config.conf").write_text(PROXY_CONFIG)
        (folder / "kubeconfig.conf").write_text(
            f"apiVersion: v1\nkind: Config\ncurrent-context: default\n"
            f"clusters: [{{name: default, cluster: {{server: '{self.url}', certificate-authority: "
            f"{SERVICE_ACCOUNT}/ca.crt}}}}]\ncontexts: [{{name: default, context: {{cluster: default, user: me}}}}]\n"
            f"users: [{{name: me, user: {{tokenFile: {SERVICE_ACCOUNT}/token}}}}]\n"
        )
        mounts = [
            Mount("/var/lib/kube-proxy", str(folder)),
            Mount(SERVICE_ACCOUNT, await self._token("kube-proxy", node)),
        ]
        pod = await self.pod(
            "kube-proxy",
            "registry.k8s.io/kube-proxy:v1.36.3",
            *("/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf"),
            f"--hostname-override={place.name}",
            node=node,
            host_network=True,
            mounts=mounts,
            security=SecurityContext(privileged=True),
        )
        await until(lambda: "Caches are synced" in self.log("kube-proxy", node))
        return pod

    async def coredns(self, corefile: str = COREFILE, upstream: str = "8.8.8.8") -> Pod:
        folder = self.nodes[0].root / "coredns"
        folder.mkdir(exist_ok=True)
        (folder / "Corefile").write_text(corefile)
        mounts = [Mount("/etc/coredns", str(folder)), Mount(SERVICE_ACCOUNT, await self._token("coredns"))]
        pod = await self.pod(
            "coredns",
            "registry.k8s.io/coredns/coredns:v1.14.2",
            *("/coredns", "-conf", "/etc/coredns/Corefile"),
            mounts=mounts,
            env={"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"},
            dns=DnsConfig(servers=(upstream,)),
        )
        await until(lambda: "CoreDNS-1.14.2" in self.log("coredns"))
        ports = [{"name": "dns", "port": 53, "protocol": "UDP"}, {"name": "dns-tcp", "port": 53}]
        await self.service("kube-dns", [pod], 53, clusterIP="10.96.0.10", ports=ports, namespace="kube-system")
        await asyncio.sleep(0.02)
        return pod

    async def _token(self, account: str, node: int = 0) -> str:
        folder = self.nodes[node].root / f"token-{account}"
        if not folder.exists():
            await self.api.post(ACCOUNTS, {"metadata": {"name": account}})  # of all nodes' pods
            folder.mkdir()
            (folder / "ca.crt").write_bytes((self.root / "ca.crt").read_bytes())
            (folder / "namespace").write_text("kube-system")
        token = (await self.api.post(f"{ACCOUNTS}/{account}/token", {"spec": {}})).json["status"]["token"]
        (folder / "token").write_text(token)
        return str(folder)


def endpoints(made: Network, pods: Sequence[Pod]) -> list[dict[str, Any]]:
    return [
        {"addresses": [pod.ip], "nodeName": made.nodes[pod.node].name, "conditions": {"ready": True}} for pod in pods
    ]


@asynccontextmanager
async def network(root: Path, nodes: int = 1, *, apart: bool = False, doors: bool = False) -> AsyncIterator[Network]:
    """`apart`: as if each node were a process of its own, joined by sockets."""
    part = f"127.{ids.integer(16, 31)}.{ids.integer(0, 255)}"  # tests may run side by side
    addresses = [f"{part}.{number + 2}" for number in range(nodes)]
    ca = pki.make_ca("kubernetes")
    names = ["kubernetes", "kubernetes.default.svc"]
    own = pki.make_certificate(ca, "kube-apiserver", dns=names, ips=["10.96.0.1", addresses[0]], usages=["server"])
    for name, data in (("ca.crt", ca.certificate), ("api.crt", own.certificate), ("api.key", own.key)):
        (root / name).write_bytes(data)
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(
            api_server(
                "--service-cluster-ip-range=10.96.0.0/12",
                "--service-account-issuer=https://kubernetes.default.svc",
                upkeep=True,
            )
        )
        context = tls.server_context(f"{root}/api.crt", f"{root}/api.key")
        server = await serve(api.server.handle, addresses[0], 0, tls=context)
        stack.push_async_callback(server.close)
        made = Network(api, f"https://{addresses[0]}:{server.port}", root)
        shared = Wire()
        for number, address in enumerate(addresses):
            place = root / f"node-{number}"
            (place / "etc/cni/net.d").mkdir(parents=True)
            (place / "etc/cni/net.d/10-net.conflist").write_text(PLUGIN)
            fabric = NodeFabric(
                place,
                node_ip=address,
                pod_cidr=f"10.244.{number}.0/24",
                wire=Wire(root / "net") if apart else shared,
                nodes=addresses,
                seat_ports=SEAT_PORTS | {server.port},
                doors=doors,
            )
            await fabric.open()
            stack.push_async_callback(fabric.close)
            runtime = await SimulatedRuntime.open(Settings(place, f"node-{number}"), fabric)
            stack.push_async_callback(runtime.close)
            made.nodes.append(Node(f"node-{number}", address, place, fabric, runtime))
            await api.create("/api/v1/nodes", f"node-{number}")
        await api.patch(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
            {"endpoints": [{"addresses": [addresses[0]]}], "ports": [{"name": "https", "port": server.port}]},
        )
        yield made
