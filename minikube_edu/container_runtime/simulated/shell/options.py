"""The shell's options: letters of `set`, names of `set -o`, and how each dialect lists them."""

from __future__ import annotations

from msgspec import Struct

LETTERS = {
    "a": "allexport", "b": "notify", "C": "noclobber", "e": "errexit", "f": "noglob", "h": "hashall",
    "m": "monitor", "n": "noexec", "u": "nounset", "v": "verbose", "x": "xtrace", "I": "ignoreeof", "V": "vi",
    "E": "emacs", "i": "interactive", "s": "stdin", "k": "keyword", "p": "privileged", "t": "onecmd",
    "B": "braceexpand", "P": "physical", "H": "histexpand", "T": "functrace",
}  # fmt: skip
_DASH = (
    "errexit noglob ignoreeof interactive monitor noexec stdin xtrace verbose vi emacs noclobber allexport notify"
    " nounset privileged nolog debug"
)
_BUSYBOX = (
    "errexit noglob ignoreeof monitor noexec xtrace verbose noclobber allexport notify nounset errtrace vi pipefail"
)
_BASH = (
    "allexport braceexpand emacs errexit errtrace functrace hashall histexpand history ignoreeof interactive-comments"
    " keyword monitor noclobber noexec noglob nolog notify nounset onecmd physical pipefail posix privileged verbose"
    " vi xtrace"
)
LISTED = {"dash": _DASH.split(), "busybox": _BUSYBOX.split(), "bash": _BASH.split()}


class Options(Struct):
    errexit: bool = False
    nounset: bool = False
    xtrace: bool = False
    verbose: bool = False
    noglob: bool = False
    noexec: bool = False
    noclobber: bool = False
    allexport: bool = False
    pipefail: bool = False
    monitor: bool = False
    notify: bool = False
    ignoreeof: bool = False
    interactive: bool = False
    stdin: bool = False
    vi: bool = False
    emacs: bool = False
    errtrace: bool = False
    functrace: bool = False
    hashall: bool = False
    braceexpand: bool = False
    histexpand: bool = False
    history: bool = False
    keyword: bool = False
    nolog: bool = False
    onecmd: bool = False
    physical: bool = False
    posix: bool = False
    privileged: bool = False
    debug: bool = False
    interactive_comments: bool = False

    def get(self, name: str) -> bool:
        return bool(getattr(self, name.replace("-", "_")))

    def put(self, name: str, value: bool) -> None:
        setattr(self, name.replace("-", "_"), value)


def letter_of(dialect: str, letter: str) -> str | None:
    """The option behind a letter, where the dialect has it."""
    if letter == "E":
        name = "errtrace" if dialect != "dash" else "emacs"
    else:
        name = LETTERS.get(letter, "")
    return name if name in LISTED[dialect] else None
