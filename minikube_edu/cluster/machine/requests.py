"""What can be asked of a machine, one method a request; `lib/machine` has the other end and the frames.

units        start stop restart reload enable disable status list, as `systemctl` needs them
processes    start kill forget processes watch, for the runtime
machine      another machine on this host, forked from this one: its code is warm already
R            a command line, with the caller's terminal
"""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from minikube_edu.cluster.machine import offspring
from minikube_edu.cluster.machine.children import Child
from minikube_edu.cluster.machine.unit_files import UnitError
from minikube_edu.cluster.machine.units import Service
from minikube_edu.cluster.shell import mounts
from minikube_edu.lib.machine import frames

if TYPE_CHECKING:
    from minikube_edu.cluster.machine.zygote import Machine

SIGNALS_FOR_COMMANDS = frozenset(
    int(number)
    for number in (
        signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP,
        signal.SIGCONT, signal.SIGWINCH, signal.SIGUSR1, signal.SIGUSR2,
    )
)  # fmt: skip


PATIENCE = 2.0  # seconds for a command to end after its caller has gone


class Conversation:
    """One connection: questions and their answers in order, or one command line."""

    def __init__(self, machine: Machine, connection: socket.socket) -> None:
        self.machine = machine
        self.connection = connection
        self.watching = False
        self.command: Child | None = None
        self._buffer = bytearray()
        self._descriptors: list[int] = []
        self._goodbye = False

    def readable(self) -> None:
        try:
            data, descriptors = frames.receive(self.connection)
        except OSError:
            data, descriptors = b"", []
        self._descriptors += descriptors
        if not data:
            self._gone()
            return
        self._buffer += data
        try:
            while (found := frames.take(self._buffer)) is not None:
                self._take(*found)
        except (frames.Broken, ValueError):  # a stranger
            self._gone()

    def _gone(self) -> None:
        """The client is away: a command that it started hears of it as from a closed terminal."""
        if self.command is not None and self.command.status is None:
            _signal(self.command.pid, signal.SIGHUP)
            self.machine.abandoned[self.command.pid] = time.monotonic() + PATIENCE
        self._close_descriptors()
        self.machine.hang_up(self)

    def _take(self, kind: bytes, payload: bytes) -> None:
        if kind == b"J":
            self._ask(payload)
        elif kind == b"R":
            self._run(payload)
        elif kind == b"S" and self.command is not None and self.command.status is None:
            number = int(payload)
            if number in SIGNALS_FOR_COMMANDS:
                _signal_group(self.command.pid, number)

    def answer(self, **facts: Any) -> None:
        self._say(b"J", json.dumps(facts).encode())

    def _say(self, kind: bytes, payload: bytes) -> None:
        try:
            frames.send(self.connection, kind, payload)
        except OSError:
            return  # it went away; `readable` will see it

    def _close_descriptors(self) -> None:
        for number in self._descriptors:
            os.close(number)
        self._descriptors.clear()

    # command lines
    def _run(self, payload: bytes) -> None:
        machine, streams, seen = self.machine, tuple(self._descriptors[:3]), self._descriptors[3:]
        program, umask, directory, words, environment = frames.parse_command(payload)
        if len(streams) < 3 or not words or machine.ending or not program.startswith("minikube_edu"):
            self._say(b"N", b"")
            self._close_descriptors()
            return

        def become() -> NoReturn:
            if seen:
                mounts.join(seen)
            offspring.leave_nothing_of_the_machine(streams, dies_with_machine=True)
            offspring.dress(environment, directory)
            os.umask(umask)
            offspring.run_module(program, words)

        self.command = machine.children.fork(program, become, self._command_ended)
        self._close_descriptors()
        self._say(b"P", str(self.command.pid).encode())

    def _command_ended(self, child: Child) -> None:
        self._say(b"X", str(child.status).encode())

    # questions
    def _ask(self, payload: bytes) -> None:
        try:
            facts = json.loads(payload)
            method = getattr(self, "do_" + str(facts.pop("do")))
            method(**facts)
        except (UnitError, LookupError, TypeError, ValueError, AttributeError, OSError, RecursionError) as error:
            self.answer(error=str(error) or type(error).__name__)

    @contextmanager
    def _descriptor(self) -> Iterator[int]:
        """The one that came with this question. Those behind it belong to the next: several may arrive at once."""
        if not self._descriptors:
            raise UnitError("no file descriptor came along")
        number = self._descriptors.pop(0)
        try:
            yield number
        finally:
            os.close(number)

    def do_status(self) -> None:
        machine = self.machine
        commands = sum(one.command is not None and one.command.status is None for one in machine.conversations.values())
        self.answer(
            pid=os.getpid(), root=str(machine.root), warm=machine.preload.done, ending=machine.ending, commands=commands
        )

    def do_shutdown(self) -> None:
        """Answered at the end of it all."""
        self._goodbye = True
        self.machine.shut_down()

    def say_goodbye(self) -> None:
        if self._goodbye:
            self.answer(ended=True)

    def do_watch(self) -> None:
        self.watching = True
        self.answer(watching=True)

    def do_start(self, tag: str, module: str, argv: list[str], environment: dict[str, str]) -> None:
        machine = self.machine
        with self._descriptor() as output:
            if machine.ending:
                raise UnitError("the machine is shutting down")
            if not module.startswith("minikube_edu."):
                raise UnitError(f"{module} is no seat")
            machine.preload.need(module)
            name = argv[0].rpartition("/")[2] if argv else module.rpartition(".")[2]
            child = machine.children.seat(
                name,
                module,
                argv,
                {**machine.environment, **environment},
                output,
                machine.tell_watchers,
                tag=tag,
                directory=str(machine.root),
            )
        self.answer(pid=child.pid)

    def do_processes(self) -> None:
        rows = [
            {
                "tag": child.tag,
                "name": child.name,
                "pid": child.pid,
                "status": child.status,
                "started": child.started,
                "finished": child.finished,
            }
            for child in self.machine.children.by_tag.values()
        ]
        self.answer(processes=rows)

    def do_kill(self, tag: str, signal: int) -> None:
        child = self.machine.children.by_tag.get(tag)
        if child is not None and child.status is None:
            _signal(child.pid, signal)
        self.answer(done=True)

    def do_forget(self, tag: str) -> None:
        self.machine.children.forget(tag)
        self.answer(done=True)

    def do_unit(self, verb: str, name: str = "", wait: bool = True) -> None:
        units = self.machine.units
        if verb == "reload":
            units.reload()
            self.answer(done=True)
            return
        if verb == "list":
            self.answer(units=[units.describe(service) for service in units.services.values()])
            return
        service = units.find(name)
        if verb == "status":
            self.answer(unit=units.describe(service))
        elif verb in ("enable", "disable"):
            service.enabled = verb == "enable"
            self.answer(unit=units.describe(service))
        elif verb in ("start", "stop", "restart"):
            if self.machine.ending and verb != "stop":
                raise UnitError("the machine is shutting down")
            getattr(units, verb)(service)
            self._when_settled(service, lambda: self.answer(unit=units.describe(service)), wait)
        else:
            raise UnitError(f"Unknown command verb {verb}.")

    def _when_settled(self, service: Service, answer: Callable[[], None], wait: bool) -> None:
        """A stop is answered when the service has ended."""
        if not wait or not service.kill_at:
            answer()
            return

        def look(changed: Service) -> None:
            if changed is service and not service.kill_at:
                self.machine.units.changed.remove(look)
                answer()

        self.machine.units.changed.append(look)

    def do_machine(self, root: str, environment: dict[str, str]) -> None:
        """A machine for another node of this host, listening on the descriptor that came along."""
        from minikube_edu.cluster.machine.zygote import Machine

        parent = self.machine

        def become() -> NoReturn:
            keep = os.dup(listener)
            parent.close_for_child()
            log = os.open(Path(root) / "var/log/machine.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
            nothing = os.open(os.devnull, os.O_RDONLY)
            offspring.leave_nothing_of_the_machine((nothing, log, log), dies_with_machine=False, keep=keep)
            offspring.name_process("machine", ("minikube-edu", "machine", root))
            machine = Machine(Path(root), socket.socket(fileno=keep), environment)
            if parent.preload.done:
                machine.preload.skip()
            offspring.dress({**os.environ, **environment}, "/")
            machine.run()
            offspring.finish(0)

        with self._descriptor() as listener:
            child = parent.children.fork("machine", become, lambda _: None)
        self.answer(pid=child.pid)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _signal_group(pid: int, number: int) -> None:
    """The command leads its own session: what it started (an editor, a pager) hears the terminal's signals too."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        _signal(pid, number)
