"""`kubectl attach`."""

from __future__ import annotations

from minikube_edu.kubectl import attaching, detaching
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag


async def run(call: Call) -> None:
    flags = call.flags
    if not call.args:
        raise CommandError("at least 1 argument is required for attach")
    if len(call.args) > 2:
        saw = f"{len(call.args)}: [{' '.join(call.args)}]"
        raise CommandError(f"expected POD, TYPE/NAME, or TYPE NAME, (at most 2 arguments) saw {saw}")
    pod = await attaching.found_pod(
        call, call.args if "/" in call.args[0] or len(call.args) == 1 else ["/".join(call.args)]
    )
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        raise CommandError(f"cannot attach a container in a completed pod; current phase is {pod['status']['phase']}")
    container = attaching.container_of(call, pod, flags["container"], quiet=flags["quiet"], to_attach=True)
    await attaching.attach(call, pod, container, stdin=flags["stdin"], tty=flags["tty"], quiet=flags["quiet"])


COMMAND = Command(
    "attach",
    run,
    use="(POD | TYPE/NAME) -c CONTAINER",
    long="Attach to a process that is already running inside an existing container.",
    flags=(
        Flag("container", short="c", help="The container; the pod's default one, or its first, without it."),
        Flag(
            "detach-keys",
            default=detaching.DEFAULT,
            help="The keys that end the attachment and leave the container be.",
        ),
        Flag("pod-running-timeout", "duration", default="1m0s", help="How long to wait until a pod runs."),
        Flag("quiet", "bool", short="q", help="Only print output from the remote session"),
        Flag("stdin", "bool", short="i", help="Pass stdin to the container"),
        Flag("tty", "bool", short="t", help="Stdin is a TTY"),
    ),
)
