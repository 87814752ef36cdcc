"""jq: does a filter give what the real one gives (the answers were taken from it), and does it come to an end?"""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.container_runtime.world import World, world

ANSWERS = [
    # filter, input, output in compact form
    ("[limit(5; recurse(. + 1))]", "1", "[1,2,3,4,5]"),
    ("[.. | numbers], flatten, flatten(1)", "[1,[2,[3]]]", "[1,2,3]\n[1,2,3]\n[1,2,[3]]"),
    ("[paths], [leaf_paths]", '{"a":{"b":[1]}}', '[["a"],["a","b"],["a","b",0]]\n[["a","b",0]]'),
    ("to_entries, with_entries(.value += 1), map_values(empty), del(.a)", '{"a":1,"b":2}',
     '[{"key":"a","value":1},{"key":"b","value":2}]\n{"a":2,"b":3}\n{}\n{"b":2}'),
    ("(.a[] | select(.b > 1) | .b) = 9, (.a[].b |= . + 1), (.a[0].c.d = 1)", '{"a":[{"b":1},{"b":2}]}',
     '{"a":[{"b":1},{"b":9}]}\n{"a":[{"b":2},{"b":3}]}\n{"a":[{"b":1,"c":{"d":1}},{"b":2}]}'),
    ('[match("o"; "g").offset], [scan("o+")], sub("foo"; "x"), gsub("(?<l>[a-z])"; "\\(.l)-"), split(" +"; null)',
     '"foo bar"', '[1,2]\n["oo"]\n"x bar"\n"f-o-o- b-a-r-"\n["foo","bar"]'),
    ("test(\"FOO\"; \"i\"), capture(\"(?<a>[a-z]+) (?<n>[a-z]+)\")", '"foo bar"', 'true\n{"a":"foo","n":"bar"}'),
    ("(1|[while(. < 100; . * 2)]), (1|until(. > 100; . * 2)), [nth(2; range(10))], isempty(empty)", "null",
     "[1,2,4,8,16,32,64]\n128\n[2]\ntrue"),
    ("reduce range(5) as $i (0; . + $i), [foreach range(3) as $i (0; . + $i; [$i, .])]", "null",
     "10\n[[0,0],[1,1],[2,3]]"),
    ("[label $f | range(10) | if . > 3 then break $f else . end]", "null", "[0,1,2,3]"),
    ('try error("x") catch ., [.[]?], [(1,2) | try (if . == 1 then error("e") else . end) catch "c"]', "null",
     '"x"\n[]\n["c",2]'),
    (". as [$a, {b: $c}] | [$a, $c]", '[1,{"b":2}]', "[1,2]"),
    ("[.[] as {a:$a} ?// {a:[$a]} | $a]", '[{"a":1},{"a":[2]}]', "[1,[2]]"),
    ("def g($a; b): $a + b; [g(1,2; 10,20)], (def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; 5 | fac)", "null",
     "[11,21,12,22]\n120"),
    ("@base64, (@base64 | @base64d), @uri, @sh", '"a b"', '"YSBi"\n"a b"\n"a%20b"\n"\'a b\'"'),
    ("@csv, @tsv", '["x\\"y",1,null]', '"\\"x\\"\\"y\\",1,"\n"x\\"y\\t1\\t"'),
    ("todate, (todate | fromdate), (gmtime | mktime), strftime(\"%A %j\")", "1700000000",
     '"2023-11-14T22:13:20Z"\n1700000000\n1700000000\n"Tuesday 318"'),
    ("fromstream(tostream)", '{"a":[1,{"b":3}]}', '{"a":[1,{"b":3}]}'),
    ("walk(if type == \"number\" then . + 1 else . end), pick(.b[1])", '{"a":1,"b":[1,2]}',
     '{"a":2,"b":[2,3]}\n{"b":[null,2]}'),
    ("first(.[] | select(. > 4)), path(first(.[] | select(. > 4))), (if .[0] == 5 then .[1] else .[2] end) = 0",
     "[5,3,8]", "5\n[0]\n[5,0,8]"),
    ("del(.[1,2]), del(.[1:]), (.[1:3] = [\"x\"]), (.[1:] |= map(. * 10)), ((.[] | select(. > 1)) |= empty)", "[1,2,3]",
     '[1]\n[1]\n[1,"x"]\n[1,20,30]\n[1]'),
    ("sort, group_by(. == 1), unique, min, (map(tostring) | join(\"-\"))", "[3,1,2,1]",
     '[1,1,2,3]\n[[3,2],[1,1]]\n[1,2,3]\n1\n"3-1-2-1"'),
    ("[.[] | IN(1,3)], any(.[]; . == 2), ([1,2] | combinations(2))", "[1,2]",
     "[true,false]\ntrue\n[1,1]\n[1,2]\n[2,1]\n[2,2]"),
    ("{a: (1,2), \"b\\(1)\": .x, (\"c\"): 3}", '{"x":0}', '{"a":1,"b1":0,"c":3}\n{"a":2,"b1":0,"c":3}'),
    ("[., 1] | tojson | fromjson", '"x"', '["x",1]'),
    ("[(1,null,2) // 3], (empty // 2), [(error(\"x\") // 1)]", "null", "[1,2]\n2\n[1]"),
]  # fmt: skip


