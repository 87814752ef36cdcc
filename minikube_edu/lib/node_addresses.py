"""Which addresses nodes of this project have: loopback addresses of their own, several nodes on one host.

The real system forbids loopback addresses where a node, an endpoint or an advertised address stands; of those, only
this range is let through. Every cluster has a part of it, by the port of its API server: two clusters on one host have
different ports, and so different nodes. Light nodes, of which there may be thousands, have a range of their own.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache

RANGE = ipaddress.ip_network("127.16.0.0/12")
_PARTS = 1 << 12  # of 256 addresses each
FIRST_NODE = 2
LIGHT_RANGE = ipaddress.ip_network("127.128.0.0/9")
_LIGHT_PARTS = 1 << 10
LIGHT_NODES = LIGHT_RANGE.num_addresses // _LIGHT_PARTS - 2  # that a cluster can have


@lru_cache(maxsize=4096)
def is_node_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
        return address in RANGE or address in LIGHT_RANGE
    except ValueError:
        return False


def part(port: int) -> str:
    """The first three numbers of the addresses of a cluster whose API server has this port: `127.18.5`."""
    number = port % _PARTS
    return f"127.{16 + (number >> 8)}.{number & 255}"


def address(port: int, index: int) -> str:
    """Of a cluster's nodes, by their numbers; the control plane is 0."""
    return f"{part(port)}.{FIRST_NODE + index}"


def light_address(port: int, number: int) -> str:
    """Of a cluster's light nodes; the first has number 1."""
    part = (port % _LIGHT_PARTS) * (LIGHT_RANGE.num_addresses // _LIGHT_PARTS)
    return str(LIGHT_RANGE.network_address + part + number)
