"""systemctl, on the machine of the node that the shell is in.

    status start stop restart try-restart reload is-active is-enabled is-failed enable disable cat show list-units
    daemon-reload reset-failed

The words, layout and exit codes are systemd's: `status` of a service that does not run ends with 3, of an unknown one
with 4. Starting and stopping needs no root here.
"""

from __future__ import annotations

import fnmatch
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from minikube_edu.cluster.service_tools import journalctl
from minikube_edu.lib.machine.calls import Calls, NoMachine, Refused
from minikube_edu.lib.machine.front_door import socket_of

INACTIVE, NO_UNIT = 3, 4
STATUS_LINES = 10

Facts = dict[str, Any]


def main(words: Sequence[str]) -> int:
    flags = [word for word in words if word.startswith("-")]
    words = [word for word in words if not word.startswith("-")]
    verb, names = (words[0], words[1:]) if words else ("list-units", [])
    try:
        with Calls.open(socket_of(dict(os.environ))) as machine:
            return _verbs().get(verb, _unknown)(machine, verb, names, flags)
    except NoMachine:
        print("System has not been booted with systemd as init system (PID 1). Can't operate.", file=sys.stderr)
        print("Failed to connect to bus: Host is down", file=sys.stderr)
        print("There is no node here: start a cluster with `minikube-edu up`.", file=sys.stderr)
        return 1


Verb = Callable[[Calls, str, list[str], list[str]], int]


def _verbs() -> dict[str, Verb]:
    return {
        "start": change,
        "stop": change,
        "restart": change,
        "try-restart": change,
        "reload": change,
        "enable": enable,
        "disable": enable,
        "status": status,
        "is-active": is_active,
        "is-failed": is_active,
        "is-enabled": is_enabled,
        "cat": cat,
        "show": show,
        "list-units": list_units,
        "list-unit-files": list_unit_files,
        "daemon-reload": lambda machine, *_: (machine.ask("unit", verb="reload"), 0)[1],
        "daemon-reexec": lambda machine, *_: (machine.ask("unit", verb="reload"), 0)[1],
        "reset-failed": lambda *_: 0,
    }


