"""Which sandbox has which address: the IPAM of a CNI plugin, in the manner of host-local.

Addresses of a node's pod range are handed out one after the other; the first (.1) is the bridge's, and what was given
back comes round again only after all others. Each reservation is a file that is named after its address and says whose
it is, in NODE/var/lib/cni/networks/NETWORK: a restarted runtime gives no address twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import os
from pathlib import Path

LAST = "last_reserved_ip.0"


class AddressPool:
    def __init__(self, network: str, subnet: str, directory: Path | None = None) -> None:
        self.network = network
        self.subnet = ipaddress.ip_network(subnet, strict=False)
        self.gateway = str(self.subnet.network_address + 1)
        self.directory = directory
        self._last = ""  # to be written as the last reserved one
        self._owners: dict[str, str] = {}  # address -> sandbox
        self._addresses: dict[str, str] = {}  # sandbox -> address
        self._first = int(self.subnet.network_address) + 2
        last = int(self.subnet.broadcast_address)
        self._end = last if self.subnet.version == 4 else last + 1  # an IPv4 range keeps its broadcast address
        self._next = self._first
        if directory is not None:
            self._recall(directory)

    def _recall(self, directory: Path) -> None:
        """What an earlier life of this runtime has given away."""
        if not directory.is_dir():
            return
        for entry in os.scandir(directory):
            text = Path(entry.path).read_text(errors="replace").split("\n")[0].strip()
            try:
                address = ipaddress.ip_address(text if entry.name == LAST else entry.name)
            except ValueError:
                continue
            if address not in self.subnet:
                continue
            if entry.name == LAST:
                self._next = int(address) + 1
            else:
                self._owners[str(address)] = text
                self._addresses[text] = str(address)

    def reserve(self, sandbox_id: str) -> str:
        """The next free address; the one it has already, if it asks again."""
        if held := self._addresses.get(sandbox_id):
            return held
        size = self._end - self._first
        make = ipaddress.IPv4Address if self.subnet.version == 4 else ipaddress.IPv6Address
        for step in range(min(size, len(self._owners) + 1)):
            number = self._first + (self._next - self._first + step) % size
            address = str(make(number))
            if address not in self._owners:
                self._next = number + 1
                self._take(address, sandbox_id)
                return address
        first, last = make(self._first), make(self._end - 1)
        # The bridge's address is part of the range that the real plugin names.
        raise OSError(
            errno.EADDRNOTAVAIL,
            f'plugin type="bridge" failed (add): failed to allocate for range 0: no IP addresses available in '
            f"range set: {self.gateway if size else first}-{last}",
        )

    def _take(self, address: str, sandbox_id: str) -> None:
        self._owners[address] = sandbox_id
        self._addresses[sandbox_id] = address
        if self.directory is not None:
            self._write(self.directory, address, f"{sandbox_id}\r\neth0")
            self._write_last(self.directory, address)

    @staticmethod
    def _write(directory: Path, name: str, text: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            file = os.open(f"{directory}/{name}", flags, 0o644)
        except FileNotFoundError:
            directory.mkdir(parents=True, exist_ok=True)
            file = os.open(f"{directory}/{name}", flags, 0o644)
        try:
            os.write(file, text.encode())
        finally:
            os.close(file)

    def _write_last(self, directory: Path, address: str) -> None:
        """Where to go on after a restart: a hint, written once for all that are reserved in a moment."""
        waiting, self._last = bool(self._last), address
        if waiting:
            return
        try:
            asyncio.get_running_loop().call_later(0.02, self._flush_last, directory)
        except RuntimeError:  # nobody's loop runs
            self._flush_last(directory)

    def _flush_last(self, directory: Path) -> None:
        with contextlib.suppress(OSError):
            if directory.is_dir():
                self._write(directory, LAST, self._last)
        self._last = ""

    def release(self, sandbox_id: str) -> None:
        address = self._addresses.pop(sandbox_id, None)
        if address is None:
            return
        del self._owners[address]
        if self.directory is not None:
            (self.directory / address).unlink(missing_ok=True)

    def owner(self, address: str) -> str | None:
        return self._owners.get(address)

    def __contains__(self, address: str) -> bool:
        try:
            return ipaddress.ip_address(address) in self.subnet
        except ValueError:
            return False
