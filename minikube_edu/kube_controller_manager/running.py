"""Boot and shutdown of the controller manager as a program: health port, election, controllers, each as itself."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from minikube_edu.client import elected
from minikube_edu.client.kubeconfig import ClientConfig, connect, default_client_config
from minikube_edu.client.rest import Client
from minikube_edu.client.transport import Connection, Lent
from minikube_edu.kube_controller_manager import metrics
from minikube_edu.kube_controller_manager.flags import is_true, seconds, settings
from minikube_edu.kube_controller_manager.identities import AS_MANAGER, EAGER, AccountToken, account_of
from minikube_edu.kube_controller_manager.manager import Manager
from minikube_edu.lib import version
from minikube_edu.lib.health_port import Checks, Health, open_port

NAME = "kube-controller-manager"
SECOND_WAVE = 1.0  # seconds until the controllers begin that a booting cluster does not wait for


class Program:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.config = default_client_config(options.kubeconfig)
        self.manager: Manager | None = None
        # Forty clients over two sets of connections: the manager's with its certificate, and the controllers', whose
        # tokens go with each request.
        self._own = Connection(self.config.endpoint, self.config.credentials.certificate)
        self._controllers = Connection(self.config.endpoint)
        self._root = self._connect(NAME)
        self._tokens: dict[str, AccountToken] = {}  # by account: several controllers may share one

    def client_of(self, component: str) -> Client:
        """A client with the controller's own name and, when the flag says so, with its own account."""
        if component in AS_MANAGER or not is_true(self.options.use_service_account_credentials):
            return self._connect(component)
        account = account_of(component)
        if account not in self._tokens:
            self._tokens[account] = AccountToken(self._root, account)
            if account in EAGER:
                self._tokens[account].ask_early()
        return self._connect(component, self._tokens[account])

    def _connect(self, component: str, token: AccountToken | None = None) -> Client:
        agent = version.agent(NAME, "" if component == NAME else component)
        config = self.config if token is None else ClientConfig(self.config.endpoint, token)
        options = self.options
        return connect(
            config,
            user_agent=agent,
            field_manager=NAME,
            qps=options.kube_api_qps,
            burst=options.kube_api_burst,
            caller=Lent(self._own if token is None else self._controllers),
        )

    async def work(self) -> None:
        """Lead, or wait to lead; returns only when cancelled or deposed."""
        options = self.options
        server = None
        if options.secure_port:
            files = (options.tls_cert_file or "", options.tls_private_key_file or "", options.cert_dir or "")
            health = Health(self._metrics, self._checks)
            server = await open_port(NAME, options.bind_address, options.secure_port, health, files)
        client = self._connect("leader-election")
        try:
            if options.leader_elect != "true":
                await self._lead()
                return
            await elected.lead_alone(
                client,
                self._lead,
                NAME,
                lease_duration=seconds(options.leader_elect_lease_duration),
                renew_deadline=seconds(options.leader_elect_renew_deadline),
                retry_period=seconds(options.leader_elect_retry_period),
            )
        finally:
            if server is not None:
                await server.close()
            await self._own.close()
            await self._controllers.close()

    async def _lead(self) -> None:
        names = self.options.controllers.split(",")
        self.manager = Manager(self.client_of, settings(self.options), names, SECOND_WAVE)
        await self.manager.run()

    def _metrics(self) -> tuple[bytes, bytes]:
        controllers = self.manager.controllers if self.manager is not None else ()
        return metrics.text(controllers, leads=self.manager is not None), metrics.CONTENT_TYPE

    def _checks(self) -> Checks:
        """One a controller, and the election's: a manager that waits to lead is well."""
        controllers = self.manager.controllers if self.manager is not None else []
        checks: dict[str, Callable[[], bool]] = {"leaderElection": lambda: True}
        for controller in controllers:
            checks[controller.name] = controller.is_well
        return checks


async def work(options: argparse.Namespace) -> None:
    await Program(options).work()


def run_forever(options: argparse.Namespace) -> int:
    return elected.run(work(options))
