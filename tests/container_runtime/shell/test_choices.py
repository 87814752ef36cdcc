"""Patterns with choices (extglob): do they match what bash matches? The answers were taken from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.shell import patterns
from minikube_edu.container_runtime.simulated.shell.choices import Choices
from tests.container_runtime.world import world

LETTERS = st.text("abc", max_size=8)


@pytest.mark.parametrize(
    ("text", "pattern", "matches"),
    [
        ("aab", "*(a)ab", True),  # what was taken is given back
        ("aaab", "+(a|aa)b", True),
        ("ab", "+(a|ab)", True),
        ("", "*(a)", True),
        ("", "+(a)", False),
        ("foo.txt", "!(*.txt)", False),
        ("foo.c", "!(*.txt)", True),
        ("a.c", "@(a|b).[ch]", True),
        ("xay", "x?(a)?(b)y", True),
        ("a(b", "a@(\\()b", True),
        ("abab", "*(a!(b)b)", True),
    ],
)
def test_a_whole_text(text: str, pattern: str, matches: bool) -> None:
    assert (patterns.compiled(pattern, True).match(text) is not None) == matches


@pytest.mark.parametrize(
    ("expansion", "value"),
    [
        ("${x#+(a)}", "aabaa"), ("${x##+(a)}", "baa"), ("${x%+(a)}", "aaaba"), ("${x%%+(a)}", "aaab"),
        ("${x/+(a)/_}", "_baa"), ("${x//+(a)/_}", "_b_"), ("${x//*(b)/_}", "_a_a_a__a_a"), ("${x//@(b)/}", "aaaaa"),
        ("${x/#+(a|b)/_}", "_"), ("${x/%@(ba|baa)/_}", "aaa_"),
    ],
)  # fmt: skip
async def test_parts_of_a_text(expansion: str, value: str) -> None:
    async with world(bash=True) as w:
        said = await w.run(["bash", "-O", "extglob", "-c", f"x=aaabaa; echo {expansion}"])
        assert said.stdout.decode() == value + "\n"


@given(LETTERS, st.lists(st.text("abc", min_size=1, max_size=2), min_size=1, max_size=3), st.sampled_from("?*+@"))
def test_choices_of_words_are_those_of_a_regular_expression(text: str, words: list[str], kind: str) -> None:
    inside = "|".join(words)
    expression = re.compile(f"(?:{inside}){kind if kind != '@' else ''}c?")
    assert (Choices(f"{kind}({inside})?(c)").match(text) is None) == (expression.fullmatch(text) is None)


@given(LETTERS, st.text("abc", max_size=3))
def test_not_a_word_is_everything_else(text: str, word: str) -> None:
    assert (Choices(f"!({word})").match(text) is None) == (text == word)
