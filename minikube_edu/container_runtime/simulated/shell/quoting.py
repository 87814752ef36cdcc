"""Words: quotes, backslashes, and everything that begins with a dollar or a backquote.

Each method starts at its opening character and leaves the position behind the closing one. Text in quotes becomes
quoted literals, so that later rooms need not know which kind of quotes it had. Files that are this long are so because
one construct contains the others: the methods call each other.
"""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.shell.errors import ScriptError
from minikube_edu.container_runtime.simulated.shell.formats import ansi_c
from minikube_edu.container_runtime.simulated.shell.scanner import METACHARACTERS, NAME, Scanner
from minikube_edu.container_runtime.simulated.shell.syntax import (
    Arithmetic,
    Command,
    ExtendedGlob,
    Literal,
    Parameter,
    Part,
    ProcessSubstitution,
    Substitution,
    Tilde,
    Word,
)

_PLAIN = re.compile(r"[^\\'\"`$ \t\n|&;<>()]+")
_IN_DOUBLE = re.compile(r"[^\\\"`$]+")
_IN_HEREDOC = re.compile(r"[^\\`$]+")
_IN_BRACES = re.compile(r"[^\\'\"`$}/:@*?+!]+")
_IN_ARITHMETIC = re.compile(r"[^\\\"`$()]+")
_SPECIAL = "@*#?-$!"
_OPERATORS = re.compile(r":?[-=?+]|##?|%%?|//?|\^\^?|,,?|:|@(?=[UuLQEPAKak]\})")
_POSIX = re.compile(r":?[-=?+]|##?|%%?")
_MAX_DEPTH = 120


MOST_IN_VAIN = 50_000  # characters that are read as arithmetic and turn out to be none


