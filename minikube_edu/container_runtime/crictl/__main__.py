"""`crictl COMMAND …`, on the runtime of the node that this process is on.

The endpoint: --runtime-endpoint, CONTAINER_RUNTIME_ENDPOINT, etc/crictl.yaml, else the node's containerd. Failures are
one line that begins with FATA[0000], and exit code 1.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Sequence

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.container_runtime.crictl import flags
from minikube_edu.container_runtime.crictl.session import Failure, Session
from minikube_edu.lib import node_root

DEFAULT = "unix:///run/containerd/containerd.sock"
CONFIGURATION = "/etc/crictl.yaml"
# command -> module and function
PLACES = {
    "ps": "listing:ps",
    "pods": "listing:pods",
    "images": "listing:images",
    "stats": "listing:stats",
    "statsp": "listing:statsp",
    "exec": "streaming:execute",
    "attach": "streaming:attach",
    "logs": "streaming:logs",
    "port-forward": "streaming:port_forward",
}


def main(words: Sequence[str] | None = None) -> int:
    left = list(sys.argv[1:] if words is None else words)
    try:
        around = flags.read(left, flags.GLOBAL)
        if around.has("version"):
            print("crictl version v1.36.0")
            return 0
        if around.has("help") or not around.arguments or around.arguments[0] in ("help", "h"):
            print(flags.help_text(flags.find(around.arguments[1]) if len(around.arguments) > 1 else None), end="")
            return 0
        command = flags.find(around.arguments[0])
        if command is None:
            raise flags.UsageError(f"unknown command \"{around.arguments[0]}\", see 'crictl help'")
        given = flags.read(around.arguments[1:], command.flags)
        if given.has("help"):
            print(flags.help_text(command), end="")
            return 0
        if command.name == "config":
            return configure(given)
        return asyncio.run(run(command, given, endpoint_of(around)))
    except (Failure, flags.UsageError, RuntimeFailure, OSError, ValueError) as error:
        sys.stdout.flush()
        print(f"FATA[0000] {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def run(command: flags.Command, given: flags.Given, endpoint: str) -> int:
    from minikube_edu.container_runtime.socket_driver import SocketRuntime

    path = node_root.below(endpoint.removeprefix("unix://"))
    try:
        runtime = await SocketRuntime.connect(path)
    except RuntimeFailure as error:
        text = str(error).replace(path, endpoint.removeprefix("unix://"))
        raise Failure(
            f'validate service connection: validate CRI v1 runtime API for endpoint "{endpoint}": {text}'
        ) from None
    try:
        module, _, name = PLACES.get(command.name, f"changing:{command.name}").partition(":")
        work = getattr(importlib.import_module(f"minikube_edu.container_runtime.crictl.{module}"), name)
        return await work(Session(runtime, given, endpoint)) or 0
    finally:
        sys.stdout.flush()
        await runtime.close()


def endpoint_of(around: flags.Given) -> str:
    told = around.get("runtime-endpoint") or os.environ.get("CONTAINER_RUNTIME_ENDPOINT", "")
    return told or settings(around.get("config")).get("runtime-endpoint") or DEFAULT


def settings(path: str = "") -> dict[str, str]:
    """crictl.yaml: one `key: value` a line."""
    place = node_root.below(path or os.environ.get("CRI_CONFIG_FILE", "") or CONFIGURATION)
    try:
        with open(place) as file:
            pairs = [line.partition(":") for line in file if ":" in line and not line.startswith("#")]
    except OSError:
        return {}
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def configure(given: flags.Given) -> int:
    known = settings()
    if given.has("list") or not given.flags:
        for key, value in known.items():
            print(f"{key}: {value}")
    elif given.has("get"):
        print(known.get(given.get("get"), ""))
    else:
        for pair in given.get("set").split(","):
            key, equals, value = pair.partition("=")
            if not equals:
                raise Failure("set requires key=value")
            known[key] = value
        place = node_root.below(CONFIGURATION)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.writelines(f"{key}: {value}\n" for key, value in known.items())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
