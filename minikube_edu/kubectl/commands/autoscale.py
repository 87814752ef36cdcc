"""`kubectl autoscale`: a HorizontalPodAutoscaler (version 2) for what can be scaled."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", kind="HorizontalPodAutoscaler")
Object = dict[str, Any]


async def run(call: Call) -> None:
    flags = call.flags
    least, most = flags["min"], flags["max"]
    if most < 1:
        raise CommandError(f"--max=MAXPODS is required and must be at least 1, max: {most}")
    if most < least:
        raise CommandError(f"--max=MAXPODS must be larger or equal to --min=MINPODS, max: {most}, min: {least}")
    dry = printing.dry_run(call)
    show = printing.shower(call, "autoscaled", dry, typed=True)
    infos, errors = await Builder(call).arguments(call.args).infos()
    for info in infos:
        try:
            obj = _autoscaler(call, info)
            if flags["save-config"]:
                obj = last_applied.typed(obj)
            if dry != "client":
                obj = await _create(call, obj, dry)
            show(obj)
        except Exception as error:
            errors.append(error)
    raise_all(errors)
    if not infos:
        raise CommandError("no objects passed to autoscale")


async def _create(call: Call, obj: Object, dry: str) -> Object:
    try:
        return await call.factory.send(
            "POST",
            AUTOSCALERS.path(call.factory.namespace),
            obj,
            dryRun="All" if dry == "server" else "",
            fieldManager=call.flags["field-manager"],
        )
    except ApiError as error:
        # The real one tries the first version of the API then, which has no place for these metrics.
        metrics = obj["spec"].get("metrics") or []
        if not metrics:
            why = "empty input"
        elif metrics[0]["resource"]["name"] != "cpu":
            why = f"unsupported metric type {metrics[0]['resource']['name']}"
        else:
            raise CommandError(str(error)) from None
        raise CommandError(
            f"failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1: {why}"
        ) from None


def _autoscaler(call: Call, info: Info) -> Object:
    flags, resource = call.flags, info.mapping.resource
    if "scale" not in info.mapping.subresources:
        shown = f"{resource.group}/{resource.version}, Resource={resource.plural}"
        raise CommandError(
            f"cannot autoscale a {resource.kind}: could not find scale subresource for {shown} in discovery information"
        )
    metrics = []
    if flags.changed("cpu-percent") and flags["cpu-percent"] >= 0:
        metrics.append(_metric("cpu", f"{flags['cpu-percent']}%"))
    elif flags["cpu"]:
        metrics.append(_metric("cpu", flags["cpu"]))
    if flags["memory"]:
        metrics.append(_metric("memory", flags["memory"]))
    spec: Object = {
        "scaleTargetRef": {"kind": resource.kind, "name": info.name, "apiVersion": resource.api_version},
    }
    if flags["min"] > 0:
        spec["minReplicas"] = flags["min"]
    spec["maxReplicas"] = flags["max"]
    if metrics:
        spec["metrics"] = metrics
    metadata: Object = {"name": flags["name"] or info.name}
    if call.factory.namespace_given:
        metadata["namespace"] = call.factory.namespace
    return {
        "kind": "HorizontalPodAutoscaler",
        "apiVersion": "autoscaling/v2",
        "metadata": metadata,
        "spec": spec,
        "status": {"desiredReplicas": 0, "currentMetrics": None},
    }


def _metric(name: str, text: str) -> Object:
    from minikube_edu.api import quantity

    if text.endswith("%"):
        if not text[:-1].isdigit() or int(text[:-1]) < 1:
            raise CommandError(f"invalid percentage value: {text}")
        target: Object = {"type": "Utilization", "averageUtilization": int(text[:-1])}
    else:
        try:
            target = {"type": "AverageValue", "averageValue": quantity.canonical(text)}
        except ValueError:
            raise CommandError(f"invalid {name} resource value: {text}") from None
    return {"type": "Resource", "resource": {"name": name, "target": target}}


COMMAND = Command(
    "autoscale",
    run,
    use="(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] [--memory=MEMORY]",
    long="Creates an autoscaler that automatically chooses and sets the number of pods that run in a Kubernetes "
    "cluster.",
    examples="""# Auto scale a deployment "foo", with the number of pods between 2 and 10
kubectl autoscale deployment foo --min=2 --max=10

# Auto scale a replication controller "foo" at 80% of the requested CPU
kubectl autoscale rc foo --max=5 --cpu=80%""",
    required=("max",),
    flags=(
        *groups.filename("of what to scale."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SAVE_CONFIG,
        *groups.RECORD,
        *groups.field_manager("kubectl-autoscale"),
        Flag("cpu", help="Target CPU: a percentage of the request (70%) or a quantity (500m)."),
        Flag(
            "cpu-percent",
            "int32",
            default=-1,
            help="Target CPU in percent.",
            deprecated="Use --cpu with percentage or resource quantity format (e.g., '70%' for utilization or "
            "'500m' for milliCPU).",
        ),
        Flag("max", "int32", default=-1, help="The upper limit for the number of pods. Required."),
        Flag("memory", help="Target memory: a percentage of the request or a quantity."),
        Flag("min", "int32", default=-1, help="The lower limit for the number of pods."),
        Flag(
            "name",
            help="The name for the newly created object. If not specified, the name of the input resource will be "
            "used.",
        ),
    ),
)
