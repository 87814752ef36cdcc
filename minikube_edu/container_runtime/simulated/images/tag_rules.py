"""Which tags of an image are plausible: `nginx:1.27-alpine` is, `nginx:1.161` is not.

Rules are data, in an entry's `tags`:

    any: true                  every well-formed tag
    versions: {1: 7-31, 2: 0}  MAJOR: range of minors (`7-31`, `0`, or `*`); `1`, `1.27`, `1.27.3` are plausible
    versions: {"*": "*"}       any dotted number
    majors: 10-24              MAJOR alone counts; any minor
    v: yes | no | both         whether the number starts with a v (default: no)
    names: [latest, mainline]  tags that are words (latest is always one)
    variants: [alpine, slim]   what may follow after a dash, each word at most once (`1.27-alpine3.20`, `alpine`)
    patterns: ["[a-f0-9]{7}"]  regular expressions of whole tags, for the rest

`debian` and `alpine` among the variants stand for all their releases. A patch number above 99 is a slip of the finger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

FAMILIES = {
    "alpine": r"alpine(3\.\d{1,2})?",
    "debian": r"trixie|bookworm|bullseye|buster|stretch|jessie",
    "ubuntu": r"noble|jammy|focal|bionic|xenial",
    "ubi": r"ubi\d+(-minimal)?|ol\d+|oraclelinux\d+",
    "arch": r"amd64|arm64|linux-amd64",
}
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:\.(\d+))?((?:-?(?:rc|beta|alpha)\.?\d+)?)")
MAX_PATCH = 99


def _in(number: int, ranges: str) -> bool:
    """`7-31,40` or `*`"""
    if ranges == "*":
        return True
    for piece in ranges.split(","):
        low, dash, high = piece.partition("-")
        if int(low) <= number <= int(high if dash else low):
            return True
    return False


class TagRules(Struct, frozen=True):
    any: bool = False
    versions: Mapping[str, str] | None = None
    majors: str = ""
    v: str = "no"
    names: Sequence[str] = ()
    variants: Sequence[str] = ()
    patterns: Sequence[str] = ()

    def plausible(self, tag: str) -> bool:
        if self.any or tag == "latest" or tag in self.names:
            return True
        if any(re.fullmatch(pattern, tag) for pattern in self.patterns):
            return True
        first, dash, rest = tag.partition("-")
        if self._version(tag):
            return True
        if first in self.names or first == "latest" or self._version(first):
            return bool(dash) and self._varied(rest.split("-"))
        return not tag[0].isdigit() and self._varied(tag.split("-"))

    def _version(self, text: str) -> bool:
        bare = text.removeprefix("v")
        if (self.v == "yes" and bare == text) or (self.v == "no" and bare != text):
            return False
        found = _NUMBER.fullmatch(bare)
        if found is None:
            return False
        major, minor, patch = found[1], found[2], found[3]
        if patch is not None and int(patch) > MAX_PATCH:
            return False
        if self.majors:
            return _in(int(major), self.majors)
        versions = self.versions or {}
        minors = versions.get(major, versions.get("*"))
        if minors is None:
            return False
        return minor is None or _in(int(minor), minors)

    def _varied(self, words: Sequence[str]) -> bool:
        left = list(self.variants)
        for word in words:
            for variant in left:
                if re.fullmatch(FAMILIES.get(variant, variant), word):
                    left.remove(variant)
                    break
            else:
                return False
        return bool(words)


def from_data(data: Mapping[str, object]) -> TagRules:
    """Raises ValueError with the name of what is not a rule."""
    known = {"any", "versions", "majors", "v", "names", "variants", "patterns"}
    if unknown := set(data) - known:
        raise ValueError(f"tags: unknown rule {sorted(unknown)[0]!r}")
    versions = data.get("versions")
    if versions is not None and not isinstance(versions, Mapping):
        raise ValueError("tags: versions must be a mapping of majors to minors")
    prefix = data.get("v", "no")
    words = {name: _words(data, name) for name in ("names", "variants", "patterns")}
    return TagRules(
        any=bool(data.get("any", False)),
        versions=None if versions is None else {str(key): str(value) for key, value in versions.items()},
        majors=str(data.get("majors", "")),
        v={True: "yes", False: "no"}.get(prefix, str(prefix)) if isinstance(prefix, bool) else str(prefix),
        names=words["names"],
        variants=words["variants"],
        patterns=words["patterns"],
    )


def _words(data: Mapping[str, object], name: str) -> tuple[str, ...]:
    value = data.get(name, ())
    if not isinstance(value, list | tuple):
        raise ValueError(f"tags: {name} must be a list")
    return tuple(str(word) for word in value)
