"""`kubectl api-resources`: what the server serves."""

from __future__ import annotations

from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.client.discovery import ServedResource
from minikube_edu.kubectl import printing
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

_FORMATS = ("json", "kyaml", "name", "wide", "yaml")


async def run(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise call.usage(f"unexpected arguments: [{' '.join(call.args)}]")
    output = flags["output"]
    if output and output not in _FORMATS:
        raise CommandError(
            f"unable to match a printer suitable for the output format {quote(output)}, allowed formats are: "
            f"{','.join(_FORMATS)}"
        )
    if flags["sort-by"] not in ("", "name", "kind"):
        raise CommandError("--sort-by accepts only name or kind")
    if not call.flags["cached"]:
        call.factory.mapper.discovery.forget()
    found = [one for one in await call.factory.mapper.resources() if one.preferred and _wanted(call, one)]
    unique = {(one.resource.group, one.resource.plural): one for one in found}
    entries = sorted(unique.values(), key=lambda one: (one.resource.group, one.resource.plural))
    if flags["sort-by"] == "name":
        entries.sort(key=lambda one: one.resource.plural)
    elif flags["sort-by"] == "kind":
        entries.sort(key=lambda one: one.kind)
    if output in ("json", "yaml", "kyaml"):
        listed = {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": "",
            "resources": [_object(one) for one in entries],
        }
        printing.shower(call, "", typed=True)(listed)
    elif output == "name":
        call.out.write("".join(f"{one.resource}\n" for one in entries))
    else:
        call.out.write(_table(entries, wide=output == "wide", headers=not flags["no-headers"]))


def _wanted(call: Call, one: ServedResource) -> bool:
    flags = call.flags
    return (
        (not flags.changed("api-group") or one.resource.group == flags["api-group"])
        and (not flags.changed("namespaced") or one.resource.namespaced == flags["namespaced"])
        and set(flags["verbs"]) <= set(one.verbs)
        and set(flags["categories"]) <= set(one.categories)
        and bool(one.verbs)
    )


def _table(entries: list[ServedResource], *, wide: bool, headers: bool) -> str:
    rows = []
    if headers:
        names = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND", *(["VERBS", "CATEGORIES"] if wide else ())]
        rows.append("\t".join(names))
    for one in entries:
        resource = one.resource
        cells = [
            resource.plural,
            ",".join(one.short_names),
            resource.api_version,
            str(resource.namespaced).lower(),
            resource.kind,
        ]
        if wide:
            cells += [",".join(one.verbs), ",".join(one.categories)]
        rows.append("\t".join(cells))
    return align("".join(f"{row}\n" for row in rows), TABLE)


def _object(one: ServedResource) -> dict[str, object]:
    resource = one.resource
    found: dict[str, object] = {
        "name": resource.plural,
        "singularName": one.singular,
        "namespaced": resource.namespaced,
    }
    if resource.group:
        found["group"] = resource.group
    found |= {"version": resource.version, "kind": resource.kind, "verbs": list(one.verbs)}
    if one.short_names:
        found["shortNames"] = list(one.short_names)
    if one.categories:
        found["categories"] = list(one.categories)
    return found


COMMAND = Command(
    "api-resources",
    run,
    use="[flags]",
    long="Print the supported API resources on the server.",
    discovery_tries=1,
    flags=(
        Flag("api-group", help="Limit to resources in the specified API group."),
        Flag("cached", "bool", help="Use what is known of the server from before, if there is anything."),
        Flag("categories", "strings", help="Limit to resources that belong to the specified categories."),
        Flag("namespaced", "bool", default=True, help="Limit to resources that are in namespaces, or (false) are not."),
        Flag("no-headers", "bool", help="Tables without the line of headers."),
        Flag("output", short="o", help="Output format. One of: (json, yaml, kyaml, name, wide)."),
        Flag("show-managed-fields", "bool", hidden=True),
        Flag("sort-by", help="Sort by 'name' or 'kind'."),
        Flag("verbs", "strings", help="Limit to resources that support the specified verbs."),
    ),
)
