"""The machine: one single-threaded process at the root of a node.

It has imported the code of all seats and opened nothing: no event loop, no connection, no thread, no database (forking
with those is not safe). On request it forks services (`units`), the runtime's programs, and command lines; it waits for
its children, and tells those who asked how they ended. When it goes, they go: cleanly on SIGTERM or `shutdown`, and by
the system's hand when the machine itself is killed, like a power cut.

In a real cluster this is systemd on the node, which forks nothing warm.
"""

from __future__ import annotations

import errno
import os
import re
import select
import signal
import socket
import time
from pathlib import Path

from minikube_edu.cluster.machine.children import Child, Children
from minikube_edu.cluster.machine.preload import Preload
from minikube_edu.cluster.machine.requests import Conversation
from minikube_edu.cluster.machine.units import KILL_SECONDS, Units

LAST = ("kube-apiserver", "etcd")  # in this order: whoever leads gives the crown back, through the one into the other
END_SECONDS = 10.0
KUBELET = "kubelet.service"
POWER_FAILS = getattr(signal, "SIGPWR", signal.SIGTERM)  # for the kubelet: the whole machine goes down
LOGIND = "etc/systemd/logind.conf.d/99-kubelet.conf"  # where a kubelet says how long it needs then
READABLE = select.POLLIN | select.POLLHUP | select.POLLERR


class Machine:
    def __init__(
        self, root: Path, listener: socket.socket, environment: dict[str, str], preload: Preload | None = None
    ) -> None:
        self.root = root
        self.listener = listener
        self.environment = environment
        self.children = Children()
        self.preload = preload or Preload()
        self.units = Units(root, self.children, environment, self.preload.need)
        self.conversations: dict[int, Conversation] = {}
        self.ending = False
        self.abandoned: dict[int, float] = {}  # pid of a command whose caller has gone -> when it is to be killed
        self._path = listener.getsockname()
        self._poll = select.poll()
        self._wake_read, self._wake_write = os.pipe()
        self._halves: list[tuple[str, ...]] = []  # who is to be ended, part by part
        self._end_at = 0.0

    def run(self) -> None:
        """Until it was shut down."""
        for descriptor in (self._wake_read, self._wake_write):
            os.set_blocking(descriptor, False)
        self.listener.setblocking(False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.shut_down())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self._poll.register(self.listener.fileno(), READABLE)
        self._poll.register(self._wake_read, READABLE)
        self.units.reload()
        while not (self.ending and self._ended()):
            self._turn()
        self._close()

    def _turn(self) -> None:
        due = self.units.due()
        waits = [seconds for seconds in (due, self._end_at - time.monotonic() if self._end_at else None) if seconds]
        waits += self._kill_abandoned()
        timeout = 0 if not self.preload.done else (int(max(min(waits), 0) * 1000) + 1 if waits else None)
        events = self._poll.poll(timeout)
        for descriptor, _ in events:
            if descriptor == self.listener.fileno():
                self._accept()
            elif descriptor == self._wake_read:
                self._drain()
            elif descriptor in self.conversations:
                self.conversations[descriptor].readable()
        self.children.reap()
        if self.ending:
            self._end_next()
        elif not events:
            self.preload.step()

    def _kill_abandoned(self) -> list[float]:
        """Seconds until the next of them is killed."""
        now = time.monotonic()
        for pid in [pid for pid in self.abandoned if pid not in self.children.by_pid]:
            del self.abandoned[pid]
        for pid, moment in self.abandoned.items():
            if moment <= now:
                _signal(pid, signal.SIGKILL)
        return [max(moment - now, 0.05) for moment in self.abandoned.values()]

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EINTR, errno.ECONNABORTED, errno.EMFILE):
                return
            raise
        connection.settimeout(5.0)  # an answer is small; a client that takes none must not stop the machine
        self.conversations[connection.fileno()] = Conversation(self, connection)
        self._poll.register(connection.fileno(), READABLE)

    def hang_up(self, conversation: Conversation) -> None:
        number = conversation.connection.fileno()
        if number in self.conversations:
            del self.conversations[number]
            self._poll.unregister(number)
        conversation.connection.close()

    def _drain(self) -> None:
        try:
            while os.read(self._wake_read, 4096):
                pass
        except BlockingIOError:
            return

    def tell_watchers(self, child: Child) -> None:
        for conversation in list(self.conversations.values()):
            if conversation.watching:
                conversation.answer(exited=child.tag, pid=child.pid, status=child.status)

    # the end, in parts: the kubelet, which may end its pods; services; then the runtime's programs, then the store
    def shut_down(self) -> None:
        if self.ending:
            return
        self.ending = True
        longest = patience_with_kubelet(self.root)
        for service in self.units.services.values():
            service.wanted, service.start_at = False, 0.0
            if service.unit.name == KUBELET:
                self.units.stop(service, POWER_FAILS, longest)
        self._end_at = time.monotonic() + longest + END_SECONDS
        self._stage = 0

    _stage = 0

    def _end_next(self) -> None:
        """Go on with the next part when those before it are gone."""
        services = [service for service in self.units.services.values() if service.child]
        programs = [child for child in self.children.by_tag.values() if child.status is None]
        stages: tuple[list[Child], ...] = (
            [service.child for service in services if service.child and service.unit.name == KUBELET],
            [service.child for service in services if service.child],
            [child for child in programs if child.name not in LAST],
            *([child for child in programs if child.name == name] for name in LAST),
        )
        late = time.monotonic() > self._end_at
        while self._stage < len(stages):
            left = [child for child in stages[self._stage] if child.status is None]
            if late:
                for child in left:
                    _signal(child.pid, signal.SIGKILL)
            if left:
                return
            self._stage += 1
            if self._stage == 1:
                for service in services:
                    self.units.stop(service)
            elif self._stage < len(stages):
                for child in stages[self._stage]:
                    _signal(child.pid, signal.SIGTERM)

    def _ended(self) -> bool:
        return self._stage >= 3 + len(LAST)

    def _close(self) -> None:
        self.listener.close()
        Path(self._path).unlink(missing_ok=True)
        for conversation in list(self.conversations.values()):
            conversation.say_goodbye()  # the connection itself ends with the process

    def close_for_child(self) -> None:
        """In a fork that becomes a machine of its own: nothing of this one stays open."""
        signal.set_wakeup_fd(-1)
        self.listener.close()
        for conversation in self.conversations.values():
            conversation.connection.close()
        os.close(self._wake_read)
        os.close(self._wake_write)


def patience_with_kubelet(root: Path) -> float:
    """Seconds that it has for its end."""
    try:
        found = re.search(r"^InhibitDelayMaxSec=(\d+)", (root / LOGIND).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return KILL_SECONDS + (int(found[1]) if found else 0)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
