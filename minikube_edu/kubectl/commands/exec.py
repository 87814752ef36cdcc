"""`kubectl exec`."""

from __future__ import annotations

from minikube_edu.kubectl import attaching
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag


async def run(call: Call) -> None:
    flags, args, dash = call.flags, call.args, call.flags.dash
    from_file = any(flags["filename"])
    if (not args and not from_file) or (dash == 0 and not from_file):
        raise CommandError("pod, type/name or --filename must be specified")
    command = args if from_file else args[1:]
    if dash < 0 and command and not from_file:
        raise call.usage("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead")
    if not command:
        raise CommandError("you must specify at least one command for the container")
    if from_file:
        infos = await Builder(call).options(latest=True).all()
        if len(infos) != 1:
            raise CommandError("cannot exec into multiple objects at a time")
        pod = await attaching.pod_of(infos[0], attaching.running_timeout(call))
    else:
        pod = await attaching.found_pod(call, args)
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        raise CommandError(
            f"cannot exec into a container in a completed pod; current phase is {pod['status']['phase']}"
        )
    container = attaching.container_of(call, pod, flags["container"], quiet=flags["quiet"])
    tty = attaching.usable_tty(call, flags["stdin"], flags["tty"], flags["quiet"])
    await attaching.execute(call, pod, container, command, stdin=flags["stdin"], tty=tty)


COMMAND = Command(
    "exec",
    run,
    use="(POD | TYPE/NAME) [-c CONTAINER] [flags] -- COMMAND [args...]",
    long="Execute a command in a container.",
    examples="""# Get output from running the 'date' command from pod mypod, using the first container by default
kubectl exec mypod -- date

# Switch to raw terminal mode; sends stdin to 'bash' in ruby-container from pod mypod
kubectl exec mypod -c ruby-container -i -t -- bash -il""",
    flags=(
        *groups.filename_alone("of the pod."),
        Flag("container", short="c", help="The container; the pod's default one, or its first, without it."),
        Flag("pod-running-timeout", "duration", default="1m0s", help="How long to wait until a pod runs."),
        Flag("quiet", "bool", short="q", help="Only print output from the remote session"),
        Flag("stdin", "bool", short="i", help="Pass stdin to the container"),
        Flag("tty", "bool", short="t", help="Stdin is a TTY"),
    ),
)
