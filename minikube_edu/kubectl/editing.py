"""Objects in an editor: `kubectl edit`, `create --edit`, `apply edit-last-applied`.

The object goes into a temporary file, with a few lines above it that say what this is. When what comes back cannot be
used, the editor is opened again with the reason above the text, until it is, or comes back unchanged.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import tempfile
from typing import Any

import orjson

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.info import Info
from minikube_edu.kubectl.printers import without_managed_fields, yaml_out
from minikube_edu.kubectl.three_way import two_way
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

HEADER = (
    "# Please edit the object below. Lines beginning with a '#' will be ignored,\n"
    "# and an empty file will abort the edit. If an error occurs while saving this file will be\n"
    "# reopened with the relevant failures.\n#\n"
)
UNCHANGED = "Edit cancelled, no changes made."
_LIMIT = 80


class Editor:
    def __init__(self) -> None:
        text = os.environ.get("KUBE_EDITOR") or os.environ.get("EDITOR") or "vi"
        self.text = text
        self.words = (
            shlex.split(text) if not any(char in text for char in "\"'\\") else ["/bin/bash", "-c", text + ' "$0"']
        )
        if self.words[0] == "/bin/bash":
            self.words = ["/bin/bash", "-c", f'{text} "$1"', "edit"]

    def edit(self, text: str, suffix: str) -> tuple[str, str]:
        """(the text afterwards, the file that holds it)"""
        path = os.path.join(tempfile.gettempdir(), f"kubectl-edit-{secrets.randbelow(1 << 32)}{suffix}")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        try:
            code = subprocess.run([*self.words, path], check=False).returncode
        except OSError:
            os.unlink(path)
            raise CommandError(f"unable to launch the editor {quote(self.text)}") from None
        if code:
            os.unlink(path)
            raise CommandError(f"there was a problem with the editor {quote(self.text)}")
        with open(path) as file:
            return file.read(), path


class Edit:
    """One run of an editor over some objects."""

    def __init__(self, call: Call) -> None:
        self.call = call
        output = call.flags["output"]
        if output not in ("", "yaml", "json", "kyaml"):
            raise CommandError(
                f"unable to match a printer suitable for the output format {quote(output)}, allowed formats are: "
                f"json,kyaml,yaml"
            )
        self.json = output == "json"
        self.editor = Editor()
        self.plurals: dict[int, str] = {}  # `deployments.apps`, by the object's identity

    def shown(self, objects: list[Object]) -> str:
        plain = [
            without_managed_fields(obj) if not self.call.flags.get("show-managed-fields") else obj for obj in objects
        ]
        whole = plain[0] if len(plain) == 1 else {"apiVersion": "v1", "items": plain, "kind": "List"}
        if self.json:
            from minikube_edu.api.output import json_out

            return json_out.encode(whole) + "\n"
        return yaml_out.encode(whole)

    async def run(self, objects: list[Object], take: Any) -> bool:
        """`take(before, after)` sends an object; the server's refusal opens the editor again."""
        original = text = self.shown(objects)
        reasons: list[str] = []
        shown_before = ""
        while True:
            head = HEADER if not reasons else HEADER + "".join(f"# {line}\n" for line in reasons) + "#\n"
            edited, path = self.editor.edit((head if not self.json else "") + text, ".json" if self.json else ".yaml")
            body = "\n".join(line for line in edited.split("\n") if not line.startswith("#"))
            if reasons and body.strip() == shown_before.strip():
                self._leave(path, reasons)
            if not reasons and body.strip() == original.strip():
                os.unlink(path)
                self.call.warn(UNCHANGED)
                return False
            shown_before = text = body if body.endswith("\n") else body + "\n"
            reasons = await self._try(objects, body, path, take)
            if not reasons:
                if os.path.exists(path):
                    os.unlink(path)
                return True
            os.unlink(path) if os.path.exists(path) and reasons != ["kept"] else None

    def _leave(self, path: str, reasons: list[str]) -> None:
        self.call.warn(f"A copy of your changes has been stored to {quote(path)}")
        raise CommandError("Edit cancelled, no valid changes were saved.")

    async def _try(self, objects: list[Object], body: str, path: str, take: Any) -> list[str]:
        from minikube_edu.kubectl import manifests

        try:
            found = list(manifests.parse(body, path))
        except CommandError as error:
            return [str(error)]
        items: list[Object] = []
        for one in found:
            items += one["items"] if isinstance(one, dict) and one.get("kind") == "List" else [one]
        if len(items) != len(objects) or not all(isinstance(one, dict) for one in items):
            for obj in objects:
                self.call.warn(
                    f"error: {self.plurals.get(id(obj), '')} {quote(obj['metadata'].get('name') or '')} is invalid"
                )
            return ["the file no longer holds the objects"]
        for before, after in zip(objects, items, strict=True):
            try:
                await take(before, after, path)
            except ApiError as error:
                return self._refused(error, before)
        return []

    def _refused(self, error: ApiError, obj: Object) -> list[str]:
        details = error.details
        kind, name = details.get("kind") or "", details.get("name") or obj["metadata"].get("name") or ""
        causes = [f"{one.get('field') or ''}: {one.get('message') or ''}" for one in details.get("causes") or ()]
        if error.reason == "Invalid" or causes:
            self.call.warn(f"error: {self.plurals.get(id(obj), '')} {quote(name)} is invalid")
            return [
                f"{self.plurals.get(id(obj), '')} {quote(name)} was not valid:",
                *(f"* {cause}" for cause in causes or [error.message]),
            ]
        self.call.warn(
            f"error: {self.plurals.get(id(obj), '')} {quote(name)} could not be {'patched' if kind else 'saved'}: "
            f"{error}"
        )
        return [str(error)]


