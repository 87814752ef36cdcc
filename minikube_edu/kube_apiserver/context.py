"""Who asks for what: the facts of one request that the stations of the pipeline share."""

from __future__ import annotations

from msgspec import Struct, field

from minikube_edu.api.scheme import Resource


class User(Struct, frozen=True):
    """Who asks, as authentication found out."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.name, self.uid, self.groups))


CREDENTIAL_ID = "authentication.kubernetes.io/credential-id"  # extra: which certificate or token it was
ANONYMOUS = User("system:anonymous", groups=("system:unauthenticated",))


class Context(Struct):
    """One request to a resource, from authentication to the registry."""

    user: User
    verb: str  # get, list, watch, create, update, patch, delete, deletecollection
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False
    manager: str = ""  # the field manager: ?fieldManager=, else what the user agent says
    user_agent: str = ""
    warnings: list[str] = field(default_factory=list)

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)
