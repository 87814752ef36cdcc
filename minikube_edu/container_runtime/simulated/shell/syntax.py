"""The tree of a script: what the reader makes and the runner walks.

Words are lists of parts; a part knows whether it stood in quotes, because that decides about splitting and globbing.
Commands know the line they began on, for error texts and $LINENO. A real shell has the same kinds of nodes
(dash: nodes.h, bash: command.h).
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, field


class Literal(Struct):
    text: str
    quoted: bool = False


class Tilde(Struct):
    """~ or ~name at the beginning of a word, before the slash."""

    user: str


class Parameter(Struct):
    """$name, ${name}, ${name OP operand}."""

    name: str
    quoted: bool
    operator: str = ""  # - = ? + (with : before them), # ## % %% / // /# /% ^ ^^ , ,, : @ and "length"
    operand: Word | None = None
    second: Word | None = None  # the replacement of /, the length of :
    index: Word | None = None  # ${name[index]}; @ and * stand for themselves
    indirect: bool = False  # ${!name}
    keys: bool = False  # ${!name[@]}, ${!prefix*}
    text: str = ""  # as written, for error texts
    fast: Any = None  # the reader's closure, made at first use


class Substitution(Struct):
    """$(list) or `list`."""

    body: Command | None
    quoted: bool
    file: str = ""  # $(<file) is bash's cat


class Arithmetic(Struct):
    """$((text)); its text is expanded as in double quotes, then reckoned."""

    text: Word
    quoted: bool
    fast: Any = None


class ProcessSubstitution(Struct):
    """<(list) or >(list): becomes a path."""

    direction: str
    body: Command | None
    quoted: bool = False


class ExtendedGlob(Struct):
    """bash's @(a|b): a pattern's own syntax, whose alternatives are words."""

    kind: str
    alternatives: list[Word]
    quoted: bool = False


Part: TypeAlias = "Literal | Tilde | Parameter | Substitution | Arithmetic | ProcessSubstitution | ExtendedGlob"


class Word(Struct):
    parts: list[Part]
    # Made by `expansion.plan` when the word is first expanded.
    static: list[str] | None = None
    closures: Any = None
    planned: bool = False

    def literal(self) -> str | None:
        """The word's text, if it has neither quotes nor expansions: only such words can be reserved."""
        if not self.parts:
            return ""
        if len(self.parts) == 1:
            part = self.parts[0]
            if part.__class__ is Literal and not part.quoted:
                return part.text
        return None


class ArrayLiteral(Struct):
    """(a b [3]=c): the value of an array's assignment."""

    items: list[tuple[Word | None, Word]]


class Assignment(Struct):
    name: str
    value: Word | ArrayLiteral
    index: Word | None = None
    append: bool = False


class Redirect(Struct):
    descriptor: int | None
    operator: str  # < > >> <> >| <& >& << <<- <<< &> &>>
    target: Word
    line: int = 0


class Simple(Struct):
    assignments: list[Assignment]
    words: list[Word]
    redirects: list[Redirect]
    line: int = 0
    source: str = ""
    # For declare, export, local and readonly: arguments that are assignments, by position in `words`.
    declared: dict[int, Assignment] = field(default_factory=dict)


class Pipeline(Struct):
    commands: list[Command]
    negated: bool = False
    both: list[bool] = field(default_factory=list)  # |& at that place
    timed: bool = False
    source: str = ""


class AndOr(Struct):
    first: Command
    rest: list[tuple[str, Command]]


class Sequence(Struct):
    items: list[Command]


class Background(Struct):
    command: Command
    source: str


class Redirected(Struct):
    """A compound command with its redirections."""

    command: Command
    redirects: list[Redirect]
    line: int


class Subshell(Struct):
    body: Command
    source: str = ""


class Group(Struct):
    body: Command


class If(Struct):
    branches: list[tuple[Command, Command]]
    otherwise: Command | None


class While(Struct):
    condition: Command
    body: Command
    until: bool


class For(Struct):
    name: str
    words: list[Word] | None  # None: "$@"
    body: Command
    line: int = 0
    select: bool = False


class CountingFor(Struct):
    first: Word
    condition: Word
    step: Word
    body: Command


class Case(Struct):
    word: Word
    items: list[tuple[list[Word], Command | None, str]]
    line: int = 0


class Function(Struct):
    name: str
    body: Command
    source: str
    line: int = 0


class ArithmeticCommand(Struct):
    """(( text ))"""

    text: Word
    line: int = 0


class Test(Struct):
    """A leaf or a knot of [[ ]]: operator and operands, which are words or tests."""

    operator: str
    operands: list[Any]


class Conditional(Struct):
    """[[ test ]]"""

    test: Test
    line: int = 0


Command: TypeAlias = (
    "Simple | Pipeline | AndOr | Sequence | Background | Redirected | Subshell | Group | If | While | For | CountingFor"
    " | Case | Function | ArithmeticCommand | Conditional"
)
