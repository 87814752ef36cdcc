"""service-lb-controller: services of type LoadBalancer get an address from outside.

A finalizer keeps the service until its balancer is gone. Services with a `loadBalancerClass` are somebody else's.
"""

from __future__ import annotations

from minikube_edu.client.events import EventRecorder
from minikube_edu.client.informer import Informer
from minikube_edu.client.rest import Client, Resource
from minikube_edu.cloud_controller_manager.local_cloud import CloudError, LocalCloud
from minikube_edu.cloud_controller_manager.loops import Loop, Object

SERVICES = Resource("", "v1", "services", kind="Service")
FINALIZER = "service.kubernetes.io/load-balancer-cleanup"


class ServiceLoop(Loop):
    name = "service-lb-controller"

    def __init__(self, client: Client, informer: Informer, cloud: LocalCloud, recorder: EventRecorder) -> None:
        super().__init__(informer)
        self.client, self.cloud, self.recorder = client, cloud, recorder

    async def reconcile(self, key: str) -> None:
        service = self.informer.index.get(key)
        if service is None:
            return
        has_finalizer = FINALIZER in service["metadata"].get("finalizers", [])
        if not wants_balancer(service):
            if has_finalizer:
                await self.remove(service)
            return
        known = [one.get("ip", "") for one in service.get("status", {}).get("loadBalancer", {}).get("ingress", [])]
        if not known:
            self.recorder.event(service, "Normal", "EnsuringLoadBalancer", "Ensuring load balancer")
        if not has_finalizer:
            service = await self.finalizers(service, [*service["metadata"].get("finalizers", []), FINALIZER])
        try:
            address = self.cloud.ensure_balancer(
                service["metadata"]["uid"], service["spec"].get("loadBalancerIP", ""), known[0] if known else ""
            )
        except CloudError as error:
            message = f"Error syncing load balancer: failed to ensure load balancer: {error}"
            self.recorder.event(service, "Warning", "SyncLoadBalancerFailed", message)
            raise
        if known != [address]:
            await self.tell(service, [{"ip": address, "ipMode": "VIP"}])
            self.recorder.event(service, "Normal", "EnsuredLoadBalancer", "Ensured load balancer")

    async def remove(self, service: Object) -> None:
        self.recorder.event(service, "Normal", "DeletingLoadBalancer", "Deleting load balancer")
        self.cloud.release_balancer(service["metadata"]["uid"])
        if service.get("status", {}).get("loadBalancer"):
            service = await self.tell(service, [])
        left = [name for name in service["metadata"].get("finalizers", []) if name != FINALIZER]
        await self.finalizers(service, left)
        self.recorder.event(service, "Normal", "DeletedLoadBalancer", "Deleted load balancer")

    async def tell(self, service: Object, ingress: list[Object]) -> Object:
        status = {**service.get("status", {}), "loadBalancer": {"ingress": ingress} if ingress else {}}
        return await self.client.update(SERVICES, {**service, "status": status}, subresource="status")

    async def finalizers(self, service: Object, names: list[str]) -> Object:
        metadata = service["metadata"]
        patch = {"metadata": {"finalizers": names or None, "resourceVersion": metadata["resourceVersion"]}}
        return await self.client.patch(SERVICES, metadata["name"], patch, metadata["namespace"])


def wants_balancer(service: Object) -> bool:
    spec = service["spec"]
    mine = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    return mine and "deletionTimestamp" not in service["metadata"]
