"""`kubectl debug`: a container beside those of a pod, a copy of a pod to try things on, or a pod on a node."""

from __future__ import annotations

import copy
from typing import Any

from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.builder import Builder, Info
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib import ids
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

PROFILES = ("legacy", "general", "baseline", "restricted", "netadmin", "sysadmin", "auto")
NODE_TARGET = "Creating debugging pod {} with container {} on node {}."


async def run(call: Call) -> None:
    flags = call.flags
    names, command = call.before_dash, call.after_dash
    if not flags["image"] and not flags["copy-to"]:
        raise CommandError("you must specify --image when not using --copy-to.")
    if not names and not any(flags["filename"]):
        raise CommandError("NAME or filename is required for debug")
    if flags["replace"] and not flags["copy-to"]:
        raise CommandError("--replace may only be used with --copy-to.")
    if flags["target"] and flags["copy-to"]:
        raise CommandError("--target is incompatible with --copy-to. Use --share-processes instead.")
    if flags["profile"] not in PROFILES:
        raise CommandError(f"unknown profile: {flags['profile']}")
    attach = flags["attach"] if flags.changed("attach") else bool(flags["stdin"])
    if flags["tty"] and not flags["stdin"]:
        raise CommandError("-i/--stdin is required for containers with -t/--tty=true")
    args = names if any("/" in one for one in names) or not names else ["pods", *names]
    for info in await Builder(call).arguments(args).all():
        kind = info.mapping.resource.kind
        if kind == "Node":
            pod, container = await _on_node(call, info, command)
        elif kind != "Pod":
            resource = info.mapping.resource
            shown = quote(f"{resource.group}/{resource.version}, Kind={kind}")
            raise CommandError(f"{shown} not supported by debug")
        elif flags["copy-to"]:
            pod, container = await _copied(call, info, command)
        else:
            pod, container = await _beside(call, info, command)
        if attach and container:
            await _attach(call, info, pod, container)


def _container(call: Call, name: str, command: list[str]) -> Object:
    flags = call.flags
    made: Object = {"name": name, "image": flags["image"], "terminationMessagePolicy": "File"}
    if flags["image-pull-policy"]:
        made["imagePullPolicy"] = flags["image-pull-policy"]
    if flags["env"]:
        made["env"] = [dict(zip(("name", "value"), one.partition("=")[::2], strict=True)) for one in flags["env"]]
    if command:
        made["args" if flags["arguments-only"] else "command"] = command
    if flags["stdin"]:
        made["stdin"] = True
    if flags["tty"]:
        made["tty"] = True
    return _profiled(made, flags["profile"])


def _profiled(container: Object, profile: str) -> Object:
    """What a profile allows the debugger to do."""
    if profile in ("general", "legacy", "auto", "baseline"):
        if profile == "general":
            container["securityContext"] = {"capabilities": {"add": ["SYS_PTRACE"]}}
    elif profile == "restricted":
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
    elif profile == "netadmin":
        container["securityContext"] = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
    elif profile == "sysadmin":
        container["securityContext"] = {"privileged": True}
    return container


def _named(call: Call, pod: Object) -> str:
    if call.flags["container"]:
        return str(call.flags["container"])
    spec = pod["spec"]
    taken = {
        one["name"] for key in ("containers", "initContainers", "ephemeralContainers") for one in spec.get(key) or ()
    }
    while (name := f"debugger-{ids.suffix()}") in taken:
        pass
    if not call.flags["quiet"]:
        call.say(f"Defaulting debug container name to {name}.")
    return name


async def _beside(call: Call, info: Info, command: list[str]) -> tuple[Object, str]:
    flags = call.flags
    if flags["target"] and not flags["quiet"]:
        call.say(
            f"Targeting container {quote(flags['target'])}. If you don't see processes from this container it may be "
            "because the container runtime doesn't support this feature."
        )
    name = _named(call, info.object)
    made = _container(call, name, command)
    if flags["target"]:
        made["targetContainerName"] = flags["target"]
    patch = {"spec": {"ephemeralContainers": [made]}}
    pod = await call.factory.send("PATCH", info.path("ephemeralcontainers"), patch, content_type=STRATEGIC_PATCH)
    return pod, name


async def _copied(call: Call, info: Info, command: list[str]) -> tuple[Object, str]:
    flags, old = call.flags, info.object
    spec = copy.deepcopy(old["spec"])
    spec.pop("ephemeralContainers", None)
    if not flags["same-node"]:
        spec.pop("nodeName", None)
    if flags["share-processes"]:
        spec["shareProcessNamespace"] = True
    images = dict(text.partition("=")[::2] for text in flags["set-image"])
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        image = images.get(container["name"], images.get("*"))
        if image:
            container["image"] = image
        if not flags["keep-liveness"]:
            container.pop("livenessProbe", None)
        if not flags["keep-readiness"]:
            container.pop("readinessProbe", None)
        if not flags["keep-startup"]:
            container.pop("startupProbe", None)
    name = flags["container"]
    existing = next((one for one in spec["containers"] if one["name"] == name), None)
    if existing is not None:
        existing.update(_changes(call, command))
    elif flags["image"]:
        name = _named(call, old)
        spec["containers"].append(_container(call, name, command))
    metadata: Object = {
        "name": flags["copy-to"],
        "namespace": info.namespace,
        "annotations": old["metadata"].get("annotations") or {},
    }
    if flags["keep-labels"]:
        metadata["labels"] = old["metadata"].get("labels") or {}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    created = await call.factory.send("POST", info.path(collection=True), pod)
    if flags["replace"]:
        await call.factory.send("DELETE", info.path())
    return created, name


