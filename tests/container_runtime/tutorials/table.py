"""The table of cases: what a line may say, and how it is read (cases/*.yaml, one file a subject).

- title: the answer of another pod
  image: busybox:1.36               # the pod's container; or `containers`, when there are several, or inits
  command: sleep 3600               # as a manifest's `command`; a string is split as a shell splits it
  args: [a, b]
  env: {GREETING: hello}
  files: {/etc/config/color: blue}  # mounted read-only, as a ConfigMap is
  others: [{name: web, image: nginx}]   # pods that run beside it; web's address is written {web.ip}
  shared: /data                     # an emptyDir that all containers of the pod have there
  wait: 5                           # seconds (of virtual time) before the steps
  steps:                            # kubectl exec, one after the other
    - run: wget -qO- http://web
      in: web                       # of another pod, or container of this pod
      after: 30                     # seconds before it
      code: 0
      stdout: exact text            # or `matches` (a regular expression over all of it), `has` (one or more parts)
      stderr: exact text
  stop: 10                          # the grace that a container gets, which is stopped after the steps
  code: 0                           # how the container has ended; without it, it still runs
  log: exact text                   # or `log_matches`, `log_has`
  reason: OOMKilled
  message: text of /dev/termination-log
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent / "cases"


@dataclass(frozen=True)
class ContainerCase:
    image: str
    name: str = "main"
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    shared: str = ""
    user: int | None = None
    group: int | None = None
    groups: Sequence[int] = ()
    readonly: bool = False
    privileged: bool = False
    memory: int = 0  # MiB
    cpu: int = 0  # thousandths
    dir: str = ""
    add: Sequence[str] = ()  # capabilities
    drop: Sequence[str] = ()


@dataclass(frozen=True)
class Step:
    run: Sequence[str]
    where: str = "main"
    stdin: str = ""
    after: float = 0
    code: int = 0
    refused: str = ""
    stdout: str | None = None
    stderr: str | None = None
    matches: str = ""
    has: Sequence[str] = ()


@dataclass(frozen=True)
class Case:
    title: str
    subject: str
    containers: Sequence[ContainerCase]  # of the pod; the last is what `code` and `log` are about
    inits: Sequence[ContainerCase] = ()
    others: Sequence[ContainerCase] = ()
    later: float = 0  # the others come so many seconds after the pod
    hostname: str = "my-pod"
    share_processes: bool = False
    wait: float = 0
    steps: Sequence[Step] = ()
    stop: float | None = None
    code: int | None = None
    log: str | None = None
    log_matches: str = ""
    log_has: Sequence[str] = ()
    reason: str = ""
    message: str | None = None


def words(said: Any) -> list[str]:
    return shlex.split(said) if isinstance(said, str) else [str(word) for word in said or ()]


def parts(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said or ())


def container(given: dict[str, Any]) -> ContainerCase:
    said = dict(given)
    said["command"], said["args"] = words(said.get("command")), words(said.get("args"))
    said["env"] = {name: str(value) for name, value in said.get("env", {}).items()}
    return ContainerCase(**said)


def step(given: dict[str, Any]) -> Step:
    said = dict(given)
    said["run"], said["has"] = words(said["run"]), parts(said.get("has"))
    said["where"] = said.pop("in", "main")
    return Step(**said)


def case(subject: str, given: dict[str, Any]) -> Case:
    own = {one.name for one in fields(ContainerCase)} - {"name"}
    containers = given.get("containers") or [{name: value for name, value in given.items() if name in own}]
    more = {name: value for name, value in given.items() if name not in own and name != "containers"}
    for name in ("inits", "others"):
        more[name] = [container(one) for one in more.get(name, ())]
    more["steps"] = [step(one) for one in more.get("steps", ())]
    more["log_has"] = parts(more.get("log_has"))
    return Case(subject=subject, containers=[container(one) for one in containers], **more)


def cases() -> list[Case]:
    """All lines of all files, in order."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        found += [case(path.stem, one) for one in yaml.load(path.read_text(), yaml.CSafeLoader)]
    return found
