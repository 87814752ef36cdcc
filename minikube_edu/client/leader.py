"""Leader election: of many copies of a loop, one works, and when it dies another takes over.

The crown is a Lease. Who holds it renews it every `retry_period`; the others look as often, and take it when it has not
been renewed for `lease_duration`. Times in the Lease are never compared with the clock of another machine: a candidate
only notes, by its own clock, when it last saw the Lease change. A leader that cannot renew within `renew_deadline`
stops before the others may begin: that is why renew_deadline < lease_duration.

    elector = LeaderElector(client, "kube-system", "kube-scheduler", identity)
    await elector.run(lead)        # returns when `lead` does, raises LeadershipLost

Whoever is cancelled gives the crown back (`release`), so that the next need not wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import Client, Resource
from minikube_edu.lib import clock, ids

log = logging.getLogger(__name__)

LEASES = Resource("coordination.k8s.io", "v1", "leases", kind="Lease")
JITTER = 1.2  # candidates do not all look at the same moment


class LeadershipLost(Exception):
    """The Lease could not be renewed in time: stop everything, somebody else may be at work already."""


class LeaderElector:
    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        lease_duration: float = 15.0,
        renew_deadline: float = 10.0,
        retry_period: float = 2.0,
        release: bool = True,
        on_new_leader: Callable[[str], None] | None = None,
    ) -> None:
        if lease_duration <= renew_deadline:
            raise ValueError("leaseDuration must be greater than renewDeadline")
        if renew_deadline <= JITTER * retry_period:
            raise ValueError("renewDeadline must be greater than retryPeriod*JitterFactor")
        self.identity = identity
        self._client = client
        self._namespace = namespace
        self._name = name
        self._lease_duration = lease_duration
        self._renew_deadline = renew_deadline
        self._retry_period = retry_period
        self._release = release
        self._on_new_leader = on_new_leader
        self._observed: dict[str, Any] | None = None  # the Lease as last seen or written
        self._observed_at = float("-inf")
        self._reported = ""

    @property
    def leader(self) -> str:
        """Who holds the Lease, as far as is known; "" for nobody."""
        return self._holder(self._observed)

    def is_leader(self) -> bool:
        return self.leader == self.identity

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait for the crown, then `lead` until it returns or the crown is lost."""
        try:
            while not await self._acquire_or_renew():  # noqa: ASYNC110 - what is waited for is far away
                await asyncio.sleep(self._retry_period * ids.uniform(1.0, 1.0 + JITTER))
            log.info("became leader: %s of %s/%s", self.identity, self._namespace, self._name)
            leading = asyncio.ensure_future(lead())
            renewing = asyncio.create_task(self._renew(), name=f"renew {self._name}")
            try:
                await asyncio.wait([leading, renewing], return_when=asyncio.FIRST_COMPLETED)
                if not leading.done():
                    await renewing  # raises LeadershipLost
                await leading
            finally:
                for task in (leading, renewing):
                    task.cancel()
                await asyncio.gather(leading, renewing, return_exceptions=True)
        finally:
            if self._release and self.is_leader():
                await asyncio.shield(self._give_back())

    async def _renew(self) -> None:
        renewed = clock.monotonic()
        while True:
            await asyncio.sleep(self._retry_period)
            try:
                async with asyncio.timeout(max(0.0, renewed + self._renew_deadline - clock.monotonic())):
                    ours = await self._acquire_or_renew()
            except TimeoutError:
                ours = False
            if ours:
                renewed = clock.monotonic()
            elif not self.is_leader() or clock.monotonic() - renewed >= self._renew_deadline:
                log.warning("lost the lease %s/%s", self._namespace, self._name)
                raise LeadershipLost(f"{self._namespace}/{self._name}")

    async def _acquire_or_renew(self) -> bool:
        """One try; False when somebody else leads, or the server does not answer."""
        try:
            return await self._try()
        except ApiError as error:
            if not error.conflict and not error.already_exists:
                log.info("lease %s/%s: %s", self._namespace, self._name, error)
        except OSError as error:
            log.info("lease %s/%s: %s", self._namespace, self._name, error)
        return False

    async def _try(self) -> bool:
        now = clock.rfc3339_micro()
        if self.is_leader() and self._valid() and self._observed is not None:
            # Ours and not run out: written without being read again. A conflict tells if that was wrong.
            spec = {**self._observed["spec"], "renewTime": now, "leaseDurationSeconds": int(self._lease_duration)}
            try:
                return await self._write({**self._observed, "spec": spec})
            except ApiError as error:
                if not error.conflict and not error.not_found:
                    raise
        if not await self._look():
            spec = self._claim(now, now, 0)
            made = await self._client.create(LEASES, {**self._lease(), "spec": spec}, self._namespace)
            self._saw(made)
            return True
        assert self._observed is not None
        spec = self._observed.get("spec") or {}
        holder = self._holder(self._observed)
        if holder and holder != self.identity and self._valid():
            return False
        transitions = int(spec.get("leaseTransitions") or 0)
        acquired = now
        if holder == self.identity:
            acquired = spec.get("acquireTime") or now
        else:
            transitions += 1
        return await self._write({**self._observed, "spec": {**spec, **self._claim(acquired, now, transitions)}})

    async def _look(self) -> bool:
        """False when there is no Lease."""
        try:
            lease = await self._client.get(LEASES, self._name, self._namespace)
        except ApiError as error:
            if not error.not_found:
                raise
            return False
        if self._observed is None or lease.get("spec") != self._observed.get("spec"):
            self._saw(lease)
        else:
            self._observed = lease
        return True

    async def _write(self, lease: dict[str, Any]) -> bool:
        self._saw(await self._client.update(LEASES, lease))
        return True

    async def _give_back(self) -> None:
        assert self._observed is not None
        now = clock.rfc3339_micro()
        spec = {**self._observed["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        spec |= {"renewTime": now, "acquireTime": now}
        try:
            async with asyncio.timeout(self._retry_period):
                await self._write({**self._observed, "spec": spec})
        except (ApiError, OSError) as error:
            log.info("giving back the lease %s/%s: %s", self._namespace, self._name, error)

    def _saw(self, lease: dict[str, Any]) -> None:
        self._observed = lease
        self._observed_at = clock.monotonic()
        leader = self.leader
        if leader != self._reported:
            self._reported = leader
            if leader and self._on_new_leader is not None:
                self._on_new_leader(leader)

    def _valid(self) -> bool:
        """By our own clock: seen to change within the duration that its holder asked for."""
        spec = (self._observed or {}).get("spec") or {}
        return clock.monotonic() < self._observed_at + float(spec.get("leaseDurationSeconds") or 0)

    def _claim(self, acquired: str, renewed: str, transitions: int) -> dict[str, Any]:
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": int(self._lease_duration),
            "acquireTime": acquired,
            "renewTime": renewed,
            "leaseTransitions": transitions,
        }

    def _lease(self) -> dict[str, Any]:
        return {
            "apiVersion": LEASES.api_version,
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
        }

    @staticmethod
    def _holder(lease: dict[str, Any] | None) -> str:
        return str(((lease or {}).get("spec") or {}).get("holderIdentity") or "")
