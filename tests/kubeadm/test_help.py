"""What the commands say of themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kubeadm import transcripts
from tests.kubeadm.fake_host import FakeHost, kubeadm

HELP = {" ".join(command.split()): output for command, output, _ in transcripts.read("help.txt")}


@pytest.mark.parametrize("command", HELP)
async def test_is_the_help_the_real_one(tmp_path: Path, command: str) -> None:
    code, out, err = await kubeadm(FakeHost(tmp_path), *command.split()[1:])
    assert (code, err) == (0, "")
    assert out.rstrip("\n") == HELP[command].rstrip("\n")
