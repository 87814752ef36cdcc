"""From what people type (`deploy`, `pods.v1.`, `all`) to the resource that is meant, with kubectl's complaints."""

from __future__ import annotations

from minikube_edu.client.discovery import RestMapper, ServedResource
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl.failures import CommandError

KindOf = tuple[str, str, str]  # group, version, kind


class NoResource(CommandError):
    """`the server doesn't have a resource type "x"`"""

    def __init__(self, name: str, group: str = "") -> None:
        self.name = name
        super().__init__(
            f'the server doesn\'t have a resource type "{name}"' + (f' in group "{group}"' if group else "")
        )


class NoKind(CommandError):
    """`no matches for kind "X" in version "v1"`"""

    def __init__(self, kind: str, api_version: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')


class Mapper:
    def __init__(self, discovery: RestMapper) -> None:
        self.discovery = discovery
        self.ambiguous: list[str] = []  # warnings about short names

    async def resources(self) -> list[ServedResource]:
        return await self.discovery.resources()

    async def find(self, what: str) -> ServedResource:
        """`pods`, `po`, `Pod`, `pods.v1.`, `deployments.apps`, `deployments.v1.apps`."""
        for fresh in (False, True):
            if fresh:
                self.discovery.forget()
            found = self._match(await self.resources(), what)
            if found is not None:
                return found
            if "." not in what and self.discovery.fresh:
                break
        raise NoResource(what.partition(".")[0])

    async def for_kind(self, group: str, kind: str, version: str = "") -> ServedResource:
        for fresh in (False, True):
            if fresh:
                self.discovery.forget()
            for served in await self.resources():
                found = served.resource
                if found.group == group and found.kind == kind and version in ("", found.version):
                    return served
        raise NoKind(kind, f"{group}/{version}" if group else version)

    async def for_object(self, obj: dict[str, object]) -> ServedResource:
        group, slash, version = str(obj.get("apiVersion") or "").partition("/")
        if not slash:
            group, version = "", group
        return await self.for_kind(group, str(obj.get("kind") or ""), version)

    async def category(self, name: str) -> list[ServedResource]:
        found: dict[tuple[str, str], ServedResource] = {}
        for served in await self.resources():
            if served.preferred and name in served.categories:
                found.setdefault((served.resource.group, served.resource.plural), served)
        return list(found.values())

    def everything(self, served: list[ServedResource], what: str) -> list[ServedResource]:
        """All that a name may mean, in preferred versions: plurals and singulars, else short names, else kinds."""
        places = [one for one in served if one.preferred]
        lower = what.lower()
        found = [one for one in places if what in (one.resource.plural, one.singular)]
        found = found or [one for one in places if what in one.short_names]
        return found or [one for one in places if lower in (one.kind.lower(), one.resource.plural)]

    def _match(self, served: list[ServedResource], what: str) -> ServedResource | None:
        name, dot, rest = what.partition(".")
        version, second_dot, group = rest.partition(".")
        choices: list[tuple[str, str | None]] = []  # (version, group)
        if dot and second_dot:
            choices.append((version, group))
        choices.append(("", rest if dot else None))
        for wanted_version, wanted_group in choices:
            places = [
                one
                for one in served
                if (
                    wanted_group is None
                    or one.resource.group == wanted_group
                    or (wanted_group and one.resource.group.startswith(wanted_group))
                )
                and (one.resource.version == wanted_version if wanted_version else one.preferred)
            ]
            found = self._named(places, name)
            if wanted_version and (found is None or name in found.short_names):
                # A short name stands for a resource of a group; what version was typed is forgotten.
                found = self._named([one for one in served if one.preferred and one.resource.group == group], name)
                if found is not None and name not in found.short_names:
                    found = None
            if found is None and dot and not wanted_version:
                found = self._named(
                    [one for one in served if wanted_group and one.resource.group == wanted_group], name
                )
            if found is not None:
                return found
        return None

    def _named(self, places: list[ServedResource], name: str) -> ServedResource | None:
        lower = name.lower()
        for one in places:
            if name in (one.resource.plural, one.singular):
                return one
        short = [one for one in places if name in one.short_names]
        if short:
            first, *others = short
            for other in others:
                if other.resource.plural != first.resource.plural or other.resource.group != first.resource.group:
                    self._note(name, other.resource)
            return first
        return next((one for one in places if lower in (one.kind.lower(), one.resource.plural)), None)

    def _note(self, name: str, other: Resource) -> None:
        self.ambiguous.append(f'short name "{name}" could also match lower priority resource {other}')
