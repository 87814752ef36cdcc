"""`kubectl cordon|uncordon|drain`: keep pods off a node, let them come again, send them away. (See `draining`.)"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.client.rest import STRATEGIC_PATCH
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Many, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info

if TYPE_CHECKING:
    from minikube_edu.kubectl.live_line import LiveLine

Object = dict[str, Any]


async def nodes(call: Call) -> tuple[list[Info], list[Exception]]:
    flags = call.flags
    if not call.args and not flags["selector"]:
        raise call.usage(f"USAGE: {call.command.name} NODE [flags]")
    if call.args and flags["selector"]:
        raise call.usage("error: cannot specify both a node name and a --selector option")
    if call.flags.get("pod-selector"):
        from minikube_edu.api import label_selectors

        try:
            label_selectors.parse(call.flags["pod-selector"])
        except ValueError:
            raise CommandError("--pod-selector=<pod_selector> must be a valid label selector") from None
    args = ["nodes", *(name.removeprefix("node/").removeprefix("nodes/") for name in call.args)]
    builder = Builder(call).arguments(args).options(latest=True)
    return await builder.infos()


async def cordon(call: Call) -> None:
    await _cordon_all(call, True)


async def uncordon(call: Call) -> None:
    await _cordon_all(call, False)


async def _cordon_all(call: Call, wanted: bool) -> None:
    dry = printing.dry_run(call)
    infos, errors = await nodes(call)
    for info in infos:
        try:
            await mark(call, info, wanted, dry)
        except Exception as error:
            errors.append(error)
    raise_all(errors)


async def mark(call: Call, info: Info, wanted: bool, dry: str) -> None:
    word = "cordoned" if wanted else "uncordoned"
    if bool((info.object.get("spec") or {}).get("unschedulable")) == wanted:
        call.say(f"node/{info.name} {printing.operation('already ' + word, dry)}")
        return
    if dry != "client":
        await call.factory.send(
            "PATCH",
            info.path(),
            {"spec": {"unschedulable": wanted or None}},
            content_type=STRATEGIC_PATCH,
            dryRun="All" if dry == "server" else "",
        )
    call.say(f"node/{info.name} {printing.operation(word, dry)}")


async def drain(call: Call) -> None:
    from minikube_edu.kubectl import live_line

    with live_line.of(call) as line:
        await _drain(call, line)


async def _drain(call: Call, line: LiveLine) -> None:
    from minikube_edu.kubectl.draining import Drain

    dry = printing.dry_run(call)
    call.factory.retries = 0  # a refused eviction is told at once, and tried again here
    infos, errors = await nodes(call)
    raise_all(errors)
    for info in infos:
        await mark(call, info, True, dry)
    failed: list[Info] = []
    problems: list[Exception] = []
    for info in infos:
        try:
            await Drain(call, dry, line).node(info)
            call.say(f"node/{info.name} {printing.operation('drained', dry)}")
        except Exception as error:
            call.out.flush()
            call.warn(f'error: unable to drain node "{info.name}" due to error: {error}, continuing command...')
            failed.append(info)
            problems.append(error)
    if failed:
        call.warn("There are pending nodes to be drained:")
        for info, problem in zip(failed, problems, strict=True):
            call.warn(f" {info.name}")
            for one in problem.errors if isinstance(problem, Many) else [problem]:
                call.warn(str(one))
        from minikube_edu.kubectl.failures import Exit

        raise Exit(1)


_MARK = (*groups.DRY_RUN, *groups.SELECTOR)
COMMANDS = {
    "cordon": Command(
        "cordon",
        cordon,
        use="NODE",
        long="Mark node as unschedulable.",
        flags=_MARK,
        examples='# Mark node "foo" as unschedulable\nkubectl cordon foo',
    ),
    "uncordon": Command(
        "uncordon",
        uncordon,
        use="NODE",
        long="Mark node as schedulable.",
        flags=_MARK,
        examples='# Mark node "foo" as schedulable\nkubectl uncordon foo',
    ),
    "drain": Command(
        "drain",
        drain,
        use="NODE",
        long="Drain node in preparation for maintenance: it is marked unschedulable, and its pods are evicted, or "
        "deleted where there is no eviction.",
        examples="""# Drain node "foo", even if there are pods not managed by a replication controller, replica set, job, daemon set, or stateful set on it
kubectl drain foo --force

# As above, but abort if there are pods not managed by a replication controller, replica set, job, daemon set, or stateful set, and use a grace period of 15 minutes
kubectl drain foo --grace-period=900""",  # noqa: E501  # the real text
        flags=(
            *groups.CHUNK,
            *_MARK,
            Flag(
                "delete-emptydir-data",
                "bool",
                help="Continue even if there are pods using emptyDir: their data is deleted.",
            ),
            Flag(
                "disable-eviction",
                "bool",
                help="Delete pods instead of evicting them: disruption budgets are not asked.",
            ),
            Flag("force", "bool", help="Continue even if there are pods that do not declare a controller."),
            Flag("grace-period", "int", default=-1, help="Seconds that each pod has to end; negative for its own."),
            Flag("ignore-daemonsets", "bool", help="Ignore DaemonSet-managed pods."),
            Flag("pod-selector", help="Label selector to filter pods on the node"),
            Flag(
                "skip-wait-for-delete-timeout",
                "int",
                help="Do not wait for pods that are deleted for longer than this many seconds.",
            ),
            Flag(
                "timeout",
                "duration",
                default="0s",
                help="How long to wait before giving up; zero for as long as it takes.",
            ),
        ),
    ),
}
