"""/proc/net: interfaces, routes and listening sockets of the container's network namespace."""

from __future__ import annotations

import ipaddress
import struct
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.kernel.views.table_tree import Makers

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

HEADER = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier "
    "compressed\n"
)
SOCKETS = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    "                                                     \n"
)
LISTEN, UNCONNECTED = "0A", "07"


def hexadecimal(ip: str) -> str:
    """As the kernel prints addresses: words of four bytes in the machine's order."""
    packed = ipaddress.ip_address(ip).packed
    return "".join(f"{word:08X}" for word in struct.unpack(f"<{len(packed) // 4}I", packed))


def dev(machine: Machine) -> str:
    traffic = machine.network.traffic
    none = "    0    0    0     0 "
    row = "{:>6}: {:>7} {:>7}" + none + "         0         0 {:>8} {:>7}" + none + "      0          0\n"
    lines = [HEADER, row.format("lo", 0, 0, 0, 0)]
    if machine.network.ips:
        lines.append(row.format("eth0", traffic.rx_bytes, traffic.rx_packets, traffic.tx_bytes, traffic.tx_packets))
    return "".join(lines)


def route(machine: Machine) -> str:
    network = machine.network
    lines = ["Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"]
    for ip in network.ips:
        if ":" in ip:
            continue
        net = ipaddress.ip_network(f"{ip}/{network.prefix_length}", strict=False)
        rows = (
            ("0.0.0.0", network.gateway, "0003", "0.0.0.0"),
            (str(net.network_address), "0.0.0.0", "0001", str(net.netmask)),
        )
        for destination, gateway, flags, mask in rows:
            lines.append(
                f"eth0\t{hexadecimal(destination)}\t{hexadecimal(gateway)}\t{flags}\t0\t0\t0\t{hexadecimal(mask)}\t0\t0\t0\n"
            )
        break
    return "".join(lines)


def _sockets(machine: Machine, protocol: str, six: bool) -> str:
    lines = [SOCKETS]
    none = "0" * (32 if six else 8) + ":0000"
    for number, (kind, address) in enumerate(
        one for one in machine.network.listening() if one[0] == protocol and (":" in one[1].ip) == six
    ):
        state = LISTEN if kind == "tcp" else UNCONNECTED
        local = f"{hexadecimal(address.ip)}:{address.port:04X}"
        lines.append(
            f"{number:>4}: {local} {none} {state} 00000000:00000000 00:00000000 00000000     0        0 "
            f"{27000 + number} 1 0000000000000000 100 0 0 10 0\n"
        )
    return "".join(lines)


def if_inet6(machine: Machine) -> str:
    lines = [f"{'0' * 31}1 01 80 10 80       lo\n"]
    ips = [ipaddress.ip_address(ip) for ip in machine.network.ips if ":" in ip]
    lines += [f"{ip.packed.hex()} 02 40 00 80     eth0\n" for ip in ips]
    return "".join(lines)


def fib_trie(machine: Machine) -> str:
    locals_ = ["127.0.0.1", *(ip for ip in machine.network.ips if ":" not in ip)]
    return "Local:\n" + "".join(f"           |-- {ip}\n              /32 host LOCAL\n" for ip in locals_)


def sockstat(machine: Machine) -> str:
    listening = machine.network.listening()
    tcp = sum(1 for kind, _ in listening if kind == "tcp")
    udp = len(listening) - tcp
    used = f"sockets: used {len(listening)}\nTCP: inuse {tcp} orphan 0 tw 0 alloc {tcp} mem 0\n"
    return f"{used}UDP: inuse {udp} mem 0\n"


MAKERS: Makers = {
    "arp": lambda machine: "IP address       HW type     Flags       HW address            Mask     Device\n",
    "dev": dev,
    "fib_trie": fib_trie,
    "if_inet6": if_inet6,
    "route": route,
    "sockstat": sockstat,
    "tcp": lambda machine: _sockets(machine, "tcp", False),
    "tcp6": lambda machine: _sockets(machine, "tcp", True),
    "udp": lambda machine: _sockets(machine, "udp", False),
    "udp6": lambda machine: _sockets(machine, "udp", True),
    "unix": lambda machine: "Num       RefCount Protocol Flags    Type St Inode Path\n",
}
