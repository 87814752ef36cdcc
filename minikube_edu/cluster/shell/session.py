"""One shell: the user's own, with the tools on its PATH, completion, a prompt that names the node, and its files.

In bash, `sudo` of a course's commands does without root, and `ssh NODE` opens a shell on that node.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from minikube_edu.cluster import nodes
from minikube_edu.cluster.layout import Layout
from minikube_edu.cluster.nodes import Node
from minikube_edu.cluster.shell import mounts, tools
from minikube_edu.lib.machine.socket_path import reachable

RC = """# written by minikube-edu: bash on a node
[ -f ~/.bashrc ] && . ~/.bashrc
PATH={bin}:$PATH
PS1='\\u@{name}:\\w\\$ '
sudo() {{
  while [ "${{1#-}}" != "$1" ]; do shift; done
  [ $# -gt 0 ] && "$@"
}}
ssh() {{
  case " {names} " in
    *" $1 "*) local node=$1; shift
       if [ $# -gt 0 ]; then minikube-edu shell "$node" -c "$*"; else minikube-edu shell "$node"; fi ;;
    *) command ssh "$@" ;;
  esac
}}
if [ -n "$PS1" ] && [ -z "$POSIXLY_CORRECT" ]; then
  . <(kubectl completion bash) 2>/dev/null
  . <(kubeadm completion bash) 2>/dev/null
fi
"""


def environment(layout: Layout, node: Node | None) -> dict[str, str]:
    """What the shell of a node (or of a bare cluster) has in its environment."""
    found = dict(os.environ)
    folder = layout.bin
    tools.install(folder)
    found["PATH"] = f"{folder}{os.pathsep}{found.get('PATH', '')}"
    found["MINIKUBE_EDU_HOME"] = str(layout.root)
    found["KUBECONFIG"] = str(layout.kubeconfig)
    if node is not None:
        found |= node.environment(layout)
        found["MINIKUBE_EDU_MACHINE"] = reachable(str(nodes.machine_socket(layout, node)))
    return found


def open_shell(layout: Layout, node: Node | None, command: str = "") -> int:
    """Returns the shell's exit code."""
    variables = environment(layout, node)
    words = shell_words(layout, node, command)
    pid = os.fork()
    if pid == 0:
        try:
            _become(words, variables, node)
        except OSError as error:
            print(f"error: {words[0]}: {error.strerror}", file=sys.stderr)
        finally:
            os._exit(127)
    code = wait(pid)
    if node is not None:
        mounts.leave(node.root, pid)
    return code


def wait(pid: int) -> int:
    """Its exit code, as a shell tells it. ^C is the shell's business."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _, status = os.waitpid(pid, 0)
    finally:
        signal.signal(signal.SIGINT, before)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _become(words: Sequence[str], variables: dict[str, str], node: Node | None) -> None:
    if node is not None:
        here = os.getcwd()
        try:
            kept = mounts.enter(node.root, node.name)
            variables[mounts.VARIABLE] = "1"
            os.chdir(here)  # the same folder, as it is seen from here
            _keep(kept)
        except (mounts.NoMounts, OSError) as error:
            print(f"(the node's files are at {node.root}: {error})", file=sys.stderr)
    os.execvpe(words[0], list(words), variables)


def _keep(kept: mounts.Kept) -> None:
    """Where new files must be carried home, a process waits for the shell's end; the shell is its child."""
    if not kept.folders:
        return
    pid = os.fork()
    if pid:
        code = wait(pid)
        try:
            kept.save()
        except OSError as error:
            print(f"error: not all new files could be kept: {error}", file=sys.stderr)
        os._exit(code)


def shell_words(layout: Layout, node: Node | None, command: str) -> list[str]:
    bash = shutil.which("bash")
    own = os.environ.get("SHELL", "/bin/sh")
    if bash is None:
        return [own, "-c", command] if command else [own]
    rc = write_rc(layout, node)
    if command:
        return [bash, "-c", f". {shlex.quote(str(rc))}; {command}"]
    return [bash, "--rcfile", str(rc), "-i"]


def write_rc(layout: Layout, node: Node | None) -> Path:
    name = node.name if node is not None else "minikube-edu"
    names = " ".join(one.name for one in nodes.of(layout))
    folder = layout.bin
    path = folder / f".{name}.bashrc"
    path.write_text(RC.format(bin=shlex.quote(str(folder)), name=name, names=names))
    return path
