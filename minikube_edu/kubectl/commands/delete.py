"""`kubectl delete`: ask for the deletion of each, say so, and wait until they are gone."""

from __future__ import annotations

from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, raise_all, with_source
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

Object = dict[str, Any]

FORCED = (
    "Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may "
    "continue to run on the cluster indefinitely."
)
_POLICIES = {
    "background": "Background",
    "foreground": "Foreground",
    "orphan": "Orphan",
    "true": "Background",
    "false": "Orphan",
}


async def run(call: Call) -> None:
    flags = call.flags
    policy = propagation(call)
    grace: int = flags["grace-period"]
    if flags["now"]:
        if grace != -1:
            raise CommandError("--now and --grace-period cannot be specified together")
        grace = 1
    if grace == 0 and not flags["force"]:
        grace = 1
    if flags["force"] and grace < 0:
        grace = 0
    dry = printing.dry_run(call)
    builder = Builder(call).arguments(call.args).options(require_object=False)
    if not flags["raw"]:
        visitor = builder.visit()
        first = await anext(visitor, None)
    if flags["output"] not in ("", "name"):
        raise CommandError(f"unexpected -o output mode: {flags['output']}. We only support '-o name'")
    if flags["force"] and grace == 0:
        call.warn(f"Warning: {FORCED}")
    elif flags["force"] and grace > 0:
        raise CommandError("--force and --grace-period greater than 0 cannot be specified together")
    if flags["raw"]:
        reply = await call.factory.raw("DELETE", printing.raw_path(call))
        call.out.write(reply.body.decode("utf-8", "replace"))
        return
    ignoring = flags["ignore-not-found"]
    if not flags.changed("ignore-not-found") and (flags["all"] or flags["selector"] or flags["field-selector"]):
        ignoring = True
    items = [first] if first is not None else []
    items += [item async for item in visitor]
    if flags["interactive"]:
        items = _confirmed(call, items)
    deleter = Deleter(call, policy, grace, dry, ignoring)
    for item in items:
        await deleter.take(item)
    raise_all(deleter.errors)
    if not deleter.found:
        call.say("No resources found")
    elif flags["wait"] and dry == "none":
        await deleter.wait(flags["timeout"])


def propagation(call: Call) -> str:
    value: str = call.flags["cascade"]
    if value not in _POLICIES:
        raise CommandError(f'invalid cascade value ({value}). Must be "background", "foreground", or "orphan"')
    if value in ("true", "false"):
        chosen = _POLICIES[value].lower()
        printing.klog(
            call, f"--cascade={value} is deprecated (boolean value) and can be replaced with --cascade={chosen}."
        )
    return _POLICIES[value]


class Deleter:
    def __init__(self, call: Call, policy: str, grace: int, dry: str, ignoring: bool, quiet: bool = False) -> None:
        self.call, self.policy, self.grace, self.dry, self.ignoring, self.quiet = (
            call,
            policy,
            grace,
            dry,
            ignoring,
            quiet,
        )
        self.found = 0
        self.errors: list[Exception] = []
        self.deleted: list[Info] = []
        self.uids: dict[str, str] = {}
        self._warned = False

    async def take(self, item: Info | Exception) -> None:
        if isinstance(item, Exception):
            self._failed(item)
            return
        try:
            await self.delete(item)
        except Exception as error:
            self._failed(with_source(error, "deleting", item.source))

    def _failed(self, error: Exception) -> None:
        if not (self.ignoring and isinstance(error, ApiError) and error.not_found):
            self.errors.append(error)

    async def delete(self, info: Info) -> None:
        factory = self.call.factory
        everywhere = bool(self.call.flags.get("all-namespaces"))
        if not info.namespaced and factory.namespace_given and not everywhere and not self._warned:
            self._warned = True
            self.call.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace")
        self.found += 1
        self.deleted.append(info)
        if self.dry == "client":
            self._say(info)
            return
        options: Object = {"propagationPolicy": self.policy}
        if self.grace >= 0:
            options["gracePeriodSeconds"] = self.grace
        if self.dry == "server":
            options["dryRun"] = ["All"]
        answer = await factory.send("DELETE", info.path(), options)
        uid = (answer.get("details") or {}).get("uid") or (answer.get("metadata") or {}).get("uid") or ""
        self.uids[info.path()] = uid
        self._say(info)

    def _say(self, info: Info) -> None:
        if self.quiet:
            return
        if self.call.flags.get("output") == "name":
            self.call.say(f"{info.kind_name}/{info.name}")
            return
        done = "force deleted" if self.grace == 0 else "deleted"
        if info.namespaced:
            done += f" from {info.namespace} namespace"
        self.call.say(f'{info.kind_name} "{info.name}" {printing.operation(done, self.dry)}')

    async def wait(self, timeout: str) -> None:
        from minikube_edu.api import durations
        from minikube_edu.kubectl.waiting import WEEK, Deadline, until_gone

        self.call.out.flush()
        try:
            await until_gone(self.deleted, self.uids, Deadline(durations.seconds(timeout) or WEEK))
        except ApiError as error:
            if error.code not in (403, 405):  # who may not look need not wait
                raise


def _confirmed(call: Call, items: list[Info | Exception]) -> list[Info | Exception]:
    call.say("You are about to delete the following " + str(len(items)) + " resource(s):")
    for item in items:
        if isinstance(item, Info):
            call.say(f"{item.kind_name}/{item.name}")
    call.out.write("Do you want to continue? (y/N): ")
    call.out.flush()
    if call.stdin.readline().strip().lower() in ("y", "yes"):
        return items
    call.say("deletion is cancelled")
    from minikube_edu.kubectl.failures import Exit

    raise Exit(0)


COMMAND = Command(
    "delete",
    run,
    use="([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])",
    long="""Delete resources by file names, stdin, resources and names, or by resources and label selector.

 Some resources, such as pods, take a while to end: --grace-period says how long they may, --now makes it a second, --force does not wait for it.""",  # noqa: E501  # the real text
    examples="""# Delete a pod using the type and name specified in pod.json
kubectl delete -f ./pod.json

# Delete pods and services with same names "baz" and "foo"
kubectl delete pod,service baz foo

# Delete pods and services with label name=myLabel
kubectl delete pods,services -l name=myLabel

# Delete all pods
kubectl delete pods --all""",
    flags=(
        *groups.filename("of what to delete."),
        *groups.DRY_RUN,
        *groups.SELECTOR,
        *groups.FIELD_SELECTOR,
        *groups.ALL,
        *groups.ALL_NAMESPACES,
        Flag(
            "cascade",
            default="background",
            no_value="background",
            help='Must be "background", "orphan", or "foreground".',
        ),
        Flag("force", "bool", help="Do not wait for the end of what runs."),
        Flag("grace-period", "int", default=-1, help="Seconds that each object has to end; -1 for its own."),
        Flag("ignore-not-found", "bool", help="That an object is not there is no error."),
        Flag("interactive", "bool", short="i", help="Ask before."),
        Flag("now", "bool", help="End at once (same as --grace-period=1)."),
        Flag("output", short="o", help="Output mode. Use '-o name' for shorter output (resource/name)."),
        Flag("raw", help="A path to send the DELETE to, as it is."),
        Flag("timeout", "duration", default="0s", help="How long to wait; zero for as long as it takes."),
        Flag("wait", "bool", default=True, help="Wait until all are gone."),
    ),
)