async def edit(call: Call) -> None:
    """`kubectl edit`."""
    if not call.args and not any(call.flags["filename"]) and not call.flags["kustomize"]:
        from minikube_edu.kubectl.builder import MISSING

        raise CommandError(MISSING)
    editor = Edit(call)
    builder = Builder(call).arguments(call.args, all_of_type=True).options(latest=True)
    infos = await builder.all()
    if not infos:
        call.warn("edit cancelled, no objects found")
        return
    by_id = {id(info.object): info for info in infos}
    editor.plurals = {id(info.object): str(info.mapping.resource) for info in infos}
    printer = _printer(call, "edited")

    async def take(before: Object, after: Object, path: str) -> None:
        await _send(call, by_id[id(before)], before, after, path, printer)

    await editor.run([info.object for info in infos], take)


def _printer(call: Call, done: str) -> Any:
    return printing.shower(call, done)


async def _send(call: Call, info: Info, before: Object, after: Object, path: str, show: Any) -> None:
    same = all(before.get(key) == after.get(key) for key in ("apiVersion", "kind"))
    if same and before["metadata"].get("name") != (after.get("metadata") or {}).get("name"):
        same = False
    if not same and after.get("kind") == before.get("kind"):
        call.warn(f"A copy of your changes has been stored to {quote(path)}")
        raise CommandError("At least one of apiVersion, kind and name was changed")
    if not same:
        call.warn(f"A copy of your changes has been stored to {quote(path)}")
        raise CommandError("Edit cancelled, no valid changes were saved.")
    plain = without_managed_fields(before) if not call.flags.get("show-managed-fields") else before
    if plain == after:
        call.say(f"{info.kind_name}/{info.name} skipped")
        return
    patch, kind = two_way(info.mapping.resource, plain, after)
    if call.flags.get("output-patch"):
        call.say("Patch: " + orjson.dumps(patch, option=orjson.OPT_SORT_KEYS).decode())
    patched = await call.factory.send(
        "PATCH",
        info.path(call.flags.get("subresource") or ""),
        patch,
        content_type=kind,
        fieldManager=call.flags["field-manager"],
        fieldValidation=printing.validation(call),
    )
    show(patched)


async def create(call: Call) -> None:
    """`kubectl create --edit -f`."""
    editor = Edit(call)
    infos = await Builder(call).all()
    if not infos:
        return
    by_id = {id(info.object): info for info in infos}
    editor.plurals = {id(info.object): str(info.mapping.resource) for info in infos}
    show = _printer(call, "created")

    async def take(before: Object, after: Object, path: str) -> None:
        info = by_id[id(before)]
        show(
            await call.factory.send(
                "POST",
                info.path(collection=True),
                after,
                fieldManager=call.flags["field-manager"],
                fieldValidation=printing.validation(call),
            )
        )

    await editor.run([info.object for info in infos], take)


async def last_applied_of(call: Call) -> None:
    """`kubectl apply edit-last-applied`."""
    from minikube_edu.client.rest import MERGE_PATCH

    editor = Edit(call)
    infos = await Builder(call).arguments(call.args).options(latest=True).all()
    objects: list[Object] = []
    by_id: dict[int, Info] = {}
    for info in infos:
        text = last_applied.original(info.object)
        if text is None:
            raise CommandError(f"no last-applied-configuration annotation found on resource: {info.name}")
        obj = orjson.loads(text)
        objects.append(obj)
        by_id[id(obj)] = info
        editor.plurals[id(obj)] = str(info.mapping.resource)
    show = _printer(call, "edited")

    async def take(before: Object, after: Object, path: str) -> None:
        info = by_id[id(before)]
        patch = {"metadata": {"annotations": {last_applied.ANNOTATION: last_applied.encoded(after)}}}
        patched = await call.factory.send(
            "PATCH", info.path(), patch, content_type=MERGE_PATCH, fieldManager=call.flags["field-manager"]
        )
        show(after if call.flags["output"] else patched)

    await editor.run(objects, take)
