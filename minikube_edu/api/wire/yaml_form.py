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
from functools import cache, cmp_to_key, lru_cache
from typing import Any

from minikube_edu.api.wire import json_form
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


class YamlError(ValueError):
    """The text is not YAML; the message is goyaml's."""


# ---------------------------------------------------------------- scalars

_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]?\d:[0-5]?\d(?:\.\d+)?"
_TIMESTAMP = re.compile(
    rf"\d{{4}}-(?:0?[1-9]|1[0-2])-(?:0?[1-9]|[12]\d|3[01])(?:[Tt]{_CLOCK}(?:Z|[-+]\d\d:\d\d)| {_CLOCK})?\Z"
)
_BASE60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z")


def resolve(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or _TIMESTAMP.match(text):
        return text
    plain = text if text[0] == "." else text.replace("_", "")
    if _INTEGER.match(plain):
        number = _integer(plain)
        if -(1 << 63) <= number < 1 << 64:
            return number
    if _FLOAT.match(plain) and (fraction := float(plain)) - fraction == 0:  # not infinite
        return fraction
    return text


def _integer(plain: str) -> int:
    sign = -1 if plain[0] == "-" else 1
    digits = plain.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567":
        return sign * int(digits, 8)
    return sign * int(digits, 0)


# ---------------------------------------------------------------- reading


def decode(raw: bytes) -> Object:
    """The first document, as an object in JSON form."""
    return json_form.enveloped(parse(raw))


def parse(raw: bytes) -> Any:
    """The first document, whatever it is; None for an empty one."""
    return _Builder(raw).document()


def duplicates(raw: bytes) -> list[str]:
    """`line 3: key "a" already set in map`, for each key that comes twice."""
    builder = _Builder(raw)
    builder.document()
    return builder.repeated


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

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
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
            return _json_number(resolve(node.value))
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


# ---------------------------------------------------------------- writing


def encode(value: Any) -> bytes:
    """`value`, in JSON form, as the server prints it."""
    out: list[str] = []
    _emit(value, 0, out, "")
    return "".join(out).encode()


def go_float(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 64)."""
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if exponent:
        number = int(exponent)
        return f"{mantissa.removesuffix('.0')}e{'-' if number < 0 else '+'}{abs(number):02d}"
    if value.is_integer() and abs(value) >= 1e21:
        mantissa, _, exponent = f"{value:e}".partition("e")
        return f"{mantissa.rstrip('0').rstrip('.')}e+{int(exponent):02d}"
    return text.removesuffix(".0")


def _emit(value: Any, indent: int, out: list[str], lead: str) -> None:
    """Write a value at a column; `lead` is what stands before its first key or item (after a dash: nothing)."""
    if value.__class__ is dict:
        if not value:
            out.append("{}\n")
            return
        pad = " " * indent
        for key in sorted(value, key=_natural) if len(value) > 1 else value:
            item = value[key]
            simple, name = _key_form(key)
            out.append(f"{lead}{name}:" if simple else f"{lead}? {name}\n{pad}:")
            lead = pad
            _emit_value(item, indent, out)
    elif value.__class__ is list:
        if not value:
            out.append("[]\n")
            return
        for item in value:
            out.append(lead + "-")
            lead = " " * indent
            if item and item.__class__ in (dict, list):
                out.append(" ")
                _emit(item, indent + 2, out, "")
            else:
                _emit_value(item, indent, out)
    else:
        out.append(_scalar(value, max(indent, 2) - 2) + "\n")


def _emit_value(item: Any, indent: int, out: list[str]) -> None:
    """What follows a colon or a dash."""
    if item and item.__class__ is dict:
        out.append("\n")
        _emit(item, indent + 2, out, " " * (indent + 2))
    elif item and item.__class__ is list:
        out.append("\n")
        _emit(item, indent, out, " " * indent)  # a list is not indented below its key
    elif item.__class__ in (dict, list):
        out.append(" {}\n" if item.__class__ is dict else " []\n")
    else:
        text = _scalar(item, indent)
        out.append(f" {text}" if text[0] in "|" and text[-1] == "\n" else f" {text}\n")


def _scalar(value: Any, indent: int) -> str:
    if value.__class__ is str:
        return _text(value, indent)
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    return go_float(value) if value.__class__ is float else str(value)


_SAFE = re.compile(r"[A-Za-z/][A-Za-z0-9_./=+-]*\Z")
_FIRST = frozenset("#,[]{}&*!|>'\"%@`")
# The emitter takes what lies beyond 16 bits for unprintable. The two Unicode line breaks it would write raw between
# single quotes; nobody could read that back by eye, so they are escaped here.
_UNPRINTABLE = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]")


def _text(text: str, indent: int) -> str:
    """A string in the style that Go's encoder asks for and its emitter allows."""
    if _SAFE.match(text) and text not in _WORDS:
        return text
    if "\n" in text:
        return _literal(text, indent + 2) if _block_allowed(text) else _double(text)
    if text == "" or resolve(text) is not text or _TIMESTAMP.match(text) or _BASE60.match(text):
        return _double(text)
    return _flat(text)


def _flat(text: str) -> str:
    """One line that is a string even without quotes: plain if the emitter can, else single, else double quotes."""
    if _UNPRINTABLE.search(text):
        return _double(text)
    quoted = text[0] == " " or text[-1] == " " or text[0] in _FIRST or text[:3] in ("---", "...")
    quoted = quoted or (text[0] in "?:-" and text[1:2] in ("", " ", "\t")) or ": " in text or text[-1] == ":"
    if quoted or " #" in text or ":\t" in text or "\t#" in text:
        return "'" + text.replace("'", "''") + "'"
    return text


def _block_allowed(text: str) -> bool:
    return not _UNPRINTABLE.search(text) and text[-1] != " " and " \n" not in text


def _literal(text: str, indent: int) -> str:
    hint = "2" if text[0] in " \n" else ""
    if text[-1] != "\n":
        chomp = "-"
    else:
        chomp = "+" if len(text) == 1 or text[-2] == "\n" else ""
    pad = " " * indent
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    body = "\n".join(pad + line if line else "" for line in lines)
    return f"|{hint}{chomp}\n{body}\n"


_ESCAPED = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip
_TO_ESCAPE = re.compile(r'["\\\n]|' + _UNPRINTABLE.pattern)


def _double(text: str) -> str:
    return '"' + _TO_ESCAPE.sub(_escape, text) + '"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    if char in _ESCAPED:
        return _ESCAPED[char]
    point = ord(char)
    if point <= 0xFF:
        return f"\\x{point:02X}"
    return f"\\u{point:04X}" if point <= 0xFFFF else f"\\U{point:08X}"


@lru_cache(maxsize=4096)
def _key_form(key: str) -> tuple[bool, str]:
    """A key is written in one line; one of more than 128 bytes gets a question mark."""
    if "\n" in key:
        text = _double(key)
    else:
        text = _text(key, 0)
    return len(key.encode(errors="replace")) <= 128 and "\n" not in key, text


@lru_cache(maxsize=4096)
def _natural(key: str) -> Any:
    return _Natural(key)


def _order(a: str, b: str) -> int:
    """goyaml's order of keys: letters after everything else, runs of digits by their number."""
    for index in range(min(len(a), len(b))):
        if a[index] != b[index]:
            return -1 if _less_at(a, b, index) else 1
    return len(a) - len(b)


def _less_at(a: str, b: str, index: int) -> bool:
    left, right = a[index].isalpha(), b[index].isalpha()
    if left and right:
        return a[index] < b[index]
    if left or right:
        return right
    base = 0
    if a[index] == "0" or b[index] == "0":
        before = index - 1
        while before >= 0 and a[before].isdigit():
            if a[before] != "0":
                base = 1
                break
            before -= 1
    (number_a, end_a), (number_b, end_b) = _run(a, index, base), _run(b, index, base)
    if number_a != number_b:
        return number_a < number_b
    return end_a < end_b if end_a != end_b else a[index] < b[index]


def _run(text: str, at: int, number: int) -> tuple[int, int]:
    while at < len(text) and text[at].isdigit():
        number = number * 10 + ord(text[at]) - 48
        at += 1
    return number, at


_Natural = cmp_to_key(_order)