def _unknown(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    print(f"Unknown command verb '{verb}'.", file=sys.stderr)
    return 1


def full(name: str) -> str:
    return name if "." in name else f"{name}.service"


def look(machine: Calls, name: str) -> Facts | None:
    try:
        unit: Facts = machine.ask("unit", verb="status", name=name)["unit"]
        return unit
    except Refused:
        return None


def change(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    if not names:
        print("Too few arguments.", file=sys.stderr)
        return 1
    code = 0
    for name in names:
        unit = look(machine, name)
        if unit is None:
            print(f"Failed to {verb} {full(name)}: Unit {full(name)} not found.", file=sys.stderr)
            code = 5
            continue
        if unit["stale"]:
            warn_stale(unit)
        if verb == "try-restart" and not unit["pid"]:
            continue
        asked = "restart" if verb in ("try-restart", "reload") else verb
        after = machine.ask("unit", verb=asked, name=name)["unit"]
        if asked != "stop" and after["state"] == "failed":
            print(
                f"Job for {full(name)} failed because of unavailable resources or another system error.\n"
                f'See "systemctl status {full(name)}" and "journalctl -xeu {full(name)}" for details.',
                file=sys.stderr,
            )
            code = 1
    return code


def warn_stale(unit: Facts) -> None:
    print(
        f"Warning: The unit file, source configuration file or drop-ins of {unit['name']} changed on disk. "
        "Run 'systemctl daemon-reload' to reload units.",
        file=sys.stderr,
    )


def enable(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    for name in names:
        if look(machine, name) is None:
            print(f"Failed to {verb} unit: Unit file {full(name)} does not exist.", file=sys.stderr)
            return 1
        machine.ask("unit", verb=verb, name=name)
        if "--now" in flags:
            machine.ask("unit", verb="start" if verb == "enable" else "stop", name=name)
    return 0


def state_code(state: str) -> int:
    return 0 if state == "active" else INACTIVE


def is_active(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    codes = []
    for name in names:
        unit = look(machine, name)
        state = unit["state"] if unit else "inactive"
        if not {"-q", "--quiet"} & set(flags):
            print(state)
        failed = state == "failed"
        codes.append((0 if failed else 1) if verb == "is-failed" else (state_code(state) if unit else NO_UNIT))
    return min(codes, default=0)


def is_enabled(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    code = 0
    for name in names:
        unit = look(machine, name)
        if unit is None:
            print("not-found")
            code = NO_UNIT
        else:
            print("enabled" if unit["enabled"] else "disabled")
            code = code if unit["enabled"] else 1
    return code


def status(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    code = 0
    for place, name in enumerate(names or [unit["name"] for unit in machine.ask("unit", verb="list")["units"]]):
        unit = look(machine, name)
        if unit is None:
            print(f"Unit {full(name)} could not be found.", file=sys.stderr)
            code = NO_UNIT
            continue
        if place:
            print()
        if unit["stale"]:
            warn_stale(unit)
        print("\n".join(status_lines(unit)))
        lines = journalctl.tail(Path(unit["log"]), STATUS_LINES, "kubelet" if "kubelet" in name else name)
        if lines:
            print("", *lines, sep="\n")
        code = code or state_code(unit["state"])
    return code


def status_lines(unit: Facts) -> list[str]:
    dot = {"active": "●", "failed": "×"}.get(unit["state"], "○")
    words = {"active": "active (running)", "inactive": "inactive (dead)", "activating": "activating (auto-restart)"}
    state = words.get(unit["state"], f"{unit['state']} (Result: {unit['result']})")
    if unit["state"] == "activating" and unit["result"] != "success":
        state += f" (Result: {unit['result']})"
    enabled = "enabled" if unit["enabled"] else "disabled"
    lines = [f"{dot} {unit['name']} - {unit['description'] or unit['name']}"]
    lines.append(f"     Loaded: loaded ({unit['path']}; {enabled}; preset: enabled)")
    for place, drop_in in enumerate(unit["drop_ins"]):
        folder, _, file = drop_in.rpartition("/")
        if place == 0:
            lines.append(f"    Drop-In: {folder}")
        lines.append(f"             {'└' if place + 1 == len(unit['drop_ins']) else '├'}─{file}")
    since = unit["since"]
    if since:
        moment = time.strftime("%a %Y-%m-%d %H:%M:%S %Z", time.localtime(since))
        state += f" since {moment}; {ago(time.time() - since)} ago"
    lines.append(f"     Active: {state}")
    if unit["documentation"]:
        lines.append(f"       Docs: {unit['documentation']}")
    program = unit["name"].removesuffix(".service")
    if unit["pid"]:
        lines.append(f"   Main PID: {unit['pid']} ({program})")
        lines.append(f"     CGroup: /system.slice/{unit['name']}")
        lines.append(f"             └─{unit['pid']} {program}")
    elif unit["last_pid"]:
        last = unit["last_status"]
        how = f"code=exited, status={last}" if last >= 0 else f"code=killed, signal={-last}"
        if last == 0:
            how += "/SUCCESS"
        elif last == 1:
            how += "/FAILURE"
        lines.append(f"   Main PID: {unit['last_pid']} ({how})")
    return lines


def ago(seconds: float) -> str:
    """systemd's relative time: `5s`, `2min 3s`, `1h 4min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s" if whole else f"{int(seconds * 1000)}ms"
    if whole < 3600:
        return f"{whole // 60}min {whole % 60}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60}min"
    return f"{whole // 86400} day {whole % 86400 // 3600}h"


def cat(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    root = Path(machine.ask("status")["root"])
    for place, name in enumerate(names):
        unit = look(machine, name)
        if unit is None:
            print(f"No files found for {full(name)}.", file=sys.stderr)
            return 1
        for number, path in enumerate([unit["path"], *unit["drop_ins"]]):
            if place or number:
                print()
            print(f"# {path}")
            print((root / path.lstrip("/")).read_text(), end="")
    return 0


def show(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    wanted = [flag.partition("=")[2] for flag in flags if flag.startswith(("--property=", "-p="))]
    for name in names:
        unit = look(machine, name)
        facts = {
            "Id": full(name),
            "Description": unit["description"] if unit else full(name),
            "LoadState": "loaded" if unit else "not-found",
            "ActiveState": unit["state"] if unit else "inactive",
            "SubState": "running" if unit and unit["pid"] else "dead",
            "MainPID": unit["pid"] if unit else 0,
            "NRestarts": unit["restarts"] if unit else 0,
            "Result": unit["result"] if unit else "success",
            "UnitFileState": "enabled" if unit and unit["enabled"] else "",
            "FragmentPath": unit["path"] if unit else "",
        }
        for key, value in facts.items():
            if not wanted or key in ",".join(wanted).split(","):
                print(f"{key}={value}")
    return 0


LEGEND = """
Legend: LOAD   → Reflects whether the unit definition was properly loaded.
        ACTIVE → The high-level unit activation state, i.e. generalization of SUB.
        SUB    → The low-level unit activation state, values depend on unit type."""
SUBS = {"active": "running", "activating": "auto-restart", "deactivating": "stop-sigterm", "failed": "failed"}


def list_units(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    """Those that are loaded and not inactive; with --all, those too."""
    states = {value for flag in flags if flag.startswith("--state=") for value in flag[8:].split(",")}
    states |= {"failed"} if "--failed" in flags else set()
    everything = bool({"-a", "--all"} & set(flags) or states)
    units = [unit for unit in _chosen(machine, names) if everything or unit["state"] != "inactive"]
    units = [unit for unit in units if not states or {unit["state"], sub_of(unit)} & states]
    rows = [(unit["name"], "loaded", unit["state"], sub_of(unit), unit["description"]) for unit in units]
    widths = [max([len(row[place]) for row in rows] + [len(title)]) for place, title in enumerate(TITLES)]
    lines = [_row("●" if row[2] == "failed" else " ", row, widths) for row in rows]
    legend = not {"--no-legend", "--legend=false", "-q", "--quiet"} & set(flags)
    for line in [*([_row(" ", TITLES, widths)] if legend else []), *lines]:
        print(line)
    if legend:
        print(*([LEGEND] if rows else []), f"\n{len(rows)} loaded units listed.", end="")
        print("" if everything else " Pass --all to see loaded but inactive units, too.")
        print("To show all installed unit files use 'systemctl list-unit-files'.")
    return 0


TITLES = ("UNIT", "LOAD", "ACTIVE", "SUB", "DESCRIPTION")


def _row(mark: str, words: Sequence[str], widths: Sequence[int]) -> str:
    cells = " ".join(word.ljust(width) for word, width in zip(words[:-1], widths, strict=False))
    return f"{mark} {cells} {words[-1]}"


def sub_of(unit: Facts) -> str:
    return SUBS.get(unit["state"], "dead")


def list_unit_files(machine: Calls, verb: str, names: list[str], flags: list[str]) -> int:
    units = _chosen(machine, names)
    width = max([len(unit["name"]) for unit in units] + [9])
    print(f"{'UNIT FILE':<{width}} {'STATE':<8} PRESET")
    for unit in units:
        print(f"{unit['name']:<{width}} {'enabled' if unit['enabled'] else 'disabled':<8} enabled")
    print(f"\n{len(units)} unit files listed.")
    return 0


def _chosen(machine: Calls, names: list[str]) -> list[Facts]:
    """`systemctl list-units 'kube*'`"""
    units: list[Facts] = machine.ask("unit", verb="list")["units"]
    patterns = [name if any(letter in name for letter in "*?[") else full(name) for name in names]
    return [
        unit for unit in units if not patterns or any(fnmatch.fnmatch(unit["name"], pattern) for pattern in patterns)
    ]
