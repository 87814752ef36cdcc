"""The examples of docs/images.md and docs/moods.md work as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

from minikube_edu.container_runtime.simulated.moods import Moods
from tests.container_runtime.node import eventually
from tests.container_runtime.node import node as running_node

DOCS = Path(__file__).parents[3] / "docs"


def examples(page: str) -> dict[str, str]:
    """file name -> text: code blocks whose first line is a comment with the file's name."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```\w+\n# ([\w.]+)\n(.*?)```", text, re.DOTALL)
    return dict(blocks)


async def test_do_the_documented_images_run(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    found = examples("images.md")
    assert set(found) == {"greeter.yaml", "counter.py"}
    for name, text in found.items():
        (folder / name).write_text(text)
    async with running_node(tmp_path / "node", image_dir=folder) as node:
        greeter = await node.start("greeter:1.2")
        tools = await node.start("busybox", "sleep", "100", sandbox=await node.sandbox())
        ip = (await node.runtime.list_sandboxes())[0].ips[0]
        answer = await eventually(lambda: node.sh(tools, f"wget -qO- http://{ip}:8080 2>/dev/null"))
        assert "Hello from" in answer
        assert "greeter 1.2" in node.log(await node.runtime.container_status(greeter))
        status, log = await node.run("counter", "count", "3")
        assert (status.exit_code, log) == (0, "1\n2\n3\n")


def test_does_the_documented_mood_load(tmp_path: Path) -> None:
    ((name, text),) = examples("moods.md").items()
    (tmp_path / name).write_text(text)
    moods = Moods("monday", tmp_path / name, seed=1)
    assert moods.default.crashes == 0.5
    assert moods.happens(0.5, "a", "b") == Moods("fast", None, seed=1).happens(0.5, "a", "b")
