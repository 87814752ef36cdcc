"""The short way to an answer: a command line is run by a fork of the machine's warm interpreter.

A file that can be run as it is (`python -I -S front_door.py NAME words…`), with nothing imported that takes time: the
commands `kubectl`, `kubeadm`, … of `minikube-edu shell` are such calls, and `minikube-edu` itself begins here. Where no
machine answers, the command runs in a process of its own, as any other program.

The caller's directory, environment, umask and standard streams go along; signals are passed on; the exit code comes
back, and where a signal ended the command, the same signal ends this process.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]
import _socket as sockets
import os
import sys

if __package__:
    from minikube_edu.lib.machine import frames
    from minikube_edu.lib.machine.socket_path import reachable
else:
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import frames  # type: ignore[no-redef,import-not-found]
    from socket_path import reachable  # type: ignore[no-redef,import-not-found]

# What manages machines must not depend on one that may be going away.
NEVER = frozenset(("up", "down", "reset", "init", "join", "shell", "node", "machine"))


def socket_of(environment: dict[str, str]) -> str:
    """Where the machine that answers the command line listens."""
    named = environment.get("MINIKUBE_EDU_MACHINE")
    if named:
        return named
    home = environment.get("MINIKUBE_EDU_HOME") or os.path.join(environment.get("HOME", "/"), ".minikube-edu")
    return reachable(os.path.join(os.path.expanduser(home), "run", "machine.sock"))


def connected(environment: dict[str, str]) -> sockets.socket | None:
    """To the machine; None: none listens."""
    connection = sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM)
    try:
        connection.connect(socket_of(environment))
    except OSError:
        connection.close()
        return None
    return connection


def answered(environment: dict[str, str]) -> bool:
    """Does a machine run?"""
    connection = connected(environment) if hasattr(os, "fork") else None
    if connection is not None:
        connection.close()
    return connection is not None


def through_machine(words: list[str], package: str = "minikube_edu") -> int | None:
    """Run `words`, the command's name first; None when no machine took it."""
    if os.environ.get("MINIKUBE_EDU_IN_PLACE") or not hasattr(os, "fork"):
        return None
    environment = dict(os.environ)
    connection = connected(environment)
    if connection is None:
        return None
    umask = os.umask(0o022)
    os.umask(umask)
    payload = frames.command(words, os.getcwd(), environment, umask, package)
    try:
        frames.send(connection, b"R", payload, [0, 1, 2, *_namespaces(environment)])
        return _follow(connection)
    except OSError:
        return None


def _namespaces(environment: dict[str, str]) -> list[int]:
    """In a shell that shows a node's files at their own paths, the command must see them too."""
    if not environment.get("MINIKUBE_EDU_MOUNTS"):
        return []
    return [os.open(f"/proc/self/ns/{name}", os.O_RDONLY) for name in ("user", "mnt", "uts")]


def _follow(connection: sockets.socket) -> int | None:
    """Pass signals on, wait for the end."""
    send, take, receive = frames.send, frames.take, frames.receive

    def pass_on(number: int, _: object) -> None:
        send(connection, b"S", b"%d" % number)

    def stop(number: int, _: object) -> None:
        send(connection, b"S", b"%d" % number)
        os.kill(os.getpid(), signal.SIGSTOP)
        send(connection, b"S", b"%d" % signal.SIGCONT)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGWINCH", "SIGUSR1", "SIGUSR2"):
        signal.signal(getattr(signal, name), pass_on)
    signal.signal(signal.SIGTSTP, stop)
    buffer = bytearray()
    while True:
        data, _ = receive(connection)
        if not data:
            sys.stderr.write("error: the machine went away\n")
            return 1
        buffer += data
        while (found := take(buffer)) is not None:
            kind, payload = found
            if kind == b"N":
                return None
            if kind == b"X":
                return _end_alike(int(payload))


def _end_alike(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    if -code in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGQUIT):
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return 128 - code


def main() -> None:
    """As a script: through the machine, or else in place, with the interpreter that runs this."""
    words = sys.argv[1:]
    alone = words[:1] == ["minikube-edu"] and not NEVER.isdisjoint(words[1:2])
    code = None if alone else through_machine(words)
    if code is None:
        root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
        launcher = f"import sys; sys.path.insert(1, {root!r}); sys.argv.pop(0); from minikube_edu import __main__ as m"
        os.execv(sys.executable, [sys.executable, "-c", launcher + "; m.in_place()", *words])
    os._exit(code)


if __name__ == "__main__":
    main()
