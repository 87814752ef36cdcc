"""service-cidr-controller: a range of service addresses stays while addresses of it are in use.

Every ServiceCIDR gets a finalizer and is then `Ready`. One that is being deleted keeps the finalizer until each of its
addresses is gone or lies in another range; and for ten seconds more, so that no API server still gives out an address
of it.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import IP_ADDRESSES, SERVICE_CIDRS
from minikube_edu.lib import clock

MANAGER = "service-cidr-controller"
FINALIZER = "networking.k8s.io/service-cidr-finalizer"
GRACE = 10.0
READY = "Kubernetes Service CIDR is ready"
IN_USE = "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR"


class ServiceCidrController(Controller):
    name = "service-cidr-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.ranges = self.watch(SERVICE_CIDRS)
        self.ranges.add_handler(deleted=lambda _: self.all_again(), added=lambda _: self.all_again())
        self.addresses = self.watch_related(IP_ADDRESSES, self.going)

    def all_again(self) -> None:
        """One range more or less may free another."""
        for key in self.going({}):
            self.queue.add(key)

    def going(self, _: Object) -> list[str]:
        return [r["metadata"]["name"] for r in self.ranges.index.list() if "deletionTimestamp" in r["metadata"]]

    async def reconcile(self, key: str) -> None:
        found = self.ranges.index.get(key)
        if found is None:
            return
        finalizers: list[str] = found["metadata"].get("finalizers", [])
        if "deletionTimestamp" in found["metadata"]:
            if FINALIZER not in finalizers:
                return
            if self.in_use(found):
                await self.tell(found, "False", "Terminating", IN_USE)
                return
            left = clock.parse_rfc3339(found["metadata"]["deletionTimestamp"]) + GRACE - clock.now()
            if left > 0:
                self.queue.add_after(key, left)
                return
            await self.set_finalizers(found, [name for name in finalizers if name != FINALIZER])
            return
        if FINALIZER not in finalizers:
            await self.set_finalizers(found, [*finalizers, FINALIZER])
        await self.tell(found, "True", "", READY)

    def in_use(self, going: Object) -> bool:
        mine = networks(going)
        others = [
            network
            for other in self.ranges.index.list()
            if "deletionTimestamp" not in other["metadata"]
            for network in networks(other)
        ]
        for obj in self.addresses.index.list():
            address = ip_address(obj["metadata"]["name"])
            if any(address in network for network in mine) and not any(address in network for network in others):
                return True
        return False

    async def set_finalizers(self, found: Object, finalizers: list[str]) -> None:
        metadata = {"finalizers": finalizers, "resourceVersion": found["metadata"]["resourceVersion"]}
        await self.client.patch(SERVICE_CIDRS, found["metadata"]["name"], {"metadata": metadata})

    async def tell(self, found: Object, value: str, reason: str, message: str) -> None:
        for old in found.get("status", {}).get("conditions", []):
            if old["type"] == "Ready" and (old["status"], old.get("message")) == (value, message):
                return
        condition = {
            "type": "Ready",
            "status": value,
            "reason": reason,
            "message": message,
            "lastTransitionTime": clock.rfc3339(),
        }
        wanted = {
            "apiVersion": SERVICE_CIDRS.api_version,
            "kind": SERVICE_CIDRS.kind,
            "metadata": {"name": found["metadata"]["name"]},
            "status": {"conditions": [condition]},
        }
        await self.client.apply(SERVICE_CIDRS, wanted, field_manager=MANAGER, force=True, subresource="status")


def networks(obj: Object) -> list[IPv4Network | IPv6Network]:
    return [ip_network(text) for text in obj["spec"]["cidrs"]]


CONTROLLER = ServiceCidrController
