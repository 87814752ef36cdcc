"""Does a machine treat its services as systemd does: restarts, drop-ins, environments, mistakes, its own end?"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from minikube_edu.lib.machine import frames
from minikube_edu.lib.machine.calls import Calls, NoMachine, Refused
from minikube_edu.lib.machine.seat_runner import MachineSeats
from tests.cluster.door import ROOT, alive

PRINTS = "/usr/bin/kubelet --version"  # says one line, ends with 0
FAILS = "/usr/bin/kube-scheduler --no-such-flag"  # ends with 1 or 2
RUNS = "/usr/bin/etcd --data-dir={data} --listen-client-urls=http://127.0.0.1:0 --private-socket={data}/s"


@dataclass
class Host:
    root: Path
    process: subprocess.Popen[bytes]

    @property
    def path(self) -> str:
        return str(self.root / "m.sock")

    def unit(self, name: str, command: str, *lines: str) -> None:
        text = "\n".join(["[Unit]", f"Description=the {name}", "[Service]", f"ExecStart={command}", *lines])
        (self.root / f"etc/systemd/system/{name}.service").write_text(text + "\n")

    def drop_in(self, name: str, *lines: str) -> None:
        folder = self.root / f"etc/systemd/system/{name}.service.d"
        folder.mkdir(exist_ok=True)
        (folder / "10-more.conf").write_text("\n".join(["[Service]", *lines]) + "\n")

    def ask(self, what: str, **facts: Any) -> dict[str, Any]:
        with Calls.open(self.path) as machine:
            return machine.ask(what, **facts)

    def systemctl(self, verb: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("unit", verb=verb, name=name)["unit"]
        return found

    def journal(self, name: str) -> str:
        file = self.root / f"var/log/journal/{name}.log"
        return file.read_text() if file.exists() else ""

    def running(self) -> str:
        return RUNS.format(data=self.root / "data")


def until(look: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "in vain"
        time.sleep(0.02)
    return found


@pytest.fixture
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="machine-") as name:
        root = Path(name)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "m.sock").touch()  # what a machine that was killed has left
        process = subprocess.Popen(
            [sys.executable, "-m", "minikube_edu.cluster.machine", f"--root={root}", f"--socket={root}/m.sock"],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE,
        )  # fmt: skip
        found = Host(root, process)
        try:
            until(lambda: answers(found))
            yield found
        finally:
            process.terminate()
            _, said = process.communicate(timeout=30)
            assert b"Traceback" not in said, said.decode()
            assert not (root / "m.sock").exists() or process.returncode == -signal.SIGKILL


def answers(host: Host) -> bool:
    with suppress(NoMachine):
        return bool(host.ask("status"))
    return False


@pytest.mark.parametrize(
    ("policy", "command", "restarts"),
    [
        ("no", FAILS, False), ("on-failure", PRINTS, False), ("on-failure", FAILS, True),
        ("always", PRINTS, True), ("always", FAILS, True),
    ],
)  # fmt: skip
def test_does_restart_mean_what_it_says(host: Host, policy: str, command: str, restarts: bool) -> None:
    host.unit("one", command, f"Restart={policy}", "RestartSec=50ms")
    host.systemctl("start", "one")
    until(lambda: host.systemctl("status", "one")["last_pid"])
    if restarts:
        until(lambda: host.systemctl("status", "one")["restarts"] >= 2)
        assert "Scheduled restart job, restart counter is at 2." in host.journal("one")
    else:
        time.sleep(0.2)
        found = host.systemctl("status", "one")
        assert (found["restarts"], found["state"]) == (0, "failed" if command is FAILS else "inactive")


def test_a_service_that_was_stopped_stays_stopped_and_a_killed_one_returns(host: Host) -> None:
    host.unit("store", host.running(), "Restart=always", "RestartSec=50ms")
    first = host.systemctl("start", "store")["pid"]
    os.kill(first, signal.SIGKILL)
    second = until(
        lambda: host.systemctl("status", "store")["pid"] not in (0, first) and host.systemctl("status", "store")
    )
    assert "Main process exited, code=killed, status=9/KILL" in host.journal("store")
    after = host.systemctl("stop", "store")
    assert (after["state"], after["pid"], alive(second["pid"])) == ("inactive", 0, False)


def test_a_service_that_does_not_hear_sigterm_is_killed(host: Host) -> None:
    host.unit("store", host.running())
    pid = host.systemctl("start", "store")["pid"]
    os.kill(pid, signal.SIGSTOP)  # deaf
    until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")  # or it hears both
    began = time.monotonic()
    after = host.systemctl("stop", "store")
    assert 9 < time.monotonic() - began < 20
    assert after["last_status"] == -signal.SIGKILL


def test_drop_ins_and_environment_files_change_the_command(host: Host) -> None:
    host.unit("one", FAILS)
    host.drop_in("one", "EnvironmentFile=-/etc/default/none", "EnvironmentFile=/etc/one.env", "ExecStart=",
                 "ExecStart=/usr/bin/kubelet $FLAGS")  # fmt: skip
    (host.root / "etc/one.env").write_text("# comment\nFLAGS=--version\n")
    assert host.systemctl("start", "one")["drop_ins"] == ["/etc/systemd/system/one.service.d/10-more.conf"]
    until(lambda: "Kubernetes v1.36.3" in host.journal("one"))


def test_a_missing_environment_file_fails_the_start_with_its_name(host: Host) -> None:
    host.unit("one", PRINTS, "EnvironmentFile=/etc/none.env")
    assert host.systemctl("start", "one")["state"] == "failed"
    assert "Failed to load environment files: No such file or directory: /etc/none.env" in host.journal("one")


def test_a_changed_unit_is_stale_until_it_is_read_again(host: Host) -> None:
    host.unit("one", PRINTS)
    assert not host.systemctl("status", "one")["stale"]
    host.unit("one", FAILS, "# changed")
    os.utime(host.root / "etc/systemd/system/one.service", (1, 1))
    assert host.systemctl("status", "one")["stale"]
    host.ask("unit", verb="reload")
    assert not host.systemctl("status", "one")["stale"]


@pytest.mark.parametrize("command", ["/usr/bin/nobody", "", "'unclosed"])
def test_a_broken_unit_fails_alone(host: Host, command: str) -> None:
    host.unit("broken", command)
    host.unit("whole", PRINTS)
    host.ask("unit", verb="reload")
    assert host.systemctl("start", "broken")["state"] == "failed"
    host.systemctl("start", "whole")
    until(lambda: "Kubernetes" in host.journal("whole"))
    with pytest.raises(Refused, match="could not be found"):
        host.systemctl("start", "nobody")


def test_a_line_of_a_unit_that_does_not_parse_is_left_out(host: Host) -> None:
    host.unit("one", PRINTS, 'Environment="A=1', "Restart")
    (host.root / "etc/systemd/system/two.service").write_bytes(b"\xff\xfe[Service]")
    host.ask("unit", verb="reload")
    host.systemctl("start", "one")
    until(lambda: "Kubernetes" in host.journal("one"))


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"J\xff\xff\xff\xff",
        b"J\0\0\0\2{]",
        b"S\0\0\0\1x",
        b"R\0\0\0\1x",
        b"J" + (20000).to_bytes(4, "big") + b"[" * 20000,
    ],
)
def test_garbage_on_the_socket_harms_nobody(host: Host, garbage: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(host.path)
        client.sendall(garbage)
        time.sleep(0.05)
        assert answers(host)
    assert host.process.poll() is None


def test_a_killed_machine_takes_its_services_along(host: Host) -> None:
    host.unit("store", host.running())
    pid = host.systemctl("start", "store")["pid"]
    host.process.kill()
    until(lambda: not alive(pid), 30)


def test_questions_that_arrive_in_one_piece_have_each_their_own_descriptor(host: Host) -> None:
    """A busy machine finds several at once: what the first one does not use is not the first one's to close."""
    host.process.send_signal(signal.SIGSTOP)
    with Calls.open(host.path) as machine, (host.root / "out").open("wb") as output:
        for number in range(3):
            frames.send(machine.connection, b"J", json.dumps({"do": "processes"}).encode())
            start = {"do": "start", "tag": f"t{number}", "module": "minikube_edu.kubelet"}
            question = json.dumps({**start, "argv": ["kubelet", "--version"], "environment": {}}).encode()
            frames.send(machine.connection, b"J", question, [output.fileno()])
        host.process.send_signal(signal.SIGCONT)
        answers = [machine.next() for _ in range(6)]
        assert [list(one) for one in answers] == [["processes"], ["pid"]] * 3
        with pytest.raises(Refused, match="no file descriptor came along"):
            machine.ask("start", tag="t", module="minikube_edu.kubelet", argv=["kubelet"], environment={})
    until(lambda: (host.root / "out").read_text().count("Kubernetes v") == 3)


async def test_a_seat_tells_how_it_ended_and_a_new_runtime_finds_it_under_its_tag(host: Host) -> None:
    words = host.running().split()[1:]
    with open(host.root / "out", "wb") as output:  # noqa: ASYNC230 (a file of the test's own)
        seats = await MachineSeats.connect(host.path)
        process = await seats.start("a", "minikube_edu.etcd", ["etcd", *words], {}, output.fileno())
        short = await seats.start("b", "minikube_edu.kubelet", ["kubelet", "--version"], {}, output.fileno())
        assert await asyncio.wait_for(short.wait(), 20) == 0
        await seats.close()  # the runtime is killed
        seats = await MachineSeats.connect(host.path)
        found = await seats.running()
        assert {tag: one.pid for tag, one in found.items()} == {"a": process.pid, "b": short.pid}
        assert await found["b"].wait() == 0
        found["a"].kill(signal.SIGKILL)
        assert await asyncio.wait_for(found["a"].wait(), 20) == -signal.SIGKILL
        await seats.forget("b")
        assert set(await seats.running()) == {"a"}
        await seats.close()
