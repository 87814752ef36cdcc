"""What a case is, where it is kept, and what the references answered when they were last asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"
SHELLS = ("dash", "busybox", "bash")


@dataclass(frozen=True)
class Answer:
    stdout: str
    code: int
    stderr: str = ""

    def shown(self, case: Case) -> dict[str, Any]:
        """What is compared and recorded."""
        stdout = "".join(sorted(self.stdout.splitlines(keepends=True))) if case.unordered else self.stdout
        answer: dict[str, Any] = {"stdout": stdout, "code": self.code}
        if case.stderr:
            answer["stderr"] = self.stderr
        return answer


@dataclass(frozen=True)
class Case:
    subject: str
    name: str
    script: str
    shells: tuple[str, ...] = ("dash", "busybox")
    stdin: str = ""
    args: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    via: str = "command"
    stderr: bool = False
    unordered: bool = False

    def __post_init__(self) -> None:
        assert set(self.shells) <= set(SHELLS), f"{self.subject}: {self.name}: {self.shells}"
        assert self.via in ("command", "stdin", "file"), self.via


def subjects() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(subject: str) -> list[Case]:
    rows = yaml.load((FOLDER / f"{subject}.yaml").read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    cases = [_case(subject, row) for row in rows]
    names = [case.name for case in cases]
    doubled = {name for name in names if names.count(name) > 1}
    assert not doubled, f"{subject}: names used twice: {doubled}"
    return cases


def _case(subject: str, row: dict[str, Any]) -> Case:
    values = dict(row)
    for key in ("shells", "args"):
        if key in values:
            values[key] = tuple(str(value) for value in values[key])
    for key in ("env", "files"):
        if key in values:
            values[key] = {str(name): str(value) for name, value in values[key].items()}
    return Case(subject, **values)


def recorded(subject: str) -> dict[str, dict[str, dict[str, Any]]]:
    """By the case's name and the shell's."""
    path = FOLDER / f"{subject}.recorded.json"
    found: dict[str, dict[str, dict[str, Any]]] = json.loads(path.read_text()) if path.exists() else {}
    return found


def versions() -> dict[str, str]:
    """Of the references, when they were last asked."""
    found: dict[str, str] = json.loads((FOLDER / "versions.json").read_text())
    return found


def write_versions(found: dict[str, str]) -> None:
    (FOLDER / "versions.json").write_text(json.dumps(found, indent=1) + "\n")


def write_recorded(subject: str, answers: dict[str, dict[str, dict[str, Any]]]) -> None:
    path = FOLDER / f"{subject}.recorded.json"
    path.write_text(json.dumps(answers, indent=1, ensure_ascii=True, sort_keys=True) + "\n")
