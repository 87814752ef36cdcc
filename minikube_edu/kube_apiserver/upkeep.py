"""What the server itself keeps in order, beside answering requests.

The `kubernetes` service and its range of addresses, what extension servers need to know, a Lease that says that this
server lives; and two small loops: whether an APIService can be reached, and whether a FlowSchema's priority level
exists. They write through the registry like anybody, under the names that the real server's parts have.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from minikube_edu.api import defaults, managed_fields, schema
from minikube_edu.api.errors import AlreadyExists, ApiError
from minikube_edu.api.scheme import Resource
from minikube_edu.kube_apiserver.registry import updating
from minikube_edu.kube_apiserver.registry.store import Registry
from minikube_edu.kube_apiserver.watch_cache import Change
from minikube_edu.lib import clock, ids
from minikube_edu.lib.node_addresses import is_node_address
from minikube_edu.lib.workqueue import WorkQueue

log = logging.getLogger(__name__)

Object = dict[str, Any]

LEASE_SECONDS = 3600
RENEW_SECONDS = 10.0


class Upkeep:
    """All of it; `prepare` once the port is known, `run` until cancelled."""

    def __init__(self, registry: Registry, *, port: int, advertise: str, client_ca: str | None) -> None:
        self.registry = registry
        self.port = port
        self.advertise = advertise
        self.client_ca = client_ca
        self.queue: WorkQueue[tuple[str, str]] = WorkQueue("upkeep")
        self.judges: dict[str, Callable[[Object], Object]] = {
            "apiservices": self.available,
            "flowschemas": self.dangling,
        }
        digest = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:26]
        self.lease_name = f"apiserver-{digest}"
        self.identity = f"apiserver-{digest}_{ids.uid()}"

    def resource(self, name: str, group: str = "") -> Resource:
        found = self.registry.resource(group, name)
        assert found is not None
        return found

    # ------------------------------------------------------------ once

    async def prepare(self) -> None:
        cidrs = self.registry.service_range.split(",")
        await self.ensure(
            self.resource("servicecidrs", "networking.k8s.io"),
            {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": cidrs}},
        )
        first = str(next(ipaddress.ip_network(cidrs[0]).hosts()))
        port = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": self.port}
        labels = {"component": "apiserver", "provider": "kubernetes"}
        await self.ensure(
            self.resource("services"),
            {
                "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
                "spec": {
                    "clusterIP": first, "ports": [port], "type": "ClusterIP", "sessionAffinity": "None",
                    "ipFamilyPolicy": "SingleStack",
                },
            },
        )  # fmt: skip
        await self.ensure(self.resource("configmaps"), self.authentication_map())
        if self.advertise and not (
            ipaddress.ip_address(self.advertise).is_loopback and not is_node_address(self.advertise)
        ):
            await self.endpoints()

    async def ensure(self, resource: Resource, obj: Object) -> None:
        obj = {"kind": resource.kind, "apiVersion": resource.api_version, **obj}
        metadata = obj["metadata"]
        if self.registry.entry(resource, metadata.get("namespace", ""), metadata["name"]) is not None:
            return
        try:
            await self.registry.create(resource, obj)
        except AlreadyExists:
            return
        except ApiError as error:
            log.error("upkeep: %s", error)

    def authentication_map(self) -> Object:
        """What an extension server must know to trust our front proxy and our clients."""
        data = {
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
            "requestheader-group-headers": '["X-Remote-Group"]',
            "requestheader-uid-headers": '["X-Remote-Uid"]',
            "requestheader-username-headers": '["X-Remote-User"]',
        }
        if self.client_ca:
            data["client-ca-file"] = data["requestheader-client-ca-file"] = Path(self.client_ca).read_text()
        return {"metadata": {"name": "extension-apiserver-authentication", "namespace": "kube-system"}, "data": data}

    async def endpoints(self) -> None:
        """Where the `kubernetes` service leads: to this server."""
        metadata = {"name": "kubernetes", "namespace": "default"}
        ports = [{"name": "https", "port": self.port, "protocol": "TCP"}]
        subset = {"addresses": [{"ip": self.advertise}], "ports": ports}
        mark = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        await self.ensure(self.resource("endpoints"), {"metadata": {**metadata, "labels": mark}, "subsets": [subset]})
        family = "IPv6" if ":" in self.advertise else "IPv4"
        endpoint = {"addresses": [self.advertise], "conditions": {"ready": True}}
        await self.ensure(
            self.resource("endpointslices", "discovery.k8s.io"),
            {
                "metadata": {**metadata, "labels": {"kubernetes.io/service-name": "kubernetes"}},
                "addressType": family, "endpoints": [endpoint], "ports": ports,
            },
        )  # fmt: skip

    # ------------------------------------------------------------ loops

    async def run(self) -> None:
        stops = [self.follow(name, group) for name, group in (
            ("apiservices", "apiregistration.k8s.io"), ("flowschemas", "flowcontrol.apiserver.k8s.io"),
        )]  # fmt: skip
        stops += [
            self.again("services", "", "apiservices", "apiregistration.k8s.io"),
            self.again("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io", "flowschemas",
                       "flowcontrol.apiserver.k8s.io"),
        ]  # fmt: skip
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.judge_all(), name="upkeep judge")
                group.create_task(self.renew(), name="upkeep lease")
        finally:
            for stop in stops:
                stop()

    def follow(self, name: str, group: str) -> Callable[[], None]:
        """Judge each object of a kind, now and whenever it changes."""
        cache = self.registry.cache_of(self.resource(name, group))
        for key in list(cache.entries):
            self.queue.add((name, key))

        def changed(change: Change) -> None:
            if change.kind != "DELETED":
                self.queue.add((name, change.entry.key))

        return cache.listen(changed)

    def again(self, cause: str, cause_group: str, name: str, group: str) -> Callable[[], None]:
        """Judge all of a kind anew when something that they refer to comes or goes."""
        cache = self.registry.cache_of(self.resource(name, group))

        def changed(change: Change) -> None:
            if change.kind != "MODIFIED":
                for key in list(cache.entries):
                    self.queue.add((name, key))

        return self.registry.cache_of(self.resource(cause, cause_group)).listen(changed)

    async def judge_all(self) -> None:
        groups = {"apiservices": "apiregistration.k8s.io", "flowschemas": "flowcontrol.apiserver.k8s.io"}
        while True:
            name, key = await self.queue.get()
            try:
                obj = self.registry.get_object(groups[name], name, "", key)
                if obj is not None:
                    await self.set_condition(self.resource(name, groups[name]), obj, self.judges[name](obj))
            except ApiError as error:
                log.warning("upkeep: %s %s: %s", name, key, error)
            finally:
                self.queue.done((name, key))

    async def set_condition(self, resource: Resource, obj: Object, condition: Object) -> None:
        """Write one condition of the status, if it is not so already."""
        old = next((c for c in obj.get("status", {}).get("conditions", []) if c["type"] == condition["type"]), None)
        if old is not None and all(old.get(field) == value for field, value in condition.items()):
            return
        same = old is not None and old["status"] == condition["status"]
        condition["lastTransitionTime"] = old["lastTransitionTime"] if same and old else clock.rfc3339()
        patch = {
            "kind": resource.kind, "apiVersion": resource.api_version, "metadata": {"name": obj["metadata"]["name"]},
            "status": {"conditions": [condition]},
        }  # fmt: skip
        context = self.registry.system_context(resource, "patch", name=obj["metadata"]["name"])
        context.subresource = "status"
        manager = "api-priority-and-fairness-config-consumer-v1" if resource.kind == "FlowSchema" else "kube-apiserver"

        async def make(live: Object | None) -> Object:
            merged = managed_fields.apply(
                live, orjson.loads(orjson.dumps(patch)), type_name=resource.type_name, api_version=resource.api_version,
                manager=manager, force=True, subresource="status", reset=("spec",), now=clock.rfc3339(),
            )  # fmt: skip
            new = schema.decode(str(resource.type_name), merged).object
            defaults.defaulter(*resource.gvk)(new)
            return new

        await updating.update(self.registry, context, make)

    def available(self, obj: Object) -> Object:
        """An APIService without a service is served here; one with a service needs that to be there."""
        service = obj["spec"].get("service")
        if not service:
            reason, message, status = "Local", "Local APIServices are always available", "True"
        elif self.registry.entry(self.resource("services"), service["namespace"], service["name"]) is None:
            reason, status = "ServiceNotFound", "False"
            message = f'service/{service["name"]} in "{service["namespace"]}" is not present'
        else:
            reason, status = "FailedDiscoveryCheck", "False"
            message = "aggregated servers are not asked by this implementation"
        return {"type": "Available", "status": status, "reason": reason, "message": message}

    def dangling(self, obj: Object) -> Object:
        name = obj["spec"]["priorityLevelConfiguration"]["name"]
        levels = self.resource("prioritylevelconfigurations", "flowcontrol.apiserver.k8s.io")
        about = f'This FlowSchema references the PriorityLevelConfiguration object named "{name}"'
        if self.registry.entry(levels, "", name) is not None:
            return {"type": "Dangling", "status": "False", "reason": "Found", "message": f"{about} and it exists"}
        message = f"{about} but there is no such object"
        return {"type": "Dangling", "status": "True", "reason": "NotFound", "message": message}

    async def renew(self) -> None:
        """The Lease that tells which API servers there are."""
        leases = self.resource("leases", "coordination.k8s.io")
        labels = {
            "apiserver.kubernetes.io/identity": "kube-apiserver",
            "kubernetes.io/hostname": socket.gethostname().lower(),
        }
        while True:
            spec = {
                "holderIdentity": self.identity, "leaseDurationSeconds": LEASE_SECONDS,
                "acquireTime": clock.rfc3339_micro(), "renewTime": clock.rfc3339_micro(),
            }  # fmt: skip
            entry = self.registry.entry(leases, "kube-system", self.lease_name)
            if entry is None:
                metadata = {"name": self.lease_name, "namespace": "kube-system", "labels": labels}
                await self.ensure(leases, {"metadata": metadata, "spec": spec})
            else:
                await self._renewed(leases, spec)
            await asyncio.sleep(RENEW_SECONDS)

    async def _renewed(self, leases: Resource, spec: Object) -> None:
        context = self.registry.system_context(leases, "patch", "kube-system", self.lease_name)

        async def make(live: Object | None) -> Object:
            assert live is not None
            if live["spec"].get("holderIdentity") == spec["holderIdentity"]:
                spec["acquireTime"] = live["spec"].get("acquireTime")
            live["spec"] = spec
            return live

        try:
            await updating.update(self.registry, context, make)
        except ApiError as error:
            log.warning("upkeep: %s", error)
