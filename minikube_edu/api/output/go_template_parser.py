"""Go's text/template, from text to a tree: actions, pipelines, variables, trim markers, nested templates.

Error texts are Go's (`template: output:1: unclosed action`), since they are what a user sees. Nodes keep their place
and their source: errors while running name both.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct, field

from minikube_edu.api.jsonpath import _unquote as unquote
from minikube_edu.api.output.go_format import Constant
from minikube_edu.lib.gotext import quote

KEYWORDS = frozenset(("if", "range", "with", "end", "else", "define", "block", "template", "break", "continue", "nil"))


class TemplateError(ValueError):
    """A template that is malformed, or does not fit its data."""


class Node(Struct):
    """`kind` says which: text, action, if, range, with, template, break, continue; number, string, bool, nil, dot,
    field, variable, identifier, chain, pipe."""

    kind: str
    at: int
    source: str = ""
    end: int = 0  # behind its source
    value: Any = None
    names: list[str] = field(default_factory=list)  # of a field, a variable, a chain
    pipe: Pipe | None = None
    body: list[Node] = field(default_factory=list)
    otherwise: list[Node] | None = None


class Pipe(Struct):
    """Commands joined by `|`; `declares` are the variables that get the result."""

    commands: list[list[Node]]
    declares: list[str]
    assigns: bool
    at: int
    source: str


class Token(Struct):
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""(?P<space>[ \t\r\n]+)|(?P<declare>:=)|(?P<assign>=)|(?P<pipe>\|)|(?P<lparen>\()|(?P<rparen>\))|(?P<comma>,)
    |(?P<string>"(?:\\.|[^"\\\n])*")|(?P<raw>`[^`]*`)|(?P<char>'(?:\\.|[^'\\\n])+')
    |(?P<variable>\$\w*)|(?P<number>[+-]?(?:\.?[0-9])[\w.+]*)|(?P<field>\.\w+)|(?P<dot>\.)|(?P<word>\w+)
    |(?P<other>[!\#%&*+\-/;<>?@\[\\\]^{}~])""",
    re.VERBOSE,
)
_AFTER_WORD = " \t\r\n.,|:()=}"


