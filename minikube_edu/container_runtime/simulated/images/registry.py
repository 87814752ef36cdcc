"""What a registry answers to a pull: an image's definition, or a refusal in containerd's words.

In this order: a host that cannot be reached, a name that does not exist, one that needs credentials, a known name (its
tag is judged), an unknown name. Docker Hub does not say whether a repository is private or missing: both are
`pull access denied`. Unknown official names (a misspelt `ngnix`) fail always; other unknown names run as the generic
program, or fail, as the policy says.

The lists of hosts and names are data: catalogue/*.yaml, and `registries` in a user's image directory:

    registries:
      - {host: registry.school.example, username: bob, password: secret}   # private: these credentials
      - {host: registry.school.example, path: "public/*", open: true}      # but not here
      - {host: broken.example, unreachable: true}
      - {path: "team/*", missing: true}

The first that fits decides. A real registry has images of several architectures, signatures and rate limits besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from minikube_edu.container_runtime.cri import Credentials, NotFound, RuntimeFailure
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue, compiled
from minikube_edu.container_runtime.simulated.images.entry import Definition, Entry
from minikube_edu.container_runtime.simulated.images.reference import Reference

DENIED = (
    "pull access denied, repository does not exist or may require authorization: "
    "server message: insufficient_scope: authorization failed"
)


def fits(rule: Mapping[str, Any], reference: Reference) -> bool:
    return (
        fnmatchcase(reference.host, str(rule.get("host", "*")))
        and fnmatchcase(reference.path, str(rule.get("path", "*")))
        and fnmatchcase(reference.tag, str(rule.get("tag", "*")))
    )


def unresolved(reference: Reference, why: str) -> str:
    return f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": {why}'


class Registry:
    def __init__(self, catalogue: Catalogue, unknown: str = "run") -> None:
        self.catalogue = catalogue
        self.unknown = unknown  # run, fail
        self._tags: dict[tuple[str, str], str] = {}  # (name, digest) -> the tag that it was seen with

    def resolve(self, reference: Reference, credentials: Sequence[Credentials] = ()) -> Definition:
        kind, rule = self._rule(reference)
        if kind == "unreachable":
            raise RuntimeFailure(unresolved(reference, _unreachable(reference)))
        if kind == "missing":
            raise self._missing(reference)
        entry = self.catalogue.entry(reference)
        if kind == "private" or (entry is not None and entry.get("private")):
            private = entry.get("private") if entry is not None else None
            wanted = private if isinstance(private, Mapping) else rule
            self._authorize(reference, credentials, wanted or {})
        if entry is None:
            if self.unknown == "fail" or (reference.official and kind != "private"):
                raise self._missing(reference)
            return self.catalogue.generic(reference)
        return self._known(entry, reference)

    def _known(self, entry: Entry, reference: Reference) -> Definition:
        if reference.digest:
            tag = self._tags.get((reference.name, reference.digest), reference.tag)
            return self.catalogue.define(entry, reference, tag)
        if not self.catalogue.has_tag(entry, reference):
            raise NotFound(unresolved(reference, f"{reference}: not found"))
        made = self.catalogue.define(entry, reference)
        self._tags[reference.name, made.digest] = reference.tag
        return made

    def _rule(self, reference: Reference) -> tuple[str, Mapping[str, Any]]:
        for rule in self.catalogue.registries:
            if fits(rule, reference):
                kinds = [kind for kind in ("unreachable", "missing", "open") if rule.get(kind)]
                return (kinds[0] if kinds else "private"), rule
        data = compiled()
        for kind in ("unreachable", "missing", "private"):
            for rule in data[kind]:
                if fits(rule, reference):
                    return kind, rule
        return "", {}

    def _missing(self, reference: Reference) -> RuntimeFailure:
        if reference.host == "docker.io" and not self._name_is_known(reference):
            name = Reference(reference.host, reference.path, reference.tag, reference.digest)
            return RuntimeFailure(unresolved(name, DENIED))
        return NotFound(unresolved(reference, f"{reference}: not found"))

    def _name_is_known(self, reference: Reference) -> bool:
        return self.catalogue.entry(reference) is not None

    def _authorize(self, reference: Reference, credentials: Sequence[Credentials], wanted: Mapping[str, Any]) -> None:
        given = [one for one in credentials if one.username or one.password or one.token]
        if not given:
            if reference.host == "docker.io":
                raise RuntimeFailure(unresolved(reference, DENIED))
            raise RuntimeFailure(
                unresolved(
                    reference,
                    f"failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
                    f"https://{reference.host}/token?scope=repository%3A{reference.path.replace('/', '%2F')}%3Apull"
                    f"&service={reference.host}: 401 Unauthorized",
                )
            )
        user, password = wanted.get("username"), wanted.get("password")
        if user is None or any(
            one.token == password or (one.username == str(user) and one.password == str(password)) for one in given
        ):
            return
        host = "auth.docker.io" if reference.host == "docker.io" else reference.host
        raise RuntimeFailure(
            unresolved(
                reference,
                f"failed to authorize: failed to fetch oauth token: unexpected status from GET request to "
                f"https://{host}/token?scope=repository%3A{reference.path.replace('/', '%2F')}%3Apull"
                f"&service={reference.host}: 401 Unauthorized",
            )
        )


def _unreachable(reference: Reference) -> str:
    host = reference.host.partition(":")[0]
    return (
        f'failed to do request: Head "https://{reference.host}/v2/{reference.path}/manifests/'
        f'{reference.digest or reference.tag}": dial tcp: lookup {host}: no such host'
    )
