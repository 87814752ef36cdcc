"""One entry of the catalogue, made into the definition of one tagged image.

An entry is a plain mapping, as written in YAML (the keys are documented in docs/images.md, the judge is `check`).
`define(entry, reference, ...)` chooses what holds for the tag (`when`), fills in `{version}` and its like, and joins it
with its base. Definitions are immutable and shared by all containers of an image.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.images.reference import Reference
from minikube_edu.container_runtime.simulated.images.tag_rules import TagRules

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_VERSIONS = {"alpine": "3.22", "debian": "13", "ubuntu": "24.04", "fedora": "43", "centos": "8", "busybox": "1.37"}
CODENAMES = {
    "debian": {"13": "trixie", "12": "bookworm", "11": "bullseye", "10": "buster", "9": "stretch", "8": "jessie"},
    "ubuntu": {"24.04": "noble", "22.04": "jammy", "20.04": "focal", "18.04": "bionic", "16.04": "xenial"},
}
KEYS = frozenset(
    {"names", "tags", "latest", "base", "base_version", "shell", "bin", "without", "entrypoint", "cmd", "env", "user"}
    | {"workdir", "volumes", "ports", "stop_signal", "programs", "files", "size", "when", "seat", "private", "log"}
    | {"answers", "packages", "lenient"}
)
_MERGED = ("env", "programs", "files", "bin", "answers")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG]?)i?B?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1000, "M": 1000_000, "G": 1000_000_000}

Entry = Mapping[str, Any]


class Layer(Struct, frozen=True):
    digest: str
    size: int


class Definition(Struct, frozen=True):
    reference: Reference  # as resolved: with a tag or a digest
    tag: str
    version: str
    id: str  # sha256:…, of the image's configuration
    digest: str  # sha256:…, of its manifest
    base: str
    shell: str  # "" (none), ash, dash, bash: what /bin/sh is
    has_bash: bool
    merged: bool  # /bin is a link to /usr/bin
    packages: str  # apt, apk, dnf: who installs more
    commands: Mapping[str, Sequence[str]]  # directory -> names
    programs: Mapping[str, Any]  # path -> module:function, or a Program
    files: Mapping[str, Any]
    entrypoint: Sequence[str]
    cmd: Sequence[str]
    env: Mapping[str, str]
    user: str
    workdir: str
    volumes: Sequence[str]
    ports: Sequence[str]  # 80/tcp
    stop_signal: str
    layers: Sequence[Layer]
    seat: str = ""  # the package behind it, when it is a program of the host
    lenient: bool = False  # a command that it does not have runs as the generic program
    log: Sequence[str] = ()  # what the generic program says at its start
    answers: Mapping[str, Any] = field(default_factory=dict)  # port -> what the generic program answers

    @property
    def size(self) -> int:
        return sum(layer.size for layer in self.layers)


def digest_of(*words: str) -> str:
    return "sha256:" + hashlib.sha256("\n".join(words).encode()).hexdigest()


def size_of(text: object) -> int:
    """`72M`, `318K`, 1000"""
    found = _SIZE.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"size: {text!r} is not a size (72M, 318K)")
    return int(float(found[1]) * _UNITS[found[2].upper()])


def applies(condition: Entry, reference: Reference, tag: str) -> bool:
    names = condition.get("names")
    if names is not None and reference.name not in names:
        return False
    pattern = condition.get("tag")
    return pattern is None or re.fullmatch(str(pattern), tag) is not None


def for_tag(entry: Entry, reference: Reference, tag: str) -> dict[str, Any]:
    """The entry with what its `when` says for this name and tag."""
    made = {key: dict(value) if key in _MERGED else value for key, value in entry.items() if key != "when"}
    for condition in entry.get("when", ()):
        if applies(condition, reference, tag):
            for key, value in condition.items():
                if key in _MERGED:
                    made[key] = {**made.get(key, {}), **value}
                elif key not in ("names", "tag"):
                    made[key] = value
    return made


def _version(tag: str, latest: str) -> str:
    for text in (tag, latest):
        found = re.search(r"(?:^|[^\d.])(\d+(?:\.\d+)*)", text)
        if found:
            numbers = found[1].split(".")
            return ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) if len(numbers) < 3 else found[1]
    return "1.0.0"


def _base(made: Mapping[str, Any], tag: str, version: str) -> tuple[str, str]:
    """(base, its version), with the tag's own say: `1.27-alpine3.20`, `3.12-slim-bookworm`, `22.04`."""
    base = str(made.get("base", "debian"))
    words = re.split(r"[-_]", tag)
    for word in words:
        if found := re.fullmatch(r"alpine(3\.\d+)?", word):
            return "alpine", found[1] or BASE_VERSIONS["alpine"]
        for family, names in CODENAMES.items():
            for number, name in names.items():
                if word == name and base in ("debian", "ubuntu"):
                    return family, number
    fixed = str(made.get("base_version", ""))
    minor = ".".join(version.split(".")[:2])
    if fixed:
        return base, fixed.replace("{minor_version}", minor).replace("{major}", version.split(".")[0])
    if base == "ubuntu" and re.fullmatch(r"\d\d\.\d\d", tag):
        return base, tag
    if base == "debian" and tag.split(".")[0].split("-")[0] in CODENAMES["debian"] and "debian" in str(made["names"]):
        return base, tag.split(".")[0].split("-")[0]
    return base, BASE_VERSIONS.get(base, "1")


