"""`-o` of kubeadm's commands: text, or an object of output.kubeadm.k8s.io in one of kubectl's forms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minikube_edu.api.output.tabwriter import Style, align
from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

API = "output.kubeadm.k8s.io/v1alpha3"
TABLE = Style(8, 3)
FORMATS = (
    "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,template,templatefile,text,yaml"
)
TEMPLATES = ("go-template", "go-template-file", "template", "templatefile")
PATHS = ("jsonpath", "jsonpath-as-json", "jsonpath-file")


def is_text(call: Call) -> bool:
    return (call.flags["output"] or "text") == "text"


def check(call: Call) -> None:
    """A form that is none is told of before anything is done."""
    name = (call.flags["output"] or "text").partition("=")[0]
    if name not in FORMATS.split(","):
        raise CommandError(
            "could not construct output printer: unable to match a printer suitable for the output format "
            f"{quote(name)}, allowed formats are: {FORMATS}"
        )
    if name in (*TEMPLATES, *PATHS) and "=" not in call.flags["output"]:
        raise CommandError("could not construct output printer: template format specified but no template given")


def show(call: Call, body: Object) -> None:
    """The object, as -o wants it. JSON keeps the order of the fields, as Go's structs do."""
    import orjson

    name, _, template = call.flags["output"].partition("=")
    if name.endswith(("-file", "templatefile")):
        with open(template) as file:
            template = file.read()
    if name == "json":
        raw = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
        doubled = (line[: len(line) - len(line.lstrip())] + line for line in raw.split("\n"))  # orjson indents by two
        call.out.write("\n".join(doubled) + "\n")
    elif name == "yaml":
        call.out.write(files.yaml(body))
    elif name == "kyaml":
        from minikube_edu.api.output import kyaml_out

        call.out.write("---\n" + kyaml_out.encode(body))
    elif name in PATHS:
        from minikube_edu.api.output.jsonpath_out import JsonPathPrinter

        allow = bool(call.flags["allow-missing-template-keys"])
        call.out.write(JsonPathPrinter(template, allow_missing=allow, as_json=name == "jsonpath-as-json").print(body))
    else:
        from minikube_edu.api.output.go_template import GoTemplatePrinter

        allow = bool(call.flags["allow-missing-template-keys"])
        call.out.write(GoTemplatePrinter(template, allow_missing=allow).print(body))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns, three blanks apart; the heading's last one is not padded, the others' are."""
    text = "\t".join(head) + "\n" + "".join("\t".join(row) + "\t\n" for row in rows)
    return align(text, TABLE)
