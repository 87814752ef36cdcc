"""`kubectl create -f`; its subcommands make objects from flags, each in a file of its own."""

from __future__ import annotations

from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl import last_applied, printing
from minikube_edu.kubectl.builder import Builder
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError, raise_all, with_source
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info


async def run(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise call.usage(f"Unexpected args: [{' '.join(call.args)}]")
    filenames = [name for name in flags["filename"] if name]
    if not filenames and not flags["kustomize"]:
        raise CommandError("must specify one of -f and -k")
    if filenames and flags["kustomize"]:
        raise CommandError("only one of -f or -k can be specified")
    if flags["raw"]:
        await _raw(call)
        return
    if flags["edit"]:
        from minikube_edu.kubectl import editing

        await editing.create(call)
        return
    dry, directive = printing.dry_run(call), printing.validation(call)
    show = printing.shower(call, "created", dry)
    builder = Builder(call).options(validate=directive == "Strict" or directive == "Warn")
    count, errors = 0, []
    async for item in builder.visit():
        if isinstance(item, Exception):
            errors.append(item)
            continue
        count += 1
        try:
            await create_one(call, item, dry, directive)
        except Exception as error:
            errors.append(with_source(error, "creating", item.source))
            continue
        show(item.object)
    raise_all(errors)
    if not count:
        raise CommandError("no objects passed to create")


async def create_one(call: Call, info: Info, dry: str, directive: str) -> None:
    body = info.object
    if call.flags["save-config"] or last_applied.original(body) is not None:
        body = last_applied.modified(body)
    if dry == "client":
        info.object = body
        return
    body = {**body, "metadata": {key: value for key, value in body["metadata"].items() if key != "resourceVersion"}}
    info.take(
        await call.factory.send(
            "POST",
            info.path(collection=True),
            body,
            dryRun="All" if dry == "server" else "",
            fieldManager=call.flags["field-manager"],
            fieldValidation=directive,
        )
    )


async def _raw(call: Call) -> None:
    from minikube_edu.kubectl import manifests

    places = manifests.sources(call.flags["filename"], False, call.stdin)
    if len(places) != 1:
        raise CommandError("--raw can only use a single local file or stdin")
    reply = await call.factory.raw("POST", printing.raw_path(call), places[0].read().encode())
    call.out.write(reply.body.decode("utf-8", "replace"))


def _entry(name: str, short: str, module: str, *aliases: str) -> Entry:
    return Entry(name, short, f"create_{module}", aliases=aliases)


COMMAND = Command(
    "create",
    run,
    use="-f FILENAME",
    long="""Create a resource from a file or from stdin.

 JSON and YAML formats are accepted.""",
    examples="""# Create a pod using the data in pod.json
kubectl create -f ./pod.json

# Create a pod based on the JSON passed into stdin
cat pod.json | kubectl create -f -

# Edit the data in registry.yaml in JSON then create the resource using the edited data
kubectl create -f registry.yaml --edit -o json""",
    flags=(
        *groups.filename("to create from."),
        *groups.PRINT,
        *groups.DRY_RUN,
        *groups.VALIDATE,
        *groups.SAVE_CONFIG,
        *groups.SELECTOR,
        *groups.field_manager("kubectl-create"),
        Flag("edit", "bool", help="Edit the objects before they are created."),
        Flag("raw", help="A path to send the file to, as it is."),
        Flag("windows-line-endings", "bool", help="With --edit: lines end as Windows ends them."),
    ),
    subcommands=(
        _entry("clusterrole", "Create a cluster role", "role"),
        _entry("clusterrolebinding", "Create a cluster role binding for a particular cluster role", "rolebinding"),
        _entry("configmap", "Create a config map from a local file, directory or literal value", "configmap", "cm"),
        _entry("cronjob", "Create a cron job with the specified name", "job", "cj"),
        _entry("deployment", "Create a deployment with the specified name", "deployment", "deploy"),
        _entry("ingress", "Create an ingress with the specified name", "ingress", "ing"),
        _entry("job", "Create a job with the specified name", "job"),
        _entry("namespace", "Create a namespace with the specified name", "namespace", "ns"),
        _entry("poddisruptionbudget", "Create a pod disruption budget with the specified name", "policy", "pdb"),
        _entry("priorityclass", "Create a priority class with the specified name", "policy", "pc"),
        _entry("quota", "Create a quota with the specified name", "policy", "resourcequota"),
        _entry("role", "Create a role with single rule", "role"),
        _entry("rolebinding", "Create a role binding for a particular role or cluster role", "rolebinding"),
        _entry("secret", "Create a secret using a specified subcommand", "secret"),
        _entry("service", "Create a service using a specified subcommand", "service", "svc"),
        _entry("serviceaccount", "Create a service account with the specified name", "serviceaccount", "sa"),
        _entry("token", "Request a service account token", "token"),
    ),
)
