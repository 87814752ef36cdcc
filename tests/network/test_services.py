"""Services as a pod, and as somebody on this host, sees them: kube-proxy, CoreDNS and the fabric together."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from minikube_edu.cni.guest import Guest
from minikube_edu.container_runtime.cri import ContainerState
from minikube_edu.lib.web.client import Client
from tests.in_process import until
from tests.network.cluster import COREFILE, Network, Pod, network

SLEEP = ("sleep", "1000")


async def ready(made: Network) -> Pod:
    """kube-proxy, CoreDNS, and a pod that looks around."""
    await made.kube_proxy()
    await made.coredns()
    return await made.pod("client", "busybox", *SLEEP)


async def fetch(ip: str, port: int, path: str = "/") -> str:
    """What curl on this host gets."""
    reader, writer = await asyncio.open_connection(ip, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_is_a_service_found_by_its_name_and_reached(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        client = await ready(made)
        web = await made.pod("web", "nginx")
        found = await made.service("web", [web])
        ip = found["spec"]["clusterIP"]
        assert f"Name:\tweb.default.svc.cluster.local\nAddress: {ip}\n" in await made.sh(
            client, "nslookup web.default.svc.cluster.local"
        )
        for name in ("web", "web.default", "web.default.svc.cluster.local", ip):
            assert "Welcome to nginx" in await made.sh(client, f"wget -qO- -T 2 http://{name}"), name
        assert "10.96.0.1\n" in await made.sh(client, "nslookup kubernetes.default.svc.cluster.local")
        assert "bad address 'nobody'" in await made.sh(client, "wget -qO- -T 2 http://nobody")
        assert "SERVFAIL" in await made.sh(client, "nslookup example.org")  # there is no way out of here
        await made.endpoints("web", [])
        await asyncio.sleep(0.05)
        assert "Connection refused" in await made.sh(client, "wget -qO- -T 2 http://web")
        await made.api.delete("/api/v1/namespaces/default/services/web")
        await asyncio.sleep(0.05)
        assert "bad address 'web'" in await made.sh(client, "wget -qO- -T 2 http://web")


async def test_does_a_pod_reach_the_api_server_through_its_service(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        await made.kube_proxy()
        await made.coredns()
        curl = await made.pod("curl", "curlimages/curl", *SLEEP)
        version = await made.sh(curl, "curl -sk https://kubernetes.default.svc.cluster.local/version")
        assert json.loads(version)["gitVersion"].startswith("v1.")


@pytest.mark.parametrize("apart", [False, True])
async def test_does_it_work_across_nodes(tmp_path: Path, apart: bool) -> None:
    async with network(tmp_path, nodes=2, apart=apart) as made:
        client = await ready(made)
        await made.kube_proxy(node=1)
        near = await made.pod("near", "nginx")
        far = await made.pod("far", "nginx", node=1)
        port = [{"name": "http", "port": 80, "nodePort": 30080}]
        local = [{"name": "http", "port": 80, "nodePort": 30081}]
        await made.service("web", [near, far], ports=port, type="NodePort")
        await made.service("local", [far], ports=local, type="NodePort", externalTrafficPolicy="Local")
        await asyncio.sleep(0.05)
        for _ in range(6):
            assert "Welcome" in await made.sh(client, "wget -qO- -T 2 http://web")
        for node in made.nodes:
            assert "Welcome" in await made.sh(client, f"wget -qO- -T 2 http://{node.ip}:30080")
        here, there = made.nodes
        assert "Welcome" in await made.sh(client, f"wget -qO- -T 2 http://{there.ip}:30081")
        agnhost = ("/agnhost", "netexec", "--http-port=8080", "--udp-port=80")
        talker = await made.pod("talker", "registry.k8s.io/e2e-test-images/agnhost:2.53", *agnhost, node=1)
        udp = [{"name": "udp", "port": 80, "protocol": "UDP", "nodePort": 30082}]
        await made.service("talker", [talker], ports=udp, type="NodePort")
        await asyncio.sleep(0.05)
        for target in ("talker 80", f"{here.ip} 30082", f"{there.ip} 30082"):
            assert await made.sh(client, f"echo hostname | nc -u -w 1 {target}") == "talker", target
        assert "Welcome" in await made.sh(client, f"wget -qO- -T 2 http://{here.ip}:30081")  # a pod: the short way


async def test_are_node_ports_real_ports_of_this_host(tmp_path: Path) -> None:
    async with network(tmp_path, nodes=2, doors=True) as made:
        for node in range(2):
            await made.kube_proxy(node)
        web = await made.pod("web", "nginx", node=1)
        port = [{"name": "http", "port": 80, "nodePort": 30979}]
        await made.service("web", [web], ports=port, type="NodePort", externalTrafficPolicy="Local")
        there = made.nodes[1].ip
        await until(lambda: _listens(there, 30979))
        assert "Welcome to nginx" in await fetch(there, 30979)
        assert not await _listens(made.nodes[0].ip, 30979)  # Local, and nobody is there
        assert "Welcome to nginx" in await fetch("127.0.0.1", 30979)  # this host's localhost is at home
        await made.endpoints("web", [])
        await until(lambda: _is_closed(there, 30979))


async def _listens(ip: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(ip, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _is_closed(ip: str, port: int) -> bool:
    return not await _listens(ip, port)


async def test_does_a_process_of_the_node_reach_pods_and_services(tmp_path: Path) -> None:
    """What the API server does for `services/proxy`."""
    async with network(tmp_path, apart=True) as made:
        await made.kube_proxy()
        web = await made.pod("web", "nginx")
        service = await made.service("web", [web])
        guest = Guest.of_environment(
            {"MINIKUBE_EDU_NETWORK": str(tmp_path / "net"), "MINIKUBE_EDU_NODE_ADDRESS": made.nodes[0].ip}
        )
        assert guest is not None
        await asyncio.sleep(0.05)
        for ip in (web.ip, service["spec"]["clusterIP"]):
            client = Client(ip, 80, dial=guest.connect)
            assert b"Welcome to nginx" in (await client.request("GET", "/", timeout=2)).body
            await client.close()
        with pytest.raises(ConnectionRefusedError):
            await guest.connect(web.ip, 81)
        await made.nodes[0].fabric.close()
        with pytest.raises(OSError, match="No route"):
            await guest.connect(web.ip, 80)


async def test_do_rules_outlive_kube_proxy_and_are_taken_over(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        proxy = await made.kube_proxy()
        client = await made.pod("client", "busybox", *SLEEP)
        web = await made.pod("web", "nginx")
        ip = (await made.service("web", [web]))["spec"]["clusterIP"]
        await asyncio.sleep(0.05)
        await made.nodes[0].runtime.stop_container(proxy.container, 2)
        status = await made.nodes[0].runtime.container_status(proxy.container)
        assert (status.state, status.exit_code) == (ContainerState.EXITED, 0)
        assert "Welcome" in await made.sh(client, f"wget -qO- -T 2 http://{ip}")


async def test_what_do_the_health_ports_say(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        await made.kube_proxy()
        dns = await made.coredns()
        client = await made.pod("client", "busybox", *SLEEP)
        node = made.nodes[0].ip
        assert '"nodeEligible": true' in await made.sh(client, f"wget -qO- http://{node}:10256/healthz")
        assert "Connection refused" in await made.sh(client, f"wget -qO- http://{node}:10249/metrics")  # localhost only
        assert await made.sh(client, f"wget -qO- http://{dns.ip}:8080/health") == "OK"
        assert await made.sh(client, f"wget -qO- http://{dns.ip}:8181/ready") == "OK"
        await made.sh(client, "nslookup kubernetes.default.svc.cluster.local")
        metrics = await made.sh(client, f"wget -qO- http://{dns.ip}:9153/metrics")
        assert (
            'coredns_dns_requests_total{family="1",proto="udp",type="A",server="dns://:53",view="",zone="."}' in metrics
        )


async def test_can_a_load_balancer_ask_where_a_services_endpoints_are(tmp_path: Path) -> None:
    async with network(tmp_path, nodes=2) as made:
        for node in range(2):
            await made.kube_proxy(node)
        client = await made.pod("client", "busybox", *SLEEP)
        web = await made.pod("web", "nginx", node=1)
        found = await made.service("web", [web], type="LoadBalancer", externalTrafficPolicy="Local")
        port = found["spec"]["healthCheckNodePort"]
        await asyncio.sleep(0.05)
        here, there = made.nodes
        assert '"localEndpoints": 1' in await made.sh(client, f"wget -qO- http://{there.ip}:{port}")
        assert "503" in await made.sh(client, f"wget -qO- http://{here.ip}:{port}")
        await made.api.delete("/api/v1/namespaces/default/services/web")
        await asyncio.sleep(0.05)
        assert "Connection refused" in await made.sh(client, f"wget -qO- http://{there.ip}:{port}")


async def test_may_only_the_privileged_change_the_nodes_network(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        pod = await made.pod("proxy", "registry.k8s.io/kube-proxy:v1.36.3", "kube-proxy", "--kubeconfig=/x")
        runtime = made.nodes[0].runtime

        async def ended() -> bool:
            return (await runtime.container_status(pod.container)).state is ContainerState.EXITED

        await until(ended)
        assert "Permission denied (you must be root)" in made.log("proxy")


async def test_does_a_stub_domain_lead_to_its_own_server(tmp_path: Path) -> None:
    stub = "stub.org:53 {\n errors\n cache 30\n forward . 10.244.0.2:1053\n}\n"
    inner = " ".join(f"192.0.2.{number} many.stub.org\n" for number in range(60))
    other = f".:1053 {{\n hosts {{\n 192.0.2.5 a.stub.org\n {inner} }}\n}}\n"
    async with network(tmp_path) as made:
        await made.kube_proxy()
        dns = await made.coredns(COREFILE + stub + other)
        assert dns.ip == "10.244.0.2"
        client = await made.pod("client", "registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7", *SLEEP)
        for _ in range(2):
            assert await made.sh(client, "dig +short a.stub.org") == "192.0.2.5\n"
        # too long for a datagram: the client asks again over TCP, and so does the server that forwards
        assert len((await made.sh(client, "dig +short many.stub.org")).split()) == 60
        assert "status: NXDOMAIN" in await made.sh(client, "dig nobody.stub.org")
        assert "status: SERVFAIL" in await made.sh(client, "dig example.org")
        log = made.log("coredns")
        assert "[ERROR] plugin/errors: 2 example.org. A: read udp 10.244.0.2:" in log
        assert "->8.8.8.8:53: i/o timeout" in log


async def test_is_a_changed_corefile_read_again(tmp_path: Path) -> None:
    async with network(tmp_path) as made:
        client = await ready(made)
        assert "SERVFAIL" in await made.sh(client, "nslookup stub.example.org")
        wrong = COREFILE.replace("loop\n", "lop\n")
        (tmp_path / "node-0/coredns/Corefile").write_text(wrong)
        await until(lambda: "reload failed" in made.log("coredns"), 30)
        assert "Unknown directive 'lop'" in made.log("coredns")
        hosts = "hosts {\n 192.0.2.77 stub.example.org\n fallthrough\n }\n loop\n"
        (tmp_path / "node-0/coredns/Corefile").write_text(COREFILE.replace("loop\n", hosts))
        await until(lambda: "Reloading complete" in made.log("coredns"), 30)
        assert "192.0.2.77" in await made.sh(client, "nslookup stub.example.org")
