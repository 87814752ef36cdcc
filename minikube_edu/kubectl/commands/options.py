"""`kubectl options`."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.global_flags import GLOBAL
from minikube_edu.kubectl.help_text import flag_lines


def run(call: Call) -> None:
    shown = [flag for flag in GLOBAL if not flag.hidden]
    call.out.write("The following options can be passed to any command:\n\n" + flag_lines(shown))


COMMAND = Command("options", run, long="Print the list of flags inherited by all commands.")
