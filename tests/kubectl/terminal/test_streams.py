"""Is a container's shell in this terminal as if it ran here: keys, size, Ctrl-C, its end? And what is left behind?"""

from __future__ import annotations

import re
import signal
import urllib.request

import pytest

from tests.cluster.booted import Booted, until
from tests.kubectl.terminal.conftest import Typed
from tests.kubectl.terminal.screen import CTRL_C, CTRL_D

pytestmark = pytest.mark.slow
PROMPT = r"# $"


def test_is_a_shell_typed_at_and_left_with_its_exit_code(typed: Typed) -> None:
    screen = typed("exec", "-it", "web", "--", "sh")
    screen.expect(PROMPT)
    assert screen.raw
    screen.type("echo $((6*7))\r")
    screen.expect(r"^42\s")
    screen.type("exit 3\r")
    assert screen.ends() == 3
    assert "command terminated with exit code 3" in screen.seen
    assert screen.restored


def test_does_the_container_know_the_size_and_its_changes(typed: Typed) -> None:
    screen = typed("exec", "-it", "web", "--", "sh")
    screen.expect(PROMPT)
    screen.type("stty size\r")
    screen.expect(r"^24 80\s")
    screen.expect(PROMPT)
    screen.resize(40, 123)
    screen.signal(signal.SIGWINCH)  # a terminal's window tells those in it; this one has no window
    until("the new size", lambda: _size(screen) == "40 123", 30)
    screen.type(CTRL_D)
    assert screen.ends() == 0
    assert screen.restored


def _size(screen: object) -> str:
    from tests.kubectl.terminal.screen import Screen

    assert isinstance(screen, Screen)
    screen.type("stty size\r")
    found = screen.expect(r"^(\d+ \d+)\s")[1]
    screen.expect(PROMPT)
    return found


def test_does_ctrl_c_interrupt_the_inner_command_and_not_kubectl(typed: Typed) -> None:
    screen = typed("exec", "-it", "web", "--", "sh")
    screen.expect(PROMPT)
    screen.type("sleep 1000\r")
    screen.expect("sleep 1000")
    screen.type(CTRL_C)
    screen.expect(PROMPT)
    screen.type("echo still he''re\r")
    screen.expect("still here")
    screen.type(CTRL_D)
    screen.ends()
    assert screen.restored


def test_is_the_terminal_given_back_when_kubectl_is_ended_by_a_signal(typed: Typed) -> None:
    screen = typed("exec", "-it", "web", "--", "sh")
    screen.expect(PROMPT)
    assert screen.raw
    screen.signal(signal.SIGTERM)
    assert screen.ends() == 1
    assert screen.restored
    assert "Traceback" not in screen.seen


def test_is_a_pod_for_one_session_run_and_removed(
    typed: Typed, cluster: Booted, request: pytest.FixtureRequest
) -> None:
    name = "once-" + request.node.callspec.id.replace(" ", "-")
    screen = typed("run", "-it", "--rm", name, "--image=busybox", "--restart=Never", "--", "sh")
    screen.expect("try pressing enter")
    screen.type("\r")
    screen.expect(PROMPT)
    screen.type("hostname\r")
    screen.expect(rf"^{name}\s")
    screen.type("exit\r")
    screen.expect(f'pod "{name}" deleted')
    assert screen.ends() == 0
    assert screen.restored
    until("it is gone", lambda: not cluster.pod(name))


def test_is_a_port_forward_served_until_ctrl_c(typed: Typed) -> None:
    screen = typed("port-forward", "web", ":80")
    port = screen.expect(r"Forwarding from 127\.0\.0\.1:(\d+) -> 80")[1]
    for _ in range(2):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert b"Welcome to nginx" in answer.read()
        screen.expect(f"Handling connection for {port}")
    screen.type(CTRL_C)
    assert screen.ends() == 0
    assert "Traceback" not in screen.seen
    assert screen.restored


def test_does_ctrl_c_end_what_follows_the_cluster(typed: Typed) -> None:
    for words, shown in ((("get", "pods", "--watch"), r"^web .*Running"), (("logs", "-f", "web"), "start worker")):
        screen = typed(*words)
        screen.expect(shown)
        screen.type(CTRL_C)
        assert screen.ends() == 1  # as the real one: it was asked to, and closes what is open
        assert not re.search("Traceback|Error", screen.seen.partition("^C")[2])
        assert screen.restored
