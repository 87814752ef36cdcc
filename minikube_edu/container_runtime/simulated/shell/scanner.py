"""Characters to tokens: blanks, comments, operators, line continuations, and the bodies of here-documents.

What a character means depends on where it stands, so tokens are made one at a time, when the grammar asks; words
are read by `quoting`. A here-document's body begins after the line on which it was announced: the scanner keeps a list
of those announced and fills them in when it passes the newline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from minikube_edu.container_runtime.simulated.shell.dialect import Dialect
from minikube_edu.container_runtime.simulated.shell.errors import ScriptError
from minikube_edu.container_runtime.simulated.shell.syntax import Redirect, Word

METACHARACTERS = frozenset(" \t\n|&;<>()")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_POSIX_OPERATORS = re.compile(r"&&|\|\||;;|<<-|<<|>>|<&|>&|<>|>\||[|&;<>()]")
_MORE_OPERATORS = re.compile(r"&&|\|\||;;&|;;|;&|<<<|<<-|<<|>>|<&|>&|<>|>\||&>>|&>|\|&|[|&;<>()]")
REDIRECTIONS = frozenset(["<", ">", ">>", "<>", ">|", "<&", ">&", "<<", "<<-", "<<<", "&>", "&>>"])
_NUMBER = re.compile(r"(\d+)(?=[<>])")


class Token(Struct):
    kind: str  # word, operator, number (of a redirection), newline, end
    text: str
    start: int
    end: int
    line: int
    word: Word | None = None


class Announced(Struct):
    """A here-document whose body is still to come."""

    redirect: Redirect
    delimiter: str
    quoted: bool
    strip: bool


class Scanner:
    def __init__(
        self,
        text: str,
        dialect: Dialect,
        aliases: Mapping[str, str] | None = None,
        line: int = 1,
        extended_globs: bool = False,
    ) -> None:
        self.text = text
        self.dialect = dialect
        self.aliases: Mapping[str, str] = {} if aliases is None else aliases
        self.extended_globs = extended_globs
        self.position = 0
        self.first_line = line
        self.in_vain = 0  # characters that were read as something they are not
        self._counted = 0  # newlines up to here are in `_line`
        self._line = line
        self._token: Token | None = None
        self._announced: list[Announced] = []
        self._operators = _POSIX_OPERATORS if dialect.dash else _MORE_OPERATORS
        self._alias_ends: list[tuple[str, int]] = []  # an alias's name, and how much text was left behind its value
        self._blank_ends: set[int] = set()  # the same for those whose value ends in a blank: the next word counts too

    @property
    def line(self) -> int:
        if self.position < self._counted:
            self._counted, self._line = 0, self.first_line
        self._line += self.text.count("\n", self._counted, self.position)
        self._counted = self.position
        return self._line

    def error(self, what: str, token: str = "", expecting: str = "", incomplete: bool = False) -> ScriptError:
        return ScriptError(what, self.line, token, expecting, incomplete)

    def unexpected(self, token: Token, expecting: str = "") -> ScriptError:
        if token.kind == "end":
            return ScriptError("unexpected", token.line, "end of file", expecting, incomplete=True)
        text, line = token.text, token.line
        if token.kind == "newline":
            text, line = "newline", line + int(self.dialect.dash)
        elif not self.dialect.bash:
            if (token.kind == "operator" and token.text in REDIRECTIONS) or token.kind == "number":
                text = "redirection"
            elif token.kind == "word" and token.text not in RESERVED:
                text = "word"
        error = ScriptError("unexpected", line, text, expecting)
        begin = self.text.rfind("\n", 0, token.start) + 1
        end = self.text.find("\n", token.start)
        error.source = self.text[begin : end if end >= 0 else len(self.text)]
        return error

    def read_word(self) -> Word:
        raise NotImplementedError

    def heredoc_word(self, body: str, line: int) -> Word:
        raise NotImplementedError

    # --- blanks and tokens

    def skip_blanks(self) -> None:
        text, position, size = self.text, self.position, len(self.text)
        while position < size:
            character = text[position]
            if character in " \t":
                position += 1
            elif character == "\\" and text.startswith("\\\n", position):
                position += 2
            elif character == "#":
                end = text.find("\n", position)
                position = size if end < 0 else end
            else:
                break
        self.position = position

    def peek(self) -> Token:
        if self._token is None:
            self._token = self._next()
        return self._token

    def take(self) -> Token:
        token = self.peek()
        self._token = None
        if token.kind == "newline":
            self._read_heredocs()
        return token

    def back_to(self, token: Token) -> None:
        """Forget that the token was read: its characters mean something else."""
        self.position = token.start
        self._token = None

    def _next(self) -> Token:
        self.skip_blanks()
        start, text = self.position, self.text
        line = self.line
        if start >= len(text):
            return Token("end", "", start, start, line)
        character = text[start]
        if character == "\n":
            self.position += 1
            return Token("newline", "\n", start, start + 1, line)
        if character in "|&;<>()" and not self._is_process_substitution(start):
            found = self._operators.match(text, start)
            assert found
            self.position = found.end()
            return Token("operator", found[0], start, found.end(), line)
        number = _NUMBER.match(text, start)
        if number:
            self.position = number.end()
            return Token("number", number[1], start, number.end(), line)
        word = self.read_word()
        return Token("word", text[start : self.position], start, self.position, line, word)

    def _is_process_substitution(self, start: int) -> bool:
        return self.dialect.bash and self.text.startswith(("<(", ">("), start)

    def skip_newlines(self) -> None:
        while self.peek().kind == "newline":
            self.take()

    # --- here-documents

    def announce(self, redirect: Redirect, delimiter: str, quoted: bool) -> None:
        self._announced.append(Announced(redirect, delimiter, quoted, redirect.operator == "<<-"))

    def _read_heredocs(self) -> None:
        announced, self._announced = self._announced, []
        for each in announced:
            self._read_heredoc(each)

    def finish_heredocs(self) -> None:
        """At the end of the text: those announced have what is left, which is nothing."""
        self._read_heredocs()

    @property
    def wants_heredoc(self) -> bool:
        return bool(self._announced)

    def _read_heredoc(self, announced: Announced) -> None:
        line_number = self.line
        lines: list[str] = []
        size = len(self.text)
        self.heredoc_open = True
        while self.position < size:
            end = self.text.find("\n", self.position)
            after = size if end < 0 else end + 1
            line = self.text[self.position : after]
            self.position = after
            if announced.strip:
                line = line.lstrip("\t")
            if line.rstrip("\n") == announced.delimiter:
                self.heredoc_open = False
                break
            if not announced.quoted:
                # A continued line cannot be the end.
                while line.endswith("\\\n") and (len(line) - len(line[:-1].rstrip("\\"))) % 2 == 0:
                    end = self.text.find("\n", self.position)
                    after = size if end < 0 else end + 1
                    if after == self.position:
                        break
                    more = self.text[self.position : after]
                    line += more
                    self.position = after
            lines.append(line)
        body = "".join(lines)
        if announced.quoted:
            announced.redirect.target = quoted_word(body)
        else:
            announced.redirect.target = self.heredoc_word(body, line_number)

    heredoc_open = False  # the last here-document had no end line


def quoted_word(text: str) -> Word:
    from minikube_edu.container_runtime.simulated.shell.syntax import Literal

    return Word([Literal(text, quoted=True)])


RESERVED = frozenset(
    ["if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "while", "until", "for", "{", "}", "!", "in"]
)
