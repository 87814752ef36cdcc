"""The prompt: PS1 with its backslashes, as bash and busybox know them, and with its parameters expanded."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

_SEQUENCE = re.compile(r"\\([0-7]{3}|D\{[^}]*\}|.)", re.DOTALL)


def prompt_text(shell: Shell, text: str) -> str:
    """Backslash sequences only; parameters are expanded by `expanded_prompt`."""
    if shell.dialect.dash or "\\" not in text:
        return text
    return _SEQUENCE.sub(lambda found: _sequence(shell, found[1]), text)


def _sequence(shell: Shell, what: str) -> str:
    hostname = shell.process.container.hostname
    here = shell.variables.get("PWD") or shell.process.cwd
    home = shell.variables.get("HOME")
    if home and home != "/" and (here == home or here.startswith(home + "/")):
        here = "~" + here[len(home) :]
    simple = {
        "u": shell.user_name(),
        "h": hostname.partition(".")[0],
        "H": hostname,
        "w": here,
        "W": here if here in ("/", "~") else here.rpartition("/")[2],
        "$": "#" if shell.process.user.uid == 0 else "$",
        "s": shell.name.rpartition("/")[2],
        "v": "5.2",
        "V": "5.2.15",
        "n": "\n",
        "r": "\r",
        "a": "\a",
        "e": "\x1b",
        "\\": "\\",
        "[": "",
        "]": "",
        "j": str(len(shell.jobs.table)),
        "!": str(len(shell.history) + 1),
        "#": str(len(shell.history) + 1),
        "l": "0",
    }
    if what in simple:
        return simple[what]
    moment = time.gmtime(clock.now())
    times = {"t": "%H:%M:%S", "T": "%I:%M:%S", "@": "%I:%M %p", "A": "%H:%M", "d": "%a %b %d"}
    if what in times:
        return time.strftime(times[what], moment)
    if what.startswith("D{"):
        return time.strftime(what[2:-1] or "%X", moment)
    return chr(int(what, 8)) if what.isdigit() else "\\" + what


async def expanded_prompt(shell: Shell, name: str) -> str:
    """$PS1 or $PS2, ready to be shown."""
    from minikube_edu.container_runtime.simulated.shell.errors import Failure, ScriptError
    from minikube_edu.container_runtime.simulated.shell.expansion import text_of
    from minikube_edu.container_runtime.simulated.shell.grammar import Grammar

    text = prompt_text(shell, shell.variables.get(name) or "")
    if "$" not in text and "`" not in text:
        return text
    status = shell.status
    try:
        return await text_of(shell, Grammar("", shell.dialect).heredoc_word(text, 1))
    except (Failure, ScriptError):
        return text
    finally:
        shell.status = status
