"""Permissions and types of files, as text and back: `-rwxr-xr-x`, `u+x,go-w`, 0644."""

from __future__ import annotations

import re
import stat as kinds

LETTERS = {
    kinds.S_IFDIR: "d", kinds.S_IFLNK: "l", kinds.S_IFREG: "-", kinds.S_IFIFO: "p", kinds.S_IFCHR: "c",
    kinds.S_IFBLK: "b", kinds.S_IFSOCK: "s",
}  # fmt: skip
WORDS = {
    kinds.S_IFDIR: "directory", kinds.S_IFLNK: "symbolic link", kinds.S_IFREG: "regular file", kinds.S_IFIFO: "fifo",
    kinds.S_IFCHR: "character special file", kinds.S_IFBLK: "block special file", kinds.S_IFSOCK: "socket",
}  # fmt: skip


def shown(mode: int) -> str:
    """`drwxr-xr-x`"""
    return kinds.filemode(mode) if kinds.S_IFMT(mode) else "?" + kinds.filemode(mode)[1:]


def is_directory(mode: int) -> bool:
    return kinds.S_ISDIR(mode)


def is_link(mode: int) -> bool:
    return kinds.S_ISLNK(mode)


def is_regular(mode: int) -> bool:
    return kinds.S_ISREG(mode)


CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)\Z")


def changed(spec: str, mode: int, umask: int = 0) -> int:
    """The mode after chmod's `spec`; ValueError when that is none."""
    if re.fullmatch("[0-7]{1,5}", spec):
        return int(spec, 8) & 0o7777
    bits = mode & 0o7777
    directory = is_directory(mode)
    for clause in spec.split(","):
        found = CLAUSE.match(clause)
        if not found:
            raise ValueError(spec)
        who = found[1] or "a"
        mask = 0
        for letter in who:
            mask |= {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}[letter]
        for operator, letters in re.findall(r"([-+=])([rwxXst]*|[ugo])", found[2]):
            value = 0
            for letter in letters:
                if letter in "ugo":
                    three = bits >> {"u": 6, "g": 3, "o": 0}[letter] & 7
                    value |= three * 0o111
                elif letter == "X":
                    value |= 0o111 if directory or bits & 0o111 else 0
                else:
                    value |= {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}[letter]
            value &= mask
            if not found[1]:
                value &= ~umask
            if operator == "+":
                bits |= value
            elif operator == "-":
                bits &= ~value
            else:
                keep = 0o6000 if directory else 0
                bits = bits & ~(mask & ~keep & (0o7777 if "t" in letters or who == "a" else 0o6777)) | value
    return bits
