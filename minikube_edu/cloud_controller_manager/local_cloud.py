"""A cloud that is this computer: addresses from a range of its own, machines from a list.

The default range lies in 127.0.0.0/8, all of which reaches the computer itself: a load balancer's address works at once
where the system lets it (Linux; on macOS each address has to be added to the loopback first). Without a list of
machines every node's machine exists.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

from msgspec import Struct, field


class CloudError(Exception):
    """What the cloud says when it cannot."""


class LocalCloud(Struct):
    """`balancers` is what is given out: address -> the uid of its service."""

    addresses: str = "127.0.10.0/24"
    region: str = "local"
    zone: str = "local-a"
    instance_type: str = "simulated"
    instances: set[str] | None = None
    balancers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_config(cls, addresses: str, config: dict[str, Any]) -> LocalCloud:
        made = cls(addresses)
        made.region = config.get("region", made.region)
        made.zone = config.get("zone", made.zone)
        made.instance_type = config.get("instanceType", made.instance_type)
        if "instances" in config:
            made.instances = set(config["instances"])
        return made

    def ensure_balancer(self, uid: str, wanted: str = "", known: str = "") -> str:
        """The service's address: the one that it has, the one that it wants, or the first that is free."""
        for address, owner in self.balancers.items():
            if owner == uid and wanted in ("", address):
                return address
        candidates = [wanted] if wanted else [known] if known else []
        for text in candidates:
            if self.balancers.get(text, uid) != uid:
                raise CloudError(f"address {text} is in use")
            if ip_address(text) not in ip_network(self.addresses):
                if wanted:
                    raise CloudError(f"address {text} is not in {self.addresses}")
                continue
            self.release_balancer(uid)
            self.balancers[text] = uid
            return text
        for free in ip_network(self.addresses).hosts():
            if str(free) not in self.balancers:
                self.balancers[str(free)] = uid
                return str(free)
        raise CloudError(f"no address is free in {self.addresses}")

    def release_balancer(self, uid: str) -> None:
        for address in [address for address, owner in self.balancers.items() if owner == uid]:
            del self.balancers[address]

    def has_instance(self, name: str) -> bool:
        return self.instances is None or name in self.instances
