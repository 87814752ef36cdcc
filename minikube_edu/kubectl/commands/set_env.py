"""`kubectl set env`: variables of a pod template; set, removed, listed, or taken from a config map or a secret."""

from __future__ import annotations

import base64
from typing import Any

from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import pod_templates, printing
from minikube_edu.kubectl.builder import MISSING, Builder
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.commands.set import COMMON, NOTHING
from minikube_edu.kubectl.failures import CommandError, raise_all
from minikube_edu.kubectl.flags import Flag
from minikube_edu.kubectl.info import Info
from minikube_edu.lib.gotext import quote

Object = dict[str, Any]


async def run(call: Call) -> None:
    flags = call.flags
    resources, changes = _divided(call.args)
    if not resources and not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError(NOTHING)
    if flags["local"] and not any(flags["filename"]) and not flags["kustomize"]:
        raise CommandError(MISSING)
    if flags["list"] and flags["output"]:
        raise CommandError("--list and --output may not be specified together")
    dry = printing.dry_run(call)
    put, remove = _parsed(call, [*flags["env"], *changes])
    if flags["from"]:
        put += await _from(call)
    if flags["prefix"]:
        put = [{**one, "name": flags["prefix"] + one["name"]} for one in put]
    builder = Builder(call).arguments(resources, all_of_type=flags["all"]).options(latest=not flags["local"])
    infos = await builder.all()
    setter = pod_templates.Setter(call, "env updated", "failed to patch env update to pod template:", dry)
    errors: list[Exception] = []
    for info in infos:
        if pod_templates.pod_spec(info.object) is None:
            errors.append(CommandError(f"error: {pod_templates.without_template(info)}"))
            continue
        if not pod_templates.containers(pod_templates.pod_spec(info.object) or {}, flags["containers"]):
            kind = info.object.get("kind")
            call.warn(f"Warning: {kind}/{info.name} does not have any containers matching {quote(flags['containers'])}")
            continue
        try:
            if flags["list"]:
                await _list(call, info, put, remove)
            else:
                await setter.apply(info, lambda obj: _change(call, obj, put, remove))
        except Exception as error:
            errors.append(error)
    raise_all(errors)


def _divided(args: list[str]) -> tuple[list[str], list[str]]:
    resources: list[str] = []
    changes: list[str] = []
    for arg in args:
        if "=" in arg[1:] or (arg.endswith("-") and arg != "-") or arg == "-":
            changes.append(arg)
        elif changes:
            shown = " ".join(args)
            raise CommandError(f"all resources must be specified before environment changes: {shown}")
        else:
            resources.append(arg)
    return resources, changes


def _parsed(call: Call, changes: list[str]) -> tuple[list[Object], list[str]]:
    from minikube_edu.api import names

    put: list[Object] = []
    remove: list[str] = []
    for change in changes:
        if change == "-":
            put += _parsed(call, [line for line in call.stdin.read().split("\n") if "=" in line])[0]
        elif "=" in change:
            name, _, value = change.partition("=")
            if problems := names.env_var_name(name):
                raise CommandError(f"{quote(name)} is not a valid key name: {';'.join(problems)}")
            put.append({"name": name, "value": value})
        else:
            remove.append(change[:-1])
    both = [one["name"] for one in put if one["name"] in remove]
    if both:
        raise CommandError(f"can not both modify and remove the same environment variable: {both[0]}")
    return put, remove


async def _from(call: Call) -> list[Object]:
    """--from=configmap/x: each key as a variable in capitals."""
    put: list[Object] = []
    for info in await Builder(call).arguments([call.flags["from"]]).options(filenames=[], selector=None).all():
        kind = info.object.get("kind")
        if kind not in ("Secret", "ConfigMap"):
            raise CommandError("unsupported resource specified in --from")
        source = "secretKeyRef" if kind == "Secret" else "configMapKeyRef"
        wanted = call.flags["keys"]
        for key in sorted(info.object.get("data") or {}):
            if wanted and key not in wanted:
                continue
            name = "".join(char if char.isalnum() else "_" for char in key).upper()
            if name != key:
                call.warn(f"Warning: key {key} transferred to {name}")
            put.append({"name": name, "valueFrom": {source: {"name": info.name, "key": key}}})
    return put


