"""How many pods may be evicted, and what is protected from deletion?"""

from __future__ import annotations

from tests.kube_controller_manager.cluster import APPS, CORE, Object, cluster, template, workload

CONTROLLERS = ["disruption-controller", "replicaset-controller", "persistentvolumeclaim-protection-controller"]
BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


async def test_what_do_budgets_allow() -> None:
    async with cluster(CONTROLLERS) as it:
        await it.api.create(f"{APPS}/replicasets", "web", spec=workload(3))
        await it.status(f"{APPS}/replicasets/web", availableReplicas=3)
        selector: Object = {"selector": {"matchLabels": {"app": "web"}}}
        await it.api.create(BUDGETS, "half", spec={**selector, "minAvailable": "50%"})
        await it.api.create(BUDGETS, "all", spec={**selector, "minAvailable": 3})
        await it.api.create(BUDGETS, "one", spec={**selector, "maxUnavailable": 1})
        await it.status(f"{BUDGETS}/half", disruptionsAllowed=1, desiredHealthy=2, expectedPods=3, currentHealthy=3)
        await it.status(f"{BUDGETS}/one", disruptionsAllowed=1, desiredHealthy=2, expectedPods=3)
        await it.status(f"{BUDGETS}/all", disruptionsAllowed=0, desiredHealthy=3, currentHealthy=3)
        assert (await it.condition(f"{BUDGETS}/all", "DisruptionAllowed", "False"))["reason"] == "InsufficientPods"


async def test_does_a_claim_stay_while_a_pod_uses_it() -> None:
    async with cluster(CONTROLLERS) as it:
        path = f"{CORE}/persistentvolumeclaims/c"
        request = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
        await it.api.create(f"{CORE}/persistentvolumeclaims", "c", spec=request)
        volume = {"name": "d", "persistentVolumeClaim": {"claimName": "c"}}
        await it.api.create(f"{CORE}/pods", "p", spec={**template()["spec"], "volumes": [volume]})
        await it.status(f"{CORE}/pods/p", phase="Running")
        await it.api.delete(path)
        assert (await it.get(path))["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
        await it.api.delete(f"{CORE}/pods/p?gracePeriodSeconds=0")
        await it.gone(path)
