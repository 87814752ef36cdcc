"""What types and fields mean, in Kubernetes' own words: for `kubectl explain`, OpenAPI and Tables.

The words are not ours: they come from the package `lightkube-models`, whose docstrings carry them. Its sources are
read as text and never imported (importing them takes a hundred times as long), a module at a time, when somebody first
asks. The docstrings are wrapped; a line that could have held the next word ended a paragraph, and so the text is
restored.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

WIDTH = 78  # of the wrapped lines
_CLASS = re.compile(r'\nclass (\w+)\([^\n]*\n    r?"""(.*?)"""\n', re.DOTALL)
_FIELD = re.compile(r"^ *\* \*\*(.+?)\*\* ``.*?`` - ", re.MULTILINE)
# Types of machinery packages, whose modules are named after the last part of the package.
_MODULES = {"api.resource": "resource", "util.intstr": "util_intstr", "runtime": "runtime", "version": "version"}


@cache
def _module(name: str) -> dict[str, str]:
    """Class -> docstring."""
    try:
        text = files("lightkube.models").joinpath(f"{name}.py").read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError):
        return {}
    return dict(_CLASS.findall(text))


def _docstring(type_name: str) -> str:
    package, _, short = type_name.rpartition(".")
    return _module(_MODULES.get(package) or package.replace(".", "_")).get(short, "")


def of_type(type_name: str) -> str:
    """`core.v1.Pod` -> "Pod is a collection of containers …"; "" when nothing is known."""
    return _unwrap(_docstring(type_name).partition("**parameters**")[0])


def of_field(type_name: str, field: str) -> str:
    known = _fields(type_name)
    return (
        known.get(field) or known.get(field.replace("-", "_")) or known.get(field + "_", "")
    )  # Python's reserved words


@cache
def _fields(type_name: str) -> dict[str, str]:
    pieces = _FIELD.split(_docstring(type_name).partition("**parameters**")[2])
    return {name: _unwrap(text) for name, text in zip(pieces[1::2], pieces[2::2], strict=True)}


def _unwrap(text: str) -> str:
    """Undo the wrapping. Empty lines between paragraphs are lost; only items of lists follow each other without one."""
    first, *rest = text.strip().split("\n")
    margin = min((len(line) - len(line.lstrip()) for line in rest if line.strip()), default=0)
    out = before = first.rstrip()
    for line in (one[margin:].rstrip() for one in rest):
        word = line.lstrip().partition(" ")[0]
        if before and line and line[0] != " " and len(before) + 1 + len(word) > WIDTH:
            out += " " + line
        else:
            out += ("\n" if not line or line[0] in " -*" or out[-1] == "\n" else "\n\n") + line
        before = line
    return out
