"""Acting as somebody else: `Impersonate-User`, `-Group`, `-Uid`, `-Extra-…`.

Who may is for authorization to say, for each user, group, uid and extra value. Since v1.36 there are modes: a verb of
its own for nodes, service accounts and other users (`impersonate:user-info`), which must be held together with another
one for what is done under the other's name (`impersonate-on:user-info:list` on pods). The old verb, `impersonate`,
which allows everything, is asked last. What comes out is the user that the rest of the pipeline sees.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from msgspec.structs import replace

from minikube_edu.api.errors import ApiError, BadRequest, Forbidden
from minikube_edu.api.names import dns1123_subdomain
from minikube_edu.kube_apiserver.authn.chain import AUTHENTICATED
from minikube_edu.kube_apiserver.authz.chain import MASTERS, Attributes
from minikube_edu.kube_apiserver.context import ANONYMOUS, User
from minikube_edu.lib.web.messages import Request

PREFIX = b"impersonate-"
EXTRA = b"impersonate-extra-"
AUTHENTICATION = "authentication.k8s.io"
NODE = "system:node:"


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


def service_account(name: str) -> tuple[str, str] | None:
    parts = name.split(":")
    if len(parts) == 4 and parts[:2] == ["system", "serviceaccount"]:
        return parts[2], parts[3]
    return None


# ---------------------------------------------------------------- may they?


Authorize = Callable[[Attributes], None]  # raises Forbidden


def impersonated(authorize: Authorize, asked: Attributes, wanted: User) -> User:
    """The user to go on with: by the first mode that lets `asked.user` do what was asked as `wanted`. When none does,
    the first mode's refusal is the answer."""
    first: ApiError | None = None
    for mode, applies in MODES:
        if not applies(wanted, asked.user):
            continue
        try:
            authorize(replace(asked, verb=f"impersonate-on:{mode}:{asked.verb}"))
            return _as_wanted(authorize, asked.user, wanted, mode)
        except Forbidden as refusal:
            first = first or refusal
    try:
        return _as_wanted(authorize, asked.user, wanted, "")
    except Forbidden as refusal:
        raise first or refusal from None


def _node(name: str) -> str:
    return name.removeprefix(NODE) if name.startswith(NODE) else ""


def _name_only(wanted: User) -> bool:
    return not (wanted.uid or wanted.groups or wanted.extra)


def _own_node(wanted: User, user: User) -> bool:
    """A service account of a pod may be let to act as the node that the pod is on."""
    own = user.extra.get("authentication.kubernetes.io/node-name", ())
    return bool(service_account(user.name)) and _name_only(wanted) and own == (_node(wanted.name),)


# mode -> whether it can be asked at all
MODES: tuple[tuple[str, Callable[[User, User], bool]], ...] = (
    ("associated-node", _own_node),
    ("arbitrary-node", lambda wanted, _: _name_only(wanted) and bool(_node(wanted.name))),
    ("serviceaccount", lambda wanted, _: _name_only(wanted) and service_account(wanted.name) is not None),
    ("user-info", lambda wanted, _: not _node(wanted.name) and service_account(wanted.name) is None),
)


def _as_wanted(authorize: Authorize, user: User, wanted: User, mode: str) -> User:
    """Each part of the wanted user must be allowed; "" is the old mode, with one verb for everything."""
    verb = f"impersonate:{mode}" if mode else "impersonate"
    group = AUTHENTICATION if mode else ""

    def ask(resource: str, name: str, group: str, namespace: str = "", subresource: str = "") -> None:
        authorize(Attributes(user, verb, group, "v1", resource, subresource, namespace, name))

    groups = wanted.groups
    account = service_account(wanted.name)
    if account:
        ask("serviceaccounts", account[1], group, account[0])
        groups = groups or ("system:serviceaccounts", f"system:serviceaccounts:{account[0]}")
    elif mode and _node(wanted.name):
        ask("nodes", "*" if mode == "associated-node" else _node(wanted.name), group)
        groups = ("system:nodes",)
    else:
        ask("users", wanted.name, group)
    if wanted.uid:
        ask("uids", wanted.uid, AUTHENTICATION)
    if mode:
        _judge_parts(wanted)
    for one in wanted.groups:
        ask("groups", one, group)
    for key, values in wanted.extra.items():
        for value in values:
            ask("userextras", value, AUTHENTICATION, subresource=key)
    return completed(replace(wanted, groups=groups))


def _judge_parts(wanted: User) -> None:
    """What the newer modes never allow."""
    if "" in wanted.groups:
        raise Forbidden(AUTHENTICATION, "groups", "", "impersonating the empty string group is not allowed")
    if MASTERS in wanted.groups:
        raise Forbidden(AUTHENTICATION, "groups", MASTERS, f"impersonating the {MASTERS} group is not allowed")
    for key, values in wanted.extra.items():
        domain, slash, path = key.partition("/")
        if not slash or not path or dns1123_subdomain(domain):
            why = f"impersonating an invalid key in extra is not allowed: {key}"
            raise Forbidden(AUTHENTICATION, "userextras", "", why)
        if key != key.lower():
            why = f'impersonating a non-lowercase key in extra is not allowed: "{key}"'
            raise Forbidden(AUTHENTICATION, "userextras", "", why)
        if "" in values:
            why = "impersonating the empty string value in extra is not allowed"
            raise Forbidden(AUTHENTICATION, "userextras", "", why)


def completed(user: User) -> User:
    """With the group that comes by itself."""
    mark = "system:unauthenticated" if user.name == ANONYMOUS.name else AUTHENTICATED
    if mark in user.groups or "system:unauthenticated" in user.groups:
        return user
    return replace(user, groups=(*user.groups, mark))
