"""Starts Jobs when they are due, keeps the list of those that run, and cleans up behind them."""

from __future__ import annotations

from datetime import datetime
from email.utils import formatdate

from minikube_edu.api import cron
from minikube_edu.client.errors import ApiError
from minikube_edu.client.events import reference
from minikube_edu.kube_controller_manager import statuses
from minikube_edu.kube_controller_manager.controller import Controller, Environment, Object
from minikube_edu.kube_controller_manager.controllers.cron_job import timing
from minikube_edu.kube_controller_manager.kinds import CRON_JOBS, JOBS
from minikube_edu.kube_controller_manager.ownership import (
    BY_CONTROLLER,
    by_controller,
    controlled_by,
    controller_of,
    reference_to,
)
from minikube_edu.kube_controller_manager.pod_control import namespace_is_going
from minikube_edu.lib import clock

SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"
HELP = "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"


class CronJobController(Controller):
    name = "cronjob-controller"

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.events = environment.recorder(self.name)
        self.cron_jobs = self.watch(CRON_JOBS)
        self.jobs = self.watch_related(JOBS, self.owners_of)
        self.jobs.add_indexer(BY_CONTROLLER, by_controller)

    def owners_of(self, job: Object) -> list[str]:
        owner = controller_of(job)
        if owner is None or owner["kind"] != "CronJob":
            return []
        return [f"{job['metadata']['namespace']}/{owner['name']}"]

    async def reconcile(self, key: str) -> None:
        found = self.cron_jobs.index.get(key)
        if found is None:
            return
        cron_job = {**found, "status": dict(found.get("status") or {})}
        jobs = self.jobs.index.by(BY_CONTROLLER, cron_job["metadata"]["uid"])
        await self.update_active(cron_job, jobs)
        try:
            again = None if "deletionTimestamp" in cron_job["metadata"] else await self.run_due(cron_job)
            await self.clean_up(cron_job, jobs)
        finally:
            status = statuses.without_zeros(cron_job["status"])
            await statuses.write_status(self.client, CRON_JOBS, found, status)
        if again is not None:
            self.queue.add_after(key, again)

    # ------------------------------------------------------------ the list of those that run

    async def update_active(self, cron_job: Object, jobs: list[Object]) -> None:
        status = cron_job["status"]
        for job in jobs:
            listed = any(one["uid"] == job["metadata"]["uid"] for one in status.get("active") or ())
            end = end_of(job)
            if end is None:
                if not listed:
                    await self.wonder(cron_job, job)
                continue
            if listed:
                forget(cron_job, job["metadata"]["uid"])
                text = f"Saw completed job: {job['metadata']['name']}, condition: {end}"
                self.events.event(cron_job, "Normal", "SawCompletedJob", text)
            completed = (job.get("status") or {}).get("completionTime")
            if end == "Complete" and completed and completed > status.get("lastSuccessfulTime", ""):
                status["lastSuccessfulTime"] = completed
        present = {job["metadata"]["uid"] for job in jobs}
        for one in [one for one in status.get("active") or () if one["uid"] not in present]:
            await self.look_for(cron_job, one)

    async def wonder(self, cron_job: Object, job: Object) -> None:
        """A Job of ours that is not in the list: started by hand, or our copy of the list is old."""
        metadata = cron_job["metadata"]
        fresh = await self.client.get(CRON_JOBS, metadata["name"], metadata["namespace"])
        active = (fresh.get("status") or {}).get("active") or ()
        if any(one["uid"] == job["metadata"]["uid"] for one in active):
            cron_job["status"] = dict(fresh["status"])
            return
        text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
        self.events.event(cron_job, "Warning", "UnexpectedJob", text)

    async def look_for(self, cron_job: Object, listed: Object) -> None:
        try:
            await self.client.get(JOBS, listed["name"], listed["namespace"])
        except ApiError as error:
            if error.code != 404:
                raise
            text = f"Active job went missing: {listed['name']}"
            self.events.event(cron_job, "Normal", "MissingJob", text)
            forget(cron_job, listed["uid"])

    # ------------------------------------------------------------ what is due

    async def run_due(self, cron_job: Object) -> float | None:
        """Start a Job if it is time; answers with the seconds until the next time."""
        spec, status, now = cron_job["spec"], cron_job["status"], clock.now()
        schedule = self.schedule(cron_job)
        if schedule is None or spec.get("suspend"):
            return None
        again = timing.until_next(cron_job, schedule, now)
        try:
            due = timing.due(cron_job, schedule, now, deadline=True)
        except timing.NeverDue as error:
            text = f"invalid schedule: {spec['schedule']} : {error}"
            self.events.event(cron_job, "Warning", "InvalidSchedule", text)
            return None
        if due.many:
            text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self.events.event(cron_job, "Warning", "TooManyMissedTimes", text)
        if due.time is None:
            return again
        deadline = spec.get("startingDeadlineSeconds")
        if deadline is not None and due.time + deadline < now:
            text = f"Missed scheduled time to start a job: {formatdate(due.time, usegmt=True).replace('GMT', 'UTC')}"
            self.events.event(cron_job, "Warning", "MissSchedule", text)
            return again
        name = f"{cron_job['metadata']['name']}-{int(due.time) // 60}"
        active = status.get("active") or []
        if any(one["name"] == name for one in active) or status.get("lastScheduleTime") == clock.rfc3339(due.time):
            return again
        if active and spec.get("concurrencyPolicy") == "Forbid":
            text = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.events.event(cron_job, "Normal", "JobAlreadyActive", text)
            return again
        if spec.get("concurrencyPolicy") == "Replace":
            for one in list(active):
                await self.delete(cron_job, one["name"], one["uid"])
        await self.start(cron_job, name, due.time)
        return again

    def schedule(self, cron_job: Object) -> cron.Schedule | None:
        spec = cron_job["spec"]
        text, zone = spec["schedule"], spec.get("timeZone")
        if zone is not None:
            try:
                cron.load_zone(zone)
            except ValueError as error:
                message = f'invalid timeZone: "{zone}": {error}'
                self.events.event(cron_job, "Warning", "UnknownTimeZone", message)
                return None
        if "TZ" in text:
            message = (
                f'CRON_TZ or TZ used in schedule "{text}" is not officially supported, see {HELP} for more details'
            )
            self.events.event(cron_job, "Warning", "UnsupportedSchedule", message)
        try:
            return cron.parse(text, zone)
        except ValueError as error:
            message = f'unparseable schedule: "{text}" : {error}'
            self.events.event(cron_job, "Warning", "UnparseableSchedule", message)
            return None

    async def start(self, cron_job: Object, name: str, time: float) -> None:
        body = job_of(cron_job, name, time)
        try:
            job = await self.client.create(JOBS, body)
        except ApiError as error:
            if error.already_exists:
                job = await self.client.get(JOBS, name, cron_job["metadata"]["namespace"])
                if not controlled_by(job, cron_job):
                    return
            else:
                if not namespace_is_going(error):
                    self.events.event(cron_job, "Warning", "FailedCreate", f"Error creating job: {error}")
                raise
        else:
            self.events.event(cron_job, "Normal", "SuccessfulCreate", f"Created job {name}")
        status = cron_job["status"]
        status["active"] = [*(status.get("active") or ()), reference(job)]
        status["lastScheduleTime"] = clock.rfc3339(time)

    # ------------------------------------------------------------ what is over

    async def clean_up(self, cron_job: Object, jobs: list[Object]) -> None:
        for end, field in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            limit = cron_job["spec"].get(field)
            over = sorted((job for job in jobs if end_of(job) == end), key=_started)
            if limit is not None:
                for job in over[: max(len(over) - limit, 0)]:
                    await self.delete(cron_job, job["metadata"]["name"], job["metadata"]["uid"])

    async def delete(self, cron_job: Object, name: str, uid: str) -> None:
        try:
            options = {"propagationPolicy": "Background"}
            await self.client.delete(JOBS, name, cron_job["metadata"]["namespace"], options=options)
        except ApiError as error:
            if error.code != 404:
                self.events.event(cron_job, "Warning", "FailedDelete", f"Deleted job: {error}")
                raise
        else:
            self.events.event(cron_job, "Normal", "SuccessfulDelete", f"Deleted job {name}")
        forget(cron_job, uid)


