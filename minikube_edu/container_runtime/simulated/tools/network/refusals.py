"""Commands that an unprivileged container may not use, and what they say then: iptables, tcpdump, ssh, traceroute."""

from __future__ import annotations

import asyncio
import errno
import signal

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any


def may(process: Process, capability: str) -> bool:
    return process.container.privileged or capability in process.container.capabilities


async def iptables(process: Process) -> int:
    """A pod's own tables are empty; looking at them takes NET_ADMIN."""
    words = process.argv[1:]
    if words[:1] in (["-V"], ["--version"]):
        await process.print(f"{process.name} v1.8.11 (nf_tables)")
        return 0
    if not may(process, "NET_ADMIN") or process.user.uid != 0:
        text = f"{process.name} v1.8.11 (nf_tables): Could not fetch rule set generation id: "
        text += "Permission denied (you must be root)"
        await process.stderr.write((text + "\n").encode())
        return 4
    nat = "nat" in words
    chains = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"] if nat else ["INPUT", "FORWARD", "OUTPUT"]
    if "-S" in words or process.name.endswith("-save"):
        for chain in chains:
            await process.print(f"-P {chain} ACCEPT")
    elif any(word in ("-L", "--list") or (word.startswith("-") and "L" in word) for word in words):
        parts = [
            f"Chain {chain} (policy ACCEPT)\ntarget     prot opt source               destination         "
            for chain in chains
        ]
        await process.print("\n\n".join(parts))
    return 0


async def tcpdump(process: Process) -> int:
    """Captures nothing: packets are not simulated one by one."""
    if process.user.uid != 0 or not (may(process, "NET_RAW") or not process.container.capabilities):
        denied = "tcpdump: eth0: You don't have permission to perform this capture on that device\n"
        denied += "(socket: Operation not permitted)\n"
        await process.stderr.write(denied.encode())
        return 1
    await process.stderr.write(
        b"tcpdump: verbose output suppressed, use -v[v]... for full protocol decode\n"
        b"listening on eth0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n"
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        process.on_signal(number, lambda _: stopped.set())
    await stopped.wait()
    await process.stderr.write(b"\n0 packets captured\n0 packets received by filter\n0 packets dropped by kernel\n")
    return 0


async def ssh(process: Process) -> int:
    """Nobody runs an ssh daemon in the cluster; the words are those of a connection that fails."""
    options = "BbcDEeFIiJLlmOopQRSWw"
    words = list(process.argv[1:])
    host, port = "", 22
    while words:
        word = words.pop(0)
        if word.startswith("-") and len(word) == 2 and word[1] in options and words:
            value = words.pop(0)
            port = int(value) if word in ("-p", "-P") and value.isdigit() else port
        elif not word.startswith("-") and (process.name != "scp" or ":" in word):
            host = host or word.partition(":")[0].rpartition("@")[2]
    if not host:
        await process.stderr.write(f"usage: {process.name} [options] destination [command]\n".encode())
        return 255
    code = 255 if process.name == "ssh" else 1
    try:
        connection = await connect_any(process, await addresses(process, host), port, 127)
    except NameNotFound:
        words_ = f"ssh: Could not resolve hostname {host}: Name or service not known"
    except OSError as error:
        why = "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)
        words_ = f"ssh: connect to host {host} port {port}: {why}"
    else:
        connection.close()
        words_ = "kex_exchange_identification: Connection closed by remote host"
    closed = "\nscp: Connection closed" if process.name == "scp" else ""
    await process.stderr.write((words_ + closed + "\n").encode())
    return code


async def traceroute(process: Process) -> int:
    operands = [word for word in process.argv[1:] if not word.startswith("-") and not word.isdigit()]
    if not operands:
        await process.stderr.write(b"Usage: traceroute host\n")
        return 2
    host = operands[0]
    try:
        ip = (await addresses(process, host))[0]
    except NameNotFound:
        bad = f"traceroute: bad address '{host}'" if is_busybox(process) else f"{host}: Name or service not known"
        await process.stderr.write((bad + "\n").encode())
        return 1
    size = 46 if is_busybox(process) else 60
    await process.print(f"traceroute to {host} ({ip}), 30 hops max, {size} byte packets")
    gateway = process.network.gateway
    hop = 1
    if gateway and gateway != ip:
        await process.print(f" 1  {gateway} ({gateway})  0.010 ms  0.004 ms  0.003 ms")
        hop = 2
    for number in range(hop, 31):
        try:
            seconds = await process.network.ping(ip, 5.0) * 1000
        except OSError:
            await process.print(f"{number:2d}  * * *")
            continue
        await process.print(
            f"{number:2d}  {host} ({ip})  {seconds:.3f} ms  {seconds * 0.7:.3f} ms  {seconds * 0.6:.3f} ms"
        )
        break
    return 0


async def git(process: Process) -> int:
    """There is no way out of the cluster, and nothing to clone from."""
    words = [word for word in process.argv[1:] if not word.startswith("-")]
    if process.argv[1:2] in (["--version"], ["version"], ["-v"]):
        await process.print("git version 2.47.3")
        return 0
    if words[:1] in (["clone"], ["ls-remote"], ["fetch"], ["pull"]) and len(words) > 1:
        url = words[1]
        host = url.partition("://")[2].partition("/")[0] or url.partition(":")[0].rpartition("@")[2]
        if words[0] == "clone":
            folder = words[2] if len(words) > 2 else url.rstrip("/").rpartition("/")[2].removesuffix(".git")
            await process.stderr.write(f"Cloning into '{folder}'...\n".encode())
        await process.stderr.write(f"fatal: unable to access '{url}': Could not resolve host: {host}\n".encode())
        return 128
    if words:
        await process.stderr.write(b"fatal: not a git repository (or any of the parent directories): .git\n")
        return 128
    await process.print("usage: git [-v | --version] [-h | --help] [-C <path>] <command> [<args>]")
    return 1
