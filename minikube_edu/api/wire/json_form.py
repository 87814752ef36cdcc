"""JSON bodies: what orjson reads, with the errors of Go's decoder where it does not.

Good input costs one call of orjson and, when duplicates are asked for, one count of colons. Everything else goes
through a scanner that walks the text as Go's encoding/json does: it finds the words for malformed input (`invalid
character 'n' looking for beginning of value`), reads what Go accepts and orjson refuses (bytes that are not UTF-8,
lone surrogates, deep nesting), and sees keys that come twice.

    decode(b'{"kind":"Pod"}') -> {"kind": "Pod"}       raises JsonError, an envelope without a kind included
    duplicates(raw, obj) -> ['duplicate field "data.k"']
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
MAX_DEPTH = 10_000
_ENVELOPE = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


class JsonError(ValueError):
    """The text is not JSON, or not an object; the message is Go's."""


def parse(raw: bytes) -> Any:
    """Any JSON value."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _Scanner(raw).value()


def decode(raw: bytes) -> Object:
    """An object; `null` is an empty one, as Go has it."""
    try:
        value = parse(raw)
    except JsonError as error:
        raise _unreadable(str(error)) from None
    return enveloped(value)


def enveloped(value: Any) -> Object:
    """`value` if it can be an API object: the server looks for its version and kind before anything else."""
    if value is None:
        return {}
    if value.__class__ is not dict:
        raise _unreadable(f"json: cannot unmarshal {kind_of(value)} into Go value of type {_ENVELOPE}")
    for name in ("apiVersion", "kind"):
        item = value.get(name)
        if item is not None and item.__class__ is not str:
            field = f"Go struct field .{name} of type string"
            raise _unreadable(f"json: cannot unmarshal {kind_of(item)} into {field}")
    found: Object = value
    return found


def _unreadable(why: str) -> JsonError:
    return JsonError(f"couldn't get version/kind; json parse error: {why}")


def type_meta(obj: Object) -> tuple[str, str]:
    """apiVersion and kind. Go finds them whatever their case (and then calls `Kind` an unknown field)."""
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if api_version is None or kind is None:
        lowered = {key.lower(): value for key, value in obj.items()}
        api_version = lowered.get("apiversion") if api_version is None else api_version
        kind = lowered.get("kind") if kind is None else kind
    return api_version if isinstance(api_version, str) else "", kind if isinstance(kind, str) else ""


def kind_of(value: Any) -> str:
    """What Go's decoder calls a JSON value."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


def summary(raw: bytes) -> str:
    """How the server shows a body that it could not read: thirty bytes, as text if it looks like JSON, else in hex."""
    if not raw:
        return "<empty>"
    head = raw[:30]
    shown = head.decode(errors="replace") if raw[:1] == b"{" else head.hex()
    return shown + " ..." if len(raw) > 30 else shown


def duplicates(raw: bytes, obj: Any) -> list[str]:
    """`duplicate field "data.k"` for each key that `raw` has twice; `obj` is what `raw` was read as.

    Writing `obj` again gives as many colons as reading it took, unless a key was lost. Escapes can hide a colon."""
    hidden = b"\\u003a" in raw or b"\\u003A" in raw
    if not hidden and raw.count(b":") == orjson.dumps(obj).count(b":"):
        return []
    scanner = _Scanner(raw)
    scanner.value()
    return [f"duplicate field {quote(path)}" for path in dict.fromkeys(scanner.repeated)]


_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(rb"[0-9]*")
_ESCAPES = {b'"': '"', b"\\": "\\", b"/": "/", b"b": "\b", b"f": "\f", b"n": "\n", b"r": "\r", b"t": "\t"}
_LITERALS = {b"t": (b"true", True), b"f": (b"false", False), b"n": (b"null", None)}
_HEX = b"0123456789abcdefABCDEF"
_END = "unexpected end of JSON input"


