"""`kubectl run`: one pod from an image, perhaps with a service, perhaps with one's terminal attached to it."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import detaching, last_applied, overriding, pairs, printing
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

PODS = Resource("", "v1", "pods", kind="Pod")
SERVICES = Resource("", "v1", "services", kind="Service")
_IMAGE = re.compile(
    r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.[a-zA-Z0-9-]+)*(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?"
)


async def run(call: Call) -> None:
    flags = call.flags
    labels = _labels(flags["labels"])
    name, args = _checked(call)
    dry = printing.dry_run(call)
    attach = flags["attach"] or (flags["stdin"] and not flags.changed("attach"))
    if flags["rm"] and not attach:
        raise call.usage("--rm should only be used for attached containers")
    if attach and dry != "none":
        raise call.usage(
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)"
        )
    await call.factory.mapper.resources()  # the real one looks the kind up, and so finds that there is no server
    pod = overriding.apply(call, _pod(call, name, args, labels or {"run": name}), "v1.Pod")
    if flags["expose"]:
        await _send(call, SERVICES, _service(call, name, labels, flags["port"]), dry)
    created = await _send(call, PODS, pod, dry, say=not attach)
    if attach:
        from minikube_edu.kubectl import attaching

        await attaching.attach_to_new(call, created)


def _checked(call: Call) -> tuple[str, list[str]]:
    flags = call.flags
    restart = flags["restart"]
    if restart not in ("Always", "OnFailure", "Never", ""):
        raise call.usage(f"invalid restart policy: {restart}")
    if not call.args or flags.dash == 0:
        raise call.usage("NAME is required for run")
    if not flags["image"]:
        raise CommandError("--image is required")
    if not _IMAGE.fullmatch(flags["image"]):
        raise CommandError(f"Invalid image name {quote(flags['image'])}: invalid reference format")
    if flags["tty"] and not flags["stdin"]:
        raise call.usage("-i/--stdin is required for containers with -t/--tty=true")
    if flags["expose"] and not flags["port"]:
        raise call.usage("--port must be set when exposing a service")
    if flags["port"] and not re.fullmatch(r"[+-]?\d+", flags["port"]):
        raise CommandError(f"strconv.Atoi: parsing {quote(flags['port'])}: invalid syntax")
    pull = flags["image-pull-policy"]
    if pull not in ("", "Always", "IfNotPresent", "Never"):
        raise call.usage(f"invalid image pull policy: {pull}")
    return call.args[0], call.args[1:]


def _labels(text: str) -> dict[str, str]:
    found = {}
    for part in text.split(",") if text else ():
        pieces = part.split("=")
        if len(pieces) != 2:
            raise CommandError(f"unexpected label spec: {part}")
        if not pieces[0]:
            raise CommandError("unexpected empty label key")
        found[pieces[0]] = pieces[1]
    return found


def _environment(entries: list[str]) -> list[dict[str, str]]:
    from minikube_edu.api import names

    found = []
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals or not name or names.env_var_name(name):
            raise CommandError(f"invalid env: {entry}")
        found.append({"name": name, "value": value} if value else {"name": name})
    return found


def _pod(call: Call, name: str, args: list[str], labels: dict[str, str]) -> Object:
    flags = call.flags
    container: Object = {"name": name, "image": flags["image"]}
    if args:
        container["command" if flags["command"] else "args"] = args
    if flags["port"]:
        container["ports"] = [{"containerPort": int(flags["port"])}]
    if env := _environment(flags["env"]):
        container["env"] = env
    container["resources"] = {}
    if flags["image-pull-policy"]:
        container["imagePullPolicy"] = flags["image-pull-policy"]
    if flags["privileged"]:
        container["securityContext"] = {"privileged": True}
    if flags["stdin"]:
        container["stdin"] = True
        if not flags["leave-stdin-open"]:
            container["stdinOnce"] = True
    if flags["tty"]:
        container["tty"] = True
    metadata: Object = {"name": name, "labels": labels}
    annotations, _ = pairs.annotation_changes(flags["annotations"], "annotations", removal=False)
    if annotations:
        metadata["annotations"] = annotations
    return {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {"containers": [container], "restartPolicy": flags["restart"] or "Always", "dnsPolicy": "ClusterFirst"},
        "status": {},
    }


def _service(call: Call, name: str, labels: dict[str, str], port: str) -> Object:
    metadata: Object = {"name": name, **({"labels": labels} if labels else {})}
    number = int(port)
    return {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata,
        "spec": {
            "ports": [{"protocol": "TCP", "port": number, "targetPort": number}],
            "selector": labels or {"run": name},
        },
        "status": {"loadBalancer": {}},
    }


async def _send(call: Call, resource: Resource, obj: Object, dry: str, *, say: bool = True) -> Object:
    show = printing.shower(call, "created", dry, typed=True)
    if call.flags["save-config"]:
        obj = last_applied.typed(obj)
    if dry != "client":
        obj = await call.factory.send(
            "POST",
            resource.path(call.factory.namespace),
            obj,
            dryRun="All" if dry == "server" else "",
            fieldManager=call.flags["field-manager"],
        )
    elif call.factory.namespace_given:
        obj["metadata"] = {"namespace": call.factory.namespace, **obj["metadata"]}
    if say:
        if call.flags["output"] == "yaml" and resource is SERVICES:
            show(obj)
            call.out.write("---\n---\n")
        else:
            show(obj)
    return obj


COMMAND = Command(
    "run",
    run,
    use='NAME --image=image [--env="key=value"] [--port=port] [--dry-run=server|client] [--overrides=inline-json] '
    "[--command] -- [COMMAND] [args...]",
    long="Create and run a particular image in a pod.",
    discovery_tries=1,
    examples="""# Start a nginx pod
