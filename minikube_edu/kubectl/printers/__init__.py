"""How kubectl shows objects: one module a form, chosen by -o.

    printer = printer_for("jsonpath={.metadata.name}")
    sys.stdout.write(printer.print(obj))

A printer is made once a command and asked object by object: it knows what it has printed before (headers, `---`).
Wrong formats and templates raise ValueError with kubectl's text.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from minikube_edu.kubectl.printers.table import TableOptions, TablePrinter
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

TEMPLATES = ("go-template", "go-template-file", "template", "templatefile")
PATHS = ("jsonpath", "jsonpath-as-json", "jsonpath-file")
PLAIN = ("json", "kyaml", "yaml")
COLUMNS = ("custom-columns", "custom-columns-file")
FORMATS = (*PLAIN, "name", *TEMPLATES, *PATHS)  # of create, apply, …
GET_FORMATS = (*sorted((*FORMATS, *COLUMNS)), "wide")


class Printer(Protocol):
    def print(self, obj: Object, event: str = "") -> str:
        """The text of one object (or list, or Table); `event` is a watch event's type, where it shall be shown."""
        ...


def printer_for(
    output: str,
    *,
    template: str = "",
    operation: str = "",
    table: TableOptions | None = None,
    allow_missing: bool = True,
    show_managed_fields: bool = False,
    allowed: tuple[str, ...] | None = None,
) -> Printer:
    """`table` makes it a printer of `get`, with tables and custom columns; without one, no -o prints the name and the
    operation. `allowed` are the formats that the command knows."""
    if allowed is None:
        allowed = GET_FORMATS if table else FORMATS
    if template and not output:
        output = "go-template"
    form, equals, argument = output.partition("=")
    if not output:
        return TablePrinter(table) if table else _name(operation, short=False)
    if form not in allowed or (equals and form not in (*TEMPLATES, *PATHS, *COLUMNS)):
        raise unsuitable(output, allowed)
    if form in PLAIN:
        return PlainPrinter(form, show_managed_fields)
    if form == "name":
        return _name(operation, short=True)
    if form == "wide":
        options = table or TableOptions()
        options.wide = True
        return TablePrinter(options)
    if form in COLUMNS:
        return _columns(form, argument, bool(table and table.no_headers))
    return _templated(form, template or argument, allow_missing)


def unsuitable(output: str, allowed: tuple[str, ...]) -> ValueError:
    shown = sorted(name for name in allowed if name != "wide")
    if "wide" in allowed:  # the table's own formats stand before the last one
        shown.insert(len(shown) - 1, "wide")
    return ValueError(
        f"unable to match a printer suitable for the output format {quote(output)}, "
        f"allowed formats are: {','.join(shown)}"
    )


def _name(operation: str, *, short: bool) -> Printer:
    from minikube_edu.kubectl.printers.name import NamePrinter

    return NamePrinter(operation, short=short)


def _columns(form: str, argument: str, no_headers: bool) -> Printer:
    from minikube_edu.kubectl.printers.custom_columns import CustomColumnsPrinter

    if not argument:
        raise ValueError("custom-columns format specified but no custom columns given")
    if form == "custom-columns":
        return CustomColumnsPrinter.from_spec(argument, no_headers=no_headers)
    return CustomColumnsPrinter.from_file(_read(argument, "error reading template {}, {}"))


def _templated(form: str, text: str, allow_missing: bool) -> Printer:
    if not text:
        raise ValueError("template format specified but no template given")
    if form in ("go-template-file", "templatefile", "jsonpath-file"):
        text = _read(text, "error reading --template {}, {}")
    if form in PATHS:
        from minikube_edu.api.output.jsonpath_out import JsonPathPrinter

        return JsonPathPrinter(text, allow_missing=allow_missing, as_json=form == "jsonpath-as-json")
    from minikube_edu.api.output.go_template import GoTemplatePrinter

    return GoTemplatePrinter(text, allow_missing=allow_missing)


def _read(path: str, complaint: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        why = {2: "no such file or directory", 13: "permission denied", 21: "is a directory"}
        said = why.get(error.errno or 0, error.strerror)
        verb = "read" if error.errno == 21 else "open"
        raise ValueError(complaint.format(path, f"{verb} {path}: {said}")) from None


class PlainPrinter:
    """json, yaml, kyaml: the object itself, its managed fields left out unless they are asked for."""

    def __init__(self, form: str, show_managed_fields: bool = False) -> None:
        self.form = form
        self.show_managed_fields = show_managed_fields
        self._encode = _encoder(form)
        self._printed = 0

    def print(self, obj: Object, event: str = "") -> str:
        if not self.show_managed_fields:
            obj = without_managed_fields(obj)
        if event and self.form == "json":  # one line an event
            from minikube_edu.kubectl.last_applied import encoded

            return f'{{"type":{quote(event)},"object":{encoded(obj)[:-1]}}}\n'
        if event:
            return self._encode({"type": event, "object": obj})
        self._printed += 1
        text = self._encode(obj)
        return "---\n" + text if self.form == "yaml" and self._printed > 1 else text


def _encoder(form: str) -> Callable[[Any], str]:
    if form == "json":
        from minikube_edu.api.output import json_out

        return lambda value: json_out.encode(value) + "\n"
    if form == "kyaml":
        from minikube_edu.api.output import kyaml_out

        return kyaml_out.encode
    from minikube_edu.kubectl.printers import yaml_out

    return yaml_out.encode


def without_managed_fields(obj: Object) -> Object:
    """The object, or each of a list's items."""
    if isinstance(obj.get("items"), list):
        return {**obj, "items": [without_managed_fields(item) for item in obj["items"]]}
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return obj
    return {**obj, "metadata": {key: value for key, value in metadata.items() if key != "managedFields"}}
