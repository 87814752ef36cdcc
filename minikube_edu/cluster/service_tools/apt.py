"""apt-get, apt, apt-mark and apt-cache on a node: for the packages of Kubernetes, as a course upgrades them.

    apt-mark unhold kubelet && apt-get update && apt-get install -y kubelet='1.36.3-*' && apt-mark hold kubelet

Installing writes down which version the node has (lib/packages): its kubeadm and kubectl are that version at once, its
kubelet when it is restarted. Whatever is no package of Kubernetes is the host's business, and left to the host's own
program of the same name.
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
from minikube_edu.lib import packages
from minikube_edu.lib.packages import DEFAULT, Package

SIZES = {"kubelet": 13.4, "kubeadm": 12.6, "kubectl": 11.7}  # MB
OF_THEIR_OWN = {"cri-tools": "1.36.0-1.1", "kubernetes-cni": "1.9.0-1.1"}
KNOWN = (*SIZES, *OF_THEIR_OWN)
LISTS = "Reading package lists... Done"
READING = f"{LISTS}\nBuilding dependency tree... Done\nReading state information... Done"
YES = frozenset(("-y", "--yes", "--assume-yes", "-qy", "-yq", "-qqy", "-yqq"))
FAILED, NOT_FOUND = 100, 127


class Complaint(Exception):
    """What apt says behind its `E: `."""


def main(name: str, words: Sequence[str]) -> int:
    node = nodes.enter(Layout()) if os.environ.get("MINIKUBE_EDU_NODE") else None
    verb = next((word for word in words if not word.startswith("-")), "")
    names = [word for word in words if not word.startswith("-")][1:]
    if node is None or not is_ours(name, verb, names):
        return hand_over(name, words)
    file = node.path(packages.FILE)
    flags = {word for word in words if word.startswith("-")}
    if name == "apt" and not sys.stdout.isatty():
        print("\nWARNING: apt does not have a stable CLI interface. Use with caution in scripts.\n", file=sys.stderr)
    try:
        if name == "apt-mark":
            return mark(file, verb, names)
        if verb == "list":
            return list_all(file, names, flags)
        if name == "apt-cache" or verb in ("show", "policy", "madison"):
            return look(file, verb, names)
        if verb == "update":
            return update()
        return install(file, verb, names, flags)
    except Complaint as complaint:
        print(f"E: {complaint}", file=sys.stderr)
        return FAILED


def is_ours(name: str, verb: str, names: Sequence[str]) -> bool:
    """Is it about Kubernetes, and nothing else?"""
    if (name == "apt-mark" and verb == "showhold") or (verb == "list" and not names):
        return True
    if verb in ("update", "upgrade", "dist-upgrade"):
        return not names
    return bool(names) and all(fnmatch.filter(KNOWN, word.partition("=")[0]) for word in names)


def hand_over(name: str, words: Sequence[str]) -> int:
    own = str(Layout().bin)
    path = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if part != own)
    found = shutil.which(name, path=path)
    if found is None:
        print(f"{name}: command not found", file=sys.stderr)
        return NOT_FOUND
    sys.stdout.flush()
    os.execv(found, [name, *words])


def installed(file: Path) -> dict[str, Package]:
    defaults = {name: Package(name, OF_THEIR_OWN.get(name, DEFAULT)) for name in KNOWN}
    return {**defaults, **packages.read(file)}


def versions(name: str, present: str) -> list[str]:
    """What there is of a package, the newest first."""
    if name in OF_THEIR_OWN:
        return [OF_THEIR_OWN[name]]
    there = map(packages.of_program, packages.RELEASES)
    return sorted({*there, present}, key=numbers, reverse=True)


def numbers(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.replace("-", ".").split(".")]


def update() -> int:
    """The lists are as new as this project."""
    print("\n".join(f"Hit:{place} isv:kubernetes:core:stable:v1.{36 - place + 1}  InRelease" for place in (1, 2)))
    print(LISTS)
    return 0


def mark(file: Path, verb: str, names: Sequence[str]) -> int:
    known = installed(file)
    if verb == "showhold":
        held_ones = [name for name, one in sorted(known.items()) if one.held and (not names or name in names)]
        print("".join(f"{name}\n" for name in held_ones), end="")
        return 0
    if verb not in ("hold", "unhold"):
        raise Complaint(f"Invalid operation {verb}")
    held = verb == "hold"
    for name in names:
        if known[name].held == held:
            print(f"{name} was already {'set' if held else 'not'} on hold.")
        else:
            print(f"{name} set on hold." if held else f"Canceled hold on {name}.")
        known[name] = Package(name, known[name].version, held)
    _write(file, [known[name] for name in names])
    return 0


def look(file: Path, verb: str, names: Sequence[str]) -> int:
    known = installed(file)
    for name in names:
        found = versions(name, known[name].version)
        if verb == "madison":
            for one in found:
                print(f"{name:>10} | {one:>10} | {_source(one)}  Packages")
        elif verb == "policy":
            print(f"{name}:\n  Installed: {known[name].version}\n  Candidate: {found[0]}\n  Version table:")
            for one in found:
                print(
                    f" {'***' if one == known[name].version else '   '} {one} 500\n        500 {_source(one)}  Packages"
                )
        else:
            print(f"Package: {name}\nVersion: {known[name].version}\nArchitecture: amd64\n")
    return 0


def list_all(file: Path, names: Sequence[str], flags: set[str]) -> int:
    """`apt list [--installed | --upgradable | --all-versions] [NAME...]`"""
    print("Listing... Done" if sys.stdout.isatty() else "Listing...")
    for name, one in sorted(installed(file).items()):
        if names and not any(fnmatch.fnmatchcase(name, pattern) for pattern in names):
            continue
        found = versions(name, one.version)
        newer = found[0] if found[0] != one.version else ""
        here = f"{name}/unknown,now {one.version} amd64 [installed{f',upgradable to: {newer}' if newer else ''}]"
        if flags & {"--all-versions", "-a"}:
            for version in found:
                print(here if version == one.version else f"{name}/unknown {version} amd64")
            print()
        elif flags & {"--installed", "-i"} or not newer:
            if "--upgradable" not in flags:
                print(here)
        else:
            print(f"{name}/unknown {newer} amd64 [upgradable from: {one.version}]")
    return 0


def _source(version: str) -> str:
    return f"isv:kubernetes:core:stable:v{'.'.join(version.split('.')[:2])}"


def install(file: Path, verb: str, names: Sequence[str], flags: set[str]) -> int:
    if verb not in ("install", "upgrade", "dist-upgrade"):
        raise Complaint(f"Invalid operation {verb}")
    known = installed(file)
    print(READING)
    if verb != "install":
        print("Calculating upgrade... Done")
        kept = sorted(name for name, one in known.items() if one.held and versions(name, one.version)[0] != one.version)
        if kept:
            print(f"The following packages have been kept back:\n  {' '.join(kept)}")
        names = [name for name in known if not known[name].held]
    wanted = {}
    for word in names:
        name, equals, pattern = word.partition("=")
        wanted[name] = _version(name, pattern if equals else "", known[name].version)
        if equals:
            print(f"Selected version '{wanted[name]}' ({_source(wanted[name])} [amd64]) for '{name}'")
    new = {name: version for name, version in wanted.items() if version != known[name].version}
    if verb == "install":
        for name in wanted.keys() - new.keys():
            print(f"{name} is already the newest version ({wanted[name]}).")
    down = sorted(name for name in new if numbers(new[name]) < numbers(known[name].version))
    up, held = sorted(new.keys() - set(down)), sorted(name for name in new if known[name].held)
    for title, chosen in (("held packages will be changed", held), ("packages will be upgraded", up),
                          ("packages will be DOWNGRADED", down)):  # fmt: skip
        if chosen:
            print(f"The following {title}:\n  {' '.join(chosen)}")
    left = sum(versions(name, one.version)[0] != one.version for name, one in known.items() if name not in new)
    downgraded = f"{len(down)} downgraded, " if down else ""
    print(f"{len(up)} upgraded, 0 newly installed, {downgraded}0 to remove and {left} not upgraded.")
    if not new:
        return 0
    _permit(held, down, flags)
    print(f"Need to get {sum(SIZES.get(name, 9.0) for name in new):.1f} MB of archives.")
    if not flags & YES:
        print("Do you want to continue? [Y/n] ", end="", flush=True)
        answer = sys.stdin.readline()
        if not answer or answer.strip()[:1] in ("n", "N"):
            print("Abort.")
            return 1
    for name in sorted(new):
        print(f"Preparing to unpack .../{name}_{new[name]}_amd64.deb ...")
        print(f"Unpacking {name} ({new[name]}) over ({known[name].version}) ...")
    for name in sorted(new):
        print(f"Setting up {name} ({new[name]}) ...")
    _write(file, [Package(name, new[name], known[name].held) for name in new])
    return 0


def _write(file: Path, changed: Sequence[Package]) -> None:
    """The others stay as they are: those without a line too."""
    packages.write(file, {**packages.read(file), **{one.name: one for one in changed}}.values())


def _version(name: str, pattern: str, present: str) -> str:
    found = versions(name, present)
    if not pattern:
        return found[0]
    for one in found:
        if fnmatch.fnmatchcase(one, pattern):
            return one
    raise Complaint(f"Version '{pattern}' for '{name}' was not found")


def _permit(held: Sequence[str], down: Sequence[str], flags: set[str]) -> None:
    if not flags & YES or "--force-yes" in flags:
        return
    if held and "--allow-change-held-packages" not in flags:
        raise Complaint("Held packages were changed and -y was used without --allow-change-held-packages.")
    if down and "--allow-downgrades" not in flags:
        raise Complaint("Packages were downgraded and -y was used without --allow-downgrades.")
