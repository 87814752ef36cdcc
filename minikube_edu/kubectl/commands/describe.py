"""`kubectl describe`: objects for people to read. How each kind looks is in the package `describe`."""

from __future__ import annotations

from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Many, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info


async def run(call: Call) -> None:
    flags = call.flags
    if not call.args and not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError(
            'You must specify the type of resource to describe. Use "kubectl api-resources" for a complete list of '
            "supported resources."
        )
    builder = Builder(call).arguments(call.args, all_of_type=True).options(latest=True)
    infos, errors = await builder.infos()
    not_found = [error for error in errors if isinstance(error, ApiError) and error.not_found]
    if errors and len(not_found) == len(errors) and len(call.args) == 2 and not infos:
        await _by_prefix(call, errors)
        return
    await _show(call, infos, errors)


async def _show(call: Call, infos: list[Info], errors: list[Exception]) -> None:
    from minikube_edu.kubectl.describe import describe

    first = True
    seen: set[str] = set()
    events = bool(call.flags["show-events"]) and (len(infos) == 1 or call.flags.changed("show-events"))
    for info in infos:
        try:
            text = await describe(call.factory.client, info.object, events=events)
        except Exception as error:
            if str(error) not in seen:
                seen.add(str(error))
                errors.append(error)
            continue
        call.out.write(text if first else f"\n\n{text}")
        first = False
    if first and not errors:
        namespaced = all(info.namespaced for info in infos)
        where = f" in {call.factory.namespace} namespace." if namespaced and not call.flags["all-namespaces"] else ""
        call.warn(f"No resources found{where}")
    if errors:
        raise Many(errors)


async def _by_prefix(call: Call, errors: list[Exception]) -> None:
    """`describe pod web`: all whose names begin so."""
    kind, prefix = call.args
    everything = await Builder(call).arguments([kind], all_of_type=True).options(selector="").all()
    matching = [info for info in everything if info.name.startswith(prefix)]
    if not matching:
        raise_all(errors)
    from minikube_edu.kubectl.describe import describe

    for info in matching:
        shown = call.flags.changed("show-events") and bool(call.flags["show-events"])
        call.out.write(await describe(call.factory.client, info.object, events=shown) + "\n")


COMMAND = Command(
    "describe",
    run,
    use="(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)",
    long="""Show details of a specific resource or group of resources.

 What belongs to an object, its events or controllers, is shown, too. A name may be the beginning of names.

Use "kubectl api-resources" for a complete list of supported resources.""",
    examples="""# Describe a node
kubectl describe nodes kubernetes-node-emt8.c.myproject.internal

# Describe a pod
kubectl describe pods/nginx

# Describe all pods
kubectl describe pods""",
    flags=(
        *groups.filename("of what to describe."),
        *groups.SELECTOR,
        *groups.ALL_NAMESPACES,
        *groups.CHUNK,
        Flag("show-events", "bool", default=True, help="Show the events of the object, too."),
    ),
)
