"""What a container runs: the image's configuration with the pod's laid over it, as containerd merges them.

A command replaces the image's entrypoint *and* its cmd; arguments alone replace the cmd. Environment variables are the
runtime's (PATH, HOSTNAME, TERM on a terminal), then the image's, then the pod's; HOME is the user's unless it is set.
"""

from __future__ import annotations

from msgspec import Struct

from minikube_edu.container_runtime.cri import ContainerConfig, RuntimeFailure
from minikube_edu.container_runtime.simulated.accounts import identify
from minikube_edu.container_runtime.simulated.contract import User
from minikube_edu.container_runtime.simulated.images.entry import DEFAULT_PATH, Definition


class Invocation(Struct, frozen=True):
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    user: User
    stop_signal: str


def command_line(definition: Definition, config: ContainerConfig) -> tuple[str, ...]:
    command, arguments = tuple(config.command), tuple(config.args)
    if not command:
        command = tuple(definition.entrypoint)
        arguments = arguments or tuple(definition.cmd)
    if not command + arguments:
        raise RuntimeFailure("failed to generate container spec: no command specified")
    return command + arguments


def invocation(definition: Definition, config: ContainerConfig, hostname: str) -> Invocation:
    user, home = identify(definition, config.security)
    env = {"PATH": DEFAULT_PATH, "HOSTNAME": hostname}
    if config.tty:
        env["TERM"] = "xterm"
    env.update(definition.env)
    env.update(config.env)
    env.setdefault("HOME", home)
    return Invocation(
        command_line(definition, config),
        env,
        config.working_dir or definition.workdir or "/",
        user,
        config.stop_signal or definition.stop_signal or "SIGTERM",
    )
