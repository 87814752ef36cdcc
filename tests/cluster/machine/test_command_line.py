"""Does a command that a machine's fork runs behave as one in a process of its own?"""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.door import ROOT, Door, cluster

FRONT_DOOR = ROOT / "minikube_edu/lib/machine/front_door.py"


@pytest.fixture(scope="module")
def running() -> Iterator[Door]:
    with cluster("--nodes=1") as door:
        yield door


def command(door: Door, *words: str, **settings: str) -> tuple[list[str], dict[str, str]]:
    environment = {**os.environ, "MINIKUBE_EDU_HOME": str(door.home), "KUBECONFIG": str(door.home / "kubeconfig")}
    environment.pop("MINIKUBE_EDU_IN_PLACE", None)
    return [sys.executable, "-I", "-S", str(FRONT_DOOR), *words], {**environment, **settings}


def run(door: Door, *words: str, given: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
    argv, environment = command(door, *words, **settings)
    return subprocess.run(argv, env=environment, input=given, capture_output=True, text=True, timeout=30, check=False)


def in_place(door: Door, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return run(door, *words, given=given, MINIKUBE_EDU_IN_PLACE="1")


@pytest.mark.parametrize(
    "words",
    [
        ("kubectl", "get", "namespaces", "-o", "name"),
        ("kubectl", "get", "pods", "nobody"),
        ("kubectl", "nonsense"),
        ("kubectl", "version", "--client"),
        ("minikube-edu", "get", "ns", "default", "-o", "name"),
        ("minikube-edu", "nonsense"),
        ("etcdctl", "get", "/registry/n", "--prefix", "--keys-only"),
    ],
    ids=" ".join,
)
def test_are_output_and_exit_code_the_same_as_in_place(running: Door, words: tuple[str, ...]) -> None:
    through, alone = run(running, *words), in_place(running, *words)
    assert (through.stdout, through.stderr, through.returncode) == (alone.stdout, alone.stderr, alone.returncode)


def test_do_standard_input_directory_and_umask_go_along(running: Door, tmp_path: Path) -> None:
    manifest = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"given"},"data":{"a":"b"}}'
    assert run(running, "kubectl", "apply", "-f", "-", given=manifest).stdout == "configmap/given created\n"
    (tmp_path / "here.json").write_text(manifest)
    argv, environment = command(running, "kubectl", "delete", "-f", "here.json")
    done = subprocess.run(argv, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == 'configmap "given" deleted from default namespace\n'


def test_does_a_closed_pipe_end_it_quietly(running: Door) -> None:
    argv, environment = command(running, "kubectl", "get", "--raw", "/openapi/v2")
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as closed:
        done = subprocess.run(argv, env=environment, stdout=closed, stderr=subprocess.PIPE, timeout=30, check=False)
    assert done.stderr == b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_does_a_signal_end_a_watch_and_leave_nothing(running: Door, number: signal.Signals) -> None:
    argv, environment = command(running, "kubectl", "get", "nodes", "--watch")
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "NAME" in process.stdout.readline()
    process.send_signal(number)
    assert process.wait(10) == 1  # as the real kubectl ends a watch that is interrupted
    process.communicate()
    assert forks(running) == 0


def test_does_the_command_end_when_its_caller_is_killed(running: Door) -> None:
    argv, environment = command(running, "kubectl", "get", "nodes", "--watch")
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    assert forks(running) == 1
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 5
    while forks(running) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert forks(running) == 0


def forks(door: Door) -> int:
    """Command lines that the machine runs at this moment."""
    from minikube_edu.cluster.machine import starter

    with starter.start(door.layout.machine_socket, door.layout.bare_root, {}) as machine:
        return int(machine.ask("status")["commands"])


def test_does_it_know_a_terminal_and_hear_control_c(running: Door) -> None:
    """On a terminal, the fork reads and writes the caller's own; ^C reaches it through the caller."""
    argv, environment = command(running, "kubectl", "get", "nodes", "--watch")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, environment)
    seen = b""
    while b"worker-1" not in seen:
        seen += os.read(terminal, 1024)
    os.write(terminal, b"\x03")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 1


def test_does_it_run_in_place_when_no_machine_answers(tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-S", str(FRONT_DOOR), "kubectl", "version", "--client"]
    done = subprocess.run(
        argv, env={**os.environ, "MINIKUBE_EDU_HOME": str(tmp_path)}, capture_output=True, text=True, check=True
    )
    assert "Client Version" in done.stdout


def test_is_the_socket_private_to_its_user(running: Door) -> None:
    assert os.stat(running.layout.machine_socket).st_mode & 0o077 == 0


def test_is_a_command_that_does_not_care_killed_with_its_caller(running: Door) -> None:
    """A forwarder that is deaf to hang-ups must not outlive the one who called it."""
    argv, environment = command(running, "kubectl", "get", "nodes", "--watch")
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    children = Path(f"/proc/{machine_pid(running)}/task/{machine_pid(running)}/children").read_text().split()
    deaf = next(int(pid) for pid in children if Path(f"/proc/{pid}/comm").read_text().strip() == "kubectl")
    os.kill(deaf, signal.SIGSTOP)  # deafer than any
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 10
    while forks(running) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert forks(running) == 0


def machine_pid(door: Door) -> int:
    from minikube_edu.cluster.machine import starter

    with starter.start(door.layout.machine_socket, door.layout.bare_root, {}) as machine:
        return int(machine.ask("status")["pid"])
