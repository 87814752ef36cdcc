"""The plugins, one a file. `PLUGINS` is the registry: the name in the configuration -> the class.

Each is made with `Class(handle, arguments)`. A plugin's file says what the real one does besides.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.kube_scheduler.plugins.default_binder import DefaultBinder
from minikube_edu.kube_scheduler.plugins.default_preemption import DefaultPreemption
from minikube_edu.kube_scheduler.plugins.dynamic_resources import DynamicResources
from minikube_edu.kube_scheduler.plugins.image_locality import ImageLocality
from minikube_edu.kube_scheduler.plugins.inter_pod_affinity import InterPodAffinity
from minikube_edu.kube_scheduler.plugins.node_affinity import NodeAffinity
from minikube_edu.kube_scheduler.plugins.node_name import NodeName
from minikube_edu.kube_scheduler.plugins.node_ports import NodePorts
from minikube_edu.kube_scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from minikube_edu.kube_scheduler.plugins.node_resources_fit import NodeResourcesFit
from minikube_edu.kube_scheduler.plugins.node_unschedulable import NodeUnschedulable
from minikube_edu.kube_scheduler.plugins.node_volume_limits import NodeVolumeLimits
from minikube_edu.kube_scheduler.plugins.pod_topology_spread import PodTopologySpread
from minikube_edu.kube_scheduler.plugins.priority_sort import PrioritySort
from minikube_edu.kube_scheduler.plugins.scheduling_gates import SchedulingGates
from minikube_edu.kube_scheduler.plugins.taint_toleration import TaintToleration
from minikube_edu.kube_scheduler.plugins.volume_binding import VolumeBinding
from minikube_edu.kube_scheduler.plugins.volume_restrictions import VolumeRestrictions
from minikube_edu.kube_scheduler.plugins.volume_zone import VolumeZone

PLUGINS: dict[str, Any] = {
    plugin.name: plugin
    for plugin in (
        SchedulingGates,
        PrioritySort,
        NodeUnschedulable,
        NodeName,
        TaintToleration,
        NodeAffinity,
        NodePorts,
        NodeResourcesFit,
        VolumeRestrictions,
        NodeVolumeLimits,
        VolumeBinding,
        VolumeZone,
        PodTopologySpread,
        InterPodAffinity,
        DynamicResources,
        DefaultPreemption,
        NodeResourcesBalancedAllocation,
        ImageLocality,
        DefaultBinder,
    )
}
