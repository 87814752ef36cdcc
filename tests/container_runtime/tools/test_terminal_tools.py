"""Can a student edit a file with vi, page through a text, and get out of top?"""

from __future__ import annotations

from tests.container_runtime.world import world


async def test_vi_changes_a_file_and_writes_it() -> None:
    async with world(files={"/tmp/f": b"one\ntwo\nthree\n"}) as w:
        session = w.start(["vi", "/tmp/f"])
        await session.expect("three")
        session.type("jdd")  # the second line goes
        session.type("Ofresh\x1b")  # a new one comes above the third
        session.type(":wq\r")
        assert await session.finished() == 0
        assert w.read("/tmp/f") == b"one\nfresh\nthree\n"


async def test_vi_refuses_to_lose_changes_unless_told_to() -> None:
    async with world(files={"/tmp/f": b"keep\n"}) as w:
        session = w.start(["vi", "/tmp/f"])
        await session.expect("keep")
        session.type("x:q\r")
        await session.expect("No write since last change")
        session.type(":q!\r")
        assert await session.finished() == 0
        assert w.read("/tmp/f") == b"keep\n"


async def test_vi_makes_a_new_file_and_substitutes() -> None:
    async with world() as w:
        session = w.start(["vi", "/tmp/new"])
        session.type("iimage: nginx\rport: 80\x1b:%s/80/8080/g\r:x\r")
        assert await session.finished() == 0
        assert w.read("/tmp/new") == b"image: nginx\nport: 8080\n"


async def test_less_pages_and_quits() -> None:
    async with world(files={"/tmp/long": b"".join(b"line %d\n" % n for n in range(100))}) as w:
        session = w.start(["less", "/tmp/long"], rows=10)
        await session.expect("line 8")
        session.type("G")
        await session.expect("(END)")
        session.type("q")
        assert await session.finished() == 0


async def test_top_ends_with_q() -> None:
    async with world() as w:
        session = w.start(["top", "-d", "0.1"])
        await session.expect("%CPU")
        session.type("q")
        assert await session.finished() == 0


async def test_ls_makes_columns_on_a_terminal_only() -> None:
    async with world(files={"/d/a": b"", "/d/b": b"", "/d/c": b""}) as w:
        assert (await w.run(["ls", "/d"])).stdout == b"a\nb\nc\n"
        session = w.start(["ls", "/d"])
        await session.expect("a  b  c")
        await session.finished()
