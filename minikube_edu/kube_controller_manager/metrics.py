"""/metrics of the manager: what its queues hold and have held, by the real names."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from minikube_edu.kube_controller_manager.controller import Controller
from minikube_edu.lib import version

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

_Series = tuple[str, str, str, Callable[[Controller], float]]
_SERIES: tuple[_Series, ...] = (
    ("workqueue_depth", "gauge", "Current depth of workqueue", lambda one: len(one.queue)),
    ("workqueue_adds_total", "counter", "Total number of adds handled by workqueue", lambda one: one.queue.adds),
    ("workqueue_retries_total", "counter", "Total number of retries handled by workqueue", lambda one: one.failed),
    ("workqueue_work_duration_seconds_count", "counter", "Keys worked off", lambda one: one.reconciled + one.failed),
)


def text(controllers: Iterable[Controller], *, leads: bool) -> bytes:
    shown = list(controllers)
    lines = [
        "# HELP leader_election_master_status Gauge of if the reporting system is master of the relevant lease",
        "# TYPE leader_election_master_status gauge",
        f'leader_election_master_status{{name="kube-controller-manager"}} {int(leads)}',
        "# HELP running_managed_controllers Indicates where instances of a controller are currently running",
        "# TYPE running_managed_controllers gauge",
        *(
            f'running_managed_controllers{{manager="kube-controller-manager",name="{one.name}"}} 1'
            for one in shown
        ),
    ]  # fmt: skip
    for name, kind, meaning, value in _SERIES:
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"]
        lines += [f'{name}{{name="{one.name}"}} {value(one):g}' for one in shown]
    return ("\n".join(lines) + "\n").encode() + version.metric()