class Parser:
    def __init__(self, text: str, name: str, functions: frozenset[str]) -> None:
        self.text = text
        self.name = name
        self.functions = functions
        self.templates: dict[str, list[Node]] = {}
        self.variables: list[str] = ["$"]
        self.loops = 0
        self.at = 0
        self.tokens: list[Token] = []
        self.position = 0
        self.trim = False

    def parse(self) -> list[Node]:
        nodes, stop = self.block(())
        if stop:
            raise self.error(f"unexpected {{{{{stop}}}}}")
        self.templates[self.name] = nodes
        return nodes

    def error(self, message: str, at: int | None = None) -> TemplateError:
        line = self.text.count("\n", 0, self.at if at is None else at) + 1
        return TemplateError(f"template: {self.name}:{line}: {message}")

    # ---------------------------------------------------------------- text and actions

    def block(self, stops: tuple[str, ...]) -> tuple[list[Node], str]:
        """Nodes up to one of the stops; "" is the end of the text."""
        nodes: list[Node] = []
        while True:
            brace = self.text.find("{{", self.at)
            text = self.text[self.at : brace if brace >= 0 else len(self.text)]
            start = self.at
            if self.trim:
                text = text.lstrip(" \t\r\n")
            if brace >= 0 and re.match(r"-[ \t\r\n]", self.text[brace + 2 : brace + 4]):
                text = text.rstrip(" \t\r\n")
            if text:
                nodes.append(Node("text", start, value=text))
            if brace < 0:
                self.at = len(self.text)
                if stops:
                    raise self.error("unexpected EOF")
                return nodes, ""
            self.at = brace
            if not self.lex():
                continue
            node, stop = self.action()
            if stop:
                if stop not in stops:
                    raise self.error(f"unexpected {{{{{stop}}}}}")
                return nodes, stop
            if node:
                nodes.append(node)

    def lex(self) -> bool:
        """The tokens of one action; False for a comment."""
        text, at = self.text, self.at + 2
        if re.match(r"-[ \t\r\n]", text[at : at + 2]):
            at += 2
        self.trim = False
        if text.startswith("/*", at):
            end = text.find("*/", at)
            if end < 0:
                raise self.error("unclosed comment")
            closed = re.compile(r"\*/([ \t\r\n]-)?\}\}").match(text, end)
            if closed is None:
                raise self.error("comment ends before closing delimiter")
            self.trim, self.at = bool(closed[1]), closed.end()
            return False
        self.tokens, self.position = [], 0
        depth = 0
        while True:
            if not depth and (closed := re.compile(r"([ \t\r\n]+-)?\}\}").match(text, at)):
                self.trim = bool(closed[1])
                self.tokens.append(Token("end", "}}", at))
                self.at = closed.end()
                return True
            if depth and re.compile(r"([ \t\r\n]+-)?\}\}").match(text, at):
                raise self.error("unclosed left paren", at)
            found = _TOKENS.match(text, at)
            if found is None:
                raise self.bad_character(at)
            kind = str(found.lastgroup)
            self.check(kind, found[0], found.end())
            depth += (kind == "lparen") - (kind == "rparen")
            if depth < 0:
                raise self.error("unexpected right paren", at)
            self.tokens.append(Token(kind, found[0], at))
            at = found.end()

    def check(self, kind: str, text: str, end: int) -> None:
        following = self.text[end : end + 1]
        if kind in ("word", "field", "variable") and following and following not in _AFTER_WORD:
            raise self.error(f"bad character U+{ord(following):04X} '{following}'", end)
        if kind == "number" and _number(text) is None:
            raise self.error(f"bad number syntax: {quote(text)}", end)

    def bad_character(self, at: int) -> TemplateError:
        letter = self.text[at : at + 1]
        if not letter:
            return self.error("unclosed action", at - 1 if at else 0)
        if letter == '"':
            return self.error("unterminated quoted string", at)
        if letter == "`":
            return self.error("unterminated raw quoted string", at)
        if letter == "'":
            return self.error("unterminated character constant", at)
        if letter == ":":
            return self.error("expected :=", at)
        return self.error(f"unrecognized character in action: U+{ord(letter):04X} '{letter}'", at)

    def peek(self, skip_space: bool = True) -> Token:
        at = self.position
        while skip_space and self.tokens[at].kind == "space":
            at += 1
        return self.tokens[at]

    def next(self) -> Token:
        while self.tokens[self.position].kind == "space":
            self.position += 1
        token = self.tokens[self.position]
        self.position += token.kind != "end"
        return token

    def action(self) -> tuple[Node | None, str]:
        first = self.peek()
        word = first.text if first.kind == "word" else ""
        if word not in KEYWORDS or word == "nil":
            pipe = self.pipeline("command")
            return Node("action", first.at, pipe=pipe), ""
        self.next()
        if word == "end":
            self.finish("end")
            return None, "end"
        if word == "else":
            return None, "else"  # what follows is read by the caller
        if word in ("if", "range", "with"):
            return self.control(word, first.at), ""
        if word in ("break", "continue"):
            if not self.loops:
                raise self.error(f"{{{{{word}}}}} outside {{{{range}}}}")
            self.finish(word)
            return Node(word, first.at), ""
        return self.named(word, first.at), ""

    def finish(self, context: str) -> None:
        token = self.next()
        if token.kind != "end":
            raise self.error(f"unexpected {_shown(token)} in {context}")

    def control(self, word: str, at: int) -> Node:
        known = len(self.variables)
        pipe = self.pipeline(word)
        self.loops += word == "range"
        body, stop = self.block(("end", "else"))
        self.loops -= word == "range"
        node = Node(word, at, pipe=pipe, body=body)
        if stop == "else":
            following = self.peek()
            if following.kind == "word" and following.text in ("if", "with") and word == following.text:
                self.next()
                node.otherwise = [self.control(word, following.at)]
            else:
                self.finish("else")
                node.otherwise, stop = self.block(("end", "else"))
                if stop == "else":
                    raise self.error("expected end; found {{else}}")
        del self.variables[known:]
        return node

    def named(self, word: str, at: int) -> Node | None:
        """define, block, template."""
        token = self.next()
        if token.kind not in ("string", "raw"):
            raise self.error(f"unexpected {_shown(token)} in {word} clause")
        name = _text(token)
        if word == "define":
            self.finish("define clause")
            self.templates[name] = self.inner()
            return None
        pipe = None
        if word == "block" or self.peek().kind != "end":
            pipe = self.pipeline(f"{word} clause")
        else:
            self.next()
        if word == "block":
            self.templates[name] = self.inner()
        source = f"{{{{template {quote(name)}{' ' + pipe.source if pipe else ''}}}}}"
        return Node("template", token.at, source=source, value=name, pipe=pipe)

    def inner(self) -> list[Node]:
        variables, loops = self.variables, self.loops
        self.variables, self.loops = ["$"], 0
        body, _ = self.block(("end",))
        self.variables, self.loops = variables, loops
        return body

    # ---------------------------------------------------------------- pipelines

    def pipeline(self, context: str, closing: str = "end") -> Pipe:
        start = self.peek().at
        declares, assigns = self.declarations(context)
        commands: list[list[Node]] = []
        while True:
            token = self.peek()
            if token.kind == closing:
                self.next()
                if not commands:
                    raise self.error(f"missing value for {context}")
                source = self.text[start : token.at].strip()
                for command in commands[1:]:
                    if command[0].kind in ("bool", "dot", "nil", "number", "string"):
                        stage = commands.index(command) + 1
                        raise self.error(f"non executable command in pipeline stage {stage}")
                self.variables += [name for name in declares if not assigns]
                return Pipe(commands, declares, assigns, start, source)
            if token.kind in ("end", "rparen", "comma", "declare", "assign", "other"):
                raise self.error(f"unexpected {_shown(token)} in {context}")
            commands.append(self.command())

    def declarations(self, context: str) -> tuple[list[str], bool]:
        token = self.peek()
        if token.kind != "variable":
            return [], False
        saved = self.position
        names = [self.next().text]
        if context == "range" and self.peek().kind == "comma":
            self.next()
            second = self.next()
            if second.kind != "variable":
                raise self.error("range can only initialize variables")
            names.append(second.text)
        if self.peek().kind in ("declare", "assign"):
            assigns = self.next().kind == "assign"
            for name in names if assigns else ():
                self.known(name)
            return names, assigns
        self.position = saved
        return [], False

    def known(self, name: str) -> None:
        if name not in self.variables:
            raise self.error(f"undefined variable {quote(name)}")

    def command(self) -> list[Node]:
        """Operands with blanks between, up to a pipe or the end."""
        operands: list[Node] = []
        while True:
            token = self.peek()
            if token.kind == "pipe":
                if not operands:
                    raise self.error("empty command")
                self.next()
                return operands
            if token.kind in ("end", "rparen", "comma", "declare", "assign"):
                return operands
            operands.append(self.operand())
            following = self.tokens[self.position]
            if following.kind not in ("space", "end", "pipe", "rparen"):
                raise self.error(f"unexpected {_shown(following)} in operand")

    def operand(self) -> Node:
        node = self.term()
        node.end = self.tokens[self.position].at
        if self.tokens[self.position].kind != "field":
            return node
        names = []
        second = self.tokens[self.position].at  # where Go says that a path is
        while self.tokens[self.position].kind == "field":
            names.append(self.next().text[1:])
        end = self.tokens[self.position].at
        if node.kind in ("field", "variable"):
            return Node(node.kind, second, self.text[node.at : end], end, names=node.names + names)
        if node.kind in ("bool", "string", "number", "nil", "dot"):
            raise self.error(f"unexpected . after term {quote(node.source)}")
        return Node("chain", node.at, self.text[node.at : end], end, names=names, value=node)

    def term(self) -> Node:
        token = self.next()
        text = token.text
        match token.kind:
            case "string" | "raw":
                return Node("string", token.at, text, value=_text(token))
            case "number":
                return Node("number", token.at, text, value=_number(text))
            case "char":
                return Node("number", token.at, text, value=Constant(ord(unquote(text[1:-1]))))
            case "dot":
                return Node("dot", token.at, ".")
            case "field":
                return Node("field", token.at, text, names=[text[1:]])
            case "variable":
                self.known(text)
                return Node("variable", token.at, text, names=[text])
            case "lparen":
                pipe = self.pipeline("parenthesized pipeline", "rparen")
                return Node("pipe", token.at, f"({pipe.source})", pipe=pipe)
            case "word":
                if text in ("true", "false"):
                    return Node("bool", token.at, text, value=text == "true")
                if text == "nil":
                    return Node("nil", token.at, text)
                if text not in self.functions:
                    raise self.error(f"function {quote(text)} not defined")
                return Node("identifier", token.at, text, value=text)
        raise self.error(f"unexpected {_shown(token)} in operand")


def _shown(token: Token) -> str:
    if token.kind == "end":
        return "{{end}}" if token.text != "}}" else '"}}"'
    return f"<{token.text}>" if token.kind == "word" and token.text in KEYWORDS else quote(token.text)


def _text(token: Token) -> str:
    return token.text[1:-1] if token.kind == "raw" else unquote(token.text[1:-1])


def _number(text: str) -> Constant | float | None:
    for convert in (lambda: Constant(text, 0), lambda: float(text)):
        try:
            return convert()
        except ValueError:
            continue
    return Constant(text, 8) if re.fullmatch(r"[+-]?0[0-7]+", text) else None
