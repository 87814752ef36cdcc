"""bash's history expansion at a prompt: !!, !$, !*, !n, !-n, !text, and ^old^new."""

from __future__ import annotations

import re

_EVENT = re.compile(r"!(!|-?\d+|\?[^?\n]+\??|[A-Za-z_./][^\s;|&!'\":]*|[$*^])(:?[$*^]|:\d+)?")


class NotFound(Exception):
    """No such line; the text is the event as written."""


def recalled(line: str, history: list[str]) -> str:
    """The line with its events replaced; the same line when it has none."""
    if line.startswith("^"):
        pieces = line.split("^")
        if len(pieces) < 3 or not history or pieces[1] not in history[-1]:
            raise NotFound(":s" + line)
        return history[-1].replace(pieces[1], pieces[2], 1)
    if "!" not in line:
        return line
    out: list[str] = []
    position, quoted = 0, False
    while position < len(line):
        character = line[position]
        found = _EVENT.match(line, position) if character == "!" and not quoted else None
        if character == "\\" and not quoted:
            out.append(line[position : position + 2])
            position += 2
        elif found:
            out.append(_words(_event(found, history), found[2] or (found[1] if found[1] in "$*^" else "")))
            position = found.end()
        else:
            quoted ^= character == "'"
            out.append(character)
            position += 1
    return "".join(out)


def _event(found: re.Match[str], history: list[str]) -> str:
    name = found[1]
    if name in ("!", "$", "*", "^"):
        number = len(history)
    elif re.fullmatch(r"-?\d+", name):
        number = int(name) if int(name) > 0 else len(history) + 1 + int(name)
    else:
        wanted = name.strip("?")
        inside = name.startswith("?")
        matching = [n for n, line in enumerate(history, 1) if (wanted in line if inside else line.startswith(wanted))]
        number = matching[-1] if matching else 0
    if not 1 <= number <= len(history):
        raise NotFound(found[0])
    return history[number - 1]


def _words(line: str, which: str) -> str:
    which = which.lstrip(":")
    if not which:
        return line
    words = re.findall(r"(?:\"[^\"]*\"|'[^']*'|\\.|\S)+", line)
    if which == "*":
        return " ".join(words[1:])
    place = -1 if which == "$" else 1 if which == "^" else int(which)
    return words[place] if place < len(words) else ""
