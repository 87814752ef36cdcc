"""A private socket beside an embedded store: for `minikube-edu etcdctl`, while the API server has the store in its own
process.

It costs the owner nothing. All writes, the owner's and those that come through the door, meet in the one Store object,
and that hands the events of a revision to the owner's watches before anybody hears of the revision: so the owner's
`exclusive` stays true, whoever writes. Nobody else gets the promise to be the only writer: the owner takes the first
place among those who may have it and never leaves, and gives it back at once whenever it is asked for.

In a real cluster there is no such door; etcdctl knocks at etcd itself, on port 2379.
"""

from __future__ import annotations

from minikube_edu.etcd.contract import Store
from minikube_edu.etcd.delegation import Delegation
from minikube_edu.etcd.socket_face import SocketFace


class Owner:
    """The process that has the store: the first holder of the promise."""

    def __init__(self, delegation: Delegation) -> None:
        self._delegation = delegation

    def granted(self) -> None:
        """Nothing to note: the owner relies on the order of events, not on being alone."""

    def recalled(self) -> None:
        self._delegation.acknowledge(self)

    def abort(self) -> None:
        """Never needed: `recalled` has answered already."""


class SideDoor:
    def __init__(self, store: Store, path: str) -> None:
        self._delegation = Delegation()
        self._delegation.join(Owner(self._delegation))
        self._face = SocketFace(store, path, self._delegation)

    @classmethod
    async def open(cls, store: Store, path: str) -> SideDoor:
        """Listen on `path`, mode 0600. Close the door before the store."""
        door = cls(store, path)
        await door._face.start()
        return door

    async def close(self) -> None:
        """Answer what is under way, end all connections, remove the socket."""
        await self._face.close()
        self._delegation.close()
