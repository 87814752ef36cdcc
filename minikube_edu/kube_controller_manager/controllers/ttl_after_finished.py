"""ttl-after-finished-controller: finished Jobs with `ttlSecondsAfterFinished` go when their time is over, with all that
they own."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.kinds import JOBS
from minikube_edu.lib import clock


class TTLAfterFinished(Controller):
    name = "ttl-after-finished-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.jobs = self.watch(JOBS, lambda job: expires_at(job) is not None)

    async def reconcile(self, key: str) -> None:
        job = self.jobs.index.get(key)
        if job is None or self.postponed(key, job):
            return
        # The time to live may have been changed a moment ago: what the server says now counts.
        namespace, name = self.split(key)
        try:
            fresh = await self.client.get(JOBS, name, namespace)
            if self.postponed(key, fresh):
                return
            conditions = {"uid": fresh["metadata"]["uid"]}
            options = {"propagationPolicy": "Foreground", "preconditions": conditions}
            await self.client.delete(JOBS, name, namespace, options=options)
        except ApiError as error:
            if error.code != 404:
                raise

    def postponed(self, key: str, job: Object) -> bool:
        """Not finished, not limited, going already, or not yet due: then it comes again."""
        due = expires_at(job)
        if due is None or "deletionTimestamp" in job["metadata"]:
            return True
        left = due - clock.now()
        if left > 0:
            self.queue.add_after(key, left)
        return left > 0


def expires_at(job: Object) -> float | None:
    seconds = job["spec"].get("ttlSecondsAfterFinished")
    if seconds is None:
        return None
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return clock.parse_rfc3339(condition["lastTransitionTime"]) + float(seconds)
    return None


CONTROLLER = TTLAfterFinished