def end_of(job: Object) -> str | None:
    """Complete or Failed, when it is over."""
    for condition in (job.get("status") or {}).get("conditions") or ():
        if condition["type"] in ("Complete", "Failed") and condition["status"] == "True":
            return str(condition["type"])
    return None


def forget(cron_job: Object, uid: str) -> None:
    status = cron_job["status"]
    status["active"] = [one for one in status.get("active") or () if one["uid"] != uid]


def job_of(cron_job: Object, name: str, time: float) -> Object:
    """The Job of one time; its name is a lock, so that no two are made."""
    template = cron_job["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    zone = cron_job["spec"].get("timeZone")
    at = datetime.fromtimestamp(time, cron.load_zone(zone)).isoformat() if zone else clock.rfc3339(time)
    made = {
        "name": name,
        "namespace": cron_job["metadata"]["namespace"],
        "annotations": {**(metadata.get("annotations") or {}), SCHEDULED_AT: at},
        "ownerReferences": [reference_to(cron_job, CRON_JOBS)],
    }
    for field in ("labels", "finalizers"):
        if metadata.get(field):
            made[field] = metadata[field]
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": template["spec"]}


def _started(job: Object) -> tuple[str, str]:
    return (job.get("status") or {}).get("startTime") or "~", job["metadata"]["name"]
