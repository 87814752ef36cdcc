"""`kubectl certificate approve|deny`: the decision on a request for a certificate."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


async def approve(call: Call) -> None:
    await _decide(call, "Approved", "Denied", "KubectlApprove", "This CSR was approved by kubectl certificate approve.")


async def deny(call: Call) -> None:
    await _decide(call, "Denied", "Approved", "KubectlDeny", "This CSR was denied by kubectl certificate deny.")


async def _decide(call: Call, kind: str, opposite: str, reason: str, message: str) -> None:
    if not call.args and not any(call.flags["filename"]) and not call.flags["kustomize"]:
        raise CommandError("one or more CSRs must be specified as <name> or -f <filename>")
    args = ["certificatesigningrequests", *call.args] if call.args else []
    infos, errors = await Builder(call).arguments(args).options(latest=True).infos()
    if not infos and not errors:
        call.say("No resources found")
    show = printing.shower(call, kind.lower())
    condition = {"type": kind, "status": "True", "reason": reason, "message": message}
    for info in infos:
        try:
            info.object = await _put(call, info, condition, opposite)
            show(info.object)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def _put(call: Call, info: Info, condition: Object, opposite: str) -> Object:
    for attempt in range(10):
        status = info.object.setdefault("status", {})
        there = status.get("conditions") or []
        if any(one["type"] == opposite for one in there):
            raise CommandError(f"certificate signing request {quote(info.name)} is already {opposite}")
        if any(one["type"] == condition["type"] for one in there) and not call.flags["force"]:
            return info.object
        now = clock.rfc3339()
        new = {**condition, "lastUpdateTime": now, "lastTransitionTime": now}
        status["conditions"] = [*(one for one in there if one["type"] != condition["type"]), new]
        try:
            return await call.factory.send("PUT", info.path("approval"), info.object)
        except ApiError as error:
            if not error.conflict or attempt == 9:
                raise
            await info.refresh()
    return info.object


_FLAGS = (
    *groups.filename("of the requests."),
    *groups.PRINT,
    Flag("force", "bool", help="Update the CSR even if it is already decided so."),
)
COMMANDS = {
    "certificate": Command(
        "certificate",
        None,
        use="SUBCOMMAND",
        long="Modify certificate resources.",
        bare="stdout 0",
        subcommands=(
            Entry("approve", "Approve a certificate signing request", "certificate"),
            Entry("deny", "Deny a certificate signing request", "certificate"),
        ),
    ),
    "approve": Command(
        "approve", approve, use="(-f FILENAME | NAME)", long="Approve a certificate signing request.", flags=_FLAGS
    ),
    "deny": Command("deny", deny, use="(-f FILENAME | NAME)", long="Deny a certificate signing request.", flags=_FLAGS),
}