def _change(call: Call, obj: Object, put: list[Object], remove: list[str]) -> None:
    spec = pod_templates.pod_spec(obj) or {}
    for container in pod_templates.containers(spec, call.flags["containers"]):
        there: list[Object] = container.get("env") or []
        if not call.flags["overwrite"]:
            for one in put:
                for old in there:
                    if old["name"] == one["name"] and old != one:
                        raise CommandError(
                            f"'{one['name']}' already has a value ({old.get('value', '')}), and --overwrite is false"
                        )
        after = _updated(there, put, remove)
        if after or "env" in container:
            container["env"] = after
            if not after:
                del container["env"]


def _updated(there: list[Object], put: list[Object], remove: list[str]) -> list[Object]:
    new = {one["name"]: one for one in put}
    found = [new.pop(old["name"], old) for old in there if old["name"] not in remove]
    return [*found, *new.values()]


async def _list(call: Call, info: Info, put: list[Object], remove: list[str]) -> None:
    kind = info.object.get("kind")
    for container in pod_templates.containers(pod_templates.pod_spec(info.object) or {}, call.flags["containers"]):
        call.say(f"# {kind} {info.name}, container {container['name']}")
        for one in _updated(container.get("env") or [], put, remove):
            source = one.get("valueFrom")
            if not source:
                call.say(f"{one['name']}={one.get('value', '')}")
            elif call.flags["resolve"]:
                call.say(f"{one['name']}={await _resolved(call, info, source)}")
            else:
                call.say(f"# {one['name']} from {_reference(source)}")


def _reference(source: Object) -> str:
    for key, kind in (("configMapKeyRef", "configmap"), ("secretKeyRef", "secret")):
        if key in source:
            return f"{kind} {source[key]['name']}, key {source[key]['key']}"
    if "fieldRef" in source:
        return f"field path {source['fieldRef'].get('fieldPath')}"
    if "resourceFieldRef" in source:
        found = source["resourceFieldRef"]
        container = f"{found['containerName']}/" if found.get("containerName") else ""
        return f"resource field {container}{found.get('resource')}"
    return "invalid valueFrom"


async def _resolved(call: Call, info: Info, source: Object) -> str:
    for key, plural in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if key in source:
            found = await call.factory.send("GET", Resource("", "v1", plural).path(info.namespace, source[key]["name"]))
            value = (found.get("data") or {}).get(source[key]["key"])
            if value is None:
                raise CommandError(f"key {source[key]['key']} not found in {plural[:-1]} {source[key]['name']}")
            return base64.b64decode(value).decode() if plural == "secrets" else str(value)
    if "fieldRef" in source:
        at: Any = info.object
        for part in source["fieldRef"]["fieldPath"].split("."):
            at = (at or {}).get(part)
        return str(at or "")
    return ""


COMMANDS = {
    "env": Command(
        "env",
        run,
        use="RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N",
        long="Update environment variables on a pod template. A name with a minus behind it is removed.",
        examples="""# Update deployment 'registry' with a new environment variable
kubectl set env deployment/registry STORAGE_DIR=/local

# List the environment variables defined on a deployments 'sample-build'
kubectl set env deployment/sample-build --list""",
        flags=(
            *COMMON,
            Flag("containers", short="c", default="*", help="The names of containers to change."),
            Flag(
                "env",
                "array",
                short="e",
                help="Specify a key-value pair for an environment variable to set into each container.",
            ),
            Flag("from", help="The name of a resource from which to inject environment variables"),
            Flag("keys", "strings", help="Comma-separated list of keys to import from specified resource"),
            Flag("list", "bool", help="Show the variables of the objects."),
            Flag("overwrite", "bool", default=True, help="Allow variables to be overwritten."),
            Flag("prefix", help="Prefix to append to variable names"),
            Flag("resolve", "bool", help="With --list: show the values that are referred to."),
        ),
    )
}
