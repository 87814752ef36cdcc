"""One shell: what it remembers, and how its parts reach each other.

A subshell is a child process with a copy of this state (`forked`). Commands read and change it through the attributes;
each group below names the room that owns it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell import arithmetic
from minikube_edu.container_runtime.simulated.shell.dialect import Dialect, prefix
from minikube_edu.container_runtime.simulated.shell.errors import Failure
from minikube_edu.container_runtime.simulated.shell.fields import DEFAULT_IFS
from minikube_edu.container_runtime.simulated.shell.jobs import Jobs
from minikube_edu.container_runtime.simulated.shell.options import Options
from minikube_edu.container_runtime.simulated.shell.traps import Traps
from minikube_edu.container_runtime.simulated.shell.variables import Variables

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
    from minikube_edu.container_runtime.simulated.shell.syntax import Assignment, Command, Function

Builtin = Callable[["Shell", list[str]], int | Awaitable[int]]


class Shell:
    def __init__(self, process: Process, dialect: Dialect, name: str) -> None:
        self.process = process
        self.dialect = dialect
        self.name = name  # $0
        self.title = name  # what error texts begin with
        self.args: list[str] = []
        self.pid = process.pid  # $$: the first shell's, in subshells as well
        # expansion
        self.variables = Variables(dialect)
        self.variables.evaluate = lambda text: arithmetic.evaluate(self, text)
        self.options = Options()
        self.shopt: dict[str, bool] = {}
        self.arithmetic_depth = 0
        self.substituted: int | None = None  # the status of the last command substitution
        # running
        self.functions: dict[str, Function] = {}
        self.aliases: dict[str, str] = {}
        self.builtins: dict[str, Builtin] = {}
        self.status = 0
        self.line = 1
        self.depth = 0  # of functions, eval and .
        self.loops = 0
        self.unchecked = 0  # above 0: a failing command is a condition, `set -e` looks away
        self.calls: list[tuple[str, int]] = []  # functions that run, with the line of the call
        self.sourced = 0
        self.subshell = 0
        self.is_command_string = False
        self.interactive = False
        self.last_argument = name
        self.within = ""  # eval or exec, whose name stands before "not found"
        self.hashed: dict[str, str] = {}
        self.getopts_place = (1, 0)
        self.directories: list[str] = []
        self.history: list[str] = []
        self.error_file: OpenFile | None = None  # stderr of a program that could not be started
        self.array_arguments: dict[int, Assignment] = {}  # declare a=(...): by place in argv
        self.opened_for_substitution: list[Callable[[], Awaitable[None]]] = []
        # jobs and traps
        self.jobs = Jobs()
        self.traps = Traps()

    def forked(self) -> Shell:
        """The state of a subshell; the caller gives it its process."""
        new = Shell(self.process, self.dialect, self.name)
        new.title, new.args, new.pid = self.title, list(self.args), self.pid
        new.variables = self.variables.copy()
        new.variables.evaluate = lambda text: arithmetic.evaluate(new, text)
        from minikube_edu.container_runtime.simulated.shell.specials import install

        install(new)
        for name in ("allexport",):
            new.variables.export_all = getattr(self.options, name)
        new.options = Options(**{name: getattr(self.options, name) for name in Options.__struct_fields__})
        new.options.interactive = new.options.monitor = False
        new.shopt = dict(self.shopt)
        new.functions, new.aliases, new.builtins = dict(self.functions), dict(self.aliases), self.builtins
        new.status, new.line, new.depth, new.loops = self.status, self.line, self.depth, self.loops
        new.unchecked, new.calls, new.sourced = self.unchecked, list(self.calls), self.sourced
        new.subshell, new.is_command_string = self.subshell + 1, self.is_command_string
        new.last_argument, new.hashed = self.last_argument, dict(self.hashed)
        new.getopts_place, new.directories = self.getopts_place, list(self.directories)
        new.jobs = self.jobs.forked(self.dialect.bash)
        new.traps = self.traps.forked()
        return new

    # --- parameters

    def value(self, name: str) -> str | None:
        if name.isdigit():
            return self.positional(int(name))
        if name in ("?", "#", "$", "!", "-", "@", "*"):
            return self.special(name)
        return self.variables.get(name)

    def positional(self, number: int) -> str | None:
        if number == 0:
            return self.name
        return self.args[number - 1] if number <= len(self.args) else None

    def special(self, name: str) -> str | None:
        if name == "?":
            return str(self.status)
        if name == "#":
            return str(len(self.args))
        if name == "$":
            return str(self.pid)
        if name == "!":
            return str(self.jobs.last_pid) if self.jobs.last_pid else None
        if name == "-":
            return self.option_letters()
        return " ".join(self.args) if self.args else None

    def option_letters(self) -> str:
        """$-"""
        options = self.options
        if self.dialect.bash:
            pairs = [("e", options.errexit), ("f", options.noglob), ("h", True), ("i", self.interactive),
                     ("m", options.monitor), ("n", options.noexec), ("u", options.nounset), ("v", options.verbose),
                     ("x", options.xtrace), ("a", options.allexport), ("B", True), ("C", options.noclobber),
                     ("H", self.interactive), ("c", self.is_command_string), ("s", options.stdin)]  # fmt: skip
        else:
            pairs = [("e", options.errexit), ("f", options.noglob), ("I", options.ignoreeof), ("i", self.interactive),
                     ("m", options.monitor), ("n", options.noexec), ("s", options.stdin), ("x", options.xtrace),
                     ("v", options.verbose), ("C", options.noclobber), ("a", options.allexport),
                     ("b", options.notify), ("u", options.nounset)]  # fmt: skip
            if self.dialect.busybox:
                pairs.append(("c", self.is_command_string))
        return "".join(letter for letter, on in pairs if on)

    def usual_ifs(self) -> bool:
        ifs = self.variables.table.get("IFS")
        return ifs is None or ifs.value is None or ifs.value == DEFAULT_IFS

    @property
    def extended_globs(self) -> bool:
        return self.shopt.get("extglob", False)

    def usable_aliases(self) -> dict[str, str]:
        """bash's scripts have none unless they ask."""
        if self.dialect.bash and not self.interactive and not self.shopt.get("expand_aliases"):
            return {}
        return self.aliases

    def element(self, name: str, index: str) -> str | None:
        """${name[index]}"""
        variable = self.variables.table.get(self.variables.resolve(name))
        if variable is None:
            return None
        value = variable.value
        if variable.keyed and isinstance(value, dict):
            return value.get(index)  # type: ignore[call-overload]  # keys of an associative array
        number = arithmetic.evaluate(self, index)
        if isinstance(value, dict):
            if number < 0:
                number += max(value, default=-1) + 1  # type: ignore[operator]  # indices are ints
            return value.get(number)  # type: ignore[call-overload]  # indices are ints
        return value if number in (0, -1) else None

    def set_element(self, name: str, index: str, value: str, append: bool = False) -> None:
        variable = self.variables.table.get(self.variables.resolve(name))
        if variable is not None and variable.keyed:
            self.variables.set_element(name, index, value, append)
            return
        number = arithmetic.evaluate(self, index)
        if number < 0:
            keys = variable.value if variable is not None and isinstance(variable.value, dict) else {}
            number += max(keys, default=-1) + 1  # type: ignore[operator]  # indices are ints
            if number < 0:
                raise Failure(f"{name}[{index}]: bad array subscript", 1, fatal=False)
        self.variables.set_element(name, number, value, append)

    def arithmetic_value(self, name: str) -> str:
        value = self.variables.get(name)
        if value is None:
            if self.options.nounset:
                from minikube_edu.container_runtime.simulated.shell.parameters import unset

                raise unset(self, name)
            return ""
        return value

    def home_directory(self, user: str | None) -> str | None:
        """From /etc/passwd; None as the name means: mine."""
        for row in self.passwd():
            fields = row.split(":")
            if len(fields) >= 6 and (
                fields[0] == user if user is not None else fields[2] == str(self.process.user.uid)
            ):
                return fields[5]
        return None

    def user_name(self) -> str:
        for row in self.passwd():
            fields = row.split(":")
            if len(fields) >= 6 and fields[2] == str(self.process.user.uid):
                return fields[0]
        return "root" if self.process.user.uid == 0 else "I have no name!"

    passwd_rows: list[str] | None = None

    def passwd(self) -> list[str]:
        return self.passwd_rows or []

    # --- what other rooms do

    async def substitute(self, body: Command | None) -> str:
        from minikube_edu.container_runtime.simulated.shell.substitution import output_of

        return await output_of(self, body)

    async def process_substitution(self, direction: str, body: Command | None) -> str:
        from minikube_edu.container_runtime.simulated.shell.substitution import path_of

        return await path_of(self, direction, body)

    def prompt_text(self, text: str) -> str:
        from minikube_edu.container_runtime.simulated.shell.prompt import prompt_text

        return prompt_text(self, text)

    # --- messages

    async def complain(self, text: str, where: str = "") -> None:
        """To stderr, with what this dialect puts before it. A lost stderr is nobody's fault."""
        shown = f"{prefix(self.dialect, self.title, self.shown_line(), where)}{text}\n"
        await self.write_error(shown)

    def shown_line(self) -> int:
        if self.dialect.busybox:
            return 0 if self.is_command_string or self.interactive else self.line
        return 0 if self.interactive and self.dialect.bash else self.line

    async def write_error(self, text: str) -> None:
        file = self.error_file or self.process.files.get(2)
        if file is None:
            return
        try:
            await file.write(text.encode("utf-8", "surrogateescape"))
        except OSError:
            pass

    async def write(self, text: str) -> None:
        """To stdout; EBADF when it is closed."""
        file = self.process.files.get(1)
        if file is None:
            import errno

            from minikube_edu.container_runtime.simulated.contract import failure

            raise failure(errno.EBADF)
        await file.write(text.encode("utf-8", "surrogateescape"))
