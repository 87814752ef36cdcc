"""Which Kubernetes a program of the cluster is: what `--version`, `/version`, user agents and metrics say.

A seat is the version of the image that it was started from, a kubelet that of the package on its node (lib/packages);
who starts the program tells it so in its environment. Without that, all are what this project is made after. Ask when
it is needed, never at import: one warm interpreter becomes programs of several versions. It is a name only: the code
is the same, as a cluster in the middle of an upgrade needs no more of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

KUBERNETES = "v1.36.3"
VARIABLE = "MINIKUBE_EDU_PROGRAM_VERSION"
_VERSION = re.compile(r"v1\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]+)?|3\.[0-9]+\.[0-9]+-[0-9]+")  # etcd's: 3.6.8-0


def running(environment: Mapping[str, str] = os.environ) -> str:
    """`v1.36.3`: of this process."""
    return environment.get(VARIABLE) or KUBERNETES


def of_program_in(image: str) -> str:
    """Of one that runs in a simulated container."""
    return of_image(image) or KUBERNETES


def of_image(image: str) -> str:
    """From `registry.k8s.io/kube-apiserver:v1.35.6@sha256:…`; empty when the tag is no version."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag if _VERSION.fullmatch(tag) else ""


def major_minor(version: str) -> tuple[str, str]:
    major, minor = version.lstrip("v").split(".")[:2]
    return major, minor


def agent(program: str, component: str = "", version: str = "") -> str:
    """As client-go names itself: `kubelet/v1.36.3 (linux/amd64) kubernetes/minikube-edu`."""
    shown = f"{program}/{version or running()} (linux/amd64) kubernetes/minikube-edu"
    return f"{shown}/{component}" if component else shown


def build_info(version: str = "") -> dict[str, str]:
    """What a build knows of itself, in the words of `/version`."""
    version = version or running()
    major, minor = major_minor(version)
    return {
        "major": major,
        "minor": minor,
        "gitVersion": version,
        "gitCommit": "minikube_edu",
        "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z",
        "goVersion": "python3",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


_LABELS = {
    "build_date": "buildDate", "compiler": "compiler", "git_commit": "gitCommit", "git_tree_state": "gitTreeState",
    "git_version": "gitVersion", "go_version": "goVersion", "major": "major", "minor": "minor", "platform": "platform",
}  # fmt: skip


BUILD_INFO = (
    "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, "
    "build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running."
)


def labels(version: str = "") -> dict[str, str]:
    """Of the metric `kubernetes_build_info`."""
    told = build_info(version)
    return {label: told[name] for label, name in _LABELS.items()}


def metric(version: str = "") -> bytes:
    """The family `kubernetes_build_info`, as all components show it."""
    shown = ",".join(f'{label}="{value}"' for label, value in labels(version).items())
    name = "kubernetes_build_info"
    return f"# HELP {name} {BUILD_INFO}\n# TYPE {name} gauge\n{name}{{{shown}}} 1\n".encode()
