"""dc and tsort: do they answer as the real ones (from which the answers were taken)?"""

from __future__ import annotations

import pytest

from tests.container_runtime.world import world


@pytest.mark.parametrize(
    ("expression", "output", "complaint"),
    [
        ("2 3 + p", "5\n", ""),
        ("20k 2 v p", "1.41421356237309504880\n", ""),
        ("[la1+dsa*pla5>y]sy 0sa1 lyx", "1\n2\n6\n24\n120\n", ""),
        ("10 3 / p 2k 10 3 / p", "3\n3.33\n", ""),
        ("_3 4*p [hi]n", "-12\nhi", ""),
        ("7 3 ~ f", "1\n2\n", ""),
        ("5 0 / p", "0\n", "dc: divide by zero\n"),
        ("+", "", "dc: stack empty\n"),
    ],
)
async def test_dc(expression: str, output: str, complaint: str) -> None:
    async with world() as w:
        said = await w.run(["dc", "-e", expression])
        assert (said.stdout.decode(), said.stderr.decode()) == (output, complaint)


@pytest.mark.parametrize(
    ("pairs", "output", "complaint", "code"),
    [
        ("a b b c a c", "a\nb\nc\n", "", 0),
        ("shirt tie tie jacket trousers shoes trousers belt belt jacket socks shoes",
         "shirt\nsocks\ntrousers\ntie\nbelt\nshoes\njacket\n", "", 0),
        ("a b b a", "a\nb\n", "tsort: -: input contains a loop:\ntsort: a\ntsort: b\n", 1),
        ("a b c", "", "tsort: -: input contains an odd number of tokens\n", 1),
    ],
)  # fmt: skip
async def test_tsort(pairs: str, output: str, complaint: str, code: int) -> None:
    async with world(bash=True, files={"/etc/debian_version": "13"}) as w:
        said = await w.run(["tsort"], stdin=pairs.encode())
        assert (said.stdout.decode(), said.stderr.decode(), said.code) == (output, complaint, code)
