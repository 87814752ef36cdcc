"""`-w table`: members and endpoints in a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minikube_edu.etcd.etcdctl.forms.form import EndpointHash, EndpointStatus, Form, Header, Health, Member
from minikube_edu.etcd.etcdctl.forms.rows import (
    HASH,
    HEALTH,
    MEMBER,
    STATUS,
    hash_rows,
    health_rows,
    member_rows,
    status_rows,
)


class Table(Form):
    name = "table"

    def members(self, members: Sequence[Member], header: Header) -> None:
        self._frame(MEMBER, member_rows(members))

    def health(self, found: Sequence[Health]) -> None:
        self._frame(HEALTH, health_rows(found))

    def status(self, found: Sequence[EndpointStatus]) -> None:
        self._frame(STATUS, status_rows(found))

    def hashes(self, found: Sequence[EndpointHash]) -> None:
        self._frame(HASH, hash_rows(found))

    def _frame(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Titles in capitals and centred, cells to the right."""
        widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
        rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
        self.line(rule)
        self.line(
            _row(_centred(title.upper().replace("_", " "), width) for title, width in zip(titles, widths, strict=True))
        )
        self.line(rule)
        for row in rows:
            self.line(_row(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))
        self.line(rule)


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _centred(text: str, width: int) -> str:
    left = (width - len(text)) // 2
    return " " * left + text.ljust(width - left)