@pytest.mark.parametrize(("filter", "text", "wanted"), ANSWERS)
async def test_does_a_filter_give_what_the_real_jq_gives(filter: str, text: str, wanted: str) -> None:
    async with world(bash=True) as w:
        result = await w.run(["jq", "-c", filter], stdin=text.encode())
    assert (result.stdout.decode().rstrip("\n"), result.stderr) == (wanted, b"")


ENDLESS = {
    "a value inside itself": "1 | [recurse(.)]",
    "a call of itself": "def f: f; f",
    "a call that has more to do": "def f: 1 + f; f",
    "a parameter of a parameter": "def f(x): x | f(x | x); 1 | f(.)",
    "a loop": "until(false; .)",
    "a long count": "reduce range(1e12) as $x (0; . + $x)",
    "more than there is room for": "[range(1e12)]",
    "a text that doubles": 'reduce range(100) as $i ("x"; . + .)',
    "a value that is shared again and again": "reduce range(100) as $i (1; [., .])",
    "a pattern": '"a" * 50000 | test("(a*)*b")',
    "many keys": "[range(1e9) | {(tostring): .}] | add",
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_does_a_filter_without_an_end_give_way(name: str) -> None:
    """Others have thousands of turns beside it, and a kill ends it."""
    async with world(bash=True) as w:
        process = w.spawn(["jq", "-n", ENDLESS[name]])
        turns, end = 0, time.perf_counter() + 0.3
        while process.status is None and time.perf_counter() < end:
            await asyncio.sleep(0)
            turns += 1
        process.deliver(9)
        async with asyncio.timeout(10):
            await w.machine.ended_of(process)
    assert turns > 10 or process.status is not None


NAN = [
    ("[nan] == [nan], {a:nan} == {a:nan}, nan == nan, nan != nan", "false\nfalse\nfalse\ntrue"),
    ("nan < nan, nan > nan, [nan] < [nan], nan < 1, 1 > nan, nan < -infinite", "true\nfalse\ntrue\ntrue\ntrue\ntrue"),
    ("[nan, 1, null] | sort, unique, min", "[null,null,1]\n[null,null,1]\nnull"),
    ("[nan] | index(nan), . - [nan]", "null\n[null]"),
    ("1e1000, -1e1000", "1.7976931348623157e+308\n-1.7976931348623157e+308"),
]


@pytest.mark.parametrize(("filter", "output"), NAN)
async def test_what_is_no_number_is_less_than_all_and_equal_to_nothing(filter: str, output: str) -> None:
    async with world() as w:
        assert (await w.run(["jq", "-nc", filter])).stdout.decode() == output + "\n"


async def said(w: World, filter: str, text: str = "null", *options: str) -> tuple[str, int]:
    result = await w.run(["jq", "-c", *options, filter], stdin=text.encode())
    return result.stderr.decode(), result.code


async def test_are_errors_said_in_the_words_of_the_real_jq() -> None:
    async with world(bash=True) as w:
        words, code = await said(w, "{a:1} | .a.b")
        assert (words, code) == ('jq: error (at <stdin>:0): Cannot index number with string "b"\n', 5)
        words, code = await said(w, "foo")
        assert (words, code) == (
            "jq: error: foo/0 is not defined at <top-level>, line 1:\nfoo\njq: 1 compile error\n",
            3,
        )
        words, code = await said(w, ".", '{"a":')
        assert words.startswith("jq: parse error: Unfinished JSON term at EOF at line 1, column 5")
        assert code
        words, _ = await said(w, ".[]", "5")
        assert "Cannot iterate over number (5)" in words


async def test_options_of_the_command() -> None:
    async with world(bash=True, files={"/f.json": '{"b":[1],"a":"x"}', "/bad": "{"}) as w:
        out = await w.run(["jq", "-S", "--tab", ".", "/f.json"])
        assert out.stdout == b'{\n\t"a": "x",\n\t"b": [\n\t\t1\n\t]\n}\n'
        arguments = ["--arg", "a", "1", "--argjson", "b", "[2]", "--args", "p", "q"]
        out = await w.run(["jq", "-nc", "[$ARGS.named.a, $ARGS.positional, $b]", *arguments])
        assert out.stdout == b'["1",["p","q"],[2]]\n'
        out = await w.run(["jq", "-nc", "[inputs]"], stdin=b"1 2 [3]")
        assert out.stdout == b"[1,2,[3]]\n"
        out = await w.run(["jq", "-R", "-c", 'split(",")'], stdin=b"a,b\nc\n")
        assert out.stdout == b'["a","b"]\n["c"]\n'
        out = await w.run(["jq", "-c", "--stream", "."], stdin=b'{"a":[1]}')
        assert out.stdout == b'[["a",0],1]\n[["a",0]]\n[["a"]]\n'
        out = await w.run(["jq", "-C", "-c", "."], stdin=b'{"a":[1,null]}')
        assert b"\x1b[" in out.stdout
        assert (await w.run(["jq", "-e", ".a"], stdin=b"{}")).code == 1
        assert (await w.run(["jq", ".", "/none", "/f.json"])).code == 2


async def test_is_a_big_document_read_and_written_in_pieces() -> None:
    text = "[" + ",".join(f'{{"n":{n},"t":"é\\n{n}","f":{n}.5}}' for n in range(8000)) + "]"
    async with world(bash=True) as w:
        out = await w.run(["jq", "-c", "."], stdin=text.encode())
        assert out.stdout.decode().replace("é\\n", "é\\n") == text + "\n"
        broken = await w.run(["jq", "-c", "."], stdin=text[:-1].encode())
        assert b"Unfinished JSON term" in broken.stderr
