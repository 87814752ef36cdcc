"""From a host's name to a connection, trying its addresses in turn, as every client does it."""

from __future__ import annotations

import asyncio
import ipaddress

from minikube_edu.cni.contract import Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process

SERVICES = {
    "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "http": 80, "pop3": 110, "ntp": 123, "imap": 143,
    "https": 443, "mysql": 3306, "postgresql": 5432, "amqp": 5672, "redis": 6379, "http-alt": 8080,
}  # fmt: skip
NAMES = {port: name for name, port in SERVICES.items()}


def is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


async def addresses(process: Process, host: str, timeout: float | None = None) -> list[str]:
    """NameNotFound when there is none, or none in time."""
    if is_address(host):
        return [host]
    try:
        async with asyncio.timeout(timeout):
            found = await process.resolve(host)
    except NameNotFound:
        raise
    except TimeoutError:
        raise NameNotFound(host, "TIMEOUT") from None
    if not found:
        raise NameNotFound(host)
    return found


async def connect_any(process: Process, ips: list[str], port: int, timeout: float | None = None) -> Connection:
    """The first address that takes the connection; the last one's failure."""
    failure: OSError = OSError("no address")
    for ip in ips:
        try:
            return await process.network.connect(ip, port, timeout)
        except OSError as error:
            failure = error
    raise failure


def port_number(text: str) -> int | None:
    """A number or a service's name; None when it is neither."""
    if text.isdigit():
        return int(text) if 0 <= int(text) <= 65535 else None
    return SERVICES.get(text)
