"""Do POSIX patterns mean here what they mean in regcomp(3), and does every search end?"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from minikube_edu.container_runtime.simulated.tools import regular_expressions
from minikube_edu.container_runtime.simulated.tools.regular_expressions import Automaton, BadPattern


def found(pattern: str, text: str, extended: bool = True) -> str | None:
    match = regular_expressions.compile(pattern, extended).search(text)
    return match.group() if match else None


@pytest.mark.parametrize(
    ("pattern", "extended", "text", "match"),
    [
        ("a+", False, "aa a+", "a+"),  # a plus is a plus in the basic syntax
        ("a\\+", False, "caat", "aa"),
        ("a{2}", True, "caaat", "aa"),
        ("a\\{2\\}", False, "caaat", "aa"),
        ("*a", False, "x*a", "*a"),
        ("[]a]+", True, "x]a", "]a"),
        ("[^]]", True, "]b", "b"),
        ("[[:digit:]-]+", True, "a1-2b", "1-2"),
        ("a|ab|abc", True, "abcd", "abc"),  # the longest wins
        ("\\(a\\)\\1", False, "aab", "aa"),
        ("\\bfox\\b", True, "the fox.", "fox"),
        ("^a$", True, "a\n", None),  # the end is the end, not before a newline
        ("x{,2}", True, "xxx", "xx"),
        ("a{x", True, "a{x", "a{x"),
        ("(a*)*b", True, "aaab", "aaab"),
    ],
)
def test_what_does_a_pattern_match(pattern: str, extended: bool, text: str, match: str | None) -> None:
    assert found(pattern, text, extended) == match


@pytest.mark.parametrize("pattern", ["(", "[", "a{2,1}", "\\", "[[:nope:]]", "[z-a]", "x{99999}"])
def test_a_bad_pattern_is_refused_with_words(pattern: str) -> None:
    with pytest.raises(BadPattern):
        regular_expressions.compile(pattern, True)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|aa)*b", "(a*)*(a*)*c", "((a+)+)+b", "a*a*a*a*a*a*a*c"])
def test_a_pattern_that_would_backtrack_for_ever_ends(pattern: str) -> None:
    began = time.perf_counter()
    found(pattern, "a" * 400 + "!")
    assert time.perf_counter() - began < 2


@given(
    some.text("ab", max_size=12),
    some.sampled_from(["((a|bb)*)abb", "(ab*)+", "(a+b?)*", "((a+|b)(a|b))*", "(b*a){2,3}"]),
)
def test_the_automaton_finds_what_python_finds(text: str, pattern: str) -> None:
    ours = regular_expressions.compile(pattern, True)
    assert isinstance(ours, Automaton)
    theirs = re.search(pattern, text)
    match = ours.search(text)
    assert (match is None) == (theirs is None)
    if match and theirs:
        assert match.start() == theirs.start()
        assert match.end() >= theirs.end()  # leftmost, and at least as long


@given(some.text("ab\\()[]{}*+?|^$.-1,:", max_size=12), some.booleans(), some.text("ab1-", max_size=8))
def test_no_pattern_crashes_the_translator(pattern: str, extended: bool, text: str) -> None:
    try:
        regular_expressions.compile(pattern, extended).search(text)
    except BadPattern:
        pass
