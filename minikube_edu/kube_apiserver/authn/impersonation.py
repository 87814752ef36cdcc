"""Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid`, `-Extra-…`.

Who may is for authorization to say, for each user, group, uid and extra value. What comes out is the user that the
rest of the pipeline sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from minikube_edu.api.errors import BadRequest
from minikube_edu.kube_apiserver.authn.chain import AUTHENTICATED
from minikube_edu.kube_apiserver.context import ANONYMOUS, User
from minikube_edu.lib.web.messages import Request

PREFIX = b"impersonate-"
EXTRA = b"impersonate-extra-"


class Wish(NamedTuple):
    """One thing that the impersonator must be allowed to take on."""

    resource: str  # users, groups, serviceaccounts, uids, userextras
    name: str
    group: str = ""
    namespace: str = ""
    subresource: str = ""


def requested(request: Request) -> bool:
    return any(name.startswith(PREFIX) for name, _ in request.headers)


def wanted_user(request: Request) -> User:
    """The user that the headers ask for, before anything is added."""
    name, uid = "", ""
    groups: list[str] = []
    extra: dict[str, list[str]] = {}
    for header, raw in request.headers:
        if not header.startswith(PREFIX):
            continue
        value = raw.decode("utf-8", "replace")
        if header == b"impersonate-user":
            name = value
        elif header == b"impersonate-uid":
            uid = value
        elif header == b"impersonate-group":
            groups.append(value)
        elif header.startswith(EXTRA):
            extra.setdefault(unquote(header[len(EXTRA) :].decode()), []).append(value)
    if not name and (groups or extra or uid):
        raise BadRequest(
            f'requested &user.DefaultInfo{{Name:"", UID:"{uid}", Groups:{_go_strings(groups)}, '
            f"Extra:map[string][]string({'nil' if not extra else _go_map(extra)})}} without impersonating a user name"
        )
    return User(name, uid, tuple(groups), {key: tuple(values) for key, values in extra.items()})


def _go_strings(values: list[str]) -> str:
    return "[]string{" + ", ".join(f'"{value}"' for value in values) + "}" if values else "[]string(nil)"


def _go_map(extra: dict[str, list[str]]) -> str:
    return "{" + ", ".join(f'"{key}":{_go_strings(values)}' for key, values in extra.items()) + "}"


def wishes(user: User) -> Iterator[Wish]:
    """What authorization is to be asked, in order."""
    account = service_account(user.name)
    if account:
        yield Wish("serviceaccounts", account[1], namespace=account[0])
    else:
        yield Wish("users", user.name)
    for group in user.groups:
        yield Wish("groups", group)
    for key, values in user.extra.items():
        for value in values:
            yield Wish("userextras", value, "authentication.k8s.io", subresource=key)
    if user.uid:
        yield Wish("uids", user.uid, "authentication.k8s.io")


def service_account(name: str) -> tuple[str, str] | None:
    parts = name.split(":")
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"]:
        return parts[2], parts[3]
    return None


def completed(user: User) -> User:
    """With the groups that come by themselves."""
    groups = list(user.groups)
    account = service_account(user.name)
    if account and not groups:
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{account[0]}"]
    mark = "system:unauthenticated" if user.name == ANONYMOUS.name else AUTHENTICATED
    if mark not in groups and "system:unauthenticated" not in groups:
        groups.append(mark)
    return User(user.name, user.uid, tuple(groups), user.extra)
