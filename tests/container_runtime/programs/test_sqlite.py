"""sqlite3: are its answers those of the real command line (they were taken from it), and are its files kept?"""

from __future__ import annotations

import pytest

from tests.container_runtime.world import world

TABLE = "create table t(a int, b text); insert into t values(1,'x'),(2,null),(3,'a,b');"


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ("", "1|x\n2|\n3|a,b\n"),
        ("-header -separator :", "a:b\n1:x\n2:\n3:a,b\n"),
        ("-csv -header", 'a,b\n1,x\n2,\n3,"a,b"\n'),
        ("-column", "a  b  \n-  ---\n1  x  \n2     \n3  a,b\n"),
        ("-table", "+---+-----+\n| a |  b  |\n+---+-----+\n| 1 | x   |\n| 2 |     |\n| 3 | a,b |\n+---+-----+\n"),
        ("-json", '[{"a":1,"b":"x"},\n{"a":2,"b":null},\n{"a":3,"b":"a,b"}]\n'),
        ("-line -nullvalue -", "    a = 1\n    b = x\n\n    a = 2\n    b = -\n\n    a = 3\n    b = a,b\n"),
    ],
)
async def test_rows_are_shown_as_asked(options: str, shown: str) -> None:
    async with world() as w:
        assert (await w.run(["sqlite3", "/tmp/d.db", TABLE])).code == 0
        said = await w.run(["sqlite3", *options.split(), "/tmp/d.db", "select * from t"])
        assert (said.stdout.decode(), said.stderr, said.code) == (shown, b"", 0)


async def test_what_is_typed_is_answered_line_by_line() -> None:
    async with world() as w:
        typed = (
            f"{TABLE}\ncreate view v as\n select 1;\n.tables\n.schema v\nselect * frm t; select 1;\n.nope\n.exit 3\n"
        )
        said = await w.run(["sqlite3"], stdin=typed.encode())
        assert said.stdout.decode() == "t  v\nCREATE VIEW v as\n select 1;\n"
        assert said.stderr.decode().splitlines() == [
            'Parse error near line 6: near "frm": syntax error',
            "  select * frm t; select 1;",
            "           ^--- error here",
            'Error: unknown command or invalid arguments:  "nope". Enter ".help" for help',
        ]
        assert said.code == 3


async def test_a_dump_makes_the_same_database_again() -> None:
    async with world() as w:
        await w.run(["sqlite3", "/tmp/d.db", TABLE])
        dump = (await w.run(["sqlite3", "/tmp/d.db", ".dump"])).stdout
        assert (await w.run(["sqlite3", "/tmp/e.db"], stdin=dump.replace(b"PRAGMA foreign_keys=OFF;\n", b""))).code == 0
        assert (await w.run(["sqlite3", "/tmp/e.db", ".dump"])).stdout == dump


@pytest.mark.parametrize(
    ("words", "complaint", "code"),
    [
        (["/tmp/d.db", "selec"], 'Error: in prepare, near "selec": syntax error\n  selec\n  ^--- error here\n', 1),
        (["/none/d.db", "select 1"], 'Error: unable to open database "/none/d.db": unable to open database file\n', 1),
        (["/etc/passwd", "select 1"], "Error: in prepare, file is not a database (26)\n", 26),
        (["-x"], "sqlite3: Error: unknown option: -x\nUse -help for a list of options.\n", 1),
        (["", "attach '/etc/x' as y"], "Error: in prepare, not authorized\n", 1),
    ],
)
async def test_what_cannot_be_is_refused(words: list[str], complaint: str, code: int) -> None:
    async with world() as w:
        said = await w.run(["sqlite3", *words])
        assert (said.stderr.decode(), said.code) == (complaint, code)
