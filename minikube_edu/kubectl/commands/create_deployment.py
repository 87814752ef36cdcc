"""`kubectl create deployment`."""

from __future__ import annotations

import re
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import generating
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

DEPLOYMENTS = Resource("apps", "v1", "deployments", kind="Deployment")


async def run(call: Call) -> None:
    flags = call.flags
    name = call.exactly_one_name()
    images: list[str] = flags["image"]
    command = call.after_dash
    if len(images) > 1 and command:
        raise CommandError("cannot specify multiple --image options and command")
    labels = {"app": name}
    containers: list[dict[str, Any]] = []
    for image in [one for one in images if one]:
        container: dict[str, Any] = {"name": container_name(image), "image": image}
        if command:
            container["command"] = command
        if flags["port"] >= 0:
            container["ports"] = [{"containerPort": flags["port"]}]
        containers.append({**container, "resources": {}})
    obj = generating.header("Deployment", "apps/v1", name, call, labels=labels)
    obj["spec"] = {
        "replicas": flags["replicas"],
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers or None}},
        "strategy": {},
    }
    obj["status"] = {}
    await generating.create(call, DEPLOYMENTS, obj, "failed to create deployment: ")


def container_name(image: str) -> str:
    """`registry.example.com:5000/team/app:v2` is run in a container named `app`."""
    name = image.rpartition("/")[2].partition(":")[0].partition("@")[0]
    return re.sub(r"[^-A-Za-z0-9]", "-", name)


COMMAND = Command(
    "deployment",
    run,
    use="NAME --image=image -- [COMMAND] [args...]",
    long="Create a deployment with the specified name.",
    examples="""# Create a deployment named my-dep that runs the busybox image
kubectl create deployment my-dep --image=busybox

# Create a deployment with a command
kubectl create deployment my-dep --image=busybox -- date

# Create a deployment named my-dep that runs the nginx image with 3 replicas
kubectl create deployment my-dep --image=nginx --replicas=3

# Create a deployment named my-dep that runs the busybox image and expose port 5701
kubectl create deployment my-dep --image=busybox --port=5701

# Create a deployment named my-dep that runs multiple containers
kubectl create deployment my-dep --image=busybox:latest --image=ubuntu:latest --image=nginx""",
    aliases=("deploy",),
    required=("image",),
    flags=(
        *generating.FLAGS,
        Flag(
            "image",
            "strings",
            help="Image names to run. A deployment can have multiple images set for multi-container pod.",
        ),
        Flag("port", "int32", default=-1, help="The containerPort that this deployment exposes."),
        Flag("replicas", "int32", short="r", default=1, help="Number of replicas to create. Default is 1."),
    ),
)
