"""`TYPE NAME key=value other-`: where names end and changes begin; the changes of labels and annotations."""

from __future__ import annotations

from minikube_edu.kubectl.failures import CommandError

Changes = tuple[dict[str, str], list[str]]


def divided(args: list[str], what: str) -> tuple[list[str], list[str]]:
    """(resources, changes)"""
    resources: list[str] = []
    changes: list[str] = []
    for arg in args:
        change = (len(arg) > 1 and arg.endswith("-")) or ("=" in arg)
        if not changes and not change:
            resources.append(arg)
        elif change:
            changes.append(arg)
        else:
            raise CommandError(f"all resources must be specified before {what} changes: {arg}")
    return resources, changes


def label_changes(changes: list[str]) -> Changes:
    from minikube_edu.api import names
    from minikube_edu.lib.gotext import quote

    put: dict[str, str] = {}
    remove: list[str] = []
    for change in changes:
        if "=" in change:
            parts = change.split("=")
            if len(parts) != 2:
                raise CommandError(f"invalid label spec: {change}")
            if problems := names.label_value(parts[1]):
                raise CommandError(f"invalid label value: {quote(change)}: {';'.join(problems)}")
            put[parts[0]] = parts[1]
        else:
            remove.append(change[:-1])
    if any(name in put for name in remove):
        raise CommandError("can not both modify and remove a label in the same command")
    return put, remove


def annotation_changes(changes: list[str], what: str = "annotation", *, removal: bool = True) -> Changes:
    put: dict[str, str] = {}
    remove: list[str] = []
    invalid: list[str] = []
    for change in changes:
        key, equals, value = change.partition("=")
        if equals and key:
            put[key] = value
        elif removal and not equals and change.endswith("-") and change != "-":
            remove.append(change[:-1])
        else:
            invalid.append(change)
    if invalid:
        raise CommandError(f"invalid {what} format: {', '.join(invalid)}")
    both = [name for name in remove if name in put]
    if both:
        raise CommandError(
            f"can not both modify and remove the following annotation(s) in the same command: {', '.join(both)}"
        )
    return put, remove
