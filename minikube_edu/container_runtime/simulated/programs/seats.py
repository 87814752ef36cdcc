"""Add-ons of a cluster as simulated programs: the network plugins, metrics-server.

They say what the real ones say first, and answer their health ports, so that probes pass and `kubectl logs` shows what
a course shows. What the real ones *do* (rules, names, routes, metrics) is done elsewhere, by the network's fabric.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from typing import Any

from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs import generic
from minikube_edu.lib import clock


async def klog(process: Process, place: str, words: str, level: str = "I") -> None:
    """`I0102 03:04:05.000006       1 server.go:1] words`, to stderr."""
    now = clock.now()
    stamp = time.strftime("%m%d %H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1e6):06d}"
    await process.stderr.write(f"{level}{stamp} {process.pid:7d} {place}] {words}\n".encode())


def _flag(process: Process, name: str, default: str = "") -> str:
    """The value of `--name=value` or `--name value`."""
    words = process.argv[1:]
    for index, word in enumerate(words):
        if word.startswith(f"--{name}="):
            return word.partition("=")[2]
        if word == f"--{name}" and index + 1 < len(words):
            return words[index + 1]
    return default


async def _serve(process: Process, answers: Mapping[int, Any]) -> int:
    known = {str(port): value for port, value in answers.items()}
    return await generic.serve(process, list(answers), known)


async def metrics_server(process: Process) -> int:
    await klog(process, "serving.go:380", "Generated self-signed cert (/tmp/apiserver.crt, /tmp/apiserver.key)")
    await klog(process, "handler.go:288", "Adding GroupVersion metrics.k8s.io v1beta1 to ResourceManager")
    port = int(_flag(process, "secure-port", "10250"))
    await klog(process, "secure_serving.go:211", f"Serving securely on [::]:{port}")
    return await _serve(
        process, {port: {"path": {"/livez": "ok", "/readyz": "ok"}, "status": 403, "text": "Forbidden"}}
    )


async def flanneld(process: Process) -> int:
    ips = process.network.ips
    ip = ips[0] if ips else "127.0.0.1"
    await klog(process, "main.go:211", "CLI flags config: {kubeSubnetMgr:true ipMasq:true ifaceRegex:[] iface:[]}")
    await klog(process, "kube.go:139", "Waiting 10m0s for node controller to sync")
    await klog(process, "kube.go:469", "Starting kube subnet manager")
    await klog(process, "kube.go:146", "Node controller sync successful")
    await klog(
        process, "main.go:231", f"Created subnet manager: Kubernetes Subnet Manager - {process.container.hostname}"
    )
    await klog(process, "main.go:482", "Found network config - Backend type: vxlan")
    await klog(process, "match.go:210", f"Determining IP address of default interface: eth0, address {ip}")
    await klog(process, "main.go:412", "Wrote subnet file to /run/flannel/subnet.env")
    await klog(process, "main.go:416", "Running backend.")
    return await generic.idle(process)


async def calico_node(process: Process) -> int:
    for words in ("Early log level set to info", "Node name determined from NODENAME environment variable"):
        await process.print(f"{clock.rfc3339()} [INFO][1] startup/startup.go: {words}")
    await process.print("Calico node started successfully")
    return await _serve(process, {9099: {"path": {"/liveness": "", "/readiness": ""}}})


async def calico_controllers(process: Process) -> int:
    await process.print(f"{clock.rfc3339()} [INFO][1] kube-controllers/main.go: Starting status report routine")
    return await generic.idle(process)


async def weave(process: Process) -> int:
    await process.stderr.write(b"INFO: Command line options: map[conn-limit:200 datapath:datapath host-root:/host]\n")
    return await _serve(process, {6784: {"path": {"/status": "Version: 2.8.1 (up to date)\n"}}})


async def kube_router(process: Process) -> int:
    await klog(process, "version.go:66", "Running /usr/local/bin/kube-router version v2.6.1")
    return await _serve(process, {20244: "OK\n"})


async def install_cni(process: Process) -> int:
    """An init container that copies plugins to the node and, when it is told to, their configuration."""
    target = process.env.get("CNI_NET_DIR", "/host/etc/cni/net.d")
    name, config = process.env.get("CNI_CONF_NAME", ""), process.env.get("CNI_NETWORK_CONFIG", "")
    if name and config:
        place = "/host/etc/cni/net.d"
        with contextlib.suppress(OSError):
            process.mkdir(place)
        try:
            await process.write_file(f"{place}/{name}", config.encode())
        except OSError as error:
            await process.complain(f"cannot write {target}/{name}: {error.strerror}")
            return 1
        await process.print(f"Created {target}/{name}")
    await process.print("Done configuring CNI.")
    return 0
