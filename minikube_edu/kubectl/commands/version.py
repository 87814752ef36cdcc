"""`kubectl version`."""

from __future__ import annotations

import platform
import sys
from typing import Any

from minikube_edu.kubectl import KUSTOMIZE_VERSION, version
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag


def client_version() -> dict[str, str]:
    told = version()
    major, minor = told.removeprefix("v").split(".")[:2]
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return {
        "major": major,
        "minor": minor,
        "gitVersion": told,
        "gitCommit": "minikube-edu",
        "gitTreeState": "clean",
        "buildDate": "2026-07-14T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{sys.platform}/{machine}",
    }


async def run(call: Call) -> None:
    output = call.flags["output"]
    if call.args:
        raise CommandError(f"extra arguments: [{' '.join(call.args)}]")
    if output not in ("", "yaml", "json"):
        raise CommandError("--output must be 'yaml' or 'json'")
    server: dict[str, Any] | None = None
    failure: Exception | None = None
    if not call.flags["client"]:
        try:
            server = await call.factory.send("GET", "/version", timeout=32)
        except Exception as error:
            failure = error
    if output:
        whole: dict[str, Any] = {"clientVersion": client_version(), "kustomizeVersion": KUSTOMIZE_VERSION}
        if server:
            whole["serverVersion"] = server
        if output == "yaml":
            from minikube_edu.api.wire import yaml_form

            call.out.write(yaml_form.encode(whole).decode())
        else:
            import orjson

            call.say(orjson.dumps(whole, option=orjson.OPT_INDENT_2).decode())
    else:
        call.say(f"Client Version: {version()}\nKustomize Version: {KUSTOMIZE_VERSION}")
        if server:
            call.say(f"Server Version: {server.get('gitVersion', '')}")
    if failure is not None:
        raise failure
    _skew(call, server)


def _skew(call: Call, server: dict[str, Any] | None) -> None:
    if not server or not str(server.get("minor", "")).rstrip("+").isdigit():
        return
    mine, theirs = int(client_version()["minor"]), int(str(server["minor"]).rstrip("+"))
    if abs(mine - theirs) > 1:
        call.warn(
            f"WARNING: version difference between client (1.{mine}) and server (1.{theirs}) exceeds the supported "
            "minor version skew of +/-1"
        )


COMMAND = Command(
    "version",
    run,
    use="[flags]",
    long="Print the client and server version information for the current context.",
    flags=(
        Flag("client", "bool", help="Ask no server."),
        Flag("output", short="o", help="One of 'yaml' or 'json'."),
    ),
)
