"""`kubectl create job` and `kubectl create cronjob`."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

JOBS = Resource("batch", "v1", "jobs", kind="Job")
CRON_JOBS = Resource("batch", "v1", "cronjobs", kind="CronJob")


def _template(name: str, image: str, command: list[str], restart: str) -> dict[str, Any]:
    container: dict[str, Any] = {"name": name, "image": image}
    if command:
        container["command"] = command
    spec = {"containers": [{**container, "resources": {}}], "restartPolicy": restart}
    return {"template": {"metadata": {}, "spec": spec}}


async def job(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    command = call.after_dash
    if bool(flags["image"]) == bool(flags["from"]):
        raise CommandError("either --image or --from must be specified")
    if command and flags["from"]:
        raise CommandError("cannot specify --from and command")
    if flags["from"]:
        obj = await _from(call, name)
    else:
        obj = generating.header("Job", "batch/v1", name, call)
        obj |= {"spec": _template(name, flags["image"], command, "Never"), "status": {}}
    await generating.create(call, JOBS, obj, "failed to create job: ")


async def _from(call: Call, name: str) -> dict[str, Any]:
    """A run of a CronJob at once."""
    infos = await Builder(call).arguments([call.flags["from"]], all_of_type=True).all()
    if len(infos) != 1:
        raise CommandError("from must be an existing cronjob")
    cron = infos[0].object
    if cron.get("kind") != "CronJob":
        version = str(cron.get("apiVersion") or "").rpartition("/")[2]
        raise CommandError(f"unknown object type *{version}.{cron.get('kind')}")
    template = cron["spec"]["jobTemplate"]
    metadata = template.get("metadata") or {}
    annotations = {"cronjob.kubernetes.io/instantiate": "manual", **(metadata.get("annotations") or {})}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": cron["metadata"]["name"],
        "uid": cron["metadata"]["uid"],
        "controller": True,
    }
    labels = {"labels": metadata["labels"]} if metadata.get("labels") else {}
    obj = generating.header("Job", "batch/v1", name, call, **labels, annotations=annotations, ownerReferences=[owner])
    spec = dict(template.get("spec") or {})
    spec["template"] = {"metadata": {}, **(spec.get("template") or {})}
    return {**obj, "spec": spec, "status": {}}


async def cronjob(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    obj = generating.header("CronJob", "batch/v1", name, call)
    template = _template(name, flags["image"], call.after_dash, flags["restart"] or "OnFailure")
    obj["spec"] = {
        "schedule": flags["schedule"],
        "jobTemplate": {"metadata": {"name": name}, "spec": template},
    }
    obj["status"] = {}
    await generating.create(call, CRON_JOBS, obj, "failed to create cronjob: ")


COMMANDS = {
    "job": Command(
        "job",
        job,
        use="NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]",
        long="Create a job with the specified name.",
        examples="""# Create a job
kubectl create job my-job --image=busybox

# Create a job with a command
kubectl create job my-job --image=busybox -- date

# Create a job from a cron job named "a-cronjob"
kubectl create job test-job --from=cronjob/a-cronjob""",
        flags=(
            *generating.FLAGS,
            Flag("from", help="The name of the resource to create a Job from (only cronjob is supported)."),
            Flag("image", help="Image name to run."),
        ),
    ),
    "cronjob": Command(
        "cronjob",
        cronjob,
        use="NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...] [flags]",
        long="Create a cron job with the specified name.",
        examples="""# Create a cron job
kubectl create cronjob my-job --image=busybox --schedule="*/1 * * * *"

# Create a cron job with a command
kubectl create cronjob my-job --image=busybox --schedule="*/1 * * * *" -- date""",
        aliases=("cj",),
        required=("image", "schedule"),
        flags=(
            *generating.FLAGS,
            Flag("image", help="Image name to run."),
            Flag("restart", help="The job's restart policy: OnFailure or Never."),
            Flag("schedule", help="A schedule in the Cron format."),
        ),
    ),
}
