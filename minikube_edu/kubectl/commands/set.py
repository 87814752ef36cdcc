"""`kubectl set image|env|resources|selector|serviceaccount|subject`. (env has a file of its own.)"""

from __future__ import annotations

from typing import Any

from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import pairs, pod_templates, printing
from minikube_edu.kubectl.builder import MISSING, Builder
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]

NOTHING = "one or more resources must be specified as <resource> <name> or <resource>/<name>"


async def image(call: Call) -> None:
    flags = call.flags
    resources, changes = pairs.divided(call.args, "image")
    images, _ = pairs.annotation_changes(changes, "image", removal=False)
    problems: list[Exception] = []
    if flags["all"] and flags["selector"]:
        problems.append(CommandError("cannot set --all and --selector at the same time"))
    if not resources and not any(flags["filename"]) and not flags["kustomize"]:
        problems.append(CommandError(NOTHING))
    if not images:
        problems.append(CommandError("at least one image update is required"))
    elif len(images) > 1 and "*" in images:
        problems.append(
            CommandError(
                "all containers are already specified by *, but saw more than one container_name=container_image pairs"
            )
        )
    dry = printing.dry_run(call)
    infos = await _infos(call, resources, problems)
    setter = pod_templates.Setter(call, "image updated", "failed to patch image update to pod template:", dry)
    errors: list[Exception] = []
    for info in infos:
        missing: list[Exception] = []

        def change(obj: Object, missing: list[Exception] = missing) -> None:
            spec = pod_templates.pod_spec(obj) or {}
            for name, value in images.items():
                found = (
                    pod_templates.containers(spec, "*")
                    if name == "*"
                    else [one for one in pod_templates.containers(spec) if one.get("name") == name]
                )
                for container in found:
                    container["image"] = value
                if not found:
                    missing.append(CommandError(f"error: unable to find container named {quote(name)}"))

        await _guarded(setter, info, change, errors)
        errors += missing
    raise_all(errors)


async def _infos(call: Call, resources: list[str], problems: list[Exception]) -> list[Info]:
    """Looks first and complains of flags afterwards, as the real one does."""
    flags = call.flags
    if resources or any(flags["filename"]) or flags["kustomize"]:
        builder = Builder(call).arguments(resources, all_of_type=flags["all"])
        builder.latest = not flags["local"]
        infos = await builder.all()
        raise_all(problems)
        return infos
    raise_all(problems)
    return []


async def _guarded(
    setter: pod_templates.Setter,
    info: Info,
    change: pod_templates.Change,
    errors: list[Exception],
    *,
    prints_same: bool = False,
) -> None:
    if pod_templates.pod_spec(info.object) is None:
        errors.append(CommandError(f"error: {pod_templates.without_template(info)}"))
        return
    try:
        await setter.apply(info, change, prints_same=prints_same)
    except Exception as error:
        errors.append(error)


async def resources(call: Call) -> None:
    from minikube_edu.kubectl.commands.create_policy import resource_list

    flags = call.flags
    problems: list[Exception] = []
    if flags["all"] and flags["selector"]:
        problems.append(CommandError("cannot set --all and --selector at the same time"))
    if not flags["limits"] and not flags["requests"]:
        problems.append(
            CommandError("you must specify an update to requests or limits (in the form of --requests/--limits)")
        )
    dry = printing.dry_run(call)
    infos = await _infos(call, call.args, problems)
    wanted = {key: resource_list(flags[key]) for key in ("limits", "requests") if flags[key]}
    setter = pod_templates.Setter(
        call, "resource requirements updated", "failed to patch resources update to pod template", dry
    )
    errors: list[Exception] = []
    for info in infos:
        found = pod_templates.containers(pod_templates.pod_spec(info.object) or {}, flags["containers"])

        def change(obj: Object) -> None:
            for container in pod_templates.containers(pod_templates.pod_spec(obj) or {}, flags["containers"]):
                inside = container.setdefault("resources", {})
                for key, amounts in wanted.items():
                    inside[key] = {**(inside.get(key) or {}), **amounts}

        if not found and pod_templates.pod_spec(info.object) is not None:
            errors.append(CommandError(f"error: unable to find container named {flags['containers']}"))
            continue
        await _guarded(setter, info, change, errors)
    raise_all(errors)


async def selector(call: Call) -> None:
    from minikube_edu.kubectl.commands.create_policy import selector_object

    args = call.args
    if len(args) < 2 and not any(call.flags["filename"]):
        raise CommandError("resource(s) were provided, but no name was specified" if args else NOTHING)
    dry = printing.dry_run(call)
    resources, expression = args[:-1], args[-1]
    if len(resources) == 1 and "/" not in resources[0] and not any(call.flags["filename"]):
        raise CommandError("resource(s) were provided, but no name was specified")
    chosen = selector_object(expression).get("matchLabels") or {}
    infos = await Builder(call).arguments(resources, all_of_type=call.flags["all"]).options(latest=True).all()
    setter = pod_templates.Setter(call, "selector updated", "", dry)
    for info in infos:
        if info.object.get("kind") != "Service":
            raise CommandError(
                f"selector not supported for {info.object.get('kind')}: setting a selector is only supported for "
                f"Services"
            )

        def change(obj: Object) -> None:
            obj["spec"]["selector"] = chosen

        await setter.apply(info, change, prints_same=True)


