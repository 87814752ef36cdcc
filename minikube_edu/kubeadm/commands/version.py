"""`kubeadm version`."""

from __future__ import annotations

import platform

from minikube_edu.kubeadm import files, releases
from minikube_edu.kubeadm.command import Call, CommandError


def info() -> dict[str, str]:
    """What the real program knows of its making; here the language is another."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    major, minor = map(str, releases.newest())
    return {
        "major": major,
        "minor": minor,
        "gitVersion": releases.version(),
        "gitCommit": "minikube-edu",
        "gitTreeState": "clean",
        "buildDate": "2026-07-14T00:00:00Z",
        "goVersion": f"python{platform.python_version()}",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{machine}",
    }


async def run(call: Call) -> None:
    form, found = call.flags["output"], info()
    if form == "short":
        call.say(releases.version())
    elif form == "yaml":
        call.say(files.yaml({"clientVersion": found}))
    elif form == "json":
        import orjson

        call.say(orjson.dumps({"clientVersion": found}, option=orjson.OPT_INDENT_2).decode())
    elif form:
        raise CommandError(f"invalid output format: {form}")
    else:
        head = {"Major": found["major"], "Minor": found["minor"]}
        empty = ("EmulationMajor", "EmulationMinor", "MinCompatibilityMajor", "MinCompatibilityMinor")
        rest = {key[0].upper() + key[1:]: value for key, value in found.items() if key not in ("major", "minor")}
        fields = {**head, **dict.fromkeys(empty, ""), **rest}
        shown = ", ".join(f'{key}:"{value}"' for key, value in fields.items())
        call.say(f"kubeadm version: &version.Info{{{shown}}}")
