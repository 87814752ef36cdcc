"""`kubeadm completion SHELL`: the names of commands and flags, for bash and zsh."""

from __future__ import annotations

from collections.abc import Iterator

from minikube_edu.kubeadm.command import Call, Command, CommandError
from minikube_edu.kubeadm.command_table import GLOBAL, ROOT

SHELLS = ("bash", "zsh")

SCRIPT = """
# bash completion for kubeadm
_kubeadm_words() {{
    case "$1" in
{cases}
    esac
}}

_kubeadm() {{
    local path="kubeadm" word
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case "$(_kubeadm_words "$path")" in
            *" $word "*) path="$path $word" ;;
        esac
    done
    COMPREPLY=($(compgen -W "$(_kubeadm_words "$path")" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _kubeadm kubeadm
"""


async def run(call: Call) -> None:
    if not call.args:
        raise CommandError("shell not specified")
    if len(call.args) > 1:
        raise CommandError("too many arguments. Expected only the shell type")
    shell = call.args[0]
    if shell not in SHELLS:
        raise CommandError(f'unsupported shell type "{shell}", the supported shell types are [{" ".join(SHELLS)}]')
    cases = "\n".join(f'        "{path}") echo " {" ".join(words)} " ;;' for path, words in _paths(ROOT, "kubeadm"))
    if shell == "zsh":
        call.out.write("#compdef kubeadm\nautoload -U +X bashcompinit && bashcompinit\n")
    call.out.write(SCRIPT.format(cases=cases))


def _paths(command: Command, path: str) -> Iterator[tuple[str, list[str]]]:
    names = [one.name for one in command.subcommands if not one.hidden]
    flags = [f"--{one.name}" for one in (*command.flags, *command.persistent, *GLOBAL) if not one.hidden]
    yield path, names + flags
    for one in command.subcommands:
        if not one.hidden:
            yield from _paths(one, f"{path} {one.name}")
