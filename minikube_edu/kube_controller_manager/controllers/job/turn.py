"""What is decided about a Job, in this order: failure, success, pods, conditions, counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.kube_controller_manager import pod_state, statuses
from minikube_edu.kube_controller_manager.controllers.job import indexes, policies
from minikube_edu.kube_controller_manager.controllers.job.backoff import Record
from minikube_edu.kube_controller_manager.controllers.job.tally import (
    Tally,
    has_failed,
    only_failed_are_replaced,
    release,
)
from minikube_edu.kube_controller_manager.controllers.job.workers import (
    AT_MOST,
    FAILURES,
    failures,
    surplus,
    wait_of_index,
)
from minikube_edu.kube_controller_manager.kinds import JOBS
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.kube_controller_manager.controllers.job.controller import JobController

Object = dict[str, Any]


def finished(job: Object) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    return any(one["type"] in ("Complete", "Failed") and one["status"] == "True" for one in conditions)


class Turn:
    def __init__(self, controller: JobController, key: str, job: Object, pods: list[Object], reliable: bool) -> None:
        self.controller, self.key, self.job, self.spec = controller, key, job, job["spec"]
        self.pods, self.reliable = pods, reliable
        self.now = clock.now()
        self.again: float | None = None  # seconds until the Job should be looked at without an event
        self.failure: Exception | None = None
        self.tally = Tally(job, pods, controller.released)
        self.status: Object = dict(job.get("status") or {})
        self.conditions: list[Object] = list(self.status.get("conditions") or ())
        self.active = [pod for pod in pods if pod_state.is_active(pod)]
        self.terminating = sum(map(pod_state.is_terminating, pods))
        self.suspended = bool(self.spec.get("suspend"))
        self.per_index: int | None = self.spec.get("backoffLimitPerIndex")
        self.failed_indexes = indexes.parse(self.status.get("failedIndexes", ""), self.tally.completions)
        self.replaced_later: dict[int, Object] = {}  # index -> failed pod that carries the count of its failures

    async def take(self) -> None:
        if "startTime" not in self.status and not self.suspended:
            self.status["startTime"] = clock.rfc3339(self.now)
        records = self.controller.records
        record = records.get(self.key, Record()).note(self.tally.new_succeeded, self.tally.new_failed)
        if self.per_index is not None:
            self.look_at_indexes()
        end = self.verdict()
        count = len(self.active)
        ready = sum(map(pod_state.is_ready, self.active))
        if end is not None:
            count, ready = await self.end_all(count, ready)
        else:
            managed = self.reliable and "deletionTimestamp" not in self.job["metadata"]
            if managed:
                count = await self.manage(count, record)
            if self.is_complete(count):
                message = "Reached expected number of succeeded pods"
                end = statuses.condition("SuccessCriteriaMet", "True", "CompletionsReached", message)
            elif managed:
                self.note_suspension()
        self.status |= {"active": count, "ready": ready, "terminating": self.terminating}
        await self.count_finished(end)
        records[self.key] = record

    # ------------------------------------------------------------ has it ended?

    def verdict(self) -> Object | None:
        """SuccessCriteriaMet or FailureTarget, as it was or as it has become."""
        for kind in ("SuccessCriteriaMet", "FailureTarget"):
            known = statuses.find(self.conditions, kind)
            if known is not None and known["status"] == "True":
                return known
        reason, message = self.why_failed()
        if reason:
            return statuses.condition("FailureTarget", "True", reason, message)
        met = policies.success(self.job, self.tally.completed) if self.tally.indexed else ""
        return statuses.condition("SuccessCriteriaMet", "True", "SuccessPolicy", met) if met else None

    def why_failed(self) -> tuple[str, str]:
        for pod in self.pods:
            if has_failed(self.job, pod) and pod_state.phase(pod) == "Failed":
                found = policies.judge(self.job, pod)
                if found.action == "FailJob":
                    return "PodFailurePolicy", found.message
        if self.tally.total_failed > self.spec.get("backoffLimit", 6) or self.restarts_too_often():
            return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        if self.is_too_late():
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        if self.per_index is not None and self.failed_indexes:
            limit = self.spec.get("maxFailedIndexes")
            if limit is not None and len(self.failed_indexes) > limit:
                text = "Job has exceeded the specified maximal number of failed indexes"
                return "MaxFailedIndexesExceeded", text
            if len(self.failed_indexes | self.tally.completed) >= self.tally.completions:
                return "FailedIndexes", "Job has failed indexes"
        return "", ""

    def restarts_too_often(self) -> bool:
        """Containers that are restarted in their pods count as failures too."""
        if self.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
            return False
        total = 0
        for pod in self.pods:
            if pod_state.phase(pod) in ("Running", "Pending"):
                status = pod.get("status") or {}
                for kind in ("initContainerStatuses", "containerStatuses"):
                    total += sum(one.get("restartCount", 0) for one in status.get(kind) or ())
        limit = self.spec.get("backoffLimit", 6)
        return total > 0 if limit == 0 else total >= limit

    def is_too_late(self) -> bool:
        deadline = self.spec.get("activeDeadlineSeconds")
        if deadline is None or self.suspended or "startTime" not in self.status:
            return False
        left = clock.parse_rfc3339(self.status["startTime"]) + deadline - self.now
        if left > 0:
            self.look_again(left)
        return bool(left <= 0)

    def is_complete(self, active: int) -> bool:
        completions = self.spec.get("completions")
        if completions is None:
            return self.tally.total_succeeded > 0 and active == 0
        return bool(self.tally.total_succeeded >= completions)

    # ------------------------------------------------------------ pods

    async def end_all(self, count: int, ready: int) -> tuple[int, int]:
        if not self.active:
            return count, ready
        deleted, self.failure = await self.controller.workers_of.end(self.key, self.job, self.active)
        self.terminating += deleted
        return count - deleted, 0 if deleted == count else ready

    async def manage(self, count: int, record: Record) -> int:
        """As many active pods as there should be; answers with how many there are now."""
        workers = self.controller.workers_of
        wanted = 0 if self.suspended else self.wanted(count)
        going = surplus(self.job, self.active, count - wanted)
        if going:
            deleted, self.failure = await workers.end(self.key, self.job, going)
            self.terminating += deleted
            return count - deleted
        replaced = self.terminating if only_failed_are_replaced(self.job) else 0
        missing = min(wanted - replaced - count, AT_MOST)
        if missing <= 0:
            return count
        bodies = self.indexed_bodies(missing) if self.tally.indexed else [workers.plain(self.job)] * missing
        wait = record.wait(self.now) if self.per_index is None else 0.0
        if wait > 0:
            self.look_again(wait)
            return count
        if not bodies:
            return count
        created, self.failure = await workers.start(self.key, self.job, bodies)
        return count + created

    def wanted(self, count: int) -> int:
        parallelism, completions = self.spec.get("parallelism", 1), self.spec.get("completions")
        if completions is None:
            # A work queue: once one has succeeded, the others finish and nobody is started any more.
            return count if self.tally.total_succeeded > 0 else int(parallelism)
        left = completions - self.tally.total_succeeded - len(self.failed_indexes)
        return int(max(min(left, parallelism), 0))

    def indexed_bodies(self, count: int) -> list[Object]:
        taken = {indexes.of(pod) for pod in self.active} | self.tally.completed | self.failed_indexes
        if only_failed_are_replaced(self.job):
            taken |= {indexes.of(pod) for pod in self.pods if pod_state.is_terminating(pod)}
        bodies: list[Object] = []
        for index in range(self.tally.completions):
            if len(bodies) >= count:
                break
            if index in taken:
                continue
            before = self.replaced_later.get(index)
            if before is not None and (wait := wait_of_index(before)) > 0:
                self.look_again(wait)
                continue
            ignored = before is not None and policies.judge(self.job, before).action == "Ignore"
            bodies.append(self.controller.workers_of.indexed(self.job, index, before, ignored))
        return bodies

    def look_at_indexes(self) -> None:
        """Which indexes have failed for good; which failed pods have to stay until they are replaced."""
        assert self.per_index is not None
        for pod in self.pods:
            index = indexes.of(pod)
            known = not self.tally.tracked(pod) or not has_failed(self.job, pod)
            if known or index in self.tally.completed or not 0 <= index < self.tally.completions:
                continue
            action = policies.judge(self.job, pod).action
            if action == "FailIndex" or (action != "Ignore" and failures(pod, FAILURES) >= self.per_index):
                self.failed_indexes.add(index)
                continue
            other = self.replaced_later.get(index)
            if other is None or failures(other, FAILURES) <= failures(pod, FAILURES):
                self.replaced_later[index] = pod
        busy = {indexes.of(pod) for pod in self.active} | self.failed_indexes
        self.replaced_later = {index: pod for index, pod in self.replaced_later.items() if index not in busy}

    # ------------------------------------------------------------ status

    def note_suspension(self) -> None:
        known = statuses.find(self.conditions, "Suspended")
        wanted = "True" if self.suspended else "False"
        if (known is None and not self.suspended) or (known is not None and known["status"] == wanted):
            return
        word = "suspended" if self.suspended else "resumed"
        made = statuses.condition("Suspended", wanted, f"Job{word.capitalize()}", f"Job {word}")
        self.conditions = [*statuses.without(self.conditions, "Suspended"), with_probe(made)]
        self.controller.events.event(self.job, "Normal", word.capitalize(), f"Job {word}")
        if not self.suspended:
            self.status["startTime"] = clock.rfc3339(self.now)

    async def count_finished(self, end: Object | None) -> None:
        """The three steps of `tally`, with the conditions that go with them."""
        if end is not None and statuses.find(self.conditions, end["type"]) is None:
            self.conditions.append(with_probe(end))
        kept = {pod["metadata"]["uid"] for pod in self.replaced_later.values()}
        free = self.tally.take(end is not None, kept)
        if free:
            await self.write()
            failure = await release(self.controller.client, free, self.controller.released)
            self.failure = self.failure or failure
            self.tally.settle()
        # Deleted pods that are still on their way out hold the end up.
        if end is not None and not self.tally.uncounted() and not self.status["terminating"] + self.status["active"]:
            self.finish(end)
        await self.write()

    def finish(self, end: Object) -> None:
        kind = "Complete" if end["type"] == "SuccessCriteriaMet" else "Failed"
        made = statuses.condition(kind, "True", end["reason"], end["message"])
        self.conditions.append(with_probe(made))
        if kind == "Complete":
            self.status["completionTime"] = clock.rfc3339(self.now)
            self.controller.events.event(self.job, "Normal", "Completed", "Job completed")
        else:
            self.controller.events.event(self.job, "Warning", end["reason"], end["message"])

    async def write(self) -> None:
        tally, status = self.tally, self.status
        status |= {
            "succeeded": tally.succeeded,
            "failed": tally.failed,
            "uncountedTerminatedPods": tally.uncounted(),
            "conditions": self.conditions,
        }
        if tally.indexed:
            status["completedIndexes"] = indexes.write(tally.completed)
        keep = ["ready", "terminating", "uncountedTerminatedPods"]
        if self.per_index is not None:
            status["failedIndexes"] = indexes.write(self.failed_indexes)
            keep.append("failedIndexes")
        body = statuses.without_zeros(status, keep)
        if body != (self.job.get("status") or {}):
            self.job = await self.controller.client.update(JOBS, {**self.job, "status": body}, subresource="status")

    def look_again(self, seconds: float) -> None:
        self.again = seconds if self.again is None else min(self.again, seconds)


def with_probe(condition: Object) -> Object:
    return {**condition, "lastProbeTime": condition["lastTransitionTime"]}
