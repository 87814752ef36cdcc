"""The manager's own port: is it well, which of its controllers are, and what do they count?"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from minikube_edu.kube_controller_manager.flags import parser
from minikube_edu.kube_controller_manager.running import Program
from minikube_edu.lib.web.client import Client
from tests.in_process import until
from tests.programs import api_server_program, free_port


@asynccontextmanager
async def manager(directory: Path, *flags: str) -> AsyncIterator[Client]:
    """A whole program in this loop, against a real API server; yields a client of its secure port."""
    with api_server_program(directory) as server:
        port = free_port()
        words = (f"--kubeconfig={server.kubeconfig}", f"--secure-port={port}", f"--cert-dir={directory}", *flags)
        task = asyncio.create_task(Program(parser().parse_args(words)).work())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        client = Client("127.0.0.1", port, tls=context)

        async def there() -> bool:
            try:
                return (await client.request("GET", "/healthz/replicaset-controller")).status == 200
            except OSError:
                return False

        try:
            await until(there, 20)
            yield client
        finally:
            await client.close()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_does_the_manager_say_of_itself_and_its_controllers(tmp_path: Path) -> None:
    chosen = "--controllers=replicaset-controller,garbage-collector-controller,-job-controller"
    async with manager(tmp_path, chosen) as client:
        whole = await client.request("GET", "/healthz")
        assert (whole.status, whole.body) == (200, b"ok")

        async def both_waves() -> bool:
            return (await client.request("GET", "/healthz/garbage-collector-controller")).status == 200

        await until(both_waves, 20)
        told = (await client.request("GET", "/healthz?verbose")).body.decode().splitlines()
        for name in ("leaderElection", "replicaset-controller", "garbage-collector-controller"):
            assert f"[+]{name} ok" in told
        assert told[-1] == "healthz check passed"
        assert not any("job" in line for line in told)
        assert (await client.request("GET", "/healthz/job-controller")).status == 404

        text = (await client.request("GET", "/metrics")).body.decode()
        families = {family.name: family for family in text_string_to_metric_families(text)}
        running = {sample.labels["name"] for sample in families["running_managed_controllers"].samples}
        assert running == {"replicaset-controller", "garbage-collector-controller"}
        assert families["leader_election_master_status"].samples[0].value == 1
        assert {"workqueue_depth", "workqueue_adds", "workqueue_retries"} <= families.keys()


async def test_is_a_manager_that_waits_to_lead_well_and_says_that_it_waits(tmp_path: Path) -> None:
    async with manager(tmp_path, "--controllers=replicaset-controller") as client:
        port = free_port()
        flags = (f"--kubeconfig={tmp_path}/kubeconfig", f"--secure-port={port}", f"--cert-dir={tmp_path}")
        second = asyncio.create_task(Program(parser().parse_args(flags)).work())
        context = client._tls
        other = Client("127.0.0.1", port, tls=context)

        async def well() -> bool:
            try:
                return (await other.request("GET", "/healthz/leaderElection")).status == 200
            except OSError:
                return False

        try:
            await until(well, 20)
            text = (await other.request("GET", "/metrics")).body
            assert b'leader_election_master_status{name="kube-controller-manager"} 0' in text
        finally:
            await other.close()
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
