"""A machine before it is anybody's: a fork made at a command's first breath.

`up` and `init` must import what they need themselves before they know which node to switch on, where, with what
environment; a machine imports far more. So a child is forked at once that imports in the meantime, on the other core,
and waits to be told whose machine it is: `conceive`, and then `bear` (`starter.start` asks), or else `abandon`, when
the command only had a mistake to point out. If the command is killed, the child ends as well.

Kept free of imports that take time: they would be made before the two part, by one where two could.
"""

from __future__ import annotations

import _socket as sockets
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from minikube_edu.cluster.machine.preload import Preload

_womb: sockets.socket | None = None
_pid = 0


def conceive() -> None:
    """Fork it. Nobody may who has threads, a loop, or open files that are not to be shared."""
    global _womb, _pid
    if _womb is not None or not hasattr(os, "fork"):
        return
    ours, theirs = sockets.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        _womb, _pid = ours, pid
        return
    try:
        ours.close()
        _grow(theirs)
    finally:  # whatever went wrong, no second command may come out of this
        os._exit(1)


def bear(listener: int, root: str, environment: dict[str, str]) -> bool:
    """It becomes the machine of `root` and answers at `listener`. False: there is none."""
    global _womb
    if _womb is None:
        return False
    import json

    from minikube_edu.lib.machine import frames

    order = json.dumps({"root": root, "environment": environment}).encode()
    try:
        frames.send(_womb, b"J", order, [listener])
    except OSError:
        return False
    finally:
        _womb.close()
        _womb = None
    return True


def abandon() -> None:
    """The command ends; was there no need of a machine, none stays."""
    global _womb
    if _womb is not None:
        _womb.close()
        _womb = None
        os.kill(_pid, 9)
        os.waitpid(_pid, 0)


def _grow(order: sockets.socket) -> NoReturn:
    """Import, until the order comes."""
    import gc
    import select

    gc.disable()  # what is imported is no garbage
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):  # the command's own streams are not to be held open by us
        os.dup2(nothing, number)
    from minikube_edu.cluster.machine.preload import Preload

    preload = Preload()
    while not select.select([order], [], [], None if preload.done else 0)[0]:
        preload.step()
    _be_born(order, preload)


def _be_born(order: sockets.socket, preload: Preload) -> NoReturn:
    import json
    import socket
    from pathlib import Path

    from minikube_edu.lib.machine import frames

    buffer, descriptors = bytearray(), list[int]()
    while (found := frames.take(buffer)) is None:
        data, came = frames.receive(order)
        if not data:
            os._exit(0)  # nobody needed a machine
        buffer += data
        descriptors += came
    told = json.loads(found[1])
    from minikube_edu.cluster.machine import __main__, starter

    starter.leave_home(Path(told["root"]), descriptors[0], told["environment"])
    __main__.serve(Path(told["root"]), socket.socket(fileno=descriptors[0]), preload)
    os._exit(0)
