"""-o go-template: Go's text/template, run over an object."""

from __future__ import annotations

from typing import Any

import orjson

from minikube_edu.api.output import PartialOutput
from minikube_edu.api.output.go_format import type_of
from minikube_edu.api.output.go_template_functions import FUNCTIONS, TEXT_FIRST, truth
from minikube_edu.api.output.go_template_parser import Node, Parser, Pipe, TemplateError
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.govalue import show

_NONE: list[Any] = []
_MAX_DEPTH = 300


class GoTemplatePrinter:
    def __init__(self, template: str, *, allow_missing: bool = True) -> None:
        try:
            self.template = GoTemplate(template, allow_missing=allow_missing)
        except TemplateError as error:
            raise ValueError(f"error parsing template {template}, {error}") from None
        self.text = template

    def print(self, obj: Any, event: str = "") -> str:
        """A failure is a PartialOutput: it holds what was printed before."""
        if event:
            obj = {"type": event, "object": obj}
        out: list[str] = []
        try:
            self.template.run(obj, out)
        except TemplateError as error:
            raw = orjson.dumps(obj, option=orjson.OPT_SORT_KEYS).decode()
            out.append(f"Error executing template: {error}. Printing more information for debugging the template:\n")
            out.append(f"\ttemplate was:\n\t\t{self.text}\n\traw data was:\n\t\t{raw}\n")
            out.append(f"\tobject given to template engine was:\n\t\t{show(obj)}\n\n")
            raise PartialOutput("".join(out), f"error executing template {quote(self.text)}: {error}") from None
        return "".join(out)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class GoTemplate:
    def __init__(self, text: str, name: str = "output", *, allow_missing: bool = True) -> None:
        self.name = name
        self.text = text
        self.allow_missing = allow_missing
        parser = Parser(text, name, frozenset(FUNCTIONS))
        self.nodes = parser.parse()
        self.templates = parser.templates

    def run(self, data: Any, out: list[str]) -> None:
        _Run(self, self.name, out, [("$", data)], 0).block(self.nodes, data)


