"""Unit files: which services a machine has, and how each is started.

    NODE/etc/systemd/system/kubelet.service          and its drop-ins kubelet.service.d/*.conf, in the order of names

The part of systemd's format that kubeadm, the course's exercises and this project's own units use: [Unit] Description,
After, StartLimitIntervalSec; [Service] ExecStart (an empty one resets, as in 10-kubeadm.conf), Environment,
EnvironmentFile (`-` in front: may be absent), Restart, RestartSec, WorkingDirectory; $NAME is split into words, ${NAME}
is not. A program is found by its file name: /usr/bin/kubelet is minikube_edu.kubelet. Files are read again on
`systemctl daemon-reload`, as in life: a changed file has no effect before.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field

PROGRAMS = {
    "kubelet": "minikube_edu.kubelet",
    "containerd": "minikube_edu.container_runtime",
    "etcd": "minikube_edu.etcd",
    "kube-apiserver": "minikube_edu.kube_apiserver",
    "kube-controller-manager": "minikube_edu.kube_controller_manager",
    "kube-scheduler": "minikube_edu.kube_scheduler",
    "cloud-controller-manager": "minikube_edu.cloud_controller_manager",
    "light-nodes": "minikube_edu.cluster.light",
}
_SECONDS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "": 1.0}


class UnitError(Exception):
    """What systemctl would say about a unit that cannot be loaded or started."""


class Unit(Struct):
    name: str
    path: Path
    drop_ins: list[Path] = field(default_factory=list)
    description: str = ""
    documentation: str = ""
    command: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    environment_files: list[tuple[str, bool]] = field(default_factory=list)  # path, may be absent
    restart: str = "no"
    restart_seconds: float = 0.1
    after: list[str] = field(default_factory=list)
    read_at: float = 0.0  # the newest of its files' times

    def stale(self) -> bool:
        """Was a file changed since it was read?"""
        return newest(self.path) != self.read_at

    def variables(self, root: Path) -> dict[str, str]:
        """Environment, and what the environment files say now."""
        found = dict(self.environment)
        for name, optional in self.environment_files:
            path = root / name.lstrip("/")
            try:
                text = path.read_text()
            except OSError:
                if optional:
                    continue
                raise UnitError(f"Failed to load environment files: No such file or directory: {name}") from None
            for line in text.splitlines():
                key, equals, value = line.strip().partition("=")
                if equals and not key.startswith(("#", ";")):
                    found[key.strip()] = _unquoted(value.strip())
        return found

    def start_words(self, root: Path, machine: Mapping[str, str]) -> tuple[str, list[str], dict[str, str]]:
        """(package, argv, environment); `machine` is what the node's machine tells all its programs."""
        variables = {**machine, **self.variables(root)}
        words: list[str] = []
        for word in shlex.split(self.command):
            alone = re.fullmatch(r"\$(\w+)", word)
            if alone:
                words += shlex.split(variables.get(alone[1], ""))
            else:
                words.append(re.sub(r"\$\{(\w+)\}|\$(\w+)", lambda m: variables.get(m[1] or m[2], ""), word))
        if not words:
            raise UnitError(f"{self.name} has no ExecStart")
        program = words[0].lstrip("-@+!").rpartition("/")[2]
        if program not in PROGRAMS:
            raise UnitError(f"{words[0]}: No such file or directory")
        return PROGRAMS[program], [program, *words[1:]], variables


def read(path: Path) -> Unit:
    """One unit with its drop-ins. UnitError when there is none."""
    if not path.is_file():
        raise UnitError(f"Unit {path.name} could not be found.")
    unit = Unit(path.name, path, read_at=newest(path))
    unit.drop_ins = drop_ins(path)
    for file in [path, *unit.drop_ins]:
        _apply(unit, file.read_text(errors="replace"))
    return unit


def drop_ins(path: Path) -> list[Path]:
    return sorted(path.with_name(path.name + ".d").glob("*.conf"))


def newest(path: Path) -> float:
    times = [file.stat().st_mtime for file in [path, *drop_ins(path)] if file.is_file()]
    return max(times, default=0.0)


def _apply(unit: Unit, text: str) -> None:
    for line in text.replace("\\\n", " ").splitlines():
        key, equals, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if not equals or key.startswith(("#", ";")):
            continue
        match key:
            case "Description":
                unit.description = value
            case "Documentation":
                unit.documentation = value
            case "After":
                unit.after += value.split()
            case "ExecStart":
                unit.command = value
            case "Environment":
                for pair in _words(value):
                    name, _, content = pair.partition("=")
                    unit.environment[name] = content
            case "EnvironmentFile":
                unit.environment_files.append((value.lstrip("-"), value.startswith("-")))
            case "Restart":
                unit.restart = value
            case "RestartSec":
                unit.restart_seconds = seconds(value)


def _words(text: str) -> list[str]:
    """A line that does not parse is left out, as systemd leaves it out."""
    try:
        return shlex.split(text)
    except ValueError:
        return []


def seconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)\s*([a-z]*)", text)
    return float(found[1]) * _SECONDS.get(found[2], 1.0) if found else 0.1


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def words_of(variables: Mapping[str, str]) -> str:
    """KEY=value lines."""
    return "".join(f"{name}={value}\n" for name, value in variables.items())
