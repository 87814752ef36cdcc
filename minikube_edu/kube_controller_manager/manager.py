"""The manager: which controllers there are, which of them run, and their start.

`TABLE` is the list that `--controllers` chooses from: `*` means all that are on by default, `-name` all but that one.
Informers are shared: the first start fills them, then the controllers begin. The program starts them in two waves: the
second, of those that have nothing to do in a cluster that boots, waits until the nodes are probably there. The real one
starts all at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from importlib import import_module

from minikube_edu.client.events import EventRecorder
from minikube_edu.client.factory import InformerFactory
from minikube_edu.client.informer import trimmed
from minikube_edu.client.rest import Client
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Settings
from minikube_edu.kube_controller_manager.names import LEFT_OUT, full_name

log = logging.getLogger(__name__)

# name -> module in controllers/, in start order
TABLE = {
    "serviceaccount-controller": "service_account",
    "root-ca-certificate-publisher-controller": "root_ca",
    "namespace-controller": "namespace",
    "garbage-collector-controller": "garbage_collector",
    "replicaset-controller": "replica_set",
    "replicationcontroller-controller": "replication_controller",
    "deployment-controller": "deployment",
    "statefulset-controller": "stateful_set",
    "daemonset-controller": "daemon_set",
    "job-controller": "job",
    "cronjob-controller": "cron_job",
    "ttl-after-finished-controller": "ttl_after_finished",
    "pod-garbage-collector-controller": "pod_garbage_collector",
    "disruption-controller": "disruption",
    "persistentvolumeclaim-protection-controller": "claim_protection",
    "persistentvolume-protection-controller": "volume_protection",
    "volumeattributesclass-protection-controller": "volume_attributes_class_protection",
    "endpoints-controller": "endpoints",
    "endpointslice-controller": "endpoint_slices",
    "endpointslice-mirroring-controller": "endpoint_slice_mirroring",
    "resourcequota-controller": "resource_quota",
    "service-cidr-controller": "service_cidr",
    "persistentvolume-binder-controller": "persistent_volumes",
    "host-path-provisioner-controller": "host_path_provisioner",
    "persistentvolume-expander-controller": "volume_expander",
    "ephemeral-volume-controller": "ephemeral_volume",
    "node-lifecycle-controller": "node_lifecycle",
    "taint-eviction-controller": "taint_eviction",
    "node-ipam-controller": "node_ipam",
    "ttl-controller": "node_ttl",
    "certificatesigningrequest-approving-controller": "certificates.approving",
    "certificatesigningrequest-signing-controller": "certificates.signing",
    "certificatesigningrequest-cleaner-controller": "certificates.cleaning",
    "clusterrole-aggregation-controller": "cluster_role_aggregation",
    "bootstrap-signer-controller": "bootstrap_signer",
    "token-cleaner-controller": "token_cleaner",
    "serviceaccount-token-controller": "service_account_token",
    "legacy-serviceaccount-token-cleaner-controller": "legacy_token_cleaner",
    "validatingadmissionpolicy-status-controller": "admission_policy_status",
    "horizontal-pod-autoscaler-controller": "horizontal_pod_autoscaler",
    "persistentvolume-attach-detach-controller": "attach_detach",
}


# What a cluster needs until its nodes are Ready and its first pods run.
FIRST_WAVE = frozenset((
    "serviceaccount-controller", "root-ca-certificate-publisher-controller", "namespace-controller",
    "replicaset-controller", "deployment-controller", "daemonset-controller", "endpointslice-controller",
    "node-lifecycle-controller", "taint-eviction-controller", "node-ipam-controller",
    "certificatesigningrequest-approving-controller", "certificatesigningrequest-signing-controller",
    "bootstrap-signer-controller", "clusterrole-aggregation-controller",
))  # fmt: skip


def chosen(controllers: Sequence[str]) -> list[str]:
    """The controllers that `--controllers` names; ValueError for one that there is not. `*` has the signer and the
    cleaner of bootstrap tokens too, which the real one has only when they are named, as kubeadm does."""
    names = [full_name(name.strip()) for name in controllers]
    for name in names:
        bare = name.removeprefix("-")
        if bare not in ("*", "") and bare not in TABLE and bare not in LEFT_OUT:
            raise ValueError(f'"{bare}" is not in the list of known controllers')
    if "*" not in names:
        return [name for name in TABLE if name in names]
    return [name for name in TABLE if f"-{name}" not in names]


class Manager:
    """`client_of` makes a client for one controller, with its name in the user agent. The second wave begins `linger`
    seconds after the first, and with it events are written; without, there is one wave."""

    def __init__(
        self,
        client_of: Callable[[str], Client],
        settings: Settings,
        controllers: Sequence[str] = ("*",),
        linger: float = 0.0,
    ) -> None:
        self.client = client_of("kube-controller-manager")
        self.informers = InformerFactory(self.client, transform=trimmed())
        self.recorders: dict[str, EventRecorder] = {}
        self.clients: list[Client] = [self.client]
        self.controllers: list[Controller] = []
        self._client_of, self._settings, self._linger = client_of, settings, linger
        self._quiet_until = asyncio.get_running_loop().time() + linger if linger else 0.0
        names = chosen(controllers)
        self._later = [name for name in names if name not in FIRST_WAVE] if linger else []
        self._add(name for name in names if name not in self._later)

    def _add(self, names: Iterable[str]) -> list[Controller]:
        """They say which informers they need when they are made."""
        added = []
        for name in names:
            kind: type[Controller] = import_module(
                f"minikube_edu.kube_controller_manager.controllers.{TABLE[name]}"
            ).CONTROLLER
            client = self._client_of(name)
            self.clients.append(client)
            added.append(kind(Environment(client, self.informers, self._settings, self.recorder, self.client)))
        self.controllers += added
        return added

    def recorder(self, component: str) -> EventRecorder:
        if component not in self.recorders:
            self.recorders[component] = EventRecorder(self.client, component, not_before=self._quiet_until)
        return self.recorders[component]

    async def run(self) -> None:
        """Until cancelled, or until a controller's loop dies: then all stop."""
        try:
            async with asyncio.TaskGroup() as group:
                await self._begin(group, self.controllers)
                if self._later:
                    await asyncio.sleep(self._linger)
                    await self._begin(group, self._add(self._later))
        finally:
            await self.informers.stop()
            for recorder in self.recorders.values():
                await recorder.stop()
            for client in self.clients:
                await client.close()

    async def _begin(self, group: asyncio.TaskGroup, controllers: Sequence[Controller]) -> None:
        self.informers.start()
        await self.informers.wait_synced()
        for controller in controllers:
            group.create_task(controller.run(), name=controller.name)
