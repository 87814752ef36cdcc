"""From the text of an expression to its tree.

The grammar is CEL's, by recursive descent. The real parser is made by ANTLR, whose complaints users know; those that
a person meets (an expression that ends too early, a stray or a missing token, an unknown character) are told in its
words.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from minikube_edu.api.cel.syntax import (
    Call,
    CompileError,
    Expr,
    Ident,
    Issue,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    Select,
    StructLiteral,
)

_KEYWORDS = "as break const continue else for function if import let loop package namespace return var void while"
RESERVED = frozenset(_KEYWORDS.split())
_STARTS = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_DEEPEST = 250
_TEXT = r'"""(?:\\.|[^\\])*?"""' + r"|'''(?:\\.|[^\\])*?'''|" + r'"(?:\\.|[^"\\\n\r])*"' + r"|'(?:\\.|[^'\\\n\r])*'"
_RAW = r'[rR](?:"""(?:.|\n)*?"""' + r"|'''(?:.|\n)*?'''" + r'|"[^"\n\r]*"' + r"|'[^'\n\r]*')"
_TOKEN = re.compile(
    rf"""(?P<space>[\t\ \n\r\f]+|//[^\n]*)
    |(?P<BYTES>[bB](?:{_RAW}|{_TEXT}))
    |(?P<STRING>{_RAW}|{_TEXT})
    |(?P<NUM_FLOAT>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<NUM_UINT>(?:0x[0-9a-fA-F]+|\d+)[uU])
    |(?P<NUM_INT>0x[0-9a-fA-F]+|\d+)
    |(?P<IDENTIFIER>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<ESC_IDENTIFIER>`[A-Za-z0-9_.\-/\ ]+`)
    |(?P<op>==|!=|<=|>=|&&|\|\||[<>\[\]{{}}().,\-!?:+*/%])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|(.))", re.DOTALL)
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
# name -> numbers of arguments that make it a macro: variables come first
ONE_VARIABLE = {"all": (2,), "exists": (2,), "exists_one": (2,), "map": (2, 3), "filter": (2,), "sortBy": (2,)}
ONE_VARIABLE |= {"optMap": (2,), "optFlatMap": (2,), "existsOne": (2,)}
TWO_VARIABLES = {"all": (3,), "exists": (3,), "existsOne": (3,), "exists_one": (3,), "transformList": (3, 4)}
TWO_VARIABLES |= {"transformMap": (3, 4), "transformMapEntry": (3, 4)}


class Token(NamedTuple):
    kind: str  # an operator is its own kind
    text: str
    position: int


def parse(source: str) -> Expr:
    return _Parser(source).whole()


def _tokens(source: str, issues: list[Issue]) -> list[Token]:
    found, position = [], 0
    while position < len(source):
        match = _TOKEN.match(source, position)
        if match is None:
            bad = source[position]
            if bad in "\"'":
                bad = source[position:].split("\n", 1)[0]
            issues.append(Issue(position, f"Syntax error: token recognition error at: '{bad}'"))
            position += len(bad)
            continue
        kind, text = match.lastgroup, match.group()
        if kind != "space":
            word = text in ("in", "true", "false", "null")
            found.append(Token(text if kind == "op" or word else str(kind), text, position))
        position = match.end()
    found.append(Token("<EOF>", "<EOF>", len(source)))
    return found


