"""Bearer tokens from a file (`--token-auth-file`): lines of `token,user,uid,"group1,group2"`."""

from __future__ import annotations

import csv
from collections.abc import Iterable

from minikube_edu.kube_apiserver.context import User
from minikube_edu.lib.web.messages import Request


def bearer(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`."""
    value = request.header(b"authorization")
    if value is None:
        return None
    scheme, _, token = value.partition(b" ")
    return token.strip().decode("latin-1") or None if scheme.lower() == b"bearer" else None


class StaticTokens:
    def __init__(self, tokens: dict[str, User]) -> None:
        self.tokens = tokens

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> StaticTokens:
        tokens: dict[str, User] = {}
        for number, row in enumerate(csv.reader(lines), 1):
            if not row:
                continue
            if len(row) < 3:
                raise ValueError(
                    f"token file must have at least 3 columns (token, user name, user uid), found {len(row)} in line {number}"
                )
            groups = tuple(row[3].split(",")) if len(row) > 3 and row[3] else ()
            tokens[row[0]] = User(row[1], row[2], groups)
        return cls(tokens)

    def authenticate(self, request: Request) -> User | None:
        token = bearer(request)
        return self.tokens.get(token) if token else None
