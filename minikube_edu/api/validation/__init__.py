"""What makes an object wrong: one module a group, in the real one's order and words.

Each module has a table `VALIDATORS: dict[kind, Validator]`; objects come in their stored version, after defaulting and
after admission has had its turn. Metadata common to all kinds is judged by `meta`, which calls the kind's name rule.
Functions append to `Errors`, in the order of the real validation.

`warnings` tells what is allowed but unwise; clients print it. Texts are those of the real server.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from msgspec import Struct

from minikube_edu.api import names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.groups import table_of

Object = dict[str, Any]


def _create(_: Object, __: Errors) -> None:
    """Nothing beyond the metadata."""


def _update(_: Object, __: Object, ___: Errors) -> None:
    """Nothing beyond the metadata."""


def _no_warnings(_: Object, __: Object | None) -> list[str]:
    return []


class Validator(Struct, frozen=True):
    """The judgement of one kind."""

    # what is wrong with metadata.name, a rule of `names`; for generateName it is called through `names.for_generate`
    name: Callable[[str], list[str]] = names.dns1123_subdomain
    create: Callable[[Object, Errors], None] = _create
    # (new, old, errors); most real kinds call their create rules first: so must these
    update: Callable[[Object, Object, Errors], None] = _update
    # by subresource ("status", …), where its rules differ from update's
    subresources: tuple[tuple[str, Callable[[Object, Object, Errors], None]], ...] = ()
    warnings: Callable[[Object, Object | None], list[str]] = _no_warnings


DEFAULT = Validator()


@cache
def validator(group: str, kind: str) -> Validator:
    table: dict[str, Validator] = table_of(__name__, group, "VALIDATORS")
    return table.get(kind, DEFAULT)
