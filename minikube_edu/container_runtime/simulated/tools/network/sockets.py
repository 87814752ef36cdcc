"""netstat and ss: who listens in this namespace."""

from __future__ import annotations

from minikube_edu.cni.contract import Address
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox
from minikube_edu.container_runtime.simulated.tools.network.interfaces import route


def letters(process: Process) -> set[str]:
    found: set[str] = set()
    long = {"listening": "l", "tcp": "t", "udp": "u", "numeric": "n", "programs": "p", "processes": "p", "all": "a",
            "route": "r", "interfaces": "i", "statistics": "s", "no-header": "H"}  # fmt: skip
    for word in process.argv[1:]:
        if word.startswith("--"):
            found.add(long.get(word[2:], ""))
        elif word.startswith("-"):
            found |= set(word[1:])
    return found


def listeners(process: Process, wanted: set[str]) -> list[tuple[str, Address]]:
    both = not wanted & {"t", "u"}
    rows = [
        (protocol, address)
        for protocol, address in process.network.listening()
        if both or ("t" in wanted and protocol == "tcp") or ("u" in wanted and protocol == "udp")
    ]
    return sorted(rows, key=lambda row: (row[0], row[1].port, row[1].ip))


def owner(process: Process) -> tuple[int, str]:
    """The kernel does not say who opened a socket: the container's main process is the likely one."""
    first = process.container.processes.get(1)
    return (1, first.name) if first is not None else (0, "-")


async def netstat(process: Process) -> int:
    wanted = letters(process)
    if "r" in wanted:
        return await route(process)
    if "i" in wanted:
        traffic = process.network.traffic
        await process.print(
            "Kernel Interface table\nIface       MTU    RX-OK RX-ERR RX-DRP RX-OVR    TX-OK TX-ERR TX-DRP TX-OVR Flg"
        )
        counts = f"{traffic.rx_packets:>8}      0      0      0 {traffic.tx_packets:>8}      0      0      0"
        await process.print(f"eth0       1500 {counts} BMRU")
        return 0
    kind = "(only servers)" if "l" in wanted else "(servers and established)" if "a" in wanted else "(w/o servers)"
    programs = "p" in wanted
    await process.print(f"Active Internet connections {kind}")
    tail = "PID/Program name    " if programs else ""
    await process.print(
        f"Proto Recv-Q Send-Q Local Address           Foreign Address         State       {tail}".rstrip()
        + (" " if not tail else " " * 4)
    )
    if wanted & {"l", "a"}:
        pid, name = owner(process)
        for protocol, address in listeners(process, wanted):
            six = ":" in address.ip
            shown = f"{address.ip}:{address.port}"
            state = "LISTEN" if protocol == "tcp" else ""
            foreign = ":::*" if six else "0.0.0.0:*"
            who = f"{pid}/{name}" if programs else ""
            label = protocol + ("6" if six and not is_busybox(process) else "")
            await process.print(f"{label:<5}      0      0 {shown:<23} {foreign:<23} {state:<11} {who}".rstrip() + " ")
    return 0


async def ss(process: Process) -> int:
    wanted = letters(process)
    if "s" in wanted:
        rows = listeners(process, set())
        tcp = sum(protocol == "tcp" for protocol, _ in rows)
        await process.print(f"Total: {len(rows)}\nTCP:   {tcp} (estab 0, closed 0, orphaned 0, timewait 0)")
        return 0
    both = not wanted & {"t", "u"} or {"t", "u"} <= wanted
    head = "State  Recv-Q Send-Q Local Address:Port Peer Address:PortProcess"
    if "H" not in wanted:
        await process.print(("Netid " if both else "") + head)
    if not wanted & {"l", "a"}:
        return 0
    pid, name = owner(process)
    for protocol, address in listeners(process, wanted):
        state = "LISTEN" if protocol == "tcp" else "UNCONN"
        queue = 511 if protocol == "tcp" else 0
        ip = f"[{address.ip}]" if ":" in address.ip else address.ip
        peer = "[::]:*" if ":" in address.ip else "0.0.0.0:*"
        who = f'users:(("{name}",pid={pid},fd=6))' if "p" in wanted else ""
        first = f"{protocol:<6}" if both else ""
        await process.print(f"{first}{state:<6} 0      {queue:<6} {ip:>13}:{address.port:<5} {peer:>12} {who}")
    return 0
