"""Flags that many commands share, by what they are about."""

from __future__ import annotations

from minikube_edu.kubectl.flags import Flag

FORMATS = (
    "(json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, "
    "jsonpath-as-json, jsonpath-file)"
)
PRINT = (
    Flag(
        "allow-missing-template-keys",
        "bool",
        default=True,
        help="If true, ignore any errors in templates when a field "
        "or map key is missing in the template. Only applies to golang and jsonpath output formats.",
    ),
    Flag("output", short="o", help=f"Output format. One of: {FORMATS}."),
    Flag("show-managed-fields", "bool", help="Keep managedFields when printing objects in JSON or YAML."),
    Flag("template", help="The template, or its file, for -o=go-template and -o=go-template-file."),
)
DRY_RUN = (
    Flag(
        "dry-run",
        default="none",
        no_value="unchanged",
        help='Must be "none", "server", or "client". If client '
        "strategy, only print the object that would be sent, without sending it. If server strategy, submit "
        "server-side request without persisting the resource.",
    ),
)


def field_manager(default: str) -> tuple[Flag, ...]:
    return (Flag("field-manager", default=default, help="Name of the manager used to track field ownership."),)


def filename(what: str) -> tuple[Flag, ...]:
    return (
        Flag("filename", "strings", short="f", help=f"Files, directories or URLs {what}"),
        Flag("kustomize", short="k", help="A directory with a kustomization. It can't be used together with -f or -R."),
        Flag("recursive", "bool", short="R", help="Take also the directories inside the directories of -f."),
    )


def filename_alone(what: str) -> tuple[Flag, ...]:
    """-f, without -k and -R."""
    return filename(what)[:1]


def filename_deep(what: str) -> tuple[Flag, ...]:
    """-f and -R, which is on."""
    return (
        *filename_alone(what),
        Flag("recursive", "bool", short="R", default=True, help="Take also the directories inside directories."),
    )


VALIDATE = (
    Flag(
        "validate",
        default="strict",
        no_value="strict",
        help="Must be one of: strict (or true), warn, ignore (or "
        "false). What the server does with fields that it does not know.",
    ),
)
SAVE_CONFIG = (
    Flag(
        "save-config", "bool", help="Keep the configuration of the object in its annotation, for a later kubectl apply."
    ),
)
SELECTOR = (
    Flag(
        "selector",
        short="l",
        help="Selector (label query) to filter on, supports '=', '==', '!=', 'in', 'notin'.(e.g. "
        "-l key1=value1,key2=value2,key3 in (value3)).",
    ),
)
FIELD_SELECTOR = (Flag("field-selector", help="Selector (field query) to filter on, supports '=', '==', and '!='."),)
ALL_NAMESPACES = (
    Flag("all-namespaces", "bool", short="A", help="In all namespaces; a --namespace then says nothing."),
)
CHUNK = (
    Flag(
        "chunk-size",
        "int64",
        default=500,
        help="Return large lists in chunks rather than all at once. Pass 0 to disable.",
    ),
)
RECORD = (
    Flag(
        "record",
        "bool",
        help="Record current kubectl command in the resource annotation.",
        deprecated="--record will be removed in the future",
    ),
)
ALL = (Flag("all", "bool", help="Select all resources in the namespace of the specified resource types"),)
LOCAL = (Flag("local", "bool", help="Do not ask the server: work on the files alone."),)
