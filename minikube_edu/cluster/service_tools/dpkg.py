"""dpkg and dpkg-query on a node: which packages of Kubernetes it has, in which version, and which are on hold.

    dpkg -l kubelet kubeadm kubectl     dpkg -s kubelet     dpkg -l | grep kube     dpkg --get-selections 'kube*'

Only asking is done here. What is asked of other packages, and all else that dpkg does, is the host's own dpkg's
business; a list of everything shows the node's packages alone.
"""

from __future__ import annotations

import fnmatch
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from minikube_edu.cluster import nodes
from minikube_edu.cluster.layout import Layout
from minikube_edu.cluster.service_tools import apt
from minikube_edu.lib import packages
from minikube_edu.lib.packages import Package

LIST, STATUS, SELECTIONS, SHOW = "list", "status", "selections", "show"
VERBS = {
    "-l": LIST, "--list": LIST, "-s": STATUS, "--status": STATUS, "--get-selections": SELECTIONS, "-W": SHOW,
    "--show": SHOW,
}  # fmt: skip
DESCRIPTIONS = {
    "cri-tools": "Command-line utility for interacting with a container runtime",
    "kubeadm": "Command-line utility for administering a Kubernetes cluster",
    "kubectl": "Command-line utility for interacting with a Kubernetes cluster",
    "kubelet": "Node agent for Kubernetes clusters",
    "kubernetes-cni": "Binaries required to provision kubernetes container networking",
}
DEPENDS = {
    "kubeadm": "cri-tools (>= 1.30.0)",
    "kubelet": "iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), mount, util-linux",
}
HEAD = """\
Desired=Unknown/Install/Remove/Purge/Hold
| Status=Not/Inst/Conf-files/Unpacked/halF-conf/Half-inst/trig-aWait/Trig-pend
|/ Err?=(none)/Reinst-required (Status,Err: uppercase=bad)
"""
NARROWEST = (14, 12, 12, 33)  # name, version, architecture, description


def main(name: str, words: Sequence[str]) -> int:
    node = nodes.enter(Layout()) if os.environ.get("MINIKUBE_EDU_NODE") else None
    verb = next((VERBS[word] for word in words if word in VERBS), "")
    names = [word for word in words if not word.startswith("-")]
    flags = [word for word in words if word.startswith("-") and word not in VERBS]
    if node is None or not verb or flags or not all(fnmatch.filter(apt.KNOWN, one) for one in names):
        return apt.hand_over(name, words)
    found = chosen(node.path(packages.FILE), names)
    if verb == LIST:
        print(HEAD + table(found, shutil.get_terminal_size().columns if sys.stdout.isatty() else 0), end="")
    elif verb == STATUS:
        print("\n".join(status(one) for one in found))
    elif verb == SELECTIONS:
        print("".join(map(selection, found)), end="")
    else:
        print("".join(f"{one.name}\t{one.version}\n" for one in found), end="")
    return 0


def chosen(file: Path, patterns: Sequence[str]) -> list[Package]:
    known = apt.installed(file)
    names = [name for name in known if not patterns or any(fnmatch.fnmatchcase(name, one) for one in patterns)]
    return [known[name] for name in sorted(names)]


def table(found: Sequence[Package], columns: int = 0) -> str:
    """As wide as it needs to be; on a terminal the last column is cut."""
    rows = [("Name", "Version", "Architecture", "Description")]
    rows += [(one.name, one.version, "amd64", DESCRIPTIONS.get(one.name, "")) for one in found]
    wide = [max(least, *(len(row[place]) for row in rows)) for place, least in enumerate(NARROWEST)]
    if columns:
        wide[3] = max(NARROWEST[3], min(wide[3], columns - sum(wide[:3]) - 7))
    marks = ["||/", *("hi " if one.held else "ii " for one in found)]
    lines = [
        f"{mark} {row[0]:<{wide[0]}} {row[1]:<{wide[1]}} {row[2]:<{wide[2]}} {row[3][: wide[3]]}\n"
        for mark, row in zip(marks, rows, strict=True)
    ]
    return "".join([lines[0], "+++-" + "-".join("=" * width for width in wide) + "\n", *lines[1:]])


def selection(one: Package) -> str:
    """In the 49th column, by tabs."""
    tabs = "\t" * max(1, -(-(48 - len(one.name)) // 8))
    return f"{one.name}{tabs}{'hold' if one.held else 'install'}\n"


def status(one: Package) -> str:
    size = round(apt.SIZES.get(one.name, 9.0) * 4000)  # KiB, unpacked
    depends = f"Depends: {DEPENDS[one.name]}\n" if one.name in DEPENDS else ""
    return (
        f"Package: {one.name}\nStatus: {'hold' if one.held else 'install'} ok installed\nPriority: optional\n"
        f"Section: net\nInstalled-Size: {size}\nMaintainer: Kubernetes Authors <dev@kubernetes.io>\n"
        f"Architecture: amd64\nVersion: {one.version}\n{depends}Description: {DESCRIPTIONS.get(one.name, '')}\n"
        f" {DESCRIPTIONS.get(one.name, '')}\nHomepage: https://kubernetes.io\n"
    )
