"""`kubectl debug`: a container beside those of a pod, a copy of a pod to try things on, or a pod on a node."""

from __future__ import annotations

import copy
from typing import Any

from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kubectl import attaching, debug_profiles
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib import ids
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

NODE_TARGET = "Creating debugging pod {} with container {} on node {}."


async def run(call: Call) -> None:
    flags = call.flags
    names, command = call.before_dash, call.after_dash
    if flags["profile"] not in debug_profiles.PROFILES:
        raise CommandError(f"unknown profile: {flags['profile']}")
    custom = debug_profiles.custom(call)
    _check(call, names, command)
    attach = flags["attach"] if flags.changed("attach") else bool(flags["stdin"])
    if flags["target"] and not flags["quiet"]:
        call.say(
            f"Targeting container {quote(flags['target'])}. If you don't see processes from this container it may be "
            "because the container runtime doesn't support this feature."
        )
    if flags["profile"] == "legacy":
        call.warn(debug_profiles.LEGACY)
    args = names if any("/" in one for one in names) or not names else ["pods", *names]
    for info in await Builder(call).arguments(args).all():
        kind = info.mapping.resource.kind
        if kind == "Node":
            pod, container = await _on_node(call, info, command, custom)
        elif kind != "Pod":
            resource = info.mapping.resource
            shown = quote(f"{resource.group}/{resource.version}, Kind={kind}")
            raise CommandError(f"{shown} not supported by debug")
        elif flags["copy-to"]:
            pod, container = await _copied(call, info, command, custom)
        else:
            pod, container = await _beside(call, info, command, custom)
        if attach and container:
            await _attach(call, info, pod, container)


def _check(call: Call, names: list[str], command: list[str]) -> None:
    flags = call.flags
    copying = bool(flags["copy-to"])
    pull = flags["image-pull-policy"]
    rules = (
        (
            flags.changed("attach") and flags["attach"] and not flags["image"] and not flags["container"],
            "you must specify --container or create a new container using --image in order to attach.",
        ),
        (
            copying and not flags["image"] and not flags["set-image"] and not command,
            "you must specify --image, --set-image or command arguments.",
        ),
        (
            copying and command and not flags["container"] and not flags["image"],
            "you must specify an existing container or a new image when specifying args.",
        ),
        (not copying and flags["replace"], "--replace may only be used with --copy-to."),
        (not copying and flags["same-node"], "--same-node may only be used with --copy-to."),
        (not copying and flags["set-image"], "--set-image may only be used with --copy-to."),
        (not copying and not flags["image"], "you must specify --image when not using --copy-to."),
        (not names and not any(flags["filename"]), "NAME or filename is required for debug"),
        (pull not in ("", "Always", "IfNotPresent", "Never"), f"invalid image pull policy: {pull}"),
        (flags["target"] and copying, "--target is incompatible with --copy-to. Use --share-processes instead."),
        (flags["tty"] and not flags["stdin"], "-i/--stdin is required for containers with -t/--tty=true"),
    )
    for wrong, text in rules:
        if wrong:
            raise CommandError(text)


def _container(call: Call, name: str, command: list[str]) -> Object:
    made: Object = {"name": name, "terminationMessagePolicy": "File"}
    _change(call, made, command)
    return made


def _change(call: Call, container: Object, command: list[str]) -> None:
    """What flags say of a debugger, new or not."""
    flags = call.flags
    if command:
        container["args" if flags["arguments-only"] else "command"] = command
        if not flags["arguments-only"]:
            container.pop("args", None)
    if flags["env"]:
        container["env"] = [dict(zip(("name", "value"), one.partition("=")[::2], strict=True)) for one in flags["env"]]
    if flags["image"]:
        container["image"] = flags["image"]
    if flags["image-pull-policy"]:
        container["imagePullPolicy"] = flags["image-pull-policy"]
    for key in ("stdin", "tty"):
        container.pop(key, None)
        if flags[key]:
            container[key] = True


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


async def _beside(call: Call, info: Info, command: list[str], custom: Object | None) -> tuple[Object, str]:
    flags = call.flags
    name = _named(call, info.object)
    old = info.object["spec"].get("ephemeralContainers") or []
    made = next((copy.deepcopy(one) for one in old if one["name"] == name), None) or _container(call, name, command)
    if flags["target"]:
        made["targetContainerName"] = flags["target"]
    pod: Object = {"metadata": {}, "spec": {"ephemeralContainers": [made]}}
    debug_profiles.apply(call, "ephemeral", pod, name)
    debug_profiles.customize(pod, name, custom)
    order = [{"name": one} for one in dict.fromkeys([*(each["name"] for each in old), name])]
    patch = {"spec": {"$setElementOrder/ephemeralContainers": order, **pod["spec"]}}
    found = await call.factory.send("PATCH", info.path("ephemeralcontainers"), patch, content_type=STRATEGIC_PATCH)
    return found, name


async def _copied(call: Call, info: Info, command: list[str], custom: Object | None) -> tuple[Object, str]:
    flags, old = call.flags, info.object
    spec = copy.deepcopy(old["spec"])
    spec.pop("ephemeralContainers", None)
    if not flags["same-node"]:
        spec.pop("nodeName", None)
    if flags.changed("share-processes"):
        spec["shareProcessNamespace"] = flags["share-processes"]
    images = dict(text.partition("=")[::2] for text in flags["set-image"])
    for container in spec["containers"]:
        container["image"] = images.get(container["name"], images.get("*")) or container["image"]
    metadata: Object = {"name": flags["copy-to"], "namespace": info.namespace}
    metadata |= {key: old["metadata"][key] for key in ("annotations", "labels") if old["metadata"].get(key)}
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    name = _in_copy(call, pod, old, command)
    if name:
        debug_profiles.apply(call, "copy", pod, name)
        debug_profiles.customize(pod, name, custom)
    created = await call.factory.send("POST", info.path(collection=True), pod)
    if flags["replace"]:
        await call.factory.send("DELETE", info.path())
    return created, name


def _in_copy(call: Call, pod: Object, old: Object, command: list[str]) -> str:
    """The copy's debugger: one of its containers, changed, or a new one; "" when only images are other ones."""
    flags, spec = call.flags, pod["spec"]
    name = str(flags["container"])
    existing = next((one for one in spec["containers"] if one["name"] == name), None)
    if existing is not None:
        _change(call, existing, command)
        return name
    if not flags["image"]:
        if flags["set-image"]:
            return ""
        raise CommandError("you must specify image when creating new container")
    name = _named(call, old)
    spec["containers"].append(_container(call, name, command))
    return name


async def _on_node(call: Call, info: Info, command: list[str], custom: Object | None) -> tuple[Object, str]:
    flags = call.flags
    name = flags["container"] or "debugger"
    pod_name = f"node-debugger-{info.name}-{ids.suffix()}"
    if not flags["quiet"]:
        call.say(NODE_TARGET.format(pod_name, name, info.name))
    spec: Object = {"nodeName": info.name, "restartPolicy": "Never", "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": pod_name, "labels": {"app.kubernetes.io/managed-by": "kubectl-debug"}}
    pod: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    spec["containers"] = [_container(call, name, command)]
    debug_profiles.apply(call, "node", pod, name)
    debug_profiles.customize(pod, name, custom)
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