class _Stop(Exception):
    """The first mistake that hides all that follows."""


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.issues: list[Issue] = []
        self.tokens = _tokens(source, self.issues)
        self.index = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.index]

    def whole(self) -> Expr:
        tree: Expr | None = None
        try:
            tree = self.expression()
            if self.token.kind != "<EOF>":
                last = self.tokens[self.index + 1].kind == "<EOF>"
                complaint = "extraneous" if last else "mismatched"
                self.fail(f"{complaint} input '{self.token.text}' expecting <EOF>")
        except _Stop:
            pass
        if self.issues or tree is None:
            raise CompileError(self.source, self.issues)
        return tree

    def fail(self, message: str, position: int | None = None) -> None:
        place = self.token.position if position is None else position
        self.issues.append(Issue(place, f"Syntax error: {message}"))
        raise _Stop

    def take(self, *kinds: str) -> Token | None:
        token = self.token
        if token.kind in kinds:
            self.index += 1
            return token
        return None

    def need(self, kind: str) -> Token:
        token = self.take(kind)
        if token is None:
            if self.token.kind == "<EOF>":
                self.fail(f"missing '{kind}' at '<EOF>'")
            self.fail(f"mismatched input '{self.token.text}' expecting '{kind}'")
        assert token is not None
        return token

    # ---- operators, the loosest first

    def expression(self) -> Expr:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.issues.append(Issue(-1, f"expression recursion limit exceeded: {_DEEPEST}"))
            raise _Stop
        left = self.binary(0)
        if question := self.take("?"):
            middle = self.binary(0)
            self.need(":")
            left = Call(question.position, "_?_:_", None, [left, middle, self.expression()])
        self.depth -= 1
        return left

    LEVELS = (("||",), ("&&",), ("<", "<=", ">=", ">", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))

    def binary(self, level: int) -> Expr:
        if level == len(self.LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while operator := self.take(*self.LEVELS[level]):
            name = "@in" if operator.text == "in" else f"_{operator.text}_"
            left = Call(operator.position, name, None, [left, self.binary(level + 1)])
        return left

    def unary(self) -> Expr:
        first = self.token
        sign = self.take("!", "-")
        if sign is None:
            return self.member()
        count = 1
        while self.take(sign.text):
            count += 1
        if sign.text == "-" and count % 2 and self.token.kind in ("NUM_INT", "NUM_FLOAT"):
            return self.member(negative=first)
        operand = self.member()
        return Call(first.position, f"{sign.text}_", None, [operand]) if count % 2 else operand

    def member(self, negative: Token | None = None) -> Expr:
        left = self.primary(negative)
        while True:
            if dot := self.take("."):
                left = self.selection(left, dot)
            elif bracket := self.take("["):
                function = "_[?_]" if self.take("?") else "_[_]"
                index = self.expression()
                self.need("]")
                left = Call(bracket.position, function, None, [left, index])
            elif self.token.kind == "{" and (name := _qualified(left)):
                left = self.struct(name)
            else:
                return left

    def selection(self, left: Expr, dot: Token) -> Expr:
        optional = self.take("?") is not None
        name = self.take("IDENTIFIER", "ESC_IDENTIFIER", "in")
        if name is None or name.kind == "in":
            text = "" if self.token.kind == "<EOF>" else self.token.text
            self.fail(f"no viable alternative at input '.{text}'", self.token.position)
        assert name is not None
        if not optional and name.kind == "IDENTIFIER" and (opening := self.take("(")):
            return self.member_call(left, name, opening)
        return Select(dot.position, left, name.text.strip("`"), optional)

    def member_call(self, target: Expr, name: Token, opening: Token) -> Expr:
        arguments = self.arguments()
        for table, count in ((ONE_VARIABLE, 1), (TWO_VARIABLES, 2)):
            if len(arguments) in table.get(name.text, ()):
                variables = [each for each in arguments[:count] if isinstance(each, Ident)]
                if len(variables) < count:
                    bad = next(each for each in arguments[:count] if not isinstance(each, Ident))
                    self.issues.append(Issue(bad.position, "argument must be a simple name"))
                    raise _Stop
                named = [each.name for each in variables]
                return Macro(opening.position, name.text, target, named, arguments[count:])
        return Call(opening.position, name.text, target, arguments)

    def arguments(self) -> list[Expr]:
        found: list[Expr] = []
        if not self.take(")"):
            found.append(self.expression())
            while self.take(","):
                found.append(self.expression())
            self.need(")")
        return found

    # ---- what stands by itself

    def primary(self, negative: Token | None) -> Expr:
        token = self.token
        if token.kind in ("NUM_INT", "NUM_UINT", "NUM_FLOAT", "STRING", "BYTES", "true", "false", "null"):
            self.index += 1
            return self.literal(token, negative)
        if self.take("("):
            inner = self.expression()
            self.need(")")
            return inner
        if self.take("["):
            return self.list_literal(token)
        if self.take("{"):
            return self.map_literal(token)
        leading = self.take(".")
        name = self.take("IDENTIFIER")
        if name is None:
            self.fail(f"mismatched input '{self.token.text}' expecting {'IDENTIFIER' if leading else _STARTS}")
        assert name is not None
        if name.text in RESERVED:
            self.issues.append(Issue(name.position, f"Syntax error: reserved identifier: {name.text}"))
            raise _Stop
        if opening := self.take("("):
            return self.global_call(name, opening)
        return Ident(token.position, name.text)

    def global_call(self, name: Token, opening: Token) -> Expr:
        arguments = self.arguments()
        if name.text == "has" and len(arguments) == 1:
            if not isinstance(arguments[0], Select):
                self.issues.append(Issue(arguments[0].position, "invalid argument to has() macro"))
                raise _Stop
            return Macro(opening.position, "has", None, [], arguments)
        return Call(opening.position, name.text, None, arguments)

    def list_literal(self, opening: Token) -> Expr:
        made = ListLiteral(opening.position, [])
        while not self.take("]"):
            if self.take("?"):
                made.optional.add(len(made.items))
            made.items.append(self.expression())
            if not self.take(","):
                self.need("]")
                break
        return made

    def map_literal(self, opening: Token) -> Expr:
        made = MapLiteral(opening.position, [])
        while not self.take("}"):
            optional = self.take("?") is not None
            key = self.expression()
            self.need(":")
            made.entries.append((key, self.expression(), optional))
            if not self.take(","):
                self.need("}")
                break
        return made

    def struct(self, name: str) -> Expr:
        made = StructLiteral(self.need("{").position, name, [])
        while not self.take("}"):
            self.take("?")
            field = self.take("IDENTIFIER", "ESC_IDENTIFIER")
            if field is None:
                self.fail(
                    f"mismatched input '{self.token.text}' expecting {{'}}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}}"
                )
            assert field is not None
            colon = self.need(":")
            made.fields.append((field.text.strip("`"), self.expression(), colon.position))
            if not self.take(","):
                self.need("}")
                break
        return made

    def literal(self, token: Token, negative: Token | None) -> Literal:
        sign, place = (-1, negative.position) if negative else (1, token.position)
        text = token.text
        if token.kind == "NUM_INT":
            number = sign * int(text, 16 if text.startswith("0x") else 10)
            if not -(1 << 63) <= number < 1 << 63:
                self.fail("invalid int literal", place)
            return Literal(place, "int", number)
        if token.kind == "NUM_UINT":
            number = int(text[:-1], 16 if text.startswith("0x") else 10)
            if number >= 1 << 64:
                self.fail("invalid uint literal", place)
            return Literal(place, "uint", number)
        if token.kind == "NUM_FLOAT":
            return Literal(place, "double", sign * float(text))
        if token.kind == "STRING":
            return Literal(place, "string", _unquoted(text))
        if token.kind == "BYTES":
            return Literal(place, "bytes", _unquoted(text[1:], binary=True).encode("latin-1", "ignore"))
        if token.kind == "null":
            return Literal(place, "null_type", None)
        return Literal(place, "bool", token.kind == "true")


def _qualified(tree: Expr) -> str:
    """`a.b.c` of plain names; "" for anything else."""
    if isinstance(tree, Ident):
        return tree.name
    if isinstance(tree, Select) and not tree.optional and (left := _qualified(tree.operand)):
        return f"{left}.{tree.name}"
    return ""


def _unquoted(text: str, binary: bool = False) -> str:
    """The value of a string literal. In bytes, characters stand for their UTF-8, escapes for single bytes."""
    raw = text[0] in "rR"
    if raw:
        text = text[1:]
    edge = 3 if text[:3] in ('"""', "'''") else 1
    inner = text[edge:-edge]

    def plain(piece: str) -> str:
        return piece.encode().decode("latin-1") if binary else piece

    if raw:
        return plain(inner)
    out, position = [], 0
    for match in _ESCAPE.finditer(inner):
        out.append(plain(inner[position : match.start()]))
        hexadecimal = match[1] or match[2] or match[3]
        if hexadecimal:
            out.append(chr(int(hexadecimal, 16)) if not binary or match[1] else plain(chr(int(hexadecimal, 16))))
        else:
            out.append(chr(int(match[4], 8)) if match[4] else _SIMPLE.get(match[5], match[5]))
        position = match.end()
    out.append(plain(inner[position:]))
    return "".join(out)
