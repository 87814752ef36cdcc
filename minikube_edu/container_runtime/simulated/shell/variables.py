"""Variables with their attributes, and the scopes of functions.

A function's `local` hides the outer variable until the function returns (dynamic scope, as in every shell): the frame
keeps what was hidden and puts it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell.errors import Failure

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.dialect import Dialect

Value = str | dict[int, str] | dict[str, str] | None
MOST = 16 << 20  # characters in one value


class Variable:
    __slots__ = ("exported", "integer", "keyed", "lower", "nameref", "readonly", "upper", "value")

    def __init__(self, value: Value = None, exported: bool = False) -> None:
        self.value = value
        self.exported = exported
        self.readonly = False
        self.integer = False
        self.keyed = False  # an associative array
        self.lower = False
        self.upper = False
        self.nameref = False

    def copy(self) -> Variable:
        new = Variable(dict(self.value) if self.value.__class__ is dict else self.value, self.exported)
        new.readonly, new.integer, new.keyed = self.readonly, self.integer, self.keyed
        new.lower, new.upper, new.nameref = self.lower, self.upper, self.nameref
        return new

    def text(self) -> str | None:
        """$name: an array's is its element 0."""
        value = self.value
        if value.__class__ is dict:
            return value.get("0") if self.keyed else value.get(0)  # type: ignore[call-overload]  # a dict by the line above
        return value  # type: ignore[return-value]  # a str or None by the line above

    def elements(self) -> list[str]:
        value = self.value
        if value is None:
            return []
        if isinstance(value, str):
            return [value]
        if self.keyed:
            return list(value.values())
        return [text for _, text in sorted(value.items())]

    def keys(self) -> list[str]:
        value = self.value
        if value is None:
            return []
        if isinstance(value, str):
            return ["0"]
        return [str(key) for key in (value if self.keyed else sorted(value))]

    def is_array(self) -> bool:
        return self.keyed or self.value.__class__ is dict

    def flags(self) -> str:
        """The letters of declare -p."""
        letters = "A" if self.keyed else "a" if self.is_array() else ""
        letters += "i" * self.integer + "l" * self.lower + "n" * self.nameref + "r" * self.readonly
        return letters + "u" * self.upper + "x" * self.exported


class Computed(Variable):
    """A variable whose value is asked for anew each time: $RANDOM, $SECONDS."""

    __slots__ = ("assign", "compute")

    def __init__(self, compute: Callable[[], Value], assign: Callable[[str], None] | None = None) -> None:
        self.compute = compute
        self.assign = assign
        super().__init__()

    @property
    def value(self) -> Value:
        return self.compute()

    @value.setter
    def value(self, value: Value) -> None:
        if self.assign is not None and isinstance(value, str):
            self.assign(value)

    def copy(self) -> Variable:
        return self


class Variables:
    """All of one shell. `frames` holds, per running function, what its locals hide."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.table: dict[str, Variable] = {}
        self.frames: list[dict[str, Variable | None]] = []
        self.evaluate: Callable[[str], int] = int  # for integer variables; the shell puts its arithmetic here
        self.export_all = False

    def copy(self) -> Variables:
        new = Variables(self.dialect)
        new.table = {name: variable.copy() for name, variable in self.table.items()}
        new.frames = [dict(frame) for frame in self.frames]
        new.export_all = self.export_all
        return new

    def resolve(self, name: str) -> str:
        """Follow name references."""
        for _ in range(8):
            variable = self.table.get(name)
            if variable is None or not variable.nameref or not isinstance(variable.value, str):
                break
            name = variable.value
        return name

    def get(self, name: str) -> str | None:
        variable = self.table.get(name)
        if variable is None:
            return None
        if variable.nameref:
            target = self.resolve(name)
            if target != name:
                return self.get_reference(target)
        return variable.text()

    def get_reference(self, target: str) -> str | None:
        variable = self.table.get(target)
        return variable.text() if variable else None

    def check(self, name: str, variable: Variable) -> None:
        if variable.readonly:
            raise Failure(f"{name}: readonly variable" if self.dialect.bash else f"{name}: is read only")

    def set(self, name: str, value: str, append: bool = False) -> Variable:
        variable = self.table.get(name)
        if variable is None:
            variable = self.table[name] = Variable()
            variable.exported = self.export_all
        elif variable.readonly or variable.nameref:
            self.check(name, variable)
            target = self.resolve(name)
            if target != name:
                return self.set(target, value, append)
        if variable.integer:
            number = self.evaluate(value)
            value = str(number + self.evaluate(variable.text() or "0") if append else number)
        elif append:
            value = (variable.text() or "") + value
        if variable.lower or variable.upper:
            value = value.lower() if variable.lower else value.upper()
        if len(value) > MOST:
            raise Failure("out of memory")
        if variable.value.__class__ is dict:
            variable.value["0" if variable.keyed else 0] = value  # type: ignore[index]  # a dict by the line above
        else:
            variable.value = value
        if self.export_all:
            variable.exported = True
        return variable

    def set_element(self, name: str, index: int | str, value: str, append: bool = False) -> None:
        name = self.resolve(name)
        variable = self.table.get(name)
        if variable is None:
            variable = self.table[name] = Variable({})
        self.check(name, variable)
        if variable.value.__class__ is not dict:
            variable.value = {} if variable.value is None else {0: str(variable.value)}
        elements: dict[int | str, str] = variable.value  # type: ignore[assignment]  # made a dict above
        if variable.integer:
            number = self.evaluate(value)
            value = str(number + self.evaluate(elements.get(index, "0")) if append else number)
        elif append:
            value = elements.get(index, "") + value
        if variable.lower or variable.upper:
            value = value.lower() if variable.lower else value.upper()
        elements[index] = value

    def unset(self, name: str) -> None:
        variable = self.table.get(name)
        if variable is None:
            return
        if variable.readonly:
            text = f"{name}: cannot unset: readonly variable" if self.dialect.bash else f"{name}: is read only"
            raise Failure(text, fatal=not self.dialect.bash)
        del self.table[name]

    def declare_local(self, name: str) -> Variable:
        frame = self.frames[-1]
        before = self.table.get(name)
        if name not in frame:
            frame[name] = before
            new = Variable()
            if before is not None and before.exported:
                new.exported = True
            if before is not None and not self.dialect.bash:
                new.value = before.value  # POSIX shells: a local begins with the outer value
            self.table[name] = new
        return self.table[name]

    def enter(self) -> None:
        self.frames.append({})

    def leave(self) -> None:
        for name, variable in self.frames.pop().items():
            if variable is None:
                self.table.pop(name, None)
            else:
                self.table[name] = variable

    def environment(self) -> dict[str, str]:
        found = {}
        for name, variable in self.table.items():
            if variable.exported:
                value = variable.text()
                if value is not None:
                    found[name] = value
        return found
