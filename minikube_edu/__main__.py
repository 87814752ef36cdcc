"""`python -m minikube_edu` and the command `minikube-edu`.

The shortest way first: where a machine runs, a fork of its warm interpreter answers (lib/machine/front_door). In place,
kubectl's verbs are handed on before Typer is imported: an answer comes twice as fast.
"""

from __future__ import annotations

import atexit
import os
import sys

TYPE_CHECKING = False  # importing typing takes longer than asking a machine
if TYPE_CHECKING:
    from typing import NoReturn


def main() -> None:
    try:
        _main()
    except KeyboardInterrupt:  # as a program ends that knows nothing of ^C: quietly, and the shell sees why
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except OSError as error:
        _complain(error)


def _main() -> None:
    words = sys.argv[1:]
    from minikube_edu.lib.machine import front_door

    if begins_a_machine(words) and not front_door.answered(dict(os.environ)):
        from minikube_edu.cluster.machine import unborn
        from minikube_edu.lib import collecting

        unborn.conceive()
        atexit.register(unborn.abandon)
        collecting.seldom()  # what is imported is no garbage
    if words[:1] == ["up"]:
        from minikube_edu.cluster import up_command

        found = up_command.flags(words[1:])
        if found is not None:
            leave(up_command.run(**found))
    if words and words[0] not in front_door.NEVER and not words[0].startswith("-"):
        code = front_door.through_machine(["minikube-edu", *words])
        if code is not None:
            os._exit(code)
    in_place()


def leave(code: int) -> NoReturn:
    """End without tearing down a thousand modules one by one: that takes longer than many commands."""
    from minikube_edu.cluster.machine import offspring, unborn

    unborn.abandon()
    offspring.finish(code)


def begins_a_machine(words: list[str]) -> bool:
    words = words[1:] if words[:1] == ["kubeadm"] else words
    return words[:1] in (["up"], ["init"]) and "phase" not in words and not {"-h", "--help"} & set(words)


def _complain(error: OSError) -> None:
    """A disk that is full, a home that cannot be written to: said in one line. All else is a fault of this program."""
    if isinstance(error, BrokenPipeError):  # `minikube-edu status | head -1`: quietly, as by SIGPIPE
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os._exit(141)
    from minikube_edu.cluster.layout import home
    from minikube_edu.cluster.room import complaint

    text = complaint(error, home())
    if not text:
        raise error
    print(f"error: {text}", file=sys.stderr)
    sys.exit(1)


def in_place() -> None:
    """The command `sys.argv`, in this process; its name says which program it is."""
    try:
        _in_place()
    except OSError as error:
        _complain(error)


def _in_place() -> None:
    from minikube_edu.cluster import command_line

    name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
    if command_line.run(name, words):
        return
    from minikube_edu.cli import app, refuse_unknown

    refuse_unknown(words)
    app(prog_name="minikube-edu")


if __name__ == "__main__":
    main()
