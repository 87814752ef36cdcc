"""The Corefile: server blocks with their zones, and plugins with arguments and blocks of their own.

    .:53 {
        kubernetes cluster.local {
            ttl 30
        }
    }

Quoted words, comments, `{$VARIABLE}` and snippets (`(name) { … }`, `import name`) are understood. What is wrong is said
in the real one's words: `/etc/coredns/Corefile:3 - Error during parsing: Unknown directive 'x'`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

DEFAULT_PORT = 53
# In the order in which a question meets them, whatever the Corefile's order is.
CHAIN = ("errors", "log", "loadbalance", "cache", "rewrite", "hosts", "kubernetes", "loop", "forward", "whoami")
ASIDE = ("reload", "bind", "debug", "ready", "health", "pprof", "prometheus", "bufsize", "cancel", "nsid", "metadata")
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')


class CorefileError(Exception):
    pass


class Directive(Struct, frozen=True):
    name: str
    args: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]  # of its block
    line: int = 0

    def options(self, name: str) -> list[tuple[str, ...]]:
        """The arguments of each line of the block that begins with this word."""
        return [line[1:] for line in self.lines if line[0] == name]

    def option(self, name: str, default: str = "") -> str:
        found = self.options(name)
        return found[-1][0] if found and found[-1] else default


class ServerBlock(Struct, frozen=True):
    zones: tuple[str, ...]  # absolute, lower case
    port: int
    directives: tuple[Directive, ...]

    def find(self, name: str) -> Directive | None:
        return next((one for one in self.directives if one.name == name), None)


def parse(text: str, file: str = "Corefile", env: Mapping[str, str] | None = None) -> list[ServerBlock]:
    return _Parser(text, file, env or {}).blocks()


def absolute(name: str) -> str:
    return name.lower().rstrip(".") + "."


class _Parser:
    def __init__(self, text: str, file: str, env: Mapping[str, str]) -> None:
        self.file = file
        self.at = 0
        self.snippets: dict[str, list[tuple[int, list[str]]]] = {}
        text = re.sub(r"\{[$%](\w+)[%]?\}", lambda found: env.get(found[1], ""), text)
        self.lines: list[tuple[int, list[str]]] = []
        for number, line in enumerate(text.splitlines(), 1):
            if words := _words(line):
                self.lines.append((number, words))

    def wrong(self, line: int, words: str) -> CorefileError:
        return CorefileError(f"{self.file}:{line} - Error during parsing: {words}")

    def blocks(self) -> list[ServerBlock]:
        found: list[ServerBlock] = []
        while self.at < len(self.lines):
            number, words = self.lines[self.at]
            self.at += 1
            if words[-1] != "{":
                if self.at == len(self.lines) and not found:
                    raise self.wrong(number, "Unexpected end of input, expecting '{'")
                raise self.wrong(number, f"Unknown directive '{words[0]}'")
            keys = [word.rstrip(",") for word in words[:-1]]
            body = self._body(number)
            if len(keys) == 1 and keys[0].startswith("("):
                self.snippets[keys[0].strip("()")] = body
                continue
            by_port: dict[int, list[str]] = {}
            for key in keys:
                zone, port = _key(key)
                by_port.setdefault(port, []).append(zone)
            directives = tuple(self._directives(body))
            found += [ServerBlock(tuple(zones), port, directives) for port, zones in by_port.items()]
        return found

    def _body(self, opened: int) -> list[tuple[int, list[str]]]:
        """The lines up to the closing brace, inner blocks included."""
        body: list[tuple[int, list[str]]] = []
        depth = 1
        while self.at < len(self.lines):
            number, words = self.lines[self.at]
            self.at += 1
            depth += words.count("{") - words.count("}")
            if depth == 0:
                return body
            body.append((number, words))
        raise self.wrong(opened, "Unexpected end of input, expecting '}'")

    def _directives(self, body: list[tuple[int, list[str]]]) -> list[Directive]:
        found: list[Directive] = []
        lines = iter(body)
        for number, words in lines:
            name = words[0]
            if name == "import":
                found += self._imported(number, words[1:])
                continue
            if name not in CHAIN and name not in ASIDE:
                raise self.wrong(number, f"Unknown directive '{name}'")
            inner: list[tuple[str, ...]] = []
            if words[-1] == "{":
                words = words[:-1]
                depth = 1
                for _, line in lines:
                    depth += line.count("{") - line.count("}")
                    if depth == 0:
                        break
                    inner.append(tuple(line))
            found.append(Directive(name, tuple(words[1:]), tuple(inner), number))
        return found

    def _imported(self, number: int, args: list[str]) -> list[Directive]:
        name = args[0] if args else ""
        if name in self.snippets:
            return self._directives(self.snippets[name])
        if "*" in name:
            return []  # no file matches
        raise self.wrong(number, f"File to import not found: {name}")


def _words(line: str) -> list[str]:
    words: list[str] = []
    for found in _WORD.finditer(line):
        quoted, plain = found[1], found[2]
        if quoted is None and plain.startswith("#"):
            break
        words.append(re.sub(r'\\(["\\])', r"\1", quoted) if quoted is not None else plain)
    return words


def _key(key: str) -> tuple[str, int]:
    """`.:53`, `example.org`, `dns://cluster.local:1053`"""
    plain = key.split("://", 1)[-1]
    zone, colon, port = plain.rpartition(":")
    if not colon:
        return absolute(plain), DEFAULT_PORT
    return absolute(zone), int(port) if port.isdigit() else DEFAULT_PORT
