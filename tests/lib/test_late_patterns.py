"""Patterns of other people's modules."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from minikube_edu.lib import late_patterns


def test_is_a_pattern_compiled_when_it_is_used_and_not_before() -> None:
    with late_patterns.late():
        wrong: Any = re.compile("(")
        right: Any = re.compile("A(b)", re.IGNORECASE)
    assert right.fullmatch("ab")[1] == "b"
    assert right.sub(r"\1", "xAB") == "xB"
    assert right.pattern == "A(b)"
    with pytest.raises(re.error):
        wrong.match("x")


def test_do_other_threads_and_what_comes_afterwards_get_what_they_ask_for() -> None:
    found: list[Any] = []

    def elsewhere() -> None:
        found.append(re.compile("x+"))

    def as_well() -> None:
        with late_patterns.late():
            found.append(re.compile("y+"))

    second = threading.Thread(target=as_well)
    with late_patterns.late():
        first = threading.Thread(target=elsewhere)
        first.start()
        first.join()
        second.start()
    second.join()
    assert isinstance(found[0], re.Pattern)
    assert not isinstance(found[1], re.Pattern)
    assert found[1].match("yy")
    assert isinstance(re.compile("z+"), re.Pattern)
