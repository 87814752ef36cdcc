"""`kubectl auth reconcile`: roles and bindings as files say, without taking rights away unless that is asked for."""

from __future__ import annotations

import itertools
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

Object = dict[str, Any]
_PARTS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
_GO = ("Verbs", "APIGroups", "Resources", "ResourceNames", "NonResourceURLs")


async def run(call: Call) -> None:
    if call.args:
        raise CommandError("no arguments are allowed")
    if not any(call.flags["filename"]) and not call.flags["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    dry = printing.dry_run(call)
    infos, errors = await Builder(call).infos()
    for info in infos:
        if info.mapping.resource.group != "rbac.authorization.k8s.io":
            continue
        try:
            await _one(call, info, dry)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def _one(call: Call, info: Info, dry: str) -> None:
    wanted, role = info.object, info.mapping.resource.kind.endswith("Role")
    try:
        there: Object | None = await info.fetch()
    except ApiError as error:
        if not error.not_found:
            raise
        there = None
    key = "rules" if role else "subjects"
    mine, theirs = wanted.get(key) or [], (there or {}).get(key) or []
    if role:
        missing, extra = _uncovered(mine, theirs), _uncovered(theirs, mine)
    else:
        missing, extra = ([one for one in a if not _has(b, one)] for a, b in ((mine, theirs), (theirs, mine)))
    remove = call.flags["remove-extra-permissions" if role else "remove-extra-subjects"]
    result, done = wanted, ""
    if there is None:
        done = "create"
    else:
        if not role and there.get("roleRef") != wanted.get("roleRef"):
            done = "recreate"
        elif missing or (remove and extra):
            done = "update"
        merged = mine if remove else [*theirs, *missing]
        result = {**there, key: merged}
    if done and dry != "client":
        result = await _write(call, info, result, wanted, done, dry)
    _tell(call, done, missing, extra if remove else [], role)
    printing.shower(call, "reconciled", dry)(result)


async def _write(call: Call, info: Info, result: Object, wanted: Object, done: str, dry: str) -> Object:
    query: dict[str, Any] = {"dryRun": "All" if dry == "server" else "", "fieldManager": "kubectl-auth"}
    send = call.factory.send
    if done == "recreate":
        await send("DELETE", info.path())
    if done == "update":
        return await send("PUT", info.path(), result, **query)
    return await send("POST", info.path(collection=True), wanted, **query)


def _tell(call: Call, done: str, missing: list[Object], extra: list[Object], role: bool) -> None:
    if done:
        call.warn(f"\treconciliation required {done}")
    what = "rules" if role else "subjects"
    for label, items in ((f"missing {what} added", missing), (f"extra {what} removed", extra)):
        if items and done:
            call.warn(f"\t{label}:")
            for one in items:
                call.warn(f"\t\t{_rule_text(one) if role else _subject_text(one)}")


def _single(rule: Object) -> list[Object]:
    """A rule as rules of one right each, so that they can be told apart."""
    if rule.get("nonResourceURLs"):
        pairs = itertools.product(rule.get("verbs") or (), rule["nonResourceURLs"])
        return [{"verbs": [verb], "nonResourceURLs": [url]} for verb, url in pairs]
    found = []
    for verb, group, resource in itertools.product(
        rule.get("verbs") or (), rule.get("apiGroups") or (), rule.get("resources") or ()
    ):
        one = {"verbs": [verb], "apiGroups": [group], "resources": [resource]}
        names = rule.get("resourceNames") or ()
        found += [{**one, "resourceNames": [name]} for name in names] if names else [one]
    return found


def _uncovered(rules: list[Object], by: list[Object]) -> list[Object]:
    """What `by` does not allow, one right after the other; those that differ in verbs alone are one rule again."""
    found: list[Object] = []
    for one in (single for rule in rules for single in _single(rule)):
        if _covers(by, one):
            continue
        same = next((old for old in found if {**old, "verbs": []} == {**one, "verbs": []}), None)
        if same is None:
            found.append(one)
        else:
            same["verbs"] = [*same["verbs"], *one["verbs"]]
    return found


def _covers(rules: list[Object], wanted: Object) -> bool:
    """Whether the rules together allow all that one rule does."""
    if wanted.get("nonResourceURLs"):
        parts = itertools.product(wanted.get("verbs") or (), wanted["nonResourceURLs"])
        return all(any(_in(v, r, "verbs") and _in(u, r, "nonResourceURLs") for r in rules) for v, u in parts)
    rights = itertools.product(
        wanted.get("verbs") or (),
        wanted.get("apiGroups") or (),
        wanted.get("resources") or (),
        wanted.get("resourceNames") or ("",),
    )
    return all(
        any(
            _in(verb, rule, "verbs")
            and _in(group, rule, "apiGroups")
            and _in(resource, rule, "resources")
            and (not rule.get("resourceNames") or name in rule["resourceNames"])
            for rule in rules
        )
        for verb, group, resource, name in rights
    )


def _in(value: str, rule: Object, key: str) -> bool:
    there = rule.get(key) or ()
    return value in there or "*" in there


def _has(subjects: list[Object], wanted: Object) -> bool:
    return any(
        all(one.get(key, "") == wanted.get(key, "") for key in ("kind", "name", "namespace")) for one in subjects
    )


def _rule_text(rule: Object) -> str:
    parts = (f"{go}:[{' '.join(rule.get(key) or ())}]" for key, go in zip(_PARTS, _GO, strict=True))
    return "{" + " ".join(parts) + "}"


def _subject_text(one: Object) -> str:
    return (
        f"{{Kind:{one.get('kind', '')} APIGroup:{one.get('apiGroup', '')} Name:{one.get('name', '')} "
        f"Namespace:{one.get('namespace', '')}}}"
    )


COMMANDS = {
    "reconcile": Command(
        "reconcile",
        run,
        use="-f FILENAME",
        long="Reconciles rules for RBAC role, role binding, cluster role, and cluster role binding objects.",
        flags=(
            *groups.filename("with the roles and bindings."),
            *groups.PRINT,
            *groups.DRY_RUN,
            Flag("remove-extra-permissions", "bool", help="If true, removes extra permissions added to roles"),
            Flag("remove-extra-subjects", "bool", help="If true, removes extra subjects added to rolebindings"),
        ),
    )
}
