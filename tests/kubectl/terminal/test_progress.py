"""Does a person see what is still waited for, and does nothing of it stay: on the terminal, in pipes, in files?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cluster.booted import Booted, until
from tests.kubectl.terminal.conftest import Typed
from tests.kubectl.terminal.screen import CTRL_C

pytestmark = pytest.mark.slow

STUCK = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: stuck}
spec:
  replicas: 2
  selector: {matchLabels: {app: stuck}}
  template:
    metadata: {labels: {app: stuck}}
    spec: {nodeSelector: {nowhere: "yes"}, containers: [{name: web, image: nginx}]}
---
apiVersion: v1
kind: Pod
metadata: {name: homeless}
spec: {nodeSelector: {nowhere: "yes"}, containers: [{name: web, image: nginx}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: careful}
spec: {minAvailable: 1, selector: {matchLabels: {app: guarded}}}
---
apiVersion: v1
kind: Pod
metadata: {name: guarded, labels: {app: guarded}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: web, image: nginx}]}
"""
STATUS = (
    'Waiting for deployment "stuck" rollout to finish: 0 of 2 updated replicas are available...\n'
    "error: timed out waiting for the condition\n"
)
TIMED_OUT = "error: timed out waiting for the condition on pods/homeless\n"


@pytest.fixture(scope="module")
def waiting(cluster: Booted) -> Iterator[Booted]:
    cluster.run("kubectl", "create", "-f", "-", given=STUCK)
    until("guarded runs", lambda: cluster.ready("pod", "guarded") == "True")
    path = "/apis/apps/v1/namespaces/default/deployments/stuck"
    until("its pods are there", lambda: cluster.get(path).get("status", {}).get("updatedReplicas") == 2)
    path = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/careful"
    until("the budget counts", lambda: cluster.get(path).get("status", {}).get("currentHealthy") == 1)
    yield cluster
    cluster.run("kubectl", "delete", "--wait=false", "-f", "-", given=STUCK)


def test_does_a_rollout_show_a_bar_and_leave_the_words_of_the_real_one(typed: Typed, waiting: Booted) -> None:
    screen = typed("rollout", "status", "deployment/stuck", "--timeout=2s")
    screen.expect(r"stuck ▒{10}  1s  2/2 new, 0 of them available")
    assert screen.ends() == 1
    assert screen.visible == STATUS


def test_does_waiting_show_how_it_stands(typed: Typed, waiting: Booted) -> None:
    screen = typed("wait", "pod/homeless", "--for=condition=PodScheduled", "--timeout=2s")
    screen.expect(r"\ds of 2s  pods/homeless: now False \(Unschedulable\), to be PodScheduled")
    assert screen.ends() == 1
    assert screen.visible == TIMED_OUT
    screen = typed("wait", "pod/homeless", "pod/web", "--for=jsonpath={.status.phase}=Running", "--timeout=2s")
    screen.expect(r"homeless \(1 more\): now Pending, to be jsonpath")
    assert screen.ends() == 1
    screen = typed("wait", "pod/nobody", "--for=create", "--timeout=1s")
    screen.expect("pod/nobody: not there yet")
    assert screen.ends() == 1


def test_does_a_drain_show_what_is_refused_by_whom(typed: Typed, waiting: Booted) -> None:
    node = waiting.get("/api/v1/nodes")["items"][0]["metadata"]["name"]
    words = ("drain", node, "--pod-selector=app=guarded", "--force", "--timeout=2s")
    try:
        screen = typed(*words)
        screen.expect(r"·{10}  \ds  0/1 pods gone, budget careful refuses guarded")
        assert screen.ends() == 1
        piped = waiting.say("kubectl", *words)
        assert "·" not in screen.visible
        assert "\x1b" not in piped.text
    finally:
        waiting.run("kubectl", "uncordon", node)


def test_is_nothing_drawn_where_it_would_be_in_the_way(typed: Typed, waiting: Booted) -> None:
    """A terminal that erases nothing, an output for programs, what is there at once."""
    wait = ("wait", "pod/homeless", "--for=condition=Ready", "--timeout=1s")
    screens = [
        typed(*wait, term="dumb"),
        typed(*wait, "-o", "name"),
        typed("wait", "pod/web", "--for=condition=Ready"),
        typed("rollout", "status", "deployment/stuck", "--watch=false"),
    ]
    for screen in screens:
        screen.ends()
        assert "\x1b" not in screen.seen
    assert screens[2].seen == "pod/web condition met\r\n"


def test_does_ctrl_c_take_the_line_away(typed: Typed, waiting: Booted) -> None:
    screen = typed("rollout", "status", "deployment/stuck")
    screen.expect("0 of them available")
    screen.type(CTRL_C)
    assert screen.ends() == 1
    assert not re.search("▒|Traceback", screen.visible)
    assert screen.restored
