"""Who holds which ports of this host: asked before a server is started, so that the answer names the culprit."""

from __future__ import annotations

import errno
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path


def holder(port: int, address: str = "127.0.0.1") -> str | None:
    """Who listens on a port of this host, as far as can be seen: `python (pid 12)`; None when it is free."""
    return None if is_free(port, address) else _holder(port)


def is_free(port: int, address: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            return error.errno == errno.EADDRNOTAVAIL  # no such address here: nobody listens there either
    return True


def listening(address: str) -> dict[int, int]:
    """port -> pid of its holder (0: it cannot be seen), of all ports that are taken at an address."""
    inodes = {}
    for inode, (host, port) in _sockets().items():
        if host in (address, "0.0.0.0", "::"):
            inodes[f"socket:[{inode}]"] = port
    found = dict.fromkeys(inodes.values(), 0)
    for process in Path("/proc").glob("[0-9]*") if inodes else ():
        with suppress(OSError):
            for link in (process / "fd").iterdir():
                port = inodes.get(os.readlink(link), 0)
                if port:
                    found[port] = int(process.name)
    return found


def _holder(port: int) -> str:
    pids = [pid for address in ("127.0.0.1", "0.0.0.0", "::") if (pid := listening(address).get(port))]
    for pid in pids:
        with suppress(OSError):
            return f"{Path(f'/proc/{pid}/comm').read_text().strip()} (pid {pid})"
    return "another process"


def _sockets() -> dict[str, tuple[str, int]]:
    """inode -> (address, port) of those that listen. Linux tells; elsewhere nothing is known."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for row in Path(table).read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == "0A":
                    host, _, port = fields[1].partition(":")
                    found[fields[9]] = (_address(host), int(port, 16))
    return found


def _address(text: str) -> str:
    """/proc/net/tcp writes addresses as numbers in the processor's order of bytes."""
    if len(text) == 8:
        return socket.inet_ntoa(struct.pack("=I", int(text, 16)))
    return "::" if not int(text, 16) else text
