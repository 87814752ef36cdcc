"""Variables that are asked for anew each time: RANDOM, SECONDS, LINENO and bash's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell.variables import Computed, Value
from minikube_edu.lib import clock, ids

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Shell


class _Sequence:
    """RANDOM: after an assignment the same numbers come again."""

    def __init__(self) -> None:
        self.seed: int | None = None

    def next(self) -> str:
        if self.seed is None:
            return str(ids.integer(0, 32767))
        self.seed = (self.seed * 1103515245 + 12345) & 0x7FFFFFFF
        return str(self.seed >> 16 & 0x7FFF)

    def start(self, text: str) -> None:
        self.seed = int(text) if text.lstrip("-").isdigit() else 0


class _Counter:
    """SECONDS: since the beginning, or since it was set."""

    def __init__(self) -> None:
        self.zero = clock.monotonic()

    def value(self) -> str:
        return str(int(clock.monotonic() - self.zero))

    def start(self, text: str) -> None:
        self.zero = clock.monotonic() - (int(text) if text.lstrip("-").isdigit() else 0)


def install(shell: Shell) -> None:
    table = shell.variables.table

    def put(name: str, variable: Computed) -> None:
        before = table.get(name)
        if before is None or isinstance(before, Computed):
            table[name] = variable

    if shell.dialect.dash:
        return  # Debian builds it without LINENO
    put("LINENO", Computed(lambda: str(shell.line)))
    random = _Sequence()
    put("RANDOM", Computed(random.next, random.start))
    if shell.dialect.bash:
        _install_bash(shell, put)


def _install_bash(shell: Shell, put: object) -> None:
    assert callable(put)
    if "SECONDS" not in shell.variables.table:
        counter = _Counter()
        put("SECONDS", Computed(counter.value, counter.start))
    put("BASHPID", Computed(lambda: str(shell.process.pid)))
    table = shell.variables.table
    table["_"] = Computed(lambda: shell.last_argument, lambda text: setattr(shell, "last_argument", text))
    put("EPOCHSECONDS", Computed(lambda: str(int(clock.now()))))
    put("EPOCHREALTIME", Computed(lambda: f"{clock.now():.6f}"))
    put("BASH_SUBSHELL", Computed(lambda: str(shell.subshell)))
    put("SRANDOM", Computed(lambda: str(ids.integer(0, 2**32 - 1))))
    put("FUNCNAME", Computed(lambda: _names(shell)))
    put("BASH_LINENO", Computed(lambda: _lines(shell)))
    put("DIRSTACK", Computed(lambda: dict(enumerate([shell.process.cwd, *shell.directories]))))


def _names(shell: Shell) -> Value:
    if not shell.calls:
        return None
    names = [name for name, _ in reversed(shell.calls)]
    return dict(enumerate([*names, "main"] if not shell.is_command_string else names))


def _lines(shell: Shell) -> Value:
    return dict(enumerate([str(line) for _, line in reversed(shell.calls)] + ["0"]))
