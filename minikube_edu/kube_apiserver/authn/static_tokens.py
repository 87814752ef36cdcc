"""Bearer tokens from a file (`--token-auth-file`): lines of `token,user,uid,"group1,group2"`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

from minikube_edu.kube_apiserver.authn.bearer import Recognized, for_anyone
from minikube_edu.kube_apiserver.context import User


class StaticTokens:
    def __init__(self, tokens: dict[str, User], api_audiences: Sequence[str] = ()) -> None:
        self.tokens = tokens
        self.api_audiences = api_audiences

    @classmethod
    def from_lines(cls, lines: Iterable[str], api_audiences: Sequence[str] = ()) -> StaticTokens:
        tokens: dict[str, User] = {}
        for number, row in enumerate(csv.reader(lines), 1):
            if not row:
                continue
            if len(row) < 3:
                raise ValueError(
                    "token file must have at least 3 columns (token, user name, user uid), "
                    f"found {len(row)} in line {number}"
                )
            groups = tuple(row[3].split(",")) if len(row) > 3 and row[3] else ()
            tokens[row[0]] = User(row[1], row[2], groups)
        return cls(tokens, api_audiences)

    def recognize(self, token: str, audiences: Sequence[str]) -> Recognized | None:
        user = self.tokens.get(token)
        meant = for_anyone(self.api_audiences, audiences)
        return Recognized(user, meant) if user is not None and (meant or not audiences) else None