async def service_account(call: Call) -> None:
    args = call.args
    if not args:
        raise CommandError("serviceaccount is required")
    dry = printing.dry_run(call)
    name, resources = args[-1], args[:-1]
    if not resources and not any(call.flags["filename"]):
        raise CommandError(NOTHING)
    if call.flags["local"] and not any(call.flags["filename"]):
        raise CommandError(MISSING)
    infos = (
        await Builder(call)
        .arguments(resources, all_of_type=call.flags["all"])
        .options(latest=not call.flags["local"])
        .all()
    )
    setter = pod_templates.Setter(call, "serviceaccount updated", "failed to patch ServiceAccountName", dry)
    errors: list[Exception] = []
    for info in infos:

        def change(obj: Object) -> None:
            spec = pod_templates.pod_spec(obj) or {}
            spec["serviceAccountName"] = name
            if "serviceAccount" in spec:
                spec["serviceAccount"] = name

        await _guarded(setter, info, change, errors, prints_same=True)
    raise_all(errors)


async def subject(call: Call) -> None:
    from minikube_edu.kubectl.commands.create_rolebinding import subjects

    flags = call.flags
    if not call.args and not any(flags["filename"]):
        raise CommandError(NOTHING)
    infos = await Builder(call).arguments(call.args, all_of_type=flags["all"]).options(latest=not flags["local"]).all()
    if not flags["user"] and not flags["group"] and not flags["serviceaccount"]:
        raise CommandError("you must specify at least one value of user, group or serviceaccount")
    dry = printing.dry_run(call)
    wanted = subjects(call)
    setter = pod_templates.Setter(call, "subjects updated", "failed to patch subjects", dry)
    for info in infos:
        if info.object.get("kind") not in ("RoleBinding", "ClusterRoleBinding"):
            raise CommandError("setting subjects is only supported for RoleBinding/ClusterRoleBinding")

        def change(obj: Object) -> None:
            there = obj.get("subjects") or []
            obj["subjects"] = [*there, *(one for one in wanted if one not in there)]

        await setter.apply(info, change)


COMMON = (
    *groups.filename("of the objects."),
    *groups.PRINT,
    *groups.DRY_RUN,
    *groups.SELECTOR,
    *groups.ALL,
    *groups.LOCAL,
    *groups.field_manager("kubectl-set"),
)
COMMANDS = {
    "set": Command(
        "set",
        None,
        use="SUBCOMMAND",
        long="Configure application resources.\n\n These commands help you make changes to existing application "
        "resources.",
        subcommands=(
            Entry("env", "Update environment variables on a pod template", "set_env"),
            Entry("image", "Update the image of a pod template", "set"),
            Entry("resources", "Update resource requests/limits on objects with pod templates", "set"),
            Entry("selector", "Set the selector on a resource", "set"),
            Entry("serviceaccount", "Update the service account of a resource", "set", aliases=("sa",)),
            Entry(
                "subject", "Update the user, group, or service account in a role binding or cluster role binding", "set"
            ),
        ),
    ),
    "image": Command(
        "image",
        image,
        use="(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... CONTAINER_NAME_N=CONTAINER_IMAGE_N",
        long="Update existing container image(s) of resources.",
        examples="# Set a deployment's nginx container image to 'nginx:1.9.1', and its busybox container image to "
        "'busybox'\n"
        "kubectl set image deployment/nginx busybox=busybox nginx=nginx:1.9.1",
        flags=(*COMMON, *groups.RECORD),
    ),
    "resources": Command(
        "resources",
        resources,
        use="(-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]",
        long="Specify compute resource requirements (CPU, memory) for any resource that defines a pod template.",
        flags=(
            *COMMON,
            *groups.RECORD,
            Flag(
                "containers",
                short="c",
                default="*",
                help="The names of containers in the selected pod templates to change.",
            ),
            Flag("limits", help="The resource requirement limits for this container, as cpu=200m,memory=512Mi."),
            Flag("requests", help="The resource requirement requests for this container."),
        ),
    ),
    "selector": Command(
        "selector",
        selector,
        use="(-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]",
        long="Set the selector on a resource. The old one is replaced.",
        flags=(
            *groups.filename_deep("of the objects."),
            *(flag for flag in COMMON if flag.name not in ("selector", "filename", "kustomize", "recursive")),
            *groups.RECORD,
            Flag("resource-version", help="Only if this is its version."),
        ),
    ),
    "serviceaccount": Command(
        "serviceaccount",
        service_account,
        use="(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT",
        long="Update the service account of pod template resources.",
        aliases=("sa",),
        flags=(*(flag for flag in COMMON if flag.name != "selector"), *groups.RECORD),
    ),
    "subject": Command(
        "subject",
        subject,
        use="(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] "
        "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]",
        long="Update the user, group, or service account in a role binding or cluster role binding.",
        flags=(
            *COMMON,
            Flag("group", "array", help="Groups to bind to the role"),
            Flag("serviceaccount", "array", help="Service accounts to bind to the role"),
            Flag("user", "array", help="Usernames to bind to the role"),
        ),
    ),
}
