"""The tools of a course as commands on the PATH: HOME/bin/kubectl, kubeadm, crictl, etcdctl, systemctl, journalctl.

Each is a call of the front door, which a fork of the machine answers.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from minikube_edu.cluster.command_line import TOOLS
from minikube_edu.lib.machine import front_door

SCRIPT = """#!/bin/sh
exec {python} -I -S -c 'import sys; sys.path.insert(0, {folder!r}); import front_door; front_door.main()' {name} "$@"
"""


def install(folder: Path) -> None:
    """Write what is missing or has changed."""
    folder.mkdir(parents=True, exist_ok=True)
    here = str(Path(front_door.__file__).parent)
    for name in (*TOOLS, "minikube-edu"):
        text = SCRIPT.format(python=shlex.quote(sys.executable), folder=here, name=name).replace(
            repr(here), f'"{here}"'
        )
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            path.chmod(0o755)
