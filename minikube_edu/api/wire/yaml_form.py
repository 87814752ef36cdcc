"""YAML bodies and YAML answers, with the semantics of sigs.k8s.io/yaml (YAML 1.1, by way of JSON).

Reading: `y`, `yes` and `on` are booleans, `010` is eight, dates stay text, `3.0` is the number 3, keys become strings,
only the first document of several counts. libyaml does the parsing where PyYAML has it; its error texts are those of
the Go port. Writing: keys in natural order, no line is folded, text is quoted exactly where Go's emitter quotes it.

    decode(b"kind: Pod") -> {"kind": "Pod"}            raises YamlError("yaml: line 2: …")
    duplicates(b"a: 1\\na: 2") -> ['line 2: key "a" already set in map']
    encode({"b": 1, "a": "yes"}) -> b'a: "yes"\\nb: 1\\n'
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from minikube_edu.api.wire import json_form
from minikube_edu.api.wire.yaml_scalars import go_float, resolve
from minikube_edu.api.wire.yaml_writer import encode
from minikube_edu.lib.gotext import quote

__all__ = ["YamlError", "decode", "duplicates", "encode", "go_float", "parse", "resolve", "strict_error"]

Object = dict[str, Any]


class YamlError(ValueError):
    """The text is not YAML; the message is goyaml's."""


def decode(raw: bytes) -> Object:
    """The first document, as an object in JSON form."""
    return json_form.enveloped(parse(raw))


def parse(raw: bytes, old_booleans: bool = True) -> Any:
    """The first document, whatever it is; None for an empty one. Without `old_booleans`, `yes`, `on` and the like are
    text, as in YAML 1.2 (kustomize reads so)."""
    return _Builder(raw, old_booleans).document()


def duplicates(raw: bytes) -> list[str]:
    """`line 3: key "a" already set in map`, for each key that comes twice."""
    builder = _Builder(raw)
    builder.document()
    return builder.repeated


def strict_error(repeated: list[str]) -> str:
    """How a strict decoder words what `duplicates` found."""
    return "\n  ".join(["yaml: unmarshal errors:", *repeated])


@cache
def _loader() -> Any:
    """libyaml's parser with a resolver that only says how a scalar was written; its import costs some milliseconds."""
    import yaml

    class Marks:
        """`?` for a bare scalar; otherwise it is text."""

        def resolve(self, kind: type, value: str, implicit: tuple[bool, bool]) -> str:
            if kind is yaml.ScalarNode:
                return "?" if implicit[0] else "tag:yaml.org,2002:str"
            return "tag:yaml.org,2002:seq" if kind is yaml.SequenceNode else "tag:yaml.org,2002:map"

        def descend_resolver(self, *_: Any) -> None: ...

        def ascend_resolver(self) -> None: ...

    if yaml.__with_libyaml__:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not say that it is exported

        return type("Loader", (CParser, Marks), {})
    return _python_loader(Marks)


def _python_loader(marks: type) -> Any:
    from yaml.composer import Composer
    from yaml.parser import Parser
    from yaml.reader import Reader
    from yaml.scanner import Scanner

    class Loader(Reader, Scanner, Parser, Composer, marks):  # type: ignore[misc]  # its base is an argument
        def __init__(self, stream: bytes) -> None:
            Reader.__init__(self, stream)
            Scanner.__init__(self)
            Parser.__init__(self)
            Composer.__init__(self)

    return Loader


class _Builder:
    """Turns the nodes of one document into values."""

    def __init__(self, raw: bytes, old_booleans: bool = True) -> None:
        self.raw = raw
        self.old_booleans = old_booleans
        self.repeated: list[str] = []
        self.nodes = 0  # how many were visited, aliases counted each time: a short text can name billions

    def document(self) -> Any:
        import yaml

        try:
            loader = _loader()(self.raw)
            node = loader.get_node() if loader.check_node() else None
        except (yaml.scanner.ScannerError, yaml.parser.ParserError) as error:
            raise YamlError(_fault(error, isinstance(error, yaml.scanner.ScannerError))) from None
        except yaml.composer.ComposerError as error:
            found = re.match(rb"\*([^\s,\]}]+)", self.raw[error.problem_mark.index :]) if error.problem_mark else None
            name = found[1].decode(errors="replace") if found else ""
            raise YamlError(f"yaml: unknown anchor '{name}' referenced") from None
        except yaml.YAMLError as error:
            raise YamlError(f"yaml: {getattr(error, 'reason', error)}") from None
        return None if node is None else self.value(node)

    def value(self, node: Any) -> Any:
        self.nodes += 1
        if self.nodes > 400_000 and self.nodes > len(self.raw) * 10:
            raise YamlError("yaml: document contains excessive aliasing")
        if node.id == "scalar":
            return self.scalar(node)
        if node.id == "sequence":
            return [self.value(item) for item in node.value]
        out: Object = {}
        for key, item in node.value:
            if key.value == "<<" and key.tag in ("?", "tag:yaml.org,2002:merge"):
                self.merge(item, out)
                continue
            name = _key_text(self.value(key))
            if name in out:
                line = item.start_mark.line + 1
                self.repeated.append(f"line {line}: key {_go_key(self.value(key))} already set in map")
            out[name] = self.value(item)
        return out

    def merge(self, node: Any, out: Object) -> None:
        sources = node.value if node.id == "sequence" else [node]
        for source in reversed(sources):
            if source.id != "mapping":
                raise YamlError("yaml: map merge requires map or sequence of maps as the value")
            out.update(self.value(source))

    def scalar(self, node: Any) -> Any:
        tag: str = node.tag
        if tag == "?":
            found = resolve(node.value)
            if found.__class__ is bool and not self.old_booleans and node.value.lower() not in ("true", "false"):
                return node.value
            return _json_number(found)
        short = tag.removeprefix("tag:yaml.org,2002:")
        if short in ("int", "float", "bool", "null"):
            value = resolve(node.value)
            fits = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}[short]
            if not isinstance(value, fits):  # type: ignore[arg-type]  # a tuple of types is one, too
                raise YamlError(f"yaml: cannot decode !!str `{node.value}` as a !!{short}")
            return _json_number(value)
        if short == "binary":
            import base64

            try:
                return base64.b64decode(node.value).decode(errors="replace")
            except ValueError:
                raise YamlError("yaml: !!binary value contains invalid base64 data") from None
        return node.value


def _fault(error: Any, scanning: bool) -> str:
    """The place as goyaml tells it: lines count from zero, but a scanner's from one; the first line is not named."""
    line = error.problem_mark.line if error.problem_mark else 0
    if line:
        line += scanning
    elif error.context_mark:
        line = error.context_mark.line
    where = f"line {line}: " if line else ""
    return f"yaml: {where}{error.problem or 'unknown problem parsing YAML content'}"


def _json_number(value: Any) -> Any:
    """Numbers on their way through Go's JSON encoder: 3.0 is written 3."""
    if value.__class__ is float:
        if value != value or value in (float("inf"), float("-inf")):
            shown = {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
            raise YamlError(f"json: unsupported value: {shown}")
        if value.is_integer() and abs(value) < 1e21:
            return int(value)
    return value


def _key_text(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return go_float(key) if isinstance(key, float) else str(key)
    shown = "<nil>" if key is None else f"map[interface {{}}]interface {{}}, key: {key}"
    raise YamlError(f"unsupported map key of type: {shown}")


def _go_key(key: Any) -> str:
    return quote(key) if isinstance(key, str) else _key_text(key)