class _Run:
    """One execution of one (nested) template. Values are JSON; None is both null and what is missing. `typed` tells
    errors whether a value came out of a map (an interface {} to Go) or is the data itself."""

    def __init__(
        self, template: GoTemplate, name: str, out: list[str], variables: list[tuple[str, Any]], depth: int
    ) -> None:
        self.template = template
        self.name = name
        self.out = out
        self.variables = variables
        self.depth = depth
        self.root = variables[0][1]

    def error(self, node: Node | Pipe, message: str) -> TemplateError:
        text = self.template.text
        line = text.count("\n", 0, node.at) + 1
        column = node.at - (text.rfind("\n", 0, node.at) + 1)
        source = node.source if len(node.source) <= 20 else f"{node.source[:20]}..."
        where = f"template: {self.template.name}:{line}:{column}: executing {quote(self.name)} at <{source}>"
        return TemplateError(f"{where}: {message}")

    def block(self, nodes: list[Node], dot: Any) -> None:
        for node in nodes:
            match node.kind:
                case "text":
                    self.out.append(node.value)
                case "action":
                    assert node.pipe
                    value = self.pipeline(node.pipe, dot)
                    if not node.pipe.declares:
                        self.out.append("<no value>" if value is None else show(value))
                case "if" | "with":
                    self.condition(node, dot)
                case "range":
                    self.loop(node, dot)
                case "template":
                    self.nested(node, dot)
                case "break":
                    raise _Break
                case "continue":
                    raise _Continue

    def condition(self, node: Node, dot: Any) -> None:
        known = len(self.variables)
        assert node.pipe
        value = self.pipeline(node.pipe, dot)
        if truth(value):
            self.block(node.body, value if node.kind == "with" else dot)
        elif node.otherwise is not None:
            self.block(node.otherwise, dot)
        del self.variables[known:]

    def loop(self, node: Node, dot: Any) -> None:
        known = len(self.variables)
        assert node.pipe
        value = self.pipeline(node.pipe, dot, looping=True)
        if isinstance(value, dict):
            pairs: list[tuple[Any, Any]] = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(number, number) for number in range(value)]
        elif value is None:
            pairs = []
        else:
            raise self.error(node.pipe, f"range can't iterate over {show(value)}")
        for key, item in pairs:
            self.bind(node.pipe, key, item, counting=isinstance(value, int))
            mark = len(self.variables)
            try:
                self.block(node.body, item)
            except _Continue:
                pass
            except _Break:
                break
            finally:
                del self.variables[mark:]
                if not node.pipe.assigns:
                    del self.variables[known:]
        if not pairs and node.otherwise is not None:
            self.block(node.otherwise, dot)
        del self.variables[known:]

    def bind(self, pipe: Pipe, key: Any, item: Any, counting: bool) -> None:
        """`$item :=` gets the element, `$key, $item :=` both."""
        values = [item] if len(pipe.declares) == 1 else [key, item]
        for name, value in zip(pipe.declares, values, strict=False):
            self.assign(name, value) if pipe.assigns else self.variables.append((name, value))

    def assign(self, name: str, value: Any) -> None:
        for at in range(len(self.variables) - 1, -1, -1):
            if self.variables[at][0] == name:
                self.variables[at] = (name, value)
                return

    def nested(self, node: Node, dot: Any) -> None:
        nodes = self.template.templates.get(node.value)
        if nodes is None:
            raise self.error(node, f"template {quote(node.value)} not defined")
        if self.depth >= _MAX_DEPTH:
            raise self.error(node, "exceeded maximum template depth (100000)")
        data = self.pipeline(node.pipe, dot) if node.pipe else None
        _Run(self.template, node.value, self.out, [("$", data)], self.depth + 1).block(nodes, data)

    # ---------------------------------------------------------------- values

    def pipeline(self, pipe: Pipe, dot: Any, looping: bool = False) -> Any:
        value: Any = None
        for stage, command in enumerate(pipe.commands):
            value = self.command(command, dot, [value] if stage else _NONE)
        if not looping:
            for name in pipe.declares:
                self.assign(name, value) if pipe.assigns else self.variables.append((name, value))
        return value

    def command(self, command: list[Node], dot: Any, final: list[Any]) -> Any:
        first = command[0]
        if first.kind == "identifier":
            return self.call(first, command[1:], dot, final, command)
        if len(command) > 1 or final:
            if first.kind in ("field", "chain", "variable") and first.names[-1:] != ["$"]:
                shown = first.names[-1]
                raise self.error(first, f"{shown} is not a method but has arguments")
            raise self.error(first, f"can't give argument to non-function {first.source}")
        if first.kind == "nil":
            raise self.error(first, "nil is not a command")
        return self.operand(first, dot)

    def operand(self, node: Node, dot: Any) -> Any:
        match node.kind:
            case "dot":
                return dot
            case "field":
                return self.fields(node, dot, node.names, top=dot is self.root)
            case "variable":
                value = next(found for name, found in reversed(self.variables) if name == node.names[0])
                return self.fields(node, value, node.names[1:], top=value is self.root)
            case "chain":
                return self.fields(node, self.operand(node.value, dot), node.names)
            case "pipe":
                assert node.pipe
                return self.pipeline(node.pipe, dot)
            case "identifier":
                return self.call(node, [], dot, _NONE)
            case "nil":
                return None
        return node.value

    def fields(self, node: Node, value: Any, names: list[str], top: bool = False) -> Any:
        missing = False
        for name in names:
            if value is None:
                if not self.template.allow_missing:
                    raise self.error(node, f"nil data; no entry for key {quote(name)}")
                if not missing:
                    raise self.error(node, f"nil pointer evaluating interface {{}}.{name}")
                continue
            if not isinstance(value, dict):
                shown = type_of(value) if top else "interface {}"
                raise self.error(node, f"can't evaluate field {name} in type {shown}")
            if name not in value and not self.template.allow_missing:
                raise self.error(node, f"map has no entry for key {quote(name)}")
            missing = name not in value
            value, top = value.get(name), False
        return value

    def call(
        self, node: Node, arguments: list[Node], dot: Any, final: list[Any], command: list[Node] | None = None
    ) -> Any:
        name = node.value
        function, fewest, most = FUNCTIONS[name]
        count = len(arguments) + len(final)
        if count < fewest or (most is not None and count > most):
            want = f"at least {fewest}" if most is None else str(fewest)
            raise self.error(node, f"wrong number of args for {name}: want {want} got {count}")
        if name in ("and", "or"):
            value: Any = None
            for argument in arguments:
                value = self.operand(argument, dot)
                if truth(value) == (name == "or"):
                    return value
            return final[0] if final else value
        values = [self.operand(argument, dot) for argument in arguments] + final
        if name in TEXT_FIRST and not isinstance(values[0], str):
            place = arguments[0] if arguments else node
            if values[0] is None:
                raise self.error(place, "invalid value; expected string")
            raise self.error(place, f"wrong type for value; expected string; got {type_of(values[0])}")
        try:
            return function(*values)
        except ValueError as error:
            last = command[-1] if command else node
            whole = self.template.text[node.at : last.end]
            raise self.error(Node("call", node.at, whole), f"error calling {name}: {error}") from None