def _filled(value: Any, words: Mapping[str, str]) -> Any:
    """`{version}` and its like, wherever they stand; other braces are left alone."""
    if isinstance(value, str):
        if "{" in value:
            for key, word in words.items():
                value = value.replace(key, word)
        return value
    if isinstance(value, Mapping):
        return {_filled(str(key), words): _filled(item, words) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_filled(item, words) for item in value]
    return value


def layers_of(name: str, tag: str, base: str, base_version: str, base_size: int, size: int) -> tuple[Layer, ...]:
    """The base's layer, which images share, and up to three of the image's own."""
    if not size:
        return ()
    if size <= base_size or not base_size:
        return (Layer(digest_of("layer", name, tag, "0"), size),)
    rest = size - base_size
    parts = [rest * 7 // 10, rest * 25 // 100]
    parts.append(rest - sum(parts))
    shared = Layer(digest_of("layer", base, base_version), base_size)
    return (shared, *(Layer(digest_of("layer", name, tag, str(at)), part) for at, part in enumerate(parts, 1) if part))


def define(
    entry: Entry, reference: Reference, bases: Mapping[str, Entry], texts: Mapping[str, str], tag: str = ""
) -> Definition:
    tag = tag or reference.tag or "latest"
    latest = str(entry.get("latest", ""))
    resolved = latest if tag == "latest" and latest else tag
    made = for_tag(entry, reference, tag)
    version = _version(resolved, latest)
    base, base_version = _base(made, resolved, version)
    ground = bases.get(base, {})
    words = {
        "{version}": version,
        "{minor_version}": ".".join(version.split(".")[:2]),
        "{major}": version.split(".")[0],
        "{tag}": tag,
        "{base_version}": base_version,
        "{codename}": CODENAMES.get(base, {}).get(base_version, base),
    }
    files = _filled(_with_texts({**ground.get("files", {})}, made.get("files", {}), texts, words), words)
    seat = (
        "minikube_edu." + reference.path.rpartition("/")[2].replace("-", "_")
        if made.get("seat") is True
        else str(made.get("seat") or "")
    )
    identity = reference.digest or resolved
    programs = _filled(made.get("programs", {}), words)
    sizes = (size_of(ground.get("size", 0)), size_of(made.get("size", "50M")))
    commands = _commands(ground.get("bin", {}), made.get("bin", {}), made.get("without", ()))
    return Definition(
        reference=reference,
        tag=tag,
        version=version,
        id=digest_of("config", reference.name, identity),
        digest=reference.digest or digest_of("manifest", reference.name, identity),
        base=base,
        shell=str(made.get("shell", ground.get("shell", ""))),
        has_bash=any("bash" in names for names in commands.values()),
        merged=bool(ground.get("merged", False)),
        packages=str(made.get("packages", ground.get("packages", ""))),
        commands=commands,
        programs=programs,
        files=files,
        entrypoint=tuple(_filled(made.get("entrypoint", ()), words)),
        cmd=tuple(_filled(made.get("cmd", ()), words)),
        env={"PATH": DEFAULT_PATH} | {key: str(value) for key, value in _filled(made.get("env", {}), words).items()},
        user=str(made.get("user", "")),
        workdir=str(made.get("workdir", "")),
        volumes=tuple(made.get("volumes", ())),
        ports=tuple(str(port) if "/" in str(port) else f"{port}/tcp" for port in made.get("ports", ())),
        stop_signal=str(made.get("stop_signal", "")),
        layers=layers_of(reference.name, identity, base, base_version, *sizes),
        seat=seat,
        lenient=bool(made.get("lenient", "generic:main" in programs.values())),
        log=tuple(_filled(made.get("log", ()), words)),
        answers={str(port): answer for port, answer in _filled(made.get("answers", {}), words).items()},
    )


def _with_texts(
    base: dict[str, Any], own: Mapping[str, Any], texts: Mapping[str, str], words: Mapping[str, str]
) -> dict[str, Any]:
    """`append` adds to the base's file of that path, `from` takes a file of catalogue/files."""
    for path, value in own.items():
        if isinstance(value, Mapping):
            if "append" in value:
                before = base.get(path, "")
                value = f"{before}{value['append']}"
            elif "from" in value:
                name = _filled(value["from"], words)
                value = {**{key: item for key, item in value.items() if key != "from"}, "text": texts.get(name, "")}
        base[path] = value
    return base


def _commands(base: Mapping[str, str], own: Mapping[str, str], without: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for source in (base, own):
        for directory, names in source.items():
            words = names.split() if isinstance(names, str) else list(names)
            found[directory] = found.get(directory, ()) + tuple(word for word in words if word not in without)
    return found


def check(entry: Entry, where: str) -> None:
    """Raises ValueError with what is wrong in a user's words."""
    if unknown := set(entry) - KEYS:
        raise ValueError(f"{where}: unknown key {sorted(unknown)[0]!r}")
    if not entry.get("names"):
        raise ValueError(f"{where}: names is missing")
    for key in ("names", "entrypoint", "cmd", "ports", "volumes", "log", "when"):
        if not isinstance(entry.get(key, []), list):
            raise ValueError(f"{where}: {key} must be a list")
    for key in (*_MERGED, "tags"):
        if not isinstance(entry.get(key, {}), Mapping):
            raise ValueError(f"{where}: {key} must be a mapping")
    size_of(entry.get("size", 0))


def rules_of(entry: Entry) -> TagRules:
    from minikube_edu.container_runtime.simulated.images import tag_rules

    return tag_rules.from_data(entry.get("tags", {}))
