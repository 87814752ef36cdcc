"""An awk program as a tree. Nodes are tuples whose first item is their kind; `runtime` has a method for each.

The file is long because a grammar is one thing: a method for each level of it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.tools.awk.lexer import SyntaxFault, Token, tokens

Node = tuple[Any, ...]
ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "^=")
COMPARISONS = ("<", "<=", "==", "!=", ">", ">=")
LVALUES = ("name", "field", "element")


class Rule(Struct):
    kind: str  # BEGIN, END, always, pattern, range
    first: Node | None = None
    last: Node | None = None
    body: Node | None = None  # None: print
    active: bool = False


class Function(Struct):
    name: str
    parameters: list[str]
    body: Node


class Tree(Struct):
    rules: list[Rule] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    called: dict[str, int] = field(default_factory=dict)  # name -> line, to be checked at the end


def parse(source: str) -> Tree:
    return Parser(tokens(source)).program()


class Parser:
    def __init__(self, words: list[Token]) -> None:
        self.words = words
        self.position = 0
        self.tree = Tree()
        self.no_greater = 0  # inside print's list `>` redirects
        self.no_in = 0  # inside for( ; ; ) `in` is no operator

    # words

    @property
    def word(self) -> Token:
        return self.words[self.position]

    def at(self, *texts: str) -> bool:
        return self.word.kind in ("operator", "keyword") and self.word.text in texts

    def take(self) -> Token:
        word = self.words[self.position]
        if word.kind != "end":
            self.position += 1
        return word

    def accept(self, *texts: str) -> str | None:
        return self.take().text if self.at(*texts) else None

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise self.fault()

    def fault(self) -> SyntaxFault:
        word = self.word
        shown = {"newline": "newline", "end": "end of file"}.get(word.kind, word.text)
        return SyntaxFault(f"syntax error at or near {shown}", word.line)

    def newlines(self) -> None:
        while self.word.kind == "newline":
            self.position += 1

    def ends(self) -> None:
        while self.word.kind == "newline" or self.at(";"):
            self.position += 1

    # rules

    def program(self) -> Tree:
        self.ends()
        while self.word.kind != "end":
            if self.accept("function"):
                self.function()
            else:
                self.rule()
            self.ends()
        for name, line in self.tree.called.items():
            if name not in self.tree.functions:
                raise SyntaxFault(f"function {name} never defined", line)
        return self.tree

    def function(self) -> None:
        word = self.take()
        if word.kind not in ("name", "call"):
            raise self.fault()
        self.expect("(")
        parameters = []
        while not self.at(")"):
            self.newlines()
            parameters.append(self.take().text)
            self.newlines()
            if not self.accept(","):
                break
        self.expect(")")
        self.newlines()
        self.tree.functions[word.text] = Function(word.text, parameters, self.block())

    def rule(self) -> None:
        rule = Rule("always")
        if self.at("BEGIN", "END"):
            rule.kind = self.take().text
            if not self.at("{"):
                raise self.fault()
        elif not self.at("{"):
            rule.kind, rule.first = "pattern", self.expression()
            if self.accept(","):
                self.newlines()
                rule.kind, rule.last = "range", self.expression()
        if self.at("{"):
            rule.body = self.block()
        self.tree.rules.append(rule)

    # statements

    def block(self) -> Node:
        self.expect("{")
        statements = []
        self.ends()
        while not self.at("}"):
            if self.word.kind == "end":
                raise self.fault()
            statements.append(self.statement())
            self.ends()
        self.expect("}")
        return ("block", statements)

    def body(self) -> Node:
        """What a loop or an if governs."""
        self.newlines()
        if self.accept(";"):
            return ("block", [])
        return self.statement()

    def finish(self) -> None:
        if self.word.kind == "newline" or self.at(";"):
            self.take()
        elif not self.at("}") and self.word.kind != "end":
            raise self.fault()

    def statement(self) -> Node:
        if self.at("{"):
            return self.block()
        if self.accept("if"):
            self.expect("(")
            condition = self.expression()
            self.expect(")")
            then = self.body()
            mark = self.position
            self.ends()
            if self.accept("else"):
                return ("if", condition, then, self.body())
            self.position = mark
            return ("if", condition, then, None)
        if self.accept("while"):
            self.expect("(")
            condition = self.expression()
            self.expect(")")
            return ("for", None, condition, None, self.body())
        if self.accept("do"):
            body = self.body()
            self.ends()
            self.expect("while")
            self.expect("(")
            condition = self.expression()
            self.expect(")")
            self.finish()
            return ("do", body, condition)
        if self.accept("for"):
            return self.loop()
        node = self.simple()
        self.finish()
        return node

    def loop(self) -> Node:
        self.expect("(")
        one, two, three = self.words[self.position : self.position + 3]
        if (
            one.kind == "name"
            and two.text == "in"
            and three.kind == "name"
            and self.words[self.position + 3].text == ")"
        ):
            self.position += 4
            return ("each", ("name", one.text), three.text, self.body())
        start = None if self.at(";") else self.simple()
        self.expect(";")
        self.newlines()
        condition = None if self.at(";") else self.expression()
        self.expect(";")
        self.newlines()
        step = None if self.at(")") else self.simple()
        self.expect(")")
        return ("for", start, condition, step, self.body())

    def simple(self) -> Node:
        if self.at("print", "printf"):
            return self.output()
        for text in ("break", "continue", "next", "nextfile"):
            if self.accept(text):
                return (text,)
        if self.at("exit", "return"):
            kind = self.take().text
            bare = self.word.kind in ("newline", "end") or self.at(";", "}")
            return (kind, None if bare else self.expression())
        if self.accept("delete"):
            name = self.take().text
            if self.accept("["):
                subscript = self.list_until("]")
                return ("delete", name, subscript)
            return ("delete", name, None)
        return ("expression", self.expression())

    def output(self) -> Node:
        kind = self.take().text
        values: list[Node] = []
        self.no_greater += 1
        if not (self.word.kind in ("newline", "end") or self.at(";", "}", ">", ">>", "|")):
            values = self.output_list()
        self.no_greater -= 1
        redirect = self.accept(">", ">>", "|")
        target = None
        if redirect:
            self.no_greater += 1
            target = self.concatenation(pipes=False)
            self.no_greater -= 1
        if kind == "printf" and not values:
            raise self.fault()
        return (kind, values, redirect, target)

    def output_list(self) -> list[Node]:
        if self.at("("):
            # A list in parentheses, unless the parenthesis is only the beginning of an expression
            mark = self.position
            self.take()
            kept, self.no_greater = self.no_greater, 0
            values = self.list_until(")")
            self.no_greater = kept
            if self.word.kind in ("newline", "end") or self.at(";", "}", ">", ">>", "|"):
                return values
            if len(values) > 1 and not self.at("in"):
                raise self.fault()
            self.position = mark
        values = [self.expression()]
        while self.accept(","):
            self.newlines()
            values.append(self.expression())
        return values

    def list_until(self, end: str) -> list[Node]:
        values: list[Node] = []
        kept, self.no_greater = self.no_greater, 0
        self.newlines()
        while not self.at(end):
            values.append(self.expression())
            self.newlines()
            if not self.accept(","):
                break
            self.newlines()
        self.expect(end)
        self.no_greater = kept
        return values

    # expressions, from the loosest operator to the tightest

    def expression(self) -> Node:
        left = self.ternary()
        if self.at(*ASSIGNMENTS) and left[0] in LVALUES:
            operator = self.take().text
            self.newlines()
            return ("assign", left, operator, self.expression())
        return left

    def ternary(self) -> Node:
        condition = self.either()
        if not self.accept("?"):
            return condition
        self.newlines()
        yes = self.expression()
        self.newlines()
        self.expect(":")
        self.newlines()
        return ("ternary", condition, yes, self.expression())

    def either(self) -> Node:
        left = self.both()
        while self.accept("||"):
            self.newlines()
            left = ("or", left, self.both())
        return left

    def both(self) -> Node:
        left = self.membership()
        while self.accept("&&"):
            self.newlines()
            left = ("and", left, self.membership())
        return left

    def membership(self) -> Node:
        left = self.matching()
        while self.at("in"):
            self.take()
            left = ("in", left[1] if left[0] == "grouping" else [left], self.take().text)
        return left

    def matching(self) -> Node:
        left = self.comparison()
        while self.at("~", "!~"):
            operator = self.take().text
            left = ("match", left, self.comparison(), operator == "!~")
        return left

    def comparison(self) -> Node:
        left = self.concatenation()
        if self.at(*COMPARISONS) and not (self.no_greater and self.at(">")):
            operator = self.take().text
            return ("compare", left, operator, self.concatenation())
        return left

    def concatenation(self, pipes: bool = True) -> Node:
        left = self.additive()
        while True:
            if pipes and self.at("|") and self.words[self.position + 1].text == "getline":
                self.position += 2
                left = ("getline", "|", self.optional_lvalue(), left)
            elif self.starts_operand():
                left = ("concat", left, self.additive())
            else:
                return left

    def starts_operand(self) -> bool:
        if self.word.kind in ("number", "string", "regex", "name", "call", "builtin"):
            return True
        return self.at("$", "!", "(", "-", "+", "++", "--") and not self.at("-", "+") and not (self.at("in"))

    def additive(self) -> Node:
        left = self.multiplicative()
        while self.at("+", "-"):
            left = ("arithmetic", self.take().text, left, self.multiplicative())
        return left

    def multiplicative(self) -> Node:
        left = self.unary()
        while self.at("*", "/", "%"):
            left = ("arithmetic", self.take().text, left, self.unary())
        return left

    def unary(self) -> Node:
        if self.accept("!"):
            return ("not", self.unary())
        if self.accept("-"):
            return ("negative", self.unary())
        if self.accept("+"):
            return ("positive", self.unary())
        return self.power()

    def power(self) -> Node:
        base = self.postfix()
        if self.accept("^"):
            negative = self.accept("-")
            exponent: Node = self.power() if not self.at("!", "+") else self.unary()
            return ("arithmetic", "^", base, ("negative", exponent) if negative else exponent)
        return base

    def postfix(self) -> Node:
        if self.at("++", "--"):
            operator = self.take().text
            return ("step", self.lvalue(), operator, True)
        value = self.primary()
        if value[0] in LVALUES and self.at("++", "--"):
            return ("step", value, self.take().text, False)
        return value

    def lvalue(self) -> Node:
        value = self.primary()
        if value[0] not in LVALUES:
            raise self.fault()
        return value

    def optional_lvalue(self) -> Node | None:
        if self.word.kind == "name" or self.at("$"):
            return self.lvalue()
        return None

    def primary(self) -> Node:
        word = self.take()
        if word.kind == "number":
            return ("number", float(int(word.text, 16)) if word.text[:2] in ("0x", "0X") else float(word.text))
        if word.kind == "string":
            return ("string", word.text)
        if word.kind == "regex":
            return ("regex", word.text)
        if word.kind == "name":
            if self.accept("["):
                return ("element", word.text, self.list_until("]"))
            return ("name", word.text)
        if word.kind == "call":
            self.expect("(")
            self.tree.called.setdefault(word.text, word.line)
            return ("call", word.text, self.list_until(")"))
        if word.kind == "builtin":
            if self.accept("("):
                return ("builtin", word.text, self.list_until(")"))
            if word.text == "length":
                return ("builtin", "length", [])
        if word.text == "$" and word.kind == "operator":
            return ("field", self.postfix_of_field())
        if word.text == "(" and word.kind == "operator":
            values = self.list_until(")")
            if not values:
                raise self.fault()
            if len(values) > 1:
                if not self.at("in"):
                    raise self.fault()
                return ("grouping", values)
            return ("group", values[0])
        if word.text == "-" and word.kind == "operator":
            return ("negative", self.primary())
        if word.text == "getline" and word.kind == "keyword":
            target = self.optional_lvalue()
            if self.accept("<"):
                return ("getline", "<", target, self.postfix())
            return ("getline", "", target, None)
        self.position -= word.kind != "end"
        raise self.fault()

    def postfix_of_field(self) -> Node:
        """$i++ is ($i)++; $++i and $NF-1 are what they look like."""
        if self.at("++", "--"):
            operator = self.take().text
            return ("step", self.lvalue(), operator, True)
        if self.accept("-"):
            return ("negative", self.primary())
        return self.primary()
