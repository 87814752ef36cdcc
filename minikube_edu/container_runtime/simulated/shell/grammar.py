"""Commands: the grammar of POSIX with bash's additions, read by recursive descent.

`unit` reads one complete command line, as a shell does, so that what stands before an error still runs and aliases
take effect from the next line on. `program` reads all. The file is long because a grammar is one thing: its rules
call each other.
"""

from __future__ import annotations

import re

from minikube_edu.container_runtime.simulated.kernel.baton import give_way
from minikube_edu.container_runtime.simulated.shell.braces import expand_braces
from minikube_edu.container_runtime.simulated.shell.quoting import Quoting, assignment_tildes
from minikube_edu.container_runtime.simulated.shell.scanner import REDIRECTIONS, RESERVED, Token
from minikube_edu.container_runtime.simulated.shell.syntax import (
    AndOr,
    ArithmeticCommand,
    ArrayLiteral,
    Assignment,
    Background,
    Case,
    Command,
    CountingFor,
    For,
    Function,
    Group,
    If,
    Literal,
    Pipeline,
    Redirect,
    Redirected,
    Sequence,
    Simple,
    Subshell,
    While,
    Word,
)
from minikube_edu.container_runtime.simulated.shell.testgrammar import TestGrammar

_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\+?)=")
_SUBSCRIPTED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[")
_FUNCTION_NAME = re.compile(r"[^\s|&;<>()$`\"'\\]+\Z")
DECLARING = frozenset(["declare", "typeset", "local", "export", "readonly"])
CASE_ENDS = (";;", ";&", ";;&")


class Grammar(TestGrammar, Quoting):
    # --- entrances

    def unit(self) -> Command | None:
        """The next complete command line; None at the end of the text."""
        self.skip_newlines()
        if self.peek().kind == "end":
            return None
        command = self._line_list()
        token = self.peek()
        if token.kind not in ("newline", "end"):
            raise self.unexpected(token)
        self.take()
        if token.kind == "end":
            self.finish_heredocs()
        return command

    def program(self) -> Command | None:
        items: list[Command] = []
        while (command := self.unit()) is not None:
            items.append(command)
        return _one(items) if items else None

    def list_until(self, closing: str) -> Command | None:
        announced, self._announced = self._announced, []
        body = self._list(frozenset([closing]), may_be_empty=True)
        token = self.peek()
        if token.text != closing or token.kind != "operator":
            raise self.unexpected(token, closing)
        self._token = None  # not `take`: what follows are the characters of the word around
        self.position = token.end
        self._announced = announced + self._announced
        return body

    # --- lists

    def _line_list(self) -> Command:
        """and-or lists up to the end of the line."""
        items: list[Command] = []
        while True:
            command, separated = self._terminated()
            items.append(command)
            token = self.peek()
            if token.kind in ("newline", "end") or not separated or (token.kind == "operator" and token.text == ")"):
                return _one(items)

    def _terminated(self) -> tuple[Command, bool]:
        """An and-or list, and whether ; or & ended it."""
        start = self.peek().start
        command = self._and_or()
        token = self.peek()
        separated = token.kind == "operator" and token.text in (";", "&")
        if separated:
            self.take()
            if token.text == "&":
                command = Background(command, self.text[start : token.start].strip())
        return command, separated

    def _list(self, ends: frozenset[str], may_be_empty: bool = False, expecting: str = "") -> Command | None:
        """Commands until one of `ends` stands where a command could begin."""
        items: list[Command] = []
        separated = True
        while True:
            if self.peek().kind == "newline":
                self.skip_newlines()
                separated = True
            token = self.peek()
            if token.kind == "end" or (token.text in ends and self._is_end(token)):
                break
            if not separated:
                raise self.unexpected(token, expecting)
            command, separated = self._terminated()
            items.append(command)
        if not items:
            if may_be_empty:
                return None
            raise self.unexpected(self.peek(), expecting if self.peek().kind == "end" else "")
        return _one(items)

    @staticmethod
    def _is_end(token: Token) -> bool:
        return token.kind == "operator" or (token.word is not None and token.word.literal() is not None)

    def _body(self, *ends: str) -> Command:
        """A list that must be followed by one of the reserved words, which is left in place."""
        body = self._list(frozenset(ends), expecting=ends[0])
        token = self.peek()
        if token.text not in ends:
            raise self.unexpected(token, ends[0])
        assert body is not None
        return body

    def _reserved(self, word: str) -> None:
        token = self.peek()
        if token.text != word or token.kind != "word":
            raise self.unexpected(token, word)
        self.take()

    def _and_or(self) -> Command:
        first = self._pipeline()
        rest: list[tuple[str, Command]] = []
        while self.peek().kind == "operator" and self.peek().text in ("&&", "||"):
            operator = self.take().text
            self.skip_newlines()
            rest.append((operator, self._pipeline()))
        return AndOr(first, rest) if rest else first

    def _pipeline(self) -> Command:
        negated = timed = False
        start = self._command_start().start
        while True:
            token = self._command_start()
            if token.kind == "word" and token.text == "!":
                negated = not negated
            elif token.kind == "word" and token.text == "time" and self.dialect.bash:
                timed = True
            else:
                break
            self.take()
        if timed and (token.kind in ("newline", "end") or token.text == ";"):
            return Pipeline([Simple([], [], [], token.line)], negated, [], timed)
        commands = [self._command()]
        both: list[bool] = []
        while self.peek().kind == "operator" and self.peek().text in ("|", "|&"):
            both.append(self.take().text == "|&")
            self.skip_newlines()
            commands.append(self._command())
        if len(commands) == 1 and not negated and not timed:
            return commands[0]
        return Pipeline(commands, negated, both, timed, self.text[start : self.peek().start].strip())

    # --- commands

    def _command_start(self) -> Token:
        """The token where a command's name may stand, with aliases replaced."""
        token = self.peek()
        while self.aliases and self._is_alias(token):
            value = self.aliases[token.text]
            left = len(self.text) - token.end
            self._alias_ends.append((token.text, left))
            if value.endswith((" ", "\t")):
                self._blank_ends.add(left)
            self.text = f"{self.text[: token.start]}{value} {self.text[token.end :]}"
            self.back_to(token)
            token = self.peek()
        return token

    def _is_alias(self, token: Token) -> bool:
        if token.kind != "word" or token.text not in self.aliases or token.word is None:
            return False
        if token.word.literal() is None:
            return False
        left = len(self.text) - token.end
        return not any(name == token.text and left >= behind for name, behind in self._alias_ends)

    def _follows_blank_alias(self, token: Token) -> bool:
        """Only blanks lie between it and the end of an alias's value that ended in a blank."""
        return any(
            len(self.text) - behind <= token.start and not self.text[len(self.text) - behind : token.start].strip()
            for behind in self._blank_ends
        )

    def _command(self) -> Command:
        give_way()  # long texts are parsed in turns
        token = self._command_start()
        if token.kind == "operator" and token.text == "(":
            return self._redirected(self._parenthesized(token))
        if token.kind == "word" and token.word is not None and token.word.literal() is not None:
            compound = self._compound(token)
            if compound is not None:
                return compound if isinstance(compound, Function) else self._redirected(compound)
            if token.text in RESERVED and token.text not in ("in",):
                raise self.unexpected(token)
        elif token.kind not in ("word", "number") and token.text not in REDIRECTIONS:
            raise self.unexpected(token)
        return self._simple()

    def _compound(self, token: Token) -> Command | None:
        self._enter()
        try:
            match token.text:
                case "{":
                    self.take()
                    body = self._body("}")
                    self.take()
                    return Group(body)
                case "if":
                    return self._if()
                case "while" | "until":
                    self.take()
                    condition = self._body("do")
                    return While(condition, self._do(), token.text == "until")
                case "for":
                    return self._for()
                case "select" if self.dialect.bash:
                    return self._for()
                case "case":
                    return self._case()
                case "[[" if self.dialect.more_than_posix:
                    return self.conditional()
                case "function" if self.dialect.more_than_posix:
                    return self._function_word()
            return None
        finally:
            self.depth -= 1

    def _parenthesized(self, token: Token) -> Command:
        if self.dialect.bash and self.text.startswith("((", token.start):
            self.position = token.start + 2
            inside = self.arithmetic_text("))")
            if inside is not None:
                self._token = None
                return ArithmeticCommand(inside, token.line)
            self.position = token.end
        self.take()
        self._enter()
        body = self._list(frozenset([")"]), expecting=")")
        closing = self.peek()
        if closing.text != ")" or closing.kind != "operator":
            raise self.unexpected(closing, ")")
        self.take()
        self.depth -= 1
        assert body is not None
        return Subshell(body, self.text[token.start : closing.end])

    def _redirected(self, command: Command) -> Command:
        line = self.peek().line
        redirects: list[Redirect] = []
        while redirect := self._redirect():
            redirects.append(redirect)
        return Redirected(command, redirects, line) if redirects else command

    def _if(self) -> Command:
        branches: list[tuple[Command, Command]] = []
        self.take()
        while True:
            condition = self._body("then")
            self.take()
            branches.append((condition, self._body("fi", "elif", "else")))
            if self.peek().text != "elif":
                break
            self.take()
        otherwise = None
        if self.peek().text == "else":
            self.take()
            otherwise = self._body("fi")
        self._reserved("fi")
        return If(branches, otherwise)

    def _do(self) -> Command:
        self._reserved("do")
        body = self._body("done")
        self.take()
        return body

    def _for(self) -> Command:
        select = self.take().text == "select"
        self.skip_blanks()
        if self.dialect.bash and not select and self.text.startswith("((", self.position):
            return self._counting_for()
        token = self.peek()
        name = token.text
        if token.kind != "word" or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            if self.dialect.bash and token.kind != "word":
                raise self.unexpected(token)
            raise self.error("bad for loop variable" if not self.dialect.bash else f"`{name}': not a valid identifier")
        self.take()
        words: list[Word] | None = None
        self.skip_newlines()
        if self.peek().text == "in" and self.peek().kind == "word":
            self.take()
            words = []
            while self.peek().kind == "word":
                words.extend(self._arguments(self.take()))
            if self.peek().kind != "newline" and self.peek().text != ";":
                raise self.unexpected(self.peek())
            self.take()
        elif self.peek().text == ";":
            self.take()
        self.skip_newlines()
        if self.dialect.bash and self.peek().text == "{":
            self.take()
            body = self._body("}")
            self.take()
        else:
            body = self._do()
        return For(name, words, body, token.line, select)

    def _counting_for(self) -> Command:
        self.position += 2
        self._token = None
        texts = [self.arithmetic_text(closing) for closing in (";", ";", "))")]
        if any(text is None for text in texts):
            raise self.error("arithmetic expression required")
        if self.peek().text == ";":
            self.take()
        self.skip_newlines()
        if self.peek().text == "{":
            self.take()
            body = self._body("}")
            self.take()
        else:
            body = self._do()
        first, condition, step = (text or Word([]) for text in texts)
        return CountingFor(first, condition, step, body)

    def _case(self) -> Command:
        line = self.take().line
        token = self.peek()
        if token.kind != "word" or token.word is None:
            raise self.unexpected(token)
        word = token.word
        self.take()
        self.skip_newlines()
        self._reserved("in")
        items: list[tuple[list[Word], Command | None, str]] = []
        while True:
            self.skip_newlines()
            token = self.peek()
            if token.kind == "word" and token.text == "esac":
                self.take()
                return Case(word, items, line)
            items.append(self._case_item())

    def _case_item(self) -> tuple[list[Word], Command | None, str]:
        if self.peek().text == "(":
            self.take()
        patterns: list[Word] = []
        while True:
            token = self.peek()
            if token.kind != "word" or token.word is None:
                raise self.unexpected(token, ")" if token.kind == "end" else "")
            patterns.append(token.word)
            self.take()
            token = self.peek()
            if token.text == "|":
                self.take()
                continue
            if token.text != ")":
                raise self.unexpected(token, ")")
            self.take()
            break
        body = self._list(frozenset(["esac", *CASE_ENDS]), may_be_empty=True)
        token = self.peek()
        if token.text in CASE_ENDS:
            self.take()
            return patterns, body, token.text
        if token.text != "esac":
            raise self.unexpected(token, ";;" if token.kind == "end" else "")
        return patterns, body, ";;"

    # --- functions

    def _function_word(self) -> Command:
        start = self.take().start
        name = self.take().text
        if self.peek().text == "(":
            self.take()
            if self.take().text != ")":
                raise self.unexpected(self.peek())
        return self._function_body(name, start)

    def _function_body(self, name: str, start: int) -> Command:
        self.skip_newlines()
        line = self.peek().line
        token = self._command_start()
        if token.kind == "end" or token.kind == "newline":
            raise self.unexpected(token)
        self._enter()
        body = self._command()
        self.depth -= 1
        if self.dialect.bash and isinstance(body, Simple):
            raise self.unexpected(token)
        return Function(name, body, self.text[start : self.peek().start].strip(), line)

    # --- simple commands

    def _simple(self) -> Command:
        first = self.peek()
        command = Simple([], [], [], first.line)
        while True:
            redirect = self._redirect()
            if redirect:
                command.redirects.append(redirect)
                continue
            token = self.peek()
            if not command.words or (self._blank_ends and self._follows_blank_alias(token)):
                token = self._command_start()
            if token.kind != "word" or token.word is None:
                break
            if not command.words:
                assignment = self._assignment(token)
                if assignment:
                    command.assignments.append(assignment)
                    continue
            elif self._declares(command):
                assignment = self._assignment(token)
                if assignment:
                    command.declared[len(command.words)] = assignment
                    command.words.append(Word([Literal(assignment.name)]))
                    continue
            self.take()
            if not command.words and not command.assignments and not command.redirects and self._is_function(token):
                return self._function_body(token.text, token.start)
            command.words.extend(self._arguments(token))
        if not (command.words or command.assignments or command.redirects):
            raise self.unexpected(self.peek())
        token = self.peek()
        if token.kind == "operator" and token.text == "(" and command.words:
            raise self.unexpected(token)
        command.source = self.text[first.start : token.start].strip()
        return command

    def _arguments(self, token: Token) -> list[Word]:
        """One word, or those that its braces stand for."""
        assert token.word is not None
        if self.dialect.bash and "{" in token.text:
            return expand_braces(token.word)
        return [token.word]

    def _is_function(self, token: Token) -> bool:
        following = self.peek()
        if following.kind != "operator" or following.text != "(":
            return False
        if token.word is None or token.word.literal() is None or not _FUNCTION_NAME.match(token.text):
            raise self.unexpected(following)
        self.take()
        closing = self.peek()
        if closing.text != ")":
            if self.dialect.bash:
                raise self.unexpected(closing)
            raise self.unexpected(closing, ")")
        self.take()
        return True

    def _declares(self, command: Simple) -> bool:
        """Are this command's arguments assignments? Only when its name stands there in plain letters."""
        for word in command.words:
            name = word.literal()
            if name in ("command", "builtin") and self.dialect.bash:
                continue
            return name in DECLARING
        return False

    def _assignment(self, token: Token) -> Assignment | None:
        """`name=`, `name+=`, `name[index]=` at the token's place; reads its value."""
        found = _ASSIGNMENT.match(self.text, token.start)
        index = None
        if found and (not found[2] or self.dialect.bash):
            self.position = found.end()
            append = bool(found[2])
        elif self.dialect.bash and (found := _SUBSCRIPTED.match(self.text, token.start)):
            self.position = found.end()
            index = self.subscript()
            append = self.text.startswith("+=", self.position)
            if not append and not self.text.startswith("=", self.position):
                self.position = token.end
                return None
            self.position += 2 if append else 1
        else:
            return None
        self._token = None
        if self.dialect.bash and self.text.startswith("(", self.position):
            return Assignment(found[1], self._array(), index, append)
        return Assignment(found[1], assignment_tildes(self.read_word()), index, append)

    def _array(self) -> ArrayLiteral:
        self.position += 1
        items: list[tuple[Word | None, Word]] = []
        while True:
            self.skip_newlines()
            token = self.peek()
            if token.kind == "operator" and token.text == ")":
                self.take()
                return ArrayLiteral(items)
            if token.kind != "word" or token.word is None:
                raise self.unexpected(token, ")")
            if self.text.startswith("[", token.start):
                self.position = token.start + 1
                index = self.subscript()
                if self.text.startswith("=", self.position):
                    self._token = None
                    self.position += 1
                    items.append((index, assignment_tildes(self.read_word())))
                    continue
                self.position = token.end
            self.take()
            items.extend((None, word) for word in self._arguments(token))

    # --- redirections

    def _redirect(self) -> Redirect | None:
        token = self.peek()
        descriptor = None
        if token.kind == "number":
            descriptor = int(token.text)
            self.take()
            token = self.peek()
        elif token.kind != "operator" or token.text not in REDIRECTIONS:
            return None
        operator = self.take().text
        target = self.peek()
        if target.kind != "word" or target.word is None:
            raise self.unexpected(target)
        redirect = Redirect(descriptor, operator, target.word, token.line)
        if operator in ("<<", "<<-"):
            quoted = any(not isinstance(part, Literal) or part.quoted for part in target.word.parts)
            delimiter = "".join(
                part.text if isinstance(part, Literal) else getattr(part, "text", "") for part in target.word.parts
            )
            if any(not isinstance(part, Literal) for part in target.word.parts):
                quoted, delimiter = False, target.text
            self.announce(redirect, delimiter, quoted)
        self.take()
        return redirect


def _one(items: list[Command]) -> Command:
    return items[0] if len(items) == 1 else Sequence(items)