class Quoting(Scanner):
    depth = 0
    in_test = False  # between [[ and ]]: extended patterns are always on

    def list_until(self, closing: str) -> Command | None:
        """A command list and the closing parenthesis; the grammar's part."""
        raise NotImplementedError

    def inner(self, text: str, line: int) -> Quoting:
        """A reader for text that was taken out of this one: a here-document, a backquoted command."""
        reader = self.__class__(text, self.dialect, self.aliases, line, self.extended_globs)
        reader.depth = self.depth + 1
        if reader.depth > _MAX_DEPTH:
            raise self.error("too deeply nested")
        return reader

    def program(self) -> Command | None:
        raise NotImplementedError

    # --- words

    def read_word(self) -> Word:
        parts: list[Part] = []
        text, size = self.text, len(self.text)
        while self.position < size:
            found = _PLAIN.match(text, self.position)
            if found:
                chunk = found[0]
                self.position = found.end()
                if chunk[-1] in "?*+@!" and text.startswith("(", self.position) and self._takes_extended_globs():
                    self._literal(parts, chunk[:-1])
                    parts.append(self._extended_glob(chunk[-1]))
                else:
                    self._literal(parts, chunk)
                continue
            character = text[self.position]
            if character in METACHARACTERS:
                if character in "<>" and self._is_process_substitution(self.position):
                    parts.append(self._process_substitution())
                    continue
                break
            self._quoted_or_dollar(parts, character)
        return Word(_with_tilde(parts))

    def _takes_extended_globs(self) -> bool:
        return self.in_test or self.extended_globs

    def _quoted_or_dollar(self, parts: list[Part], character: str) -> None:
        """One of \\ ' " $ ` outside of double quotes."""
        if character == "\\":
            following = self.text[self.position + 1 : self.position + 2]
            self.position += 2 if following else 1
            if following != "\n":
                parts.append(Literal(following or "\\", quoted=True))
        elif character == "'":
            parts.append(Literal(self._single_quoted(), quoted=True))
        elif character == '"':
            self._double_quoted(parts)
        elif character == "$":
            self._dollar(parts, quoted=False)
        else:
            parts.append(self._backquoted(quoted=False))

    @staticmethod
    def _literal(parts: list[Part], text: str, quoted: bool = False) -> None:
        if not text and not quoted:
            return
        if parts and parts[-1].__class__ is Literal and parts[-1].quoted == quoted:
            last = parts[-1]
            assert isinstance(last, Literal)
            parts[-1] = Literal(last.text + text, quoted)
        else:
            parts.append(Literal(text, quoted))

    def _single_quoted(self) -> str:
        end = self.text.find("'", self.position + 1)
        if end < 0:
            self.position = len(self.text) if self.dialect.dash else self.position
            raise self.error("unterminated", "'", incomplete=True)
        content = self.text[self.position + 1 : end]
        self.position = end + 1
        return content

    def _double_quoted(self, parts: list[Part]) -> None:
        opening = self.line
        self.position += 1
        before = len(parts)
        text, size = self.text, len(self.text)
        while True:
            if self.position >= size:
                opening = self.line if self.dialect.dash else opening
                raise ScriptError("unterminated", opening, '"', incomplete=True)
            found = _IN_DOUBLE.match(text, self.position)
            if found:
                self._literal(parts, found[0], quoted=True)
                self.position = found.end()
            elif text[self.position] == '"':
                break
            else:
                self._in_double_quotes(parts, '$`"\\')
        self.position += 1
        if len(parts) == before:
            parts.append(Literal("", quoted=True))

    def _in_double_quotes(self, parts: list[Part], escapable: str) -> None:
        """One of \\ $ ` where blanks are nothing special."""
        character = self.text[self.position]
        if character == "\\":
            following = self.text[self.position + 1 : self.position + 2]
            self.position += 2 if following else 1
            if following == "\n":
                return
            self._literal(parts, following if following and following in escapable else "\\" + following, quoted=True)
        elif character == "$":
            self._dollar(parts, quoted=True)
        else:
            parts.append(self._backquoted(quoted=True))

    def heredoc_word(self, body: str, line: int) -> Word:
        reader = self.inner(body, line)
        parts: list[Part] = []
        while reader.position < len(body):
            found = _IN_HEREDOC.match(body, reader.position)
            if found:
                self._literal(parts, found[0], quoted=True)
                reader.position = found.end()
            else:
                reader._in_double_quotes(parts, "$`\\")
        return Word(parts or [Literal("", quoted=True)])

    def _extended_glob(self, kind: str) -> ExtendedGlob:
        """At the parenthesis of @(a|b)."""
        self.position += 1
        alternatives: list[Word] = []
        parts: list[Part] = []
        text = self.text
        while True:
            if self.position >= len(text):
                raise self.error("unterminated", "(", incomplete=True)
            character = text[self.position]
            found = _PLAIN.match(text, self.position)
            if found:
                self.position = found.end()
                if found[0][-1] in "?*+@!" and text.startswith("(", self.position):
                    self._literal(parts, found[0][:-1])
                    parts.append(self._extended_glob(found[0][-1]))
                else:
                    self._literal(parts, found[0])
            elif character in "|)":
                alternatives.append(Word(parts))
                parts = []
                self.position += 1
                if character == ")":
                    return ExtendedGlob(kind, alternatives)
            elif character in METACHARACTERS:
                self._literal(parts, character)
                self.position += 1
            else:
                self._quoted_or_dollar(parts, character)

    # --- what a dollar begins

    def _dollar(self, parts: list[Part], quoted: bool) -> None:
        text, position = self.text, self.position
        following = text[position + 1 : position + 2]
        if following == "(":
            parts.append(self._parenthesis(quoted))
        elif following == "{":
            parts.append(self._braced(quoted))
        elif following == "'" and not quoted and self.dialect.more_than_posix:
            self.position += 1
            parts.append(Literal(self._ansi_quoted(), quoted=True))
        elif following == '"' and not quoted and self.dialect.bash:
            self.position += 1
            self._double_quoted(parts)
        elif found := NAME.match(text, position + 1):
            self.position = found.end()
            parts.append(Parameter(found[0], quoted, text=text[position : self.position]))
        elif following and (following in _SPECIAL or following in "0123456789"):
            self.position += 2
            parts.append(Parameter(following, quoted, text="$" + following))
        else:
            self.position += 1
            self._literal(parts, "$", quoted)

    def _ansi_quoted(self) -> str:
        end = self.position + 1
        while end < len(self.text) and self.text[end] != "'":
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text):
            raise self.error("unterminated", "'", incomplete=True)
        content = self.text[self.position + 1 : end]
        self.position = end + 1
        return ansi_c(content)

    def _parenthesis(self, quoted: bool) -> Part:
        """$((...)) if it can be read as that, $(...) otherwise."""
        start = self.position
        if self.text.startswith("$((", start):
            self.position += 3
            inside = self.arithmetic_text("))")
            if inside is not None:
                return Arithmetic(inside, quoted)
            self.position = start
        self.position += 2
        self._enter()
        opening = self.line
        try:
            saved_token, self._token = self._token, None
            body = self.list_until(")")
            self._token = saved_token
        except ScriptError as error:
            if error.incomplete and self.dialect.bash and error.what == "unexpected":
                raise ScriptError("unterminated", opening, "(", incomplete=True) from None
            raise
        finally:
            self.depth -= 1
        return Substitution(body, quoted)

    def _enter(self) -> None:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("too deeply nested")

    def _process_substitution(self) -> ProcessSubstitution:
        direction = self.text[self.position]
        self.position += 2
        self._enter()
        saved_token, self._token = self._token, None
        body = self.list_until(")")
        self._token = saved_token
        self.depth -= 1
        return ProcessSubstitution(direction, body)

    def arithmetic_text(self, closing: str) -> Word | None:
        """Up to `))` (or `]`, or `;` of a counting for), as the expandable text of an expression; None: it is none."""
        parts: list[Part] = []
        text, nesting = self.text, 0
        begin = self.position
        while self.position < len(text):
            if self.in_vain + self.position - begin > MOST_IN_VAIN:
                return None
            if nesting == 0 and text.startswith(closing, self.position):
                self.position += len(closing)
                return Word(parts or [Literal("", quoted=True)])
            character = text[self.position]
            if character in "$`":
                self._in_double_quotes(parts, "$`\\")
                continue
            if character == '"' and self.dialect.bash:
                self.position += 1
                continue
            if character == "\\" and text.startswith("\\\n", self.position):
                self.position += 2
                continue
            if character in "([":
                nesting += 1
            elif character in ")]":
                if nesting == 0:
                    break
                nesting -= 1
            self._literal(parts, character, quoted=True)
            self.position += 1
        self.in_vain += self.position - begin
        return None

    def _backquoted(self, quoted: bool) -> Substitution:
        opening = self.line
        position, text = self.position + 1, self.text
        content: list[str] = []
        while True:
            if position >= len(text):
                raise ScriptError("unterminated", opening, "`", incomplete=True)
            character = text[position]
            if character == "`":
                break
            if character == "\\" and position + 1 < len(text):
                following = text[position + 1]
                if following in "$`\\" or (following == '"' and quoted):
                    content.append(following)
                else:
                    content.append("\\" + following)
                position += 2
                continue
            content.append(character)
            position += 1
        self.position = position + 1
        return Substitution(self.inner("".join(content), opening).program(), quoted)

    # --- ${...}

    def _braced(self, quoted: bool) -> Part:
        start = self.position
        self.position += 2
        self._enter()
        try:
            part = self._parameter(quoted)
        finally:
            self.depth -= 1
        if part is None:
            self.position = start + 2
            self._operand(quoted, "}")
            self.position += 1
            part = Parameter("", quoted, "bad")
        part.text = self.text[start : self.position]
        return part

    def _parameter(self, quoted: bool) -> Parameter | None:
        """From behind `${` to behind the brace; None: not of any known form."""
        text = self.text
        length = indirect = False
        if text.startswith("#", self.position) and not re.match(r"#(\}|[-=?+:%#]+[^}])", text[self.position :][:4]):
            length = True
            self.position += 1
        elif (
            text.startswith("!", self.position)
            and self.dialect.bash
            and not re.match(r"!(\}|[-=?+:])", text[self.position :][:3])
        ):
            indirect = True
            self.position += 1
        found = NAME.match(text, self.position) or re.compile(r"\d+|[@*#?$!-]").match(text, self.position)
        if found is None:
            return None
        self.position = found.end()
        parameter = Parameter(found[0], quoted, indirect=indirect)
        if text.startswith("[", self.position) and self.dialect.bash:
            self.position += 1
            parameter.index = self.subscript()
        return self._operator(parameter, length)

    def subscript(self) -> Word:
        """Behind the bracket: an expression, a key, @ or *."""
        parts: list[Part] = []
        text, nesting = self.text, 0
        while self.position < len(text):
            character = text[self.position]
            if character == "]" and nesting == 0:
                self.position += 1
                return Word(parts or [Literal("", quoted=True)])
            if character in "\\'\"$`":
                self._quoted_or_dollar(parts, character)
                continue
            nesting += (character == "[") - (character == "]")
            self._literal(parts, character)
            self.position += 1
        raise self.error("unterminated", "]", incomplete=True)

    def _operator(self, parameter: Parameter, length: bool) -> Parameter | None:
        text = self.text
        if parameter.indirect and re.match(r"[*@]\}", text[self.position : self.position + 2]):
            parameter.keys, parameter.operator = True, "prefix"
            parameter.second = Word([Literal(text[self.position])])
            self.position += 2
            return parameter
        if text.startswith("}", self.position):
            self.position += 1
            if length:
                parameter.operator = "length"
            elif parameter.indirect and parameter.index is not None and parameter.index.literal() in ("@", "*"):
                parameter.keys, parameter.indirect = True, False
            return parameter
        if length:
            return None
        found = (_OPERATORS if self.dialect.more_than_posix else _POSIX).match(text, self.position)
        if found is None:
            if self.position >= len(text):
                opened = '"' if parameter.quoted and not self.dialect.bash else "}" if self.dialect.dash else "${"
                raise self.error("unterminated", opened, incomplete=True)
            return None
        operator = found[0]
        self.position = found.end()
        if operator in ("/", "//"):
            if operator == "/" and text.startswith(("#", "%"), self.position):
                operator += text[self.position]
                self.position += 1
            parameter.operand = self._operand(False, "/}")
            if text.startswith("/", self.position):
                self.position += 1
                parameter.second = self._operand(False, "}", in_quotes=quoted_replacement(parameter))
        elif operator == ":":
            parameter.operand = self._operand(True, ":}")
            if text.startswith(":", self.position):
                self.position += 1
                parameter.second = self._operand(True, "}")
        else:
            takes_pattern = operator[0] in "#%^,"
            parameter.operand = self._operand(parameter.quoted and not takes_pattern, "}")
        parameter.operator = operator
        self.position += 1
        return parameter

    def _operand(self, quoted: bool, closing: str, in_quotes: bool = False) -> Word:
        """Up to one of the closing characters; `quoted`: the whole stands in double quotes."""
        parts: list[Part] = []
        text, opening = self.text, self.line
        while True:
            if self.position >= len(text):
                token = '"' if quoted else "${"
                raise ScriptError("unterminated", opening, token, incomplete=True)
            character = text[self.position]
            if character in closing:
                return Word(parts if quoted or in_quotes else _with_tilde(parts))
            if character in "$`":
                self._in_double_quotes(parts, "") if quoted else self._quoted_or_dollar(parts, character)
            elif quoted and character == "\\":
                self._in_double_quotes(parts, '$`"\\}')
            elif character == '"':
                self._double_quoted(parts)
            elif character in "\\'" and not quoted:
                self._quoted_or_dollar(parts, character)
            elif character in "?*+@!" and text.startswith("(", self.position + 1) and self._takes_extended_globs():
                self.position += 1
                parts.append(self._extended_glob(character))
            else:
                self._literal(parts, character, quoted)
                self.position += 1


def quoted_replacement(parameter: Parameter) -> bool:
    return parameter.quoted


def _with_tilde(parts: list[Part]) -> list[Part]:
    """A leading ~ or ~name becomes its own part."""
    if not parts:
        return parts
    first = parts[0]
    if not isinstance(first, Literal) or first.quoted or not first.text.startswith("~"):
        return parts
    user, slash, rest = first.text[1:].partition("/")
    if not slash and len(parts) > 1:
        return parts
    return [Tilde(user), *([Literal(slash + rest)] if slash else []), *parts[1:]]


def assignment_tildes(word: Word) -> Word:
    """In the value of an assignment a tilde counts behind every colon as well."""
    parts: list[Part] = []
    for part in word.parts:
        if isinstance(part, Literal) and not part.quoted and ":~" in part.text:
            pieces = part.text.split(":")
            for number, piece in enumerate(pieces):
                if number:
                    parts.append(Literal(":"))
                if number and piece.startswith("~"):
                    parts.extend(_with_tilde([Literal(piece)]))
                elif piece:
                    parts.append(Literal(piece))
        else:
            parts.append(part)
    return Word(parts)
