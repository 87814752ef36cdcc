"""Does any input hang the shell, or get a Python exception out of it?

Scripts are made of random bytes, of random words of the grammar, and of whole constructs; each runs in a container with
a limit of time (a fault of the program fails the world at its end).
"""

from __future__ import annotations

import asyncio
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.shell.start import DEPTH
from tests.container_runtime.world import world

sys.setrecursionlimit(max(DEPTH, sys.getrecursionlimit()))  # hypothesis does not like it to change within a test
SHELLS = ["sh", "bash"]
FRAGMENTS = [
    "if",
    "then",
    "else",
    "elif",
    "fi",
    "for",
    "in",
    "do",
    "done",
    "while",
    "until",
    "case",
    "esac",
    ";;",
    ";&",
    "{",
    "}",
    "(",
    ")",
    "((",
    "))",
    "[[",
    "]]",
    "[",
    "]",
    "!",
    "&&",
    "||",
    "|",
    "&",
    ";",
    "\n",
    "<",
    ">",
    ">>",
    "<<E",
    "\nE\n",
    "<<<",
    "2>&1",
    ">&-",
    "<(",
    "$(",
    "`",
    "${x",
    "${x:-",
    "${x#",
    "${x//",
    "${!x",
    "${#x}",
    "${x[@]}",
    "$((",
    "$x",
    "$@",
    "$*",
    "$?",
    "$$",
    "'",
    '"',
    "\\",
    "$'",
    "x=",
    "x=1",
    "x=(1 2)",
    "x+=",
    "a",
    "b",
    "x",
    "1",
    "0",
    "*",
    "?",
    "[a-z]",
    "~",
    "{a,b}",
    "{1..3}",
    "#",
    "echo",
    "printf",
    "%s",
    "%d",
    "test",
    "-n",
    "-eq",
    "=",
    "==",
    "=~",
    "set",
    "-e",
    "-u",
    "-x",
    "eval",
    "trap",
    "EXIT",
    "ERR",
    "exit",
    "return",
    "break",
    "continue",
    "shift",
    "local",
    "export",
    "readonly",
    "declare",
    "-A",
    "-i",
    "-n",
    "read",
    "getopts",
    "unset",
    "f()",
    "f",
    "function",
    "exec",
    "wait",
    "kill",
    "$!",
    "jobs",
    "alias",
    "cd",
    "umask",
    ".",
    "/dev/null",
    "command",
    "type",
    "let",
    "++",
    "**",
    "%",
    "^",
    ",",
    ":",
    "mapfile",
    "é",
]
CONSTRUCTS = [
    "for i in {0}; do {1}; done",
    "if {0}; then {1}; else {2}; fi",
    "case {0} in {1}) {2};; *) {0};; esac",
    "f() {{ {0}; }}; f {1}",
    "({0}; {1}) | {2}",
    "{0} && {1} || {2}",
    "x=$({0}); {1}",
    'echo "${{x:-{0}}}" {1}',
    "cat <<E\n{0}\nE\n",
    "trap '{0}' EXIT; {1}",
    "! {0}",
    "{{ {0}; }} > /tmp/f; {1}",
    "eval '{0}'",
    "set -e; {0}",
    "echo $(( {0} + {1} ))",
    "[[ {0} == {1} ]]",
    "while {0}; do {1}; break; done",
    "{0} & wait; {1}",
    "x={0} {1}",
    "local x={0}",
    "y=({0} {1}); echo ${{y[{2}]}}",
    "printf '{0}' {1}",
    "echo ${{x/{0}/{1}}}",
]
WORDS = st.sampled_from(["a", "$x", '"$x"', "1", "true", "false", ":", "echo hi", "x=2", "$(echo y)", "*", "exit 3"])


