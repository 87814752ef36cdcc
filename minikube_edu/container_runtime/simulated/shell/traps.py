"""Traps: commands that run when a signal has come, at the end (EXIT), and in bash after a failure (ERR).

A signal's handler only notes it; the note is looked at between two commands, so a foreground child delays the trap and
`wait` does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Default, Ignore

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell

SIGNALS = {
    1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1",
    11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 16: "STKFLT", 17: "CHLD", 18: "CONT", 19: "STOP",
    20: "TSTP", 21: "TTIN", 22: "TTOU", 23: "URG", 24: "XCPU", 25: "XFSZ", 26: "VTALRM", 27: "PROF", 28: "WINCH",
    29: "IO", 30: "PWR", 31: "SYS", 34: "RTMIN", 64: "RTMAX",
}  # fmt: skip
NUMBERS = {name: number for number, name in SIGNALS.items()} | {"POLL": 29, "IOT": 6, "CLD": 17}
DESCRIPTIONS = {
    1: "Hangup", 2: "Interrupt", 3: "Quit", 4: "Illegal instruction", 5: "Trace/breakpoint trap", 6: "Aborted",
    7: "Bus error", 8: "Floating point exception", 9: "Killed", 10: "User defined signal 1", 11: "Segmentation fault",
    12: "User defined signal 2", 13: "Broken pipe", 14: "Alarm clock", 15: "Terminated", 16: "Stack fault",
    24: "CPU time limit exceeded", 25: "File size limit exceeded", 26: "Virtual timer expired",
    27: "Profiling timer expired", 30: "Power failure", 31: "Bad system call",
}  # fmt: skip
PSEUDO = ("EXIT", "ERR", "DEBUG", "RETURN")


def number_of(name: str) -> int | None:
    """Of a signal's name or number; SIG may stand before it."""
    if name.isdigit():
        return int(name) if int(name) <= 64 else None
    upper = name.upper().removeprefix("SIG")
    return NUMBERS.get(upper)


class Traps:
    def __init__(self) -> None:
        self.commands: dict[str, str] = {}  # by the signal's name, EXIT, ERR; "" ignores it
        self.inherited: dict[str, str] = {}  # a subshell lists its parent's until it sets its own
        self.pending: list[int] = []
        self.running = False

    def forked(self) -> Traps:
        new = Traps()
        new.commands = {name: command for name, command in self.commands.items() if not command}
        new.inherited = dict(self.commands)
        return new

    def set(self, shell: Shell, name: str, command: str | None) -> None:
        """None: the signal's default again."""
        self.inherited = {}
        if command is None:
            self.commands.pop(name, None)
        else:
            self.commands[name] = command
        number = NUMBERS.get(name)
        if number is None or number in (9, 19):
            return
        if command is None:
            shell.process.on_signal(number, Default)
            if shell.interactive:
                interactive_signals(shell)
        elif command == "":
            shell.process.on_signal(number, Ignore)
        else:
            shell.process.on_signal(number, self.pending.append)

    def install(self, shell: Shell) -> None:
        """In a new process: what its parent ignores stays ignored."""
        for name, command in self.commands.items():
            number = NUMBERS.get(name)
            if number is not None and not command:
                shell.process.on_signal(number, Ignore)

    async def run_pending(self, shell: Shell) -> None:
        while self.pending:
            number = self.pending.pop(0)
            command = self.commands.get(SIGNALS.get(number, ""))
            if command:
                await self.run(shell, command)
            elif number == 2 and shell.interactive:
                from minikube_edu.container_runtime.simulated.shell.errors import Failure

                raise Failure("", 130)

    async def run(self, shell: Shell, command: str) -> None:
        """The status before it is the status after it."""
        from minikube_edu.container_runtime.simulated.shell.running import run_text

        status = shell.status
        await run_text(shell, command)
        shell.status = status

    async def run_error(self, shell: Shell) -> None:
        """bash's ERR."""
        command = self.commands.get("ERR")
        if command and not self.running and (not shell.calls or shell.options.errtrace):
            self.running = True
            try:
                await self.run(shell, command)
            finally:
                self.running = False

    def has_any(self) -> bool:
        return any(self.commands.values())


def _unheard(number: int) -> None:
    """The signal does nothing here."""


def interactive_signals(shell: Shell) -> None:
    """At a prompt ^C only ends the line, and TERM and QUIT do nothing."""
    for number in (3, 15, 20, 21, 22):
        if SIGNALS[number] not in shell.traps.commands:
            shell.process.on_signal(number, _unheard)  # not Ignore, which its children would inherit
    if "INT" not in shell.traps.commands:
        shell.process.on_signal(2, shell.traps.pending.append)