kubectl run nginx --image=nginx

# Start a hazelcast pod and let the container expose port 5701
kubectl run hazelcast --image=hazelcast/hazelcast --port=5701

# Start a hazelcast pod and set environment variables "DNS_DOMAIN=cluster" and "POD_NAMESPACE=default" in the container
kubectl run hazelcast --image=hazelcast/hazelcast --env="DNS_DOMAIN=cluster" --env="POD_NAMESPACE=default"

# Start a hazelcast pod and set labels "app=hazelcast" and "env=prod" in the container
kubectl run hazelcast --image=hazelcast/hazelcast --labels="app=hazelcast,env=prod"

# Dry run; print the corresponding API objects without creating them
kubectl run nginx --image=nginx --dry-run=client

# Start a nginx pod, but overload the spec with a partial set of values parsed from JSON
kubectl run nginx --image=nginx --overrides='{ "apiVersion": "v1", "spec": { ... } }'

# Start a busybox pod and keep it in the foreground, don't restart it if it exits
kubectl run -i -t busybox --image=busybox --restart=Never

# Start the nginx pod using the default command, but use custom arguments (arg1 .. argN) for that command
kubectl run nginx --image=nginx -- <arg1> <arg2> ... <argN>

# Start the nginx pod using a different command and custom arguments
kubectl run nginx --image=nginx --command -- <cmd> <arg1> ... <argN>""",
    required=("image",),
    flags=(
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.SAVE_CONFIG,
        *groups.RECORD,
        *overriding.FLAGS,
        *groups.field_manager("kubectl-run"),
        *groups.filename("that nothing is done with."),
        Flag(
            "cascade", default="background", no_value="background", help="With --rm: background, orphan or foreground."
        ),
        Flag("annotations", "array", help="Annotations to apply to the pod."),
        Flag("attach", "bool", help="Attach to the pod when it runs; the default with -i."),
        Flag("command", "bool", help="The arguments are the container's command, not the arguments of its own."),
        Flag("detach-keys", default=detaching.DEFAULT, help="The keys that end the attachment and leave the pod be."),
        Flag("env", "array", help="Environment variables to set in the container."),
        Flag("expose", "bool", help="Create a ClusterIP service for the pod, too. Requires --port."),
        Flag("force", "bool", help="With --rm: delete at once."),
        Flag("grace-period", "int", default=-1, help="With --rm: seconds that the pod has to end."),
        Flag("image", help="The image for the container to run."),
        Flag("image-pull-policy", help="Always, IfNotPresent or Never."),
        Flag("labels", short="l", help="Comma separated labels to apply to the pod. Will override previous values."),
        Flag("leave-stdin-open", "bool", help="Stdin stays open after the first attachment ends."),
        Flag("pod-running-timeout", "duration", default="1m0s", help="How long to wait until a pod runs."),
        Flag("port", help="The port that this container exposes."),
        Flag("privileged", "bool", help="Run the container in privileged mode."),
        Flag("quiet", "bool", short="q", help="Print no prompt messages."),
        Flag(
            "restart",
            default="Always",
            help="The restart policy for this Pod. Legal values [Always, OnFailure, Never].",
        ),
        Flag("rm", "bool", help="Delete the pod when it has ended. Only with --attach or -i."),
        Flag("stdin", "bool", short="i", help="Keep stdin open on the container."),
        Flag("timeout", "duration", default="0s", help="With --rm: how long to wait for the deletion."),
        Flag("tty", "bool", short="t", help="Allocate a terminal for the container."),
        Flag("wait", "bool", help="With --rm: wait until the pod is gone."),
    ),
)
