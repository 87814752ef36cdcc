"""`kubectl completion bash|zsh|fish|powershell`: a script for the shell, which then asks `kubectl __complete`."""

from __future__ import annotations

from minikube_edu.kubectl.command import Call, Command
from minikube_edu.lib.gotext import quote

_HEAD = "\n# Copyright 2016 The Kubernetes Authors.\n#\n# Licensed under the Apache License, Version 2.0.\n"

BASH = (
    _HEAD
    + r"""
# bash completion for kubectl: every answer comes from `kubectl __complete`. For an alias of your own:
#     alias k=kubectl; complete -o default -F __start_kubectl k
__start_kubectl() {
    local cur words line directive
    cur="${COMP_WORDS[COMP_CWORD]}"
    words=$(printf '%q ' "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$cur")
    [[ $COMP_CWORD -eq 1 ]] && words=$(printf '%q ' "$cur")
    COMPREPLY=()
    while IFS= read -r line; do
        if [[ $line == :* ]]; then directive="${line#:}"; else COMPREPLY+=("${line%%$'\t'*}"); fi
    done < <(eval "${COMP_WORDS[0]} __complete ${words}" 2>/dev/null)  # eval: aliases are expanded
    if [[ ${#COMPREPLY[@]} -eq 0 && $directive == 0 ]]; then
        COMPREPLY=($(compgen -f -- "$cur"))
    fi
}
complete -o default -F __start_kubectl kubectl
"""
)
ZSH = (
    "#compdef kubectl\ncompdef _kubectl kubectl\n"
    + _HEAD
    + r"""
_kubectl() {
    local line directive
    local -a found
    while IFS= read -r line; do
        if [[ $line == :* ]]; then directive="${line#:}"; else found+=("${${line/:/\\:}/$'\t'/:}"); fi
    done < <(${words[1]} __complete "${(@)words[2,CURRENT-1]}" "${words[CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then _describe 'kubectl' found; elif [[ $directive == 0 ]]; then _files; fi
}
if [ "$funcstack[1]" = "_kubectl" ]; then _kubectl; fi
"""
)
FISH = (
    _HEAD
    + r"""
function __kubectl_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] __complete $words[2..-1] "$current" 2>/dev/null | string match -v -r '^:'
end
complete -c kubectl -f -a '(__kubectl_complete)'
"""
)
POWERSHELL = (
    _HEAD
    + r"""
Register-ArgumentCompleter -Native -CommandName 'kubectl' -ScriptBlock {
    param($word, $ast, $position)
    $typed = @($ast.CommandElements | Select-Object -Skip 1 | ForEach-Object { $_.ToString() })
    if ($word -ne '' -and $typed.Count -gt 0) { $typed = @($typed | Select-Object -SkipLast 1) }
    & kubectl __complete @typed "$word" 2>$null | Where-Object { $_ -notmatch '^:' } | ForEach-Object {
        $name, $text = $_ -split "`t", 2
        if (-not $text) { $text = $name }
        [System.Management.Automation.CompletionResult]::new($name, $name, 'ParameterValue', $text)
    }
}
"""
)
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL}


def run(call: Call) -> None:
    if not call.args:
        raise call.usage("Shell not specified.")
    if len(call.args) > 1:
        raise call.usage("Too many arguments. Expected only the shell type.")
    script = SCRIPTS.get(call.args[0])
    if script is None:
        raise call.usage(f"Unsupported shell type {quote(call.args[0])}.")
    call.out.write(script)


COMMAND = Command(
    "completion",
    run,
    use="SHELL",
    long="Output shell completion code for the specified shell (bash, zsh, fish, or powershell).",
    examples="# Load the kubectl completion code for bash into the current shell\nsource <(kubectl completion bash)",
)
