"""Logs in CRI's format: lines, pieces of long lines, rotation."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from minikube_edu.container_runtime.simulated.logs import MAX_LINE, LogFiles
from tests.container_runtime.node import LINE, Node


def read(path: Path) -> list[tuple[str, str, bytes]]:
    found = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        stamp, stream, tag, text = line.split(b" ", 3)
        assert LINE.match(f"{stamp.decode()} stdout F "), stamp
        found.append((stream.decode(), tag.decode(), text))
    return found


async def test_are_lines_marked_whole_and_pieces_partial(tmp_path: Path) -> None:
    files = LogFiles()
    log = files.log(str(tmp_path / "deep/er/0.log"))
    log.write("stdout", b"one\ntw")
    log.write("stderr", b"err\n")
    log.write("stdout", b"o\n\nrest")
    await asyncio.sleep(0)
    assert read(tmp_path / "deep/er/0.log") == [
        ("stdout", "F", b"one"),
        ("stderr", "F", b"err"),
        ("stdout", "F", b"two"),
        ("stdout", "F", b""),
    ]
    log.close()
    assert read(tmp_path / "deep/er/0.log")[-1] == ("stdout", "P", b"rest")
    files.close()


async def test_is_a_line_beyond_16_kib_divided(tmp_path: Path) -> None:
    files = LogFiles()
    log = files.log(str(tmp_path / "log"))
    log.write("stdout", b"x" * (2 * MAX_LINE + 5) + b"\nshort\n")
    log.close()
    lines = read(tmp_path / "log")
    assert [(tag, len(text)) for _, tag, text in lines] == [("P", MAX_LINE), ("P", MAX_LINE), ("F", 5), ("F", 5)]


@settings(max_examples=60, deadline=None)
@given(pieces=st.lists(st.binary(max_size=3000).map(lambda data: data * 9), max_size=12))
def test_is_nothing_lost_however_the_bytes_come(pieces: list[bytes]) -> None:
    import tempfile

    async def scenario(path: Path) -> bytes:
        files = LogFiles(keep_open=1)
        log, other = files.log(str(path)), files.log(str(path) + ".other")
        for piece in pieces:
            log.write("stdout", piece)
            other.write("stdout", b"noise\n")
            await asyncio.sleep(0)
        log.close()
        other.close()
        files.close()
        lines = read(path)
        return b"".join(text + (b"\n" if tag == "F" else b"") for _, tag, text in lines)

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(scenario(Path(folder) / "log")) == b"".join(pieces)


async def test_does_the_log_go_on_in_a_new_file_after_rotation(node: Node) -> None:
    wait = "while [ ! -e /{0} ]; do sleep 0.01; done; echo {0}"
    container = await node.start(
        "busybox", "sh", "-c", f"echo before; {wait.format('between')}; {wait.format('after')}"
    )
    path = Path((await node.runtime.container_status(container)).log_path)

    async def says(word: str, file: Path) -> None:
        async with asyncio.timeout(30):
            while not file.exists() or word not in file.read_text():  # noqa: ASYNC110  # a file tells nobody
                await asyncio.sleep(0.01)

    await says("before", path)
    os.rename(path, f"{path}.old")
    await node.runtime.exec_sync(container, ["touch", "/between"], 10)
    await says("between", Path(f"{path}.old"))
    await node.runtime.reopen_container_log(container)
    await node.runtime.exec_sync(container, ["touch", "/after"], 10)
    status = await node.ended(container)
    assert node.log(status) == "after\n"
    assert Path(f"{path}.old").read_text().splitlines()[-1].endswith("stdout F between")


async def test_is_there_a_log_of_a_container_that_says_nothing(node: Node) -> None:
    status, log = await node.run("busybox", "true")
    assert log == ""
    assert Path(status.log_path).exists()


async def test_are_stamps_of_one_log_never_equal(tmp_path: Path) -> None:
    files = LogFiles()
    log = files.log(str(tmp_path / "log"))
    log.write("stdout", b"a\n" * 200)
    log.close()
    stamps = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert len(set(stamps)) == 200
    assert stamps == sorted(stamps)