def _changes(call: Call, command: list[str]) -> Object:
    flags = call.flags
    found: Object = {"image": flags["image"]} if flags["image"] else {}
    if command:
        found["args" if flags["arguments-only"] else "command"] = command
    return {**found, "stdin": flags["stdin"], "tty": flags["tty"]}


async def _on_node(call: Call, info: Info, command: list[str]) -> tuple[Object, str]:
    flags = call.flags
    name = flags["container"] or "debugger"
    pod_name = f"node-debugger-{info.name}-{ids.suffix()}"
    if not flags["quiet"]:
        call.say(NODE_TARGET.format(pod_name, name, info.name))
    container = _container(call, name, command)
    spec: Object = {"nodeName": info.name, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}]}
    if flags["profile"] in ("legacy", "general", "sysadmin", "netadmin", "auto"):
        spec |= {"hostNetwork": True, "hostPID": True}
        if flags["profile"] != "netadmin":
            spec["hostIPC"] = True
            spec["volumes"] = [{"name": "host-root", "hostPath": {"path": "/"}}]
            container["volumeMounts"] = [{"name": "host-root", "mountPath": "/host"}]
    if flags["profile"] == "general":
        container.pop("securityContext", None)
    metadata = {"name": pod_name, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**spec, "containers": [container]}}
    created = await call.factory.send("POST", attaching.PODS.path(call.factory.namespace), pod)
    return created, name


async def _attach(call: Call, info: Info, pod: Object, container: str) -> None:
    from minikube_edu.kubectl.waiting import Deadline, until

    served = await call.factory.mapper.for_kind("", "Pod", "v1")
    metadata = pod["metadata"]
    where = Info(call.factory, served, metadata["namespace"], metadata["name"], pod)

    def runs(obj: Object | None) -> bool:
        if obj is None:
            raise CommandError("pod has been deleted")
        status = obj.get("status") or {}
        every = [*(status.get("containerStatuses") or ()), *(status.get("ephemeralContainerStatuses") or ())]
        return any(
            one["name"] == container and ("running" in one["state"] or "terminated" in one["state"])
            for one in every
            if one.get("state")
        )

    try:
        found = await until(where, runs, Deadline(60.0))
    except TimeoutError:
        raise CommandError("timed out waiting for the condition") from None
    assert found is not None
    await attaching.attach(
        call, found, container, stdin=call.flags["stdin"], tty=call.flags["tty"], quiet=call.flags["quiet"]
    )


COMMAND = Command(
    "debug",
    run,
    use="(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]",
    long="Debug cluster resources using interactive debugging containers: beside the containers of a pod, in a "
    "copy of it, or on a node.",
    examples="""# Create an interactive debugging session in pod mypod and immediately attach to it.
kubectl debug mypod -it --image=busybox

# Create a debug container as a copy of the original Pod
kubectl debug mypod -it --image=busybox --copy-to=my-debugger

# Create an interactive debugging session on a node and immediately attach to it.
kubectl debug node/mynode -it --image=busybox""",
    flags=(
        *groups.filename_alone("of the pod."),
        Flag("arguments-only", "bool", help="What stands behind -- are arguments of the container's own command."),
        Flag("attach", "bool", help="Attach to the container when it runs; the default with -i."),
        Flag("container", short="c", help="Container name to use for debug container."),
        Flag("copy-to", help="Create a copy of the target Pod with this name."),
        Flag("custom", help="A file with a partial container to merge into the debugger."),
        Flag("env", "map", help="Environment variables to set in the container."),
        Flag("image", help="Container image to use for debug container."),
        Flag("image-pull-policy", help="Always, IfNotPresent or Never."),
        Flag("keep-annotations", "bool", help="Keep the original pod annotations."),
        Flag("keep-init-containers", "bool", default=True, help="Run the init containers for the pod."),
        Flag("keep-labels", "bool", help="Keep the original pod labels."),
        Flag("keep-liveness", "bool", help="Keep the original pod liveness probes."),
        Flag("keep-readiness", "bool", help="Keep the original pod readiness probes."),
        Flag("keep-startup", "bool", help="Keep the original startup probes."),
        Flag(
            "profile",
            default="general",
            help='Options are "general", "baseline", "restricted", "netadmin" or "sysadmin".',
        ),
        Flag("quiet", "bool", short="q", help="Print no information on the way."),
        Flag("replace", "bool", help="With --copy-to: delete the original Pod."),
        Flag("same-node", "bool", help="With --copy-to: on the same node."),
        Flag("set-image", "map", help="With --copy-to: container=image to change."),
        Flag("share-processes", "bool", default=True, help="With --copy-to: share processes in the copy."),
        Flag("stdin", "bool", short="i", help="Keep stdin open on the container(s) in the pod."),
        Flag("target", help="The container whose processes the debugger sees."),
        Flag("tty", "bool", short="t", help="Allocate a TTY for the debugging container."),
    ),
)
