"""Services: started, watched, started again when they fall; what `systemctl` shows and changes.

A service that ends by itself is started again after RestartSec, when Restart= says so; one that was stopped stays
stopped. Its output goes to NODE/var/log/journal/NAME.log, and so does what the machine does to it (lines that begin
with RECORD: `journalctl` shows them as systemd's).
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from minikube_edu.cluster.machine import unit_files
from minikube_edu.cluster.machine.children import Child, Children
from minikube_edu.cluster.machine.unit_files import Unit, UnitError

RECORD = "\x1e"
KILL_SECONDS = 10.0  # TimeoutStopSec


class Service(Struct):
    unit: Unit
    child: Child | None = None
    wanted: bool = False
    enabled: bool = True
    result: str = "success"  # exit-code, signal, resources
    last: Child | None = None  # the run that ended last
    restarts: int = 0
    since: float = 0.0
    start_at: float = 0.0  # when it is to be started again; 0: not
    kill_at: float = 0.0  # when SIGKILL follows SIGTERM; 0: not

    @property
    def state(self) -> str:
        if self.child is not None:
            return "deactivating" if self.kill_at else "active"
        if self.start_at:
            return "activating"
        return "inactive" if self.result == "success" else "failed"


class Units:
    def __init__(
        self, root: Path, children: Children, environment: Mapping[str, str], prepare: Callable[[str], None]
    ) -> None:
        self.root = root
        self.directory = root / "etc/systemd/system"
        self.journal = root / "var/log/journal"
        self.children = children
        self.environment = environment
        self.prepare = prepare  # has the code of a package imported
        self.services: dict[str, Service] = {}
        self.changed: list[Callable[[Service], None]] = []

    def reload(self) -> None:
        """Read all unit files (daemon-reload)."""
        for path in sorted(self.directory.glob("*.service")):
            try:
                unit = unit_files.read(path)
            except (UnitError, OSError):
                continue  # it went away, or may not be read: what is known of it stays
            known = self.services.get(unit.name)
            if known is None:
                self.services[unit.name] = Service(unit)
            else:
                known.unit = unit
        for name in list(self.services):
            if not (self.directory / name).exists() and self.services[name].child is None:
                del self.services[name]

    def find(self, name: str) -> Service:
        name = name if name.endswith(".service") else f"{name}.service"
        if name not in self.services:
            self.services[name] = Service(unit_files.read(self.directory / name))
        return self.services[name]

    def start(self, service: Service) -> None:
        service.wanted = True
        if service.child is not None and not service.kill_at:
            return
        if service.child is None:
            self._launch(service)

    def _launch(self, service: Service) -> None:
        unit = service.unit
        service.start_at = 0.0
        log = self._open_journal(unit.name)
        try:
            module, argv, variables = unit.start_words(self.root, self.environment)
            self.prepare(module)
            self._note(log, f"Started {unit.name} - {unit.description or unit.name}.")
            service.child = self.children.seat(
                argv[0], module, argv, variables, log, lambda child: self._ended(service, child)
            )
            service.since = time.time()
        except (UnitError, OSError, ValueError) as error:
            service.result = "resources"
            self._note(log, f"{unit.name}: Failed to run 'start' task: {error}")
            self._plan_restart(service)
        finally:
            os.close(log)
        self._tell(service)

    def stop(self, service: Service, number: int = signal.SIGTERM, longest: float = KILL_SECONDS) -> None:
        service.wanted = False
        service.start_at = 0.0
        if service.child is not None:
            service.kill_at = service.kill_at or time.monotonic() + longest
            self._log(service, f"Stopping {service.unit.name} - {service.unit.description or service.unit.name}...")
            _signal(service.child.pid, number)
        else:
            service.result = "success"
            self._tell(service)

    def restart(self, service: Service) -> None:
        if service.child is None:
            self.start(service)
            return
        self.stop(service)
        service.wanted = True  # `_ended` starts it again

    def _ended(self, service: Service, child: Child) -> None:
        unit, stopped = service.unit, bool(service.kill_at)
        service.child, service.last, service.kill_at, service.since = None, child, 0.0, time.time()
        code = os.waitstatus_to_exitcode(child.status or 0)
        if code < 0:
            name = signal_name(-code)
            self._log(service, f"{unit.name}: Main process exited, code=killed, status={-code}/{name}")
            service.result = "success" if stopped else "signal"
        elif code:
            self._log(service, f"{unit.name}: Main process exited, code=exited, status={code}/{exit_name(code)}")
            service.result = "exit-code"
        else:
            service.result = "success"
        if stopped:
            service.result = "success"
            self._log(service, f"Stopped {unit.name} - {unit.description or unit.name}.")
            if service.wanted:
                self._launch(service)
        else:
            if service.result != "success":
                self._log(service, f"{unit.name}: Failed with result '{service.result}'.")
            else:
                self._log(service, f"{unit.name}: Deactivated successfully.")
            self._plan_restart(service)
        self._tell(service)

    def _plan_restart(self, service: Service) -> None:
        policy = service.unit.restart
        if service.wanted and (policy == "always" or (policy == "on-failure" and service.result != "success")):
            service.start_at = time.monotonic() + max(service.unit.restart_seconds, 0.02)

    def due(self) -> float | None:
        """Do what the time has come for; returns the seconds until the next thing."""
        now, moments = time.monotonic(), []
        for service in self.services.values():
            if service.start_at:
                if service.start_at <= now:
                    service.restarts += 1
                    text = f"Scheduled restart job, restart counter is at {service.restarts}."
                    self._log(service, f"{service.unit.name}: {text}")
                    self._launch(service)
                else:
                    moments.append(service.start_at)
            if service.kill_at and service.child is not None:
                if service.kill_at <= now:
                    _signal(service.child.pid, signal.SIGKILL)
                    service.kill_at = now + KILL_SECONDS
                moments.append(service.kill_at)
        return max(min(moments) - now, 0.0) if moments else None

    def describe(self, service: Service) -> dict[str, Any]:
        unit, last = service.unit, service.last
        return {
            "name": unit.name,
            "description": unit.description,
            "documentation": unit.documentation,
            "path": self.shown(unit.path),
            "drop_ins": [self.shown(path) for path in unit.drop_ins],
            "state": service.state,
            "enabled": service.enabled,
            "result": service.result,
            "pid": service.child.pid if service.child else 0,
            "since": service.since,
            "started": service.child.started if service.child else 0.0,
            "last_pid": last.pid if last else 0,
            "last_status": os.waitstatus_to_exitcode(last.status or 0) if last else 0,
            "restarts": service.restarts,
            "stale": unit.stale(),
            "log": str(self.log_file(unit.name)),
        }

    def shown(self, path: Path) -> str:
        return "/" + str(path.relative_to(self.root))

    def log_file(self, name: str) -> Path:
        return self.journal / f"{name.removesuffix('.service')}.log"

    def _open_journal(self, name: str) -> int:
        self.journal.mkdir(parents=True, exist_ok=True)
        return os.open(self.log_file(name), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)

    def _log(self, service: Service, text: str) -> None:
        try:
            log = self._open_journal(service.unit.name)
        except OSError:
            return  # a full disk must not stop the machine
        self._note(log, text)
        os.close(log)

    def _note(self, log: int, text: str) -> None:
        try:
            os.write(log, f"{RECORD}{time.time():.6f} {text}\n".encode())
        except OSError:
            return

    def _tell(self, service: Service) -> None:
        for listener in list(self.changed):
            listener(service)


def exit_name(code: int) -> str:
    """systemd's word for an exit status."""
    return {1: "FAILURE", 2: "INVALIDARGUMENT", 203: "EXEC"}.get(code, "n/a")


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:  # a real-time signal
        return f"RTMIN+{number - int(signal.SIGRTMIN)}"


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