class _Scanner:
    """One walk over the text, without recursion. It knows at each character what Go would expect there."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.repeated: list[str] = []  # paths of keys that came twice

    def value(self) -> Any:
        found = self._walk()
        self._skip()
        if self.at < len(self.raw):
            raise self._unexpected("after top-level value")
        return found

    def _walk(self) -> Any:
        stack: list[tuple[Any, str, str]] = []  # container, its path, the key under which the next value goes
        while True:
            value = self._start(stack)
            if value is not _OPENED:
                if not stack:
                    return value
                value = self._finish(stack, value)
                if value is not _OPENED:
                    return value

    def _start(self, stack: list[tuple[Any, str, str]]) -> Any:
        """Read a scalar, or open a container and go to its first value."""
        letter = self._next("looking for beginning of value")
        if letter not in b"{[":
            return self._scalar(letter)
        if len(stack) >= MAX_DEPTH:
            raise JsonError("exceeded max depth")
        path = self._path(stack)
        self.at += 1
        if letter == b"{":
            if self._next("looking for beginning of object key string") == b"}":
                self.at += 1
                return {}
            opened: Object = {}
            stack.append((opened, path, self._key(opened, path)))
        else:
            if self._next("looking for beginning of value") == b"]":
                self.at += 1
                return []
            stack.append(([], path, ""))
        return _OPENED

    def _finish(self, stack: list[tuple[Any, str, str]], value: Any) -> Any:
        """Put a value where it belongs, then close all containers that end here."""
        while True:
            container, path, key = stack[-1]
            if isinstance(container, dict):
                container[key] = value
                letter = self._next("after object key:value pair")
                if letter not in b",}":
                    raise self._unexpected("after object key:value pair")
                self.at += 1
                if letter == b",":
                    stack[-1] = (container, path, self._key(container, path))
                    return _OPENED
            else:
                container.append(value)
                letter = self._next("after array element")
                if letter not in b",]":
                    raise self._unexpected("after array element")
                self.at += 1
                if letter == b",":
                    return _OPENED
            stack.pop()
            value = container
            if not stack:
                return value

    def _path(self, stack: list[tuple[Any, str, str]]) -> str:
        if not stack:
            return ""
        container, path, key = stack[-1]
        if isinstance(container, dict):
            return f"{path}.{key}" if path else key
        return f"{path}[{len(container)}]"

    def _key(self, container: Object, path: str) -> str:
        if self._next("looking for beginning of object key string") != b'"':
            raise self._unexpected("looking for beginning of object key string")
        key = self._string()
        if key in container:
            self.repeated.append(f"{path}.{key}" if path else key)
        if self._next("after object key") != b":":
            raise self._unexpected("after object key")
        self.at += 1
        return key

    def _skip(self) -> None:
        found = _SPACE.match(self.raw, self.at)
        assert found
        self.at = found.end()

    def _next(self, _: str) -> bytes:
        self._skip()
        return self._here()

    def _here(self) -> bytes:
        if self.at >= len(self.raw):
            raise JsonError(_END)
        return self.raw[self.at : self.at + 1]

    def _unexpected(self, context: str) -> JsonError:
        char = chr(self.raw[self.at])
        shown = {"'": "\\'", '"': '"'}.get(char) or quote(char)[1:-1]
        return JsonError(f"invalid character '{shown}' {context}")

    def _scalar(self, letter: bytes) -> Any:
        if letter == b'"':
            return self._string()
        if letter in _LITERALS:
            return self._literal(*_LITERALS[letter])
        if letter in b"-0123456789":
            return self._numeral()
        raise self._unexpected("looking for beginning of value")

    def _literal(self, word: bytes, value: Any) -> Any:
        for index in range(1, len(word)):
            self.at += 1
            if self._here() != word[index : index + 1]:
                raise self._unexpected(f"in literal {word.decode()} (expecting '{chr(word[index])}')")
        self.at += 1
        return value

    def _numeral(self) -> int | float:
        start = self.at
        if self._here() == b"-":
            self.at += 1
            if self._here() not in b"0123456789":
                raise self._unexpected("in numeric literal")
        if self._here() == b"0":
            self.at += 1
        else:
            self._digits("in numeric literal")
        whole = True
        if self.raw[self.at : self.at + 1] == b".":
            whole = False
            self.at += 1
            self._digits("after decimal point in numeric literal")
        if self.raw[self.at : self.at + 1] in (b"e", b"E"):
            whole = False
            self.at += 1
            if self._here() in b"+-":
                self.at += 1
            self._digits("in exponent of numeric literal")
        text = self.raw[start : self.at]
        if whole and len(text) <= 20 and -(1 << 63) <= (number := int(text)) < 1 << 64:
            return number
        return float(text)

    def _digits(self, context: str) -> None:
        if self._here() not in b"0123456789":
            raise self._unexpected(context)
        found = _DIGITS.match(self.raw, self.at)
        assert found
        self.at = found.end()

    def _string(self) -> str:
        out: list[str] = []
        self.at += 1
        while True:
            found = _STRING.match(self.raw, self.at)
            assert found
            out.append(found[0].decode(errors="replace"))
            self.at = found.end()
            letter = self._here()
            if letter == b'"':
                self.at += 1
                return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if letter != b"\\":
                raise self._unexpected("in string literal")
            self.at += 1
            out.append(self._escape())

    def _escape(self) -> str:
        letter = self._here()
        if letter in _ESCAPES:
            self.at += 1
            return _ESCAPES[letter]
        if letter != b"u":
            raise self._unexpected("in string escape code")
        for _ in range(4):
            self.at += 1
            if self._here() not in _HEX:
                raise self._unexpected("in \\u hexadecimal character escape")
        self.at += 1
        return chr(int(self.raw[self.at - 4 : self.at], 16))


_OPENED = object()