def construct() -> st.SearchStrategy[str]:
    def grow(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(
            lambda form, parts: form.format(*parts), st.sampled_from(CONSTRUCTS), st.tuples(inner, inner, inner)
        )

    return st.recursive(WORDS, grow, max_leaves=12)


def lives_through(shell: str, script: str | bytes) -> None:
    """It ends by itself; or it waits or loops, which a kill ends at once."""

    async def attempt() -> None:
        async with world(bash=shell == "bash") as container:
            text = script.decode("utf-8", "surrogateescape") if isinstance(script, bytes) else script
            process = container.spawn([shell, "-c", text], stdin=b"one two\nthree\n", stdout=bytearray())
            ended = asyncio.ensure_future(container.machine.ended_of(process))
            await asyncio.wait([ended], timeout=2)
            if not ended.done():
                process.deliver(9, forced=True)
                await asyncio.wait_for(ended, 1)

    asyncio.run(attempt())


usual = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("shell", SHELLS)
@usual
@given(script=st.binary(max_size=60))
def test_random_bytes(shell: str, script: bytes) -> None:
    lives_through(shell, script.replace(b"\0", b""))


@pytest.mark.parametrize("shell", SHELLS)
@usual
@given(pieces=st.lists(st.sampled_from(FRAGMENTS), max_size=25), gap=st.sampled_from(["", " "]))
def test_random_words_of_the_grammar(shell: str, pieces: list[str], gap: str) -> None:
    lives_through(shell, gap.join(pieces))


@pytest.mark.parametrize("shell", SHELLS)
@usual
@given(script=construct())
def test_random_constructs(shell: str, script: str) -> None:
    lives_through(shell, script)


BOMBS = {
    "functions without end": "f() { f; }; f; echo survived",
    "eval without end": 'x="eval \\$x"; eval $x; echo survived',
    "a file that sources itself": "echo '. /tmp/s' > /tmp/s; . /tmp/s; echo survived",
    "parentheses": "(" * 5000,
    "braces": "{ " * 5000,
    "substitutions": "echo " + "$(" * 3000,
    "backquotes": "echo " + "`" * 999,
    "arithmetic parentheses": "echo $((" + "(" * 3000 + "1" + ")" * 3000 + "))",
    "arithmetic signs": "echo $((" + "-" * 1 + "!" * 5000 + "1))",
    "default in default": "echo " + "${x:-" * 2000 + "}" * 2000,
    "ifs": "if " * 3000,
    "a value that doubles": "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done",
    "arithmetic that calls itself": "x=y y=x; echo $((x))",
    "a wide printf": "printf '%999999999d' 1 | read x",
    "many words": 'set -- a; while [ $# -lt 100000 ]; do set -- "$@" "$@"; done; echo $#',
    "an alias of itself": "alias a='a a'\na",
    "aliases in a ring": "alias a=b b=a\na",
    "traps in traps": "trap 'kill -USR1 $$' USR1; kill -USR1 $$ & sleep 0.1; exit",
}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_end_in_an_error_of_the_script(shell: str, bomb: str) -> None:
    lives_through(shell, BOMBS[bomb])


@pytest.mark.parametrize(
    "script",
    [
        "[[ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac == +(a|aa)b ]]",
        "x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac; case $x in *a*a*a*a*a*a*a*a*a*a*b) ;; esac",
        "x=$(printf '%5000s' | tr ' ' a); echo ${#x} ${x//a*a*a*b/c} >/dev/null",
        "echo {1..99999999}",
        "echo {{{{a,b},c},d},e}{{{{a,b},c},d},e}{{{{a,b},c},d},e}{{{{a,b},c},d},e}{{a,b},c}{a,b,c,d,e,f,g}{a,b,c,d,e}",
    ],
)
def test_patterns_take_no_exponential_time(script: str) -> None:
    async def attempt() -> None:
        async with world(bash=True) as container:
            async with asyncio.timeout(30):  # exponential time would be years
                await container.run(["bash", "-c", script])

    asyncio.run(attempt())
