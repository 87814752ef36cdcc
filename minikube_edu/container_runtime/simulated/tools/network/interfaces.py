"""ip, ifconfig, route, arp: the interfaces of the namespace, and its two routes."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from minikube_edu.cni.contract import Namespace
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.tools.arguments import is_busybox

NOT_PERMITTED = "RTNETLINK answers: Operation not permitted"


class Interfaces:
    """What a namespace looks like to the tools."""

    def __init__(self, network: Namespace) -> None:
        self.network = network
        self.ip = next((ip for ip in network.ips if ":" not in ip), "")
        self.prefix = network.prefix_length
        self.index = 2 if not network.gateway else 3

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(f"{self.ip}/{self.prefix}", strict=False)

    @property
    def broadcast(self) -> str:
        return str(self.subnet.broadcast_address)

    def link(self, name: str, brief: bool = False) -> list[str]:
        if name == "lo":
            if brief:
                return ["lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> "]
            return [
                "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default"
                " qlen 1000",
                "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
            ]
        if brief:
            return [
                f"eth0@if{self.index + 4}        UP             {self.network.mac} <BROADCAST,MULTICAST,UP,LOWER_UP> "
            ]
        head = (
            f"{self.index}: eth0@if{self.index + 4}: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP"
        )
        return [
            f"{head} mode DEFAULT group default ",
            f"    link/ether {self.network.mac} brd ff:ff:ff:ff:ff:ff link-netnsid 0",
        ]

    def address(self, name: str, brief: bool = False) -> list[str]:
        shown = "127.0.0.1/8" if name == "lo" else f"{self.ip}/{self.prefix}"
        if brief:
            label = "lo" if name == "lo" else f"eth0@if{self.index + 4}"
            return [
                f"{label:<16} {'UNKNOWN' if name == 'lo' else 'UP':<14} {shown} {'::1/128 ' if name == 'lo' else ''}"
            ]
        lines = [line.replace(" mode DEFAULT", "") for line in self.link(name)]
        if name == "lo":
            six = ["    inet6 ::1/128 scope host ", "       valid_lft forever preferred_lft forever"]
            return [*lines, f"    inet {shown} scope host lo", "       valid_lft forever preferred_lft forever", *six]
        if self.ip:
            lines += [
                f"    inet {shown} brd {self.broadcast} scope global eth0",
                "       valid_lft forever preferred_lft forever",
            ]
        for other in self.network.ips:
            if ":" in other:
                lines += [f"    inet6 {other}/64 scope global ", "       valid_lft forever preferred_lft forever"]
        return lines

    def statistics(self, name: str) -> list[str]:
        traffic = self.network.traffic
        rx, rxp, tx, txp = (
            (traffic.rx_bytes, traffic.rx_packets, traffic.tx_bytes, traffic.tx_packets) if name != "lo" else (0,) * 4
        )
        return [
            "    RX:  bytes packets errors dropped  missed   mcast           ",
            f"    {rx:>10} {rxp:>7}      0       0       0       0 ",
            "    TX:  bytes packets errors dropped carrier collsns           ",
            f"    {tx:>10} {txp:>7}      0       0       0       0 ",
        ]

    def routes(self) -> list[str]:
        if not self.ip:
            return []
        if not self.network.gateway:
            return [f"{self.subnet} dev eth0 proto kernel scope link src {self.ip} "]
        return [
            f"default via {self.network.gateway} dev eth0 ",
            f"{self.subnet} dev eth0 proto kernel scope link src {self.ip} ",
        ]


async def ip(process: Process) -> int:
    words = process.argv[1:]
    flags = {word for word in words if word.startswith("-")}
    words = [word for word in words if not word.startswith("-")]
    brief, statistics = bool(flags & {"-br", "-brief"}), bool(flags & {"-s", "-stats", "-statistics"})
    if "-V" in flags:
        await process.print("ip utility, iproute2-6.15.0")
        return 0
    if not words:
        usage = "Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }\n"
        usage += "where  OBJECT := { address | link | neigh | netns | route }"
        await process.stderr.write((usage + "\n").encode())
        return 255 if not is_busybox(process) else 1
    faces = Interfaces(process.network)
    thing, rest = words[0], words[1:]
    verb = rest[0] if rest else "show"
    if verb in ("add", "del", "delete", "set", "change", "replace", "flush"):
        complaint = "ip: RTNETLINK answers: Operation not permitted" if is_busybox(process) else NOT_PERMITTED
        await process.stderr.write((complaint + "\n").encode())
        return 2 if not is_busybox(process) else 1
    if thing in ("a", "ad", "addr", "address") or thing in ("l", "li", "link"):
        return await _show(process, faces, "link" if thing.startswith("l") else "address", rest, brief, statistics)
    if thing in ("r", "ro", "route"):
        return await _routes(process, faces, rest)
    if thing in ("n", "ne", "neigh", "neighbor", "neighbour"):
        if faces.network.gateway:
            await process.print(f"{faces.network.gateway} dev eth0 lladdr {_mac(faces.network.gateway)} REACHABLE ")
        return 0
    if thing in ("netns", "rule", "maddr", "tunnel"):
        if thing == "rule":
            await process.print(
                "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default"
            )
        return 0
    await process.stderr.write(f'Object "{thing}" is unknown, try "ip help".\n'.encode())
    return 1


async def _show(
    process: Process, faces: Interfaces, what: str, rest: Sequence[str], brief: bool, statistics: bool
) -> int:
    wanted = [word for word in rest if word not in ("show", "list", "ls", "sh", "s", "dev", "up", "scope", "global")]
    names = ["lo", *(["eth0"] if faces.ip or faces.network.ips else [])]
    for name in wanted:
        if name not in names:
            shown = f'Device "{name}" does not exist.'
            await process.stderr.write(
                (f"ip: can't find device '{name}'" if is_busybox(process) else shown).encode() + b"\n"
            )
            return 1
    for name in wanted or names:
        lines = faces.link(name, brief) if what == "link" else faces.address(name, brief)
        await process.print("\n".join([*lines, *(faces.statistics(name) if statistics else [])]))
    return 0


async def _routes(process: Process, faces: Interfaces, rest: Sequence[str]) -> int:
    if rest[:1] == ["get"] and len(rest) > 1:
        try:
            target = ipaddress.ip_address(rest[1])
        except ValueError:
            message = f'Error: inet prefix is expected rather than "{rest[1]}".\n'
            await process.stderr.write(message.encode())
            return 1
        near = target in faces.subnet or not faces.network.gateway
        via = "" if near else f"via {faces.network.gateway} "
        await process.print(f"{target} {via}dev eth0 src {faces.ip} uid 0 \n    cache ")
        return 0
    for line in faces.routes():
        await process.print(line)
    return 0


def _mac(ip: str) -> str:
    return "0a:58:" + ":".join(f"{byte:02x}" for byte in ipaddress.ip_address(ip).packed[-4:])


async def ifconfig(process: Process) -> int:
    faces = Interfaces(process.network)
    words = [word for word in process.argv[1:] if not word.startswith("-")]
    if len(words) > 1:
        await process.stderr.write(b"ifconfig: SIOCSIFADDR: Operation not permitted\n")
        return 1
    names = ["eth0", "lo"] if faces.ip else ["lo"]
    if words and words[0] not in names:
        small = is_busybox(process)
        complaint = f"ifconfig: {words[0]}: error fetching interface information: Device not found"
        await process.stderr.write(
            (complaint if small else f"{words[0]}: {complaint.partition(': ')[2]}").encode() + b"\n"
        )
        return 1
    for name in words or names:
        await process.print((_busybox_face if is_busybox(process) else _gnu_face)(faces, name))
    return 0


def _busybox_face(faces: Interfaces, name: str) -> str:
    traffic = faces.network.traffic
    lo = name == "lo"
    rxp, txp, rx, tx = (
        (0, 0, 0, 0) if lo else (traffic.rx_packets, traffic.tx_packets, traffic.rx_bytes, traffic.tx_bytes)
    )
    kind = "Link encap:Local Loopback  " if lo else f"Link encap:Ethernet  HWaddr {faces.network.mac.upper()}  "
    where = (
        "inet addr:127.0.0.1  Mask:255.0.0.0"
        if lo
        else (f"inet addr:{faces.ip}  Bcast:{faces.broadcast}  Mask:{faces.subnet.netmask}")
    )
    flags = "UP LOOPBACK RUNNING  MTU:65536  Metric:1" if lo else "UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1"
    lines = [
        where,
        flags,
        f"RX packets:{rxp} errors:0 dropped:0 overruns:0 frame:0",
        f"TX packets:{txp} errors:0 dropped:0 overruns:0 carrier:0",
        f"collisions:0 txqueuelen:{1000 if lo else 0} ",
        f"RX bytes:{rx} ({rx / 1024:.1f} KiB)  TX bytes:{tx} ({tx / 1024:.1f} KiB)",
    ]
    return f"{name:<10}{kind}\n" + "".join(f"          {line}\n" for line in lines)


def _gnu_face(faces: Interfaces, name: str) -> str:
    traffic = faces.network.traffic
    lo = name == "lo"
    rxp, txp, rx, tx = (
        (0, 0, 0, 0) if lo else (traffic.rx_packets, traffic.tx_packets, traffic.rx_bytes, traffic.tx_bytes)
    )
    flags = "flags=73<UP,LOOPBACK,RUNNING>  mtu 65536" if lo else "flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500"
    where = (
        "inet 127.0.0.1  netmask 255.0.0.0"
        if lo
        else (f"inet {faces.ip}  netmask {faces.subnet.netmask}  broadcast {faces.broadcast}")
    )
    link = "loop  txqueuelen 1000  (Local Loopback)" if lo else f"ether {faces.network.mac}  txqueuelen 0  (Ethernet)"
    lines = [
        where,
        link,
        f"RX packets {rxp}  bytes {rx} ({rx / 1000:.1f} KB)",
        "RX errors 0  dropped 0  overruns 0  frame 0",
        f"TX packets {txp}  bytes {tx} ({tx / 1000:.1f} KB)",
        "TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0",
    ]
    return f"{name}: {flags}\n" + "".join(f"        {line}\n" for line in lines)


async def route(process: Process) -> int:
    faces = Interfaces(process.network)
    if any(word in ("add", "del") for word in process.argv[1:]):
        await process.stderr.write(b"SIOCADDRT: Operation not permitted\n")
        return 7
    await process.print(
        "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface"
    )
    if faces.ip and faces.network.gateway:
        first = "0.0.0.0" if any(word.startswith("-") and "n" in word for word in process.argv[1:]) else "default"
        await process.print(f"{first:<16}{faces.network.gateway:<16}{'0.0.0.0':<16}UG    0      0        0 eth0")
    if faces.ip:
        mask = str(faces.subnet.netmask)
        await process.print(
            f"{faces.subnet.network_address!s:<16}{'0.0.0.0':<16}{mask:<16}U     0      0        0 eth0"
        )
    return 0


async def arp(process: Process) -> int:
    faces = Interfaces(process.network)
    gateway = faces.network.gateway
    if gateway and is_busybox(process):
        await process.print(f"? ({gateway}) at {_mac(gateway)} [ether]  on eth0")
    elif gateway:
        await process.print("Address                  HWtype  HWaddress           Flags Mask            Iface")
        await process.print(f"{gateway:<25}ether   {_mac(gateway)}   C                     eth0")
    return 0
