"""What the commands that change things have in common: --dry-run, --validate, and one line or one object per result."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError, PlainError
from minikube_edu.kubectl.printers import printer_for
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]
Show = Callable[[Object], object]

_BOOLEAN = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


def dry_run(call: Call) -> str:
    """none, client or server."""
    value: str = call.flags["dry-run"]
    if value in ("none", "client", "server"):
        return value
    if value == "unchanged":
        klog(call, "--dry-run is deprecated and can be replaced with --dry-run=client.")
        return "client"
    if value.lower() in _BOOLEAN:
        chosen = "client" if _BOOLEAN[value.lower()] else "none"
        klog(call, f"--dry-run={value} is deprecated (boolean value) and can be replaced with --dry-run={chosen}.")
        return chosen
    raise CommandError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')


def klog(call: Call, text: str, where: str = "helpers.go:715") -> None:
    from minikube_edu.lib import clock

    stamp = clock.rfc3339_micro()
    call.warn(f"W{stamp[5:7]}{stamp[8:10]} {stamp[11:26]} {os.getpid():7d} {where}] {text}")


def raw_path(call: Call) -> str:
    """--raw: a path, or a whole URL."""
    text: str = call.flags["raw"]
    if not text.startswith("/") and "://" not in text:
        raise CommandError(f"--raw must be a valid URL path: parse {quote(text)}: invalid URI for request")
    return text


def fatal(text: str, where: str) -> PlainError:
    """What the real one logs as the last thing that it does."""
    from minikube_edu.lib import clock

    stamp = clock.rfc3339_micro()
    return PlainError(f"F{stamp[5:7]}{stamp[8:10]} {stamp[11:26]} {os.getpid():7d} {where}] {text}")


def validation(call: Call) -> str:
    """The directive for the server: Strict, Warn, Ignore."""
    value = str(call.flags["validate"])
    for names, directive in ((("strict", "true"), "Strict"), (("warn",), "Warn"), (("ignore", "false"), "Ignore")):
        if value.lower() in names:
            return directive
    raise CommandError(
        f"invalid - validate option {quote(value)}; must be one of: strict (or true), warn, ignore (or false)"
    )


def operation(text: str, dry: str) -> str:
    return text + {"client": " (dry run)", "server": " (server dry run)"}.get(dry, "")


def check_output(call: Call) -> None:
    """Complain of a format before anything is done."""
    printer_of(call, "")


def printer_of(call: Call, done: str) -> Any:
    flags = call.flags
    return printer_for(
        flags["output"],
        template=flags.get("template") or "",
        operation=done,
        allow_missing=bool(flags.get("allow-missing-template-keys", True)),
        show_managed_fields=bool(flags.get("show-managed-fields")),
    )


def shower(call: Call, done: str, dry: str = "none", *, typed: bool = False) -> Show:
    """Prints one object after the other. `typed`: -o json keeps the order in which the fields stand."""
    if typed and call.flags["output"] == "json":
        return lambda obj: call.out.write(in_order(obj, bool(call.flags.get("show-managed-fields"))))
    printer = printer_of(call, operation(done, dry))
    return lambda obj: call.out.write(printer.print(obj))


def in_order(obj: Object, managed_fields: bool = False) -> str:
    import orjson

    from minikube_edu.api.output.json_out import html_escaped
    from minikube_edu.kubectl.printers import without_managed_fields

    if not managed_fields:
        obj = without_managed_fields(obj)
    raw = re.sub(rb"(?m)^( +)", rb"\1\1", orjson.dumps(obj, option=orjson.OPT_INDENT_2)).decode()
    return html_escaped(raw) + "\n"
