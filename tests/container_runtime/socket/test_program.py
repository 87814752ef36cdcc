"""`python -m minikube_edu.container_runtime` as a process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from minikube_edu.container_runtime.flags import parser, size
from minikube_edu.container_runtime.socket_driver import SocketRuntime


async def test_does_the_program_serve_until_sigterm_and_leave_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "minikube_edu.container_runtime"),
        *("--root", str(tmp_path), "--node-name=n1", f"--ready-fd={writing}", "--memory=2Gi"),
        pass_fds=(writing,),
        stderr=asyncio.subprocess.PIPE,
        env={key: value for key, value in os.environ.items() if not key.startswith("MINIKUBE_EDU")},
    )
    os.close(writing)
    await asyncio.to_thread(os.read, reading, 1)  # its end: the program is ready
    os.close(reading)
    path = tmp_path / "run/containerd/containerd.sock"
    runtime = await SocketRuntime.connect(str(path))
    network = (await runtime.conditions())[1]
    assert (network.reason, network.message) == (
        "NetworkPluginNotReady",
        "Network plugin returns error: cni plugin not initialized",
    )
    await runtime.close()
    process.send_signal(signal.SIGTERM)
    _, said = await asyncio.wait_for(process.communicate(), 10)
    assert process.returncode == 0, said.decode()
    assert b"containerd successfully booted" in said
    assert b"Traceback" not in said
    assert not path.exists()


def test_is_an_unknown_flag_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--no-such"])
    assert capsys.readouterr().err == "Error: unknown flag: --no-such\n"


def test_how_are_sizes_written() -> None:
    assert [size(text) for text in ("8Gi", "500M", "12", "1.5Ki")] == [8 << 30, 500_000_000, 12, 1536]
