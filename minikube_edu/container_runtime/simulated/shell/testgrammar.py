"""The inside of [[ ]]: !, ( ), && and || over unary and binary tests."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.shell.quoting import Quoting
from minikube_edu.container_runtime.simulated.shell.scanner import Token
from minikube_edu.container_runtime.simulated.shell.syntax import Conditional, Literal, Part, Test, Word

UNARY = frozenset("-" + letter for letter in "abcdefghknoprstuvwxzGLNORS")
BINARY = frozenset(["=", "==", "!=", "=~", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"])


class TestGrammar(Quoting):
    def conditional(self) -> Conditional:
        line = self.take().line
        self.in_test = True
        try:
            test = self._any_of()
            token = self.peek()
            if token.text != "]]":
                raise self.unexpected(token)
        finally:
            self.in_test = False
        self.take()
        return Conditional(test, line)

    def _any_of(self) -> Test:
        left = self._all_of()
        while self._next_is("||"):
            self.take()
            left = Test("||", [left, self._all_of()])
        return left

    def _all_of(self) -> Test:
        left = self._single()
        while self._next_is("&&"):
            self.take()
            left = Test("&&", [left, self._single()])
        return left

    def _next_is(self, operator: str) -> bool:
        self.skip_newlines()
        return self.peek().kind == "operator" and self.peek().text == operator

    def _single(self) -> Test:
        self.skip_newlines()
        token = self.peek()
        if token.kind == "word" and token.text == "!":
            self.take()
            return Test("!", [self._single()])
        if token.kind == "operator" and token.text == "(":
            self.take()
            self._enter()
            inside = self._any_of()
            self.depth -= 1
            self.skip_newlines()
            if self.peek().text != ")":
                raise self.unexpected(self.peek())
            self.take()
            return inside
        word = self._operand_word(token)
        self.take()
        if token.text in UNARY:
            following = self.peek()
            if following.kind == "word" and following.text != "]]":
                operand = self._operand_word(following)
                self.take()
                return Test(token.text, [operand])
        return self._binary(word)

    def _binary(self, left: Word) -> Test:
        operator = self.peek()
        if operator.text not in BINARY:
            return Test("-n", [left])
        if operator.text == "=~":
            self._token = None
            self.position = operator.end
            return Test("=~", [left, self._regular_expression()])
        self.take()
        right = self.peek()
        operand = self._operand_word(right)
        self.take()
        return Test(operator.text, [left, operand])

    def _operand_word(self, token: Token) -> Word:
        if token.kind == "number":
            return Word([Literal(token.text)])
        if token.kind != "word" or token.word is None or token.text == "]]":
            raise self.unexpected(token)
        return token.word

    def _regular_expression(self) -> Word:
        """Parentheses and bars belong to the expression; it ends at a blank outside of them."""
        self.skip_blanks()
        parts: list[Part] = []
        text, nesting = self.text, 0
        while self.position < len(text):
            character = text[self.position]
            if character in " \t\n" and nesting == 0:
                break
            if character == "\\":
                # Unlike in a word the backslash stays: it belongs to the expression.
                self._literal(parts, text[self.position : self.position + 2])
                self.position += 2
            elif character in "'\"$`":
                self._quoted_or_dollar(parts, character)
            elif character == ")" and nesting == 0:
                break
            else:
                nesting += (character == "(") - (character == ")")
                self._literal(parts, character)
                self.position += 1
        if not parts:
            raise self.unexpected(self.peek())
        return Word(parts)
