"""`kubectl diff`: what apply would change. Exit code 1 when there is a difference, above 1 for trouble."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import APPLY_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Exit, Many, explain, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.printers import without_managed_fields, yaml_out
from minikube_edu.kubectl.three_way import three_way

Object = dict[str, Any]


async def run(call: Call) -> None:
    try:
        await _run(call)
    except Exit:
        raise
    except Exception as error:
        text, code = explain(error)
        if text:
            call.err.write(text if text.endswith("\n") else text + "\n")
        raise Exit(max(code, 2)) from None


async def _run(call: Call) -> None:
    flags = call.flags
    if not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    infos, errors = await Builder(call).infos()
    with _folder("LIVE") as live, _folder("MERGED") as merged:
        for info in infos:
            try:
                await _put(call, info, live, merged)
            except Exception as error:
                errors.append(error)
        raise_all([inner for one in errors for inner in (one.errors if isinstance(one, Many) else (one,))])
        if not os.listdir(live) and not os.listdir(merged):
            return
        code = _compare(call, live, merged)
    if code:
        raise Exit(code)


@contextmanager
def _folder(name: str) -> Iterator[str]:
    """A temporary directory that is named as kubectl names it."""
    path = os.path.join(tempfile.gettempdir(), f"{name}-{secrets.randbelow(1 << 32)}")
    os.mkdir(path, 0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


async def _put(call: Call, info: Info, live: str, merged: str) -> None:
    try:
        before: Object | None = await info.fetch()
    except ApiError as error:
        if not error.not_found:
            raise
        before = None
    after = await _merged(call, info, before)
    if not call.flags["show-managed-fields"]:
        before, after = before and without_managed_fields(before), without_managed_fields(after)
    resource = info.mapping.resource
    if resource.kind == "Secret" and not resource.group:
        before, after = _masked(before, after)
    if before is not None:
        metadata = {k: v for k, v in after["metadata"].items() if k != "generation"}
        if "generation" in before["metadata"] and "generation" in after["metadata"]:
            metadata["generation"] = after["metadata"]["generation"]
        after = {**after, "metadata": metadata}
    parts = [resource.group, resource.version, resource.kind, info.namespace, info.name]
    name = ".".join(part for part in parts if part)
    for folder, obj in ((live, before), (merged, after)):
        with open(os.path.join(folder, name), "w") as file:  # noqa: ASYNC230  # nothing else runs
            file.write("" if obj is None else yaml_out.encode(obj))


async def _merged(call: Call, info: Info, before: Object | None) -> Object:
    flags, factory = call.flags, call.factory
    if flags["server-side"]:
        query: dict[str, Any] = {
            "dryRun": "All",
            "fieldManager": flags["field-manager"] if flags.changed("field-manager") else "kubectl",
        }
        return await factory.send(
            "PATCH",
            info.path(),
            info.object,
            content_type=APPLY_PATCH,
            force="true" if flags["force-conflicts"] else "false",
            **query,
        )
    manager = flags["field-manager"]
    modified = last_applied.modified(info.object)
    if before is None:
        return await factory.send("POST", info.path(collection=True), info.object, dryRun="All", fieldManager=manager)
    if last_applied.original(before) is None:
        modified = info.object  # no annotation comes with a diff
    patch, kind = three_way(info.mapping.resource, _with_old_annotation(modified, before), before)
    if not patch:
        return before
    return await factory.send("PATCH", info.path(), patch, content_type=kind, dryRun="All", fieldManager=manager)


def _with_old_annotation(modified: Object, before: Object) -> Object:
    """The annotation itself is no difference to tell."""
    text = last_applied.original(before)
    if text is None:
        return modified
    annotations = {**modified["metadata"]["annotations"], last_applied.ANNOTATION: text}
    return {**modified, "metadata": {**modified["metadata"], "annotations": annotations}}


def _masked(before: Object | None, after: Object) -> tuple[Object | None, Object]:
    old, new = (before or {}).get("data") or {}, after.get("data") or {}
    shown_old, shown_new = {}, {}
    for key in {*old, *new}:
        same = old.get(key) == new.get(key)
        if key in old:
            shown_old[key] = "***" if same or key not in new else "*** (before)"
        if key in new:
            shown_new[key] = "***" if same or key not in old else "*** (after)"
    masked_before = {**before, "data": shown_old} if before is not None and old else before
    return masked_before, {**after, "data": shown_new} if new else after


def _compare(call: Call, live: str, merged: str) -> int:
    command = os.environ.get("KUBECTL_EXTERNAL_DIFF", "").split() or ["diff", "-u", "-N"]
    words = [*command, live, merged]
    call.out.flush()
    try:
        result = subprocess.run(words, check=False, capture_output=call.out is not sys.stdout, text=True)
    except OSError:
        raise CommandError(f"failed to run {command[0]}: executable file not found in $PATH") from None
    if result.stdout:
        call.out.write(result.stdout)
    return result.returncode


COMMAND = Command(
    "diff",
    run,
    use="-f FILENAME",
    long="Diff configurations specified by file name or stdin between the current online configuration, and the "
    "configuration as it would be if applied.",
    examples="# Diff resources included in pod.json\nkubectl diff -f pod.json\n\n# Diff file read from stdin\ncat "
    "service.yaml | kubectl diff -f -",
    flags=(
        *groups.filename("that contain the configuration to diff."),
        *groups.SELECTOR,
        *groups.field_manager("kubectl-client-side-apply"),
        Flag("concurrency", "int", default=1, help="How many objects to look at at a time."),
        Flag("force-conflicts", "bool", help="With --server-side: take fields from other managers."),
        Flag("prune", "bool", help="Include what would be deleted by pruning."),
        Flag("prune-allowlist", "array", help="Kinds to prune, as <group/version/kind>."),
        Flag("server-side", "bool", help="As server-side apply would do it."),
        Flag("show-managed-fields", "bool", help="Include managed fields in the diff."),
    ),
)
