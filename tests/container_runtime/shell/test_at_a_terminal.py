"""Does a shell at a terminal feel like one: prompt, editing, history, completion, ^C and ^D?"""

from __future__ import annotations

import asyncio

from tests.container_runtime.world import world

DEBIAN = {"/etc/debian_version": b"12\n"}


async def test_ash_shows_its_prompt_and_ends_at_control_d() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("/ # ")
        session.type("echo a-$((1+1))\r")
        await session.expect("a-2\r\n")
        await session.expect("/ # ")
        session.type("cd /tmp\r")
        await session.expect("/tmp # ")
        session.type("\x04")
        assert await session.finished() == 0


async def test_bash_shows_user_host_and_place() -> None:
    async with world(files=DEBIAN, bash=True, hostname="web-0") as container:
        session = container.start(["bash"])
        await session.expect("root@web-0:/# ")
        session.type("cd; exit 3\r")
        await session.expect("exit\r\n")
        assert await session.finished() == 3


async def test_the_cursor_moves_and_letters_are_taken_back() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("cho hallx\x7fo\x01e\x05 world\r")
        await session.expect("\r\nhallo world\r\n")
        session.type("wrong words\x15echo right\x1b[D\x1b[D\x1b[D\x0bxyz\r")
        await session.expect("\r\nrixyz\r\n")


async def test_lines_come_back_from_the_history() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("echo one\r")
        await session.expect("\r\none\r\n")
        session.type("echo two\r")
        await session.expect("\r\ntwo\r\n")
        session.type("\x1b[A\x1b[A\r")
        await session.expect("\r\none\r\n")
        session.type("\x12two\r")
        await session.expect("\r\ntwo\r\n")


async def test_tab_completes_commands_and_files() -> None:
    async with world(files={"/data/long-name.txt": b"content\n"}) as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("read x < /da\tlo\t; ech\t$x\r")
        await session.expect("\r\ncontent\r\n")


async def test_an_open_quote_asks_for_more() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("for i in 1 2; do\r")
        await session.expect("\r\n> ")
        session.type("echo n$i; done\r")
        await session.expect("\r\nn1\r\nn2\r\n")
        session.type("echo 'a\r")
        await session.expect("> ")
        session.type("b'\r")
        await session.expect("\r\na\r\nb\r\n")


async def test_control_c_gives_a_new_prompt() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("half a line\x03")
        await session.expect("^C\r\n")
        await session.expect("# ")
        session.type("echo $?\r")
        await session.expect("\r\n130\r\n")


async def test_control_c_ends_a_busy_loop() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("echo go; while :; do :; done\r")
        await session.expect("\r\ngo\r\n")
        session.type("\x03")
        await session.expect("# ")
        session.type("echo $?\r")
        await session.expect("\r\n130\r\n")


async def test_errors_leave_the_shell_alive() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("nosuch\r")
        await session.expect("sh: nosuch: not found\r\n")
        session.type("echo ${x?gone}\r")
        await session.expect("sh: x: gone\r\n")
        session.type("fi\r")
        await session.expect('sh: syntax error: unexpected "fi"\r\n')
        session.type("echo alive\r")
        await session.expect("\r\nalive\r\n")


async def test_a_job_that_ends_is_told_before_the_prompt() -> None:
    async with world(files=DEBIAN, bash=True) as container:
        session = container.start(["bash"])
        await session.expect("# ")
        session.type("(exit 3) &\r")
        await session.expect("[1] ")
        session.type("wait; :\r")
        session.type("jobs; echo end\r")
        await session.expect("end\r\n")


async def test_the_shell_ends_when_the_terminal_is_gone() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.hang_up()
        assert await session.finished() in (0, 129)


async def test_control_z_stops_a_command_and_fg_continues_it() -> None:
    async with world(files=DEBIAN, bash=True) as container:
        session = container.start(["bash"])
        await session.expect("# ")
        session.type("sleep 0.3\r")
        await session.expect("sleep 0.3\r\n")
        await asyncio.sleep(0.05)
        session.type("\x1a")
        await session.expect("[1]+  Stopped                 sleep 0.3\r\n")
        await session.expect("# ")
        session.type("echo $?\r")
        await session.expect("\r\n148\r\n")
        session.type("fg\r")
        await session.expect("sleep 0.3\r\n")
        session.type("echo back $?\r")
        await session.expect("\r\nback 0\r\n")


async def test_control_c_ends_a_command_and_the_rest_of_its_line() -> None:
    async with world() as container:
        session = container.start(["sh"])
        await session.expect("# ")
        session.type("sleep 50; echo not this\r")
        await session.expect("not this\r\n")
        await asyncio.sleep(0.05)
        session.type("\x03")
        seen = await session.expect("# ")
        assert b"not this" not in seen
        session.type("echo $?\r")
        await session.expect("\r\n130\r\n")


async def test_a_stopped_job_goes_on_in_the_background() -> None:
    async with world(files=DEBIAN, bash=True) as container:
        session = container.start(["bash"])
        await session.expect("# ")
        session.type("(sleep 0.2; echo finished)\r")
        await session.expect("finished)\r\n")
        await asyncio.sleep(0.05)
        session.type("\x1a")
        await session.expect("Stopped")
        await session.expect("# ")
        session.type("bg; jobs; kill -0 %1 && echo there\r")
        await session.expect("Running")
        await session.expect("\r\nthere\r\n")
        session.type("fg\r")
        await session.expect("finished\r\n")
